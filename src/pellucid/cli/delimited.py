"""``.csv`` files: numbers as a matrix with the columns' names, anything else as a frame. Nothing in them is ever run."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import InputError
from ..core.extras import require

Columns = tuple[str, ...]


@dataclass(frozen=True)
class Lines:
    """The fields of a file, each row with the number of its line; ``columns`` are the headings, if it has any."""

    file: Path
    columns: Columns | None
    rows: list[tuple[int, list[str]]]

    @property
    def complete(self) -> bool:
        """Whether every field is a number."""
        return all(field.strip() and _number(field) is not None for _, row in self.rows for field in row)


def lines(file: Path) -> Lines:
    """Read a file of fields separated by commas; a first line of which nothing is a number is taken for headings.

    Raises
    ------
    InputError
        If it is no text, has no rows, or rows of different lengths.
    """
    if not file.is_file():
        raise InputError(f"there is no file {str(file)!r}.")
    try:
        with file.open(newline="", encoding="utf-8-sig") as opened:
            rows = [(number, row) for number, row in enumerate(csv.reader(opened, skipinitialspace=True), start=1) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{str(file)!r} is no table of text: {error}") from error
    columns = None
    if rows and any(field.strip() for field in rows[0][1]) and not any(_is_number(field) for field in rows[0][1]):
        columns = tuple(field.strip() for field in rows[0][1])
    body = rows if columns is None else rows[1:]
    if not body:
        raise InputError(f"{str(file)!r} holds no rows of numbers.")
    width = len(rows[0][1])
    for number, row in body:
        if len(row) != width:
            raise InputError(f"{str(file)!r}, line {number}: {len(row)} fields where the first row has {width}.")
    return Lines(file, columns, body)


def matrix(held: Lines) -> np.ndarray:
    """Numbers, float64 ``(rows, columns)``; an empty field is NaN.

    Raises
    ------
    InputError
        For a field that is no number.
    """
    for number, row in held.rows:
        wrong = next((field for field in row if _number(field) is None), None)
        if wrong is not None:
            raise InputError(f"{str(held.file)!r}, line {number}: {wrong!r} is not a number; encode it as the model was trained.")
    return np.array([[_number(field) for field in row] for _, row in held.rows], dtype=np.float64)


def frame(held: Lines) -> Any:
    """A pandas frame of a file with headings, with the dtypes that pandas finds.

    Raises
    ------
    InputError
        Without headings, with one that is empty or occurs twice, and where pandas reads other rows.
    MissingExtraError
        Without the ``frames`` extra.
    """
    pandas = require("pandas", "frames", f"a table with text or missing values ({held.file.name})")
    if held.columns is None:
        number, row = held.rows[0]
        raise InputError(
            f"{str(held.file)!r}, line {number}: {', '.join(row[:3])} are no headings. A table with text or missing values needs "
            "a first line with the names of its columns, none of them a number."
        )
    twice = [name for at, name in enumerate(held.columns) if not name or name in held.columns[:at]]
    if twice:
        what = f"two columns are called {twice[0]!r}" if twice[0] else f"column {held.columns.index('') + 1} has no name"
        raise InputError(f"{str(held.file)!r}: {what}; give each column a name of its own.")
    try:
        found = pandas.read_csv(held.file, encoding="utf-8-sig", skipinitialspace=True, low_memory=False)
    except Exception as error:  # what a hostile file can raise has no end
        raise InputError(f"{str(held.file)!r} cannot be read by pandas: {error}") from error
    if found.shape != (len(held.rows), len(held.columns)):
        raise InputError(
            f"{str(held.file)!r} is not clear: it has {len(held.rows)} rows of {len(held.columns)} fields, and pandas reads "
            f"{found.shape[0]} of {found.shape[1]}. Quote fields that hold quotes or line breaks."
        )
    found.columns = list(held.columns)
    return found


def framed(files: Sequence[Lines], wish: bool | None) -> bool:
    """Whether these are read as frames: as wished, or where they are not complete numbers under headings."""
    if wish is not None:
        return wish
    if all(held.complete for held in files):
        return False
    numbers = all(_number(field) is not None for held in files for _, row in held.rows for field in row)
    return not numbers or (find_spec("pandas") is not None and all(held.columns is not None for held in files))


def _number(field: str) -> float | None:
    if not field.strip():
        return math.nan
    try:
        return float(field)
    except ValueError:
        return None


def _is_number(field: str) -> bool:
    return bool(field.strip()) and _number(field) is not None
