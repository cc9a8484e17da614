"""What is known of a model's file without running any of it: the record that ``info`` gives and the command line draws."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Cell = str | int | None
FLOATS = {"float": "float32", "double": "float64", "half": "float16"}
"""Names of formats for dtypes that have other names in NumPy."""


@dataclass(frozen=True)
class Table:
    """Rows of one kind of thing in a file: tensors, layers, operators."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True)
class FileInfo:
    """What a model's file holds, and whether it is opened.

    Attributes
    ----------
    name
        The path, or ``module:attribute``, as it was given.
    kind
        What its content is, whatever the file is called: ``"keras"``, ``"onnx"``, ``"pickle"``, ...
    title
        The same in words.
    size
        Bytes on disk; ``None`` for ``module:attribute``.
    facts
        What can be said in one line each, by name: versions, inputs, outputs.
    tables
        Layers, tensors, operators, types.
    parameters
        How many numbers the model's weights are, where that can be told.
    refused
        Why it is not opened; empty if it opens without running code from it.
    ways_out
        What can be done where it is refused, the best first.
    weights
        Whether it holds weights alone, which a network takes: ``arch=``, or ``--arch module:factory``.
    sample
        What a file with an input for it could be called.
    command
        The ``pellucid explain`` command that takes it.
    notes
        What else should be known.
    """

    name: str
    kind: str
    title: str
    size: int | None = None
    facts: Mapping[str, Cell] = field(default_factory=dict[str, Cell])
    tables: tuple[Table, ...] = ()
    parameters: int | None = None
    refused: str = ""
    ways_out: tuple[str, ...] = ()
    weights: bool = False
    sample: str = "rows.npy"
    command: str = ""
    notes: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """One sentence: it opens safely, or why not and the way out."""
        return f"is refused: {self.refused}. {sentences(self.ways_out)}".rstrip() if self.refused else "opens safely"

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values, for JSON."""
        told = dataclasses.asdict(self)
        return {**told, "facts": dict(self.facts), "tables": [dataclasses.asdict(table) for table in self.tables]}


def words(text: str) -> frozenset[str]:
    """A set of names, written as a text."""
    return frozenset(text.split())


def sentences(ways: tuple[str, ...]) -> str:
    """Ways out as sentences.

    >>> sentences(("save it as text", "burn it"))
    'Save it as text. Or burn it.'
    """
    return " ".join(f"{'Or ' + way if at else way[:1].upper() + way[1:]}." for at, way in enumerate(ways))


def shape_words(shape: object) -> str:
    """A shape as it is written, with a question mark for an axis of any size.

    >>> shape_words((None, 224, 224, 3)), shape_words([])
    ('? x 224 x 224 x 3', 'scalar')
    """
    sizes = list(shape) if isinstance(shape, (list, tuple)) else []
    return " x ".join("?" if size is None else str(size) for size in sizes) or "scalar"


def sample_for(shape: object) -> str:
    """What a file with an input of this shape, batch axis included, could be called.

    >>> sample_for([None, 224, 224, 3]), sample_for([None, 4])
    ('photo.jpg', 'rows.npy')
    """
    sizes = list(shape) if isinstance(shape, (list, tuple)) else []
    return "photo.jpg" if len(sizes) == 4 and 3 in (sizes[1], sizes[3]) else "rows.npy"


def some(names: list[str], most: int = 4) -> str:
    """The first of many names.

    >>> some(["a", "b", "c"], 2)
    'a, b and 1 more'
    """
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
