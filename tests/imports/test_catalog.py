"""The catalog against the files on disk."""

import ast
import importlib.util
from pathlib import Path

import pellucid
from pellucid import catalog

ROOT = Path(importlib.util.find_spec("pellucid").origin).parent


def test_every_method_file_is_in_the_catalog():
    declared = set()
    for path in (ROOT / "attribution").rglob("*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and any(
                isinstance(item, ast.AnnAssign) and getattr(item.target, "id", "") == "name" and item.value for item in node.body
            ):
                declared.add(node.name)
    assert declared == {method.__name__ for method in catalog.METHODS}


def test_names_are_unique_and_files_are_named_for_them():
    names = [method.name for method in catalog.METHODS]
    assert len(set(names)) == len(names)
    for method in catalog.METHODS:
        file = method.__module__.rpartition(".")[2]
        assert file == method.name.replace("++", "-plus-plus").replace("-", "_")


def test_public_names_exist_and_say_what_they_are():
    for name in pellucid.__all__:
        assert getattr(pellucid, name).__doc__, name


def test_every_package_opens_with_a_map_of_its_files():
    for path in ROOT.rglob("__init__.py"):
        doc = ast.get_docstring(ast.parse(path.read_text()))
        assert doc, path
        if path.parent != ROOT:
            for module in path.parent.glob("[a-z]*.py"):
                assert module.stem in doc, f"{path} does not mention {module.name}"
