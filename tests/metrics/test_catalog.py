"""The catalog of scores against the files on disk, and what each declares against its docstring and the bibliography."""

import ast
import dataclasses
import importlib.util
import inspect
import re
from pathlib import Path
from typing import get_args

import pytest

from pellucid import catalog
from pellucid.core import declare
from pellucid.core.measure import Ask, Direction, Group, Metric

ROOT = Path(importlib.util.find_spec("pellucid").origin).parent
KEYS = set(re.findall(r"^@\w+\{(\w+),", (ROOT / "bibliography.bib").read_text(encoding="utf-8"), re.MULTILINE))


def test_every_metric_file_is_in_the_catalog():
    declared = {
        node.name
        for path in (ROOT / "metrics").rglob("*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef)
        and any(isinstance(item, ast.AnnAssign) and getattr(item.target, "id", "") == "name" and item.value for item in node.body)
    }
    assert declared == {metric.__name__ for metric in catalog.METRICS}
    assert len(set(catalog.METRICS)) == len(catalog.METRICS)


def test_names_are_unique_and_files_are_named_for_them():
    names = [metric.name for metric in catalog.METRICS]
    assert len(set(names)) == len(names)
    assert not set(names) & {method.name for method in catalog.METHODS}
    for metric in catalog.METRICS:
        assert metric.__module__.rpartition(".")[2] == metric.name.replace("-", "_")
        assert catalog.metric_named(metric.name) is metric


@pytest.mark.parametrize("metric", catalog.METRICS, ids=lambda metric: metric.name)
def test_a_metric_declares_what_its_docstring_says(metric):
    assert isinstance(metric(), Metric)
    assert dataclasses.is_dataclass(metric)
    assert metric.__dataclass_params__.frozen
    assert metric.group in get_args(Group)
    assert metric.direction in get_args(Direction)
    assert metric.asks <= set(get_args(Ask))
    assert metric.range
    assert metric.summary
    assert all(parameter.doc for parameter in declare.parameters(metric))
    doc = inspect.cleandoc(metric.__doc__)
    paragraphs = doc.split("\n\n")
    assert sum(paragraph.startswith("Cost: ") for paragraph in paragraphs) == 1
    (source,) = [paragraph for paragraph in paragraphs if paragraph.startswith("Source: ")]
    assert set(re.findall(r"\b[a-z]+\d{4}[a-z]+\b", source)) == set(metric.cite) <= KEYS
    assert ">>> " in doc, "an example that runs"
    assert "Undefined" in doc or "undefined" in doc, "where there is no score"
