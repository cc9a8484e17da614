"""Every public name says what it is, and cites what is in the bibliography."""

import ast
import importlib.util
import inspect
import re
import unicodedata
from pathlib import Path

import pytest

import pellucid
from pellucid import catalog

SOURCE = Path(importlib.util.find_spec("pellucid").origin).parent
BIBLIOGRAPHY = (SOURCE / "bibliography.bib").read_text(encoding="utf-8")
ENTRIES = dict(re.findall(r"^@\w+\{(\w+),\n(.*?)^\}", BIBLIOGRAPHY, re.MULTILINE | re.DOTALL))


def undocumented(node, name):
    """Public definitions without a docstring, by dotted name; what is inside a function is nobody's business."""
    if not ast.get_docstring(node):
        yield name
    for child in node.body if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) else ():
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and not child.name.startswith("_"):
            yield from undocumented(child, f"{name}.{child.name}")


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE)))
def test_every_public_function_and_class_has_a_docstring(path):
    assert not list(undocumented(ast.parse(path.read_text(encoding="utf-8")), path.stem))


@pytest.mark.parametrize("name", pellucid.__all__)
def test_every_public_name_has_a_docstring_of_its_own(name):
    thing = getattr(pellucid, name)
    assert inspect.getdoc(thing)
    if inspect.isclass(thing):
        assert vars(thing)["__doc__"], f"{name} shows the docstring of its base"
        assert not vars(thing)["__doc__"].startswith(f"{name}("), f"{name} shows the docstring that dataclass makes up"


def test_the_bibliography_is_complete_and_has_no_key_twice():
    keys = re.findall(r"^@\w+\{(\w+),", BIBLIOGRAPHY, re.MULTILINE)
    assert len(keys) == len(set(keys)) == len(ENTRIES)
    for key, entry in ENTRIES.items():
        fields = dict(re.findall(r"^  (\w+) = \{(.+)\},$", entry, re.MULTILINE))
        assert {"author", "title", "year"} <= set(fields), key
        assert {"doi", "eprint"} & set(fields), f"{key} can not be found by doi or arXiv number"
        surname = unicodedata.normalize("NFD", fields["author"].partition(",")[0]).lower()
        assert key.startswith(re.sub("[^a-z]", "", surname) + fields["year"]), key


@pytest.mark.parametrize("method", catalog.METHODS, ids=lambda method: method.name)
def test_every_method_cites_its_source_and_says_what_it_costs(method):
    doc = inspect.cleandoc(method.__doc__)
    assert method.cite
    assert set(method.cite) <= set(ENTRIES)
    paragraphs = doc.split("\n\n")
    assert sum(paragraph.startswith("Cost: ") for paragraph in paragraphs) == 1
    (source,) = [paragraph for paragraph in paragraphs if paragraph.startswith("Source: ")]
    assert set(re.findall(r"\b[a-z]+\d{4}[a-z]+\b", source)) == set(method.cite)
    assert ">>> " in doc, "an example that runs"


def test_the_bibliography_is_part_of_the_package():
    from importlib.resources import files

    assert files("pellucid").joinpath("bibliography.bib").is_file()
