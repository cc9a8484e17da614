"""Samples from files: pictures, NumPy arrays, tables. Nothing that a file holds is ever run."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from ..core.errors import InputError, UnsafeFileError

PICTURES = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
"""Formats that Pillow decodes itself; others (EPS) would start another program."""
ARRAYS = (".npy", ".npz", ".csv")
PICKLES = (".pkl", ".pickle", ".joblib", ".dill", ".pt", ".pth", ".bin", ".ckpt")


@dataclass(frozen=True)
class Samples:
    """A batch, and one name per sample: the file, and the row in it where it holds several."""

    x: Any
    names: tuple[str, ...]


def read(paths: Sequence[str]) -> Samples:
    """Read files as one batch: pictures, or arrays whose first axis is the samples.

    Parameters
    ----------
    paths
        Pictures, each one sample; or ``.npy``, ``.npz`` (its arrays are the model's inputs by name) and ``.csv`` files (numbers,
        one sample per line, with or without a line of headings), joined along the samples.

    Raises
    ------
    InputError
        If a file is missing, damaged, or does not go with the others.
    UnsafeFileError
        If a file holds pickled objects.
    """
    files = [Path(path) for path in paths]
    for file in files:
        if file.is_dir():
            raise InputError(f"{str(file)!r} is a folder; name the files in it, such as {file / '*.png'}.")
        if not file.is_file():
            raise InputError(f"there is no file {str(file)!r}.")
    kinds = {file.suffix.lower() if file.suffix.lower() in ARRAYS else "picture" for file in files}
    if len(kinds) > 1:
        raise InputError(f"one batch holds files of one kind; these are {' and '.join(sorted(kinds))}.")
    if kinds == {"picture"}:
        return Samples([read_picture(file) for file in files], tuple(_names(files)))
    batches = [read_array(file) for file in files]
    names = [row for name, batch in zip(_names(files), batches, strict=True) for row in _row_names(name, batch)]
    return Samples(_joined(files, batches), tuple(names))


def read_picture(file: Path) -> Image.Image:
    """A picture as RGB, turned the way its camera says."""
    if file.suffix.lower() in PICKLES:
        raise UnsafeFileError(
            f"{str(file)!r} is not opened: loading it can run code that it contains. Save the samples with numpy.save."
        )
    try:
        with Image.open(file, formats=PICTURES) as opened:
            return ImageOps.exif_transpose(opened).convert("RGB")
    except UnidentifiedImageError as error:
        raise InputError(f"{str(file)!r} is no picture ({', '.join(PICTURES)}), and no {', '.join(ARRAYS)} file.") from error
    except Exception as error:  # what a hostile file can raise has no end
        raise InputError(f"{str(file)!r} is a damaged or oversized picture: {error}") from error


def read_array(file: Path) -> Any:
    """An array from ``.npy`` or ``.csv``, or from ``.npz`` (a dict of arrays, when it holds several)."""
    if not file.is_file():
        raise InputError(f"there is no file {str(file)!r}.")
    if file.suffix.lower() == ".csv":
        return _table(file)
    try:
        with file.open("rb") as held:
            opened: Any = np.load(held, allow_pickle=False)
            arrays = {"": opened} if isinstance(opened, np.ndarray) else {name: opened[name] for name in opened.files}
    except Exception as error:  # what a hostile file can raise has no end
        if "allow_pickle" in str(error):
            raise UnsafeFileError(
                f"{str(file)!r} is not opened: it holds Python objects, and loading them would run code that the file contains. "
                "Save plain arrays of numbers with numpy.save or numpy.savez."
            ) from error
        raise InputError(f"{str(file)!r} is damaged, or was not written by numpy.save or numpy.savez: {error}") from error
    if not arrays or not all(isinstance(array, np.ndarray) for array in arrays.values()):
        raise InputError(f"{str(file)!r} holds no arrays, or other things beside them.")
    return next(iter(arrays.values())) if len(arrays) == 1 else arrays


def _table(file: Path) -> np.ndarray:
    """Numbers separated by commas; a first line that holds no number is taken for headings, an empty field for NaN."""
    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:
            rows = [(number, row) for number, row in enumerate(csv.reader(lines), start=1) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{str(file)!r} is no table of text: {error}") from error
    if rows and not any(_number(field) is not None for field in rows[0][1]):
        rows = rows[1:]
    if not rows:
        raise InputError(f"{str(file)!r} holds no rows of numbers.")
    width = len(rows[0][1])
    for number, row in rows:
        if len(row) != width:
            raise InputError(f"{str(file)!r}, line {number}: {len(row)} fields where the first row has {width}.")
        wrong = next((field for field in row if _number(field) is None), None)
        if wrong is not None:
            raise InputError(f"{str(file)!r}, line {number}: {wrong!r} is not a number; encode it as the model was trained.")
    return np.array([[_number(field) for field in row] for _, row in rows], dtype=np.float64)


def _number(field: str) -> float | None:
    if not field.strip():
        return math.nan
    try:
        return float(field)
    except ValueError:
        return None


def _leaves(batch: Any) -> dict[str, np.ndarray]:
    return batch if isinstance(batch, dict) else {"": batch}


def _names(files: Sequence[Path]) -> list[str]:
    """File names, with their folders where two are alike."""
    names = [file.name for file in files]
    return names if len(set(names)) == len(names) else [str(file) for file in files]


def _row_names(file: str, batch: Any) -> list[str]:
    first = next(iter(_leaves(batch).values()))
    count = len(first) if first.ndim else 1
    return [file] if count == 1 else [f"{file}[{row}]" for row in range(count)]


def _joined(files: Sequence[Path], batches: Sequence[Any]) -> Any:
    if len(batches) == 1:
        return batches[0]
    first = _leaves(batches[0])
    for file, batch in zip(files, batches, strict=True):
        leaves = _leaves(batch)
        if leaves.keys() != first.keys():
            raise InputError(f"{str(file)!r} holds the arrays {', '.join(leaves)}; {str(files[0])!r} holds {', '.join(first)}.")
        for name, leaf in leaves.items():
            if leaf.ndim == 0 or leaf.shape[1:] != first[name].shape[1:]:
                raise InputError(
                    f"{str(file)!r} has shape {leaf.shape} and {str(files[0])!r} {first[name].shape}: all but the first axis, "
                    "the samples, must be alike."
                )
    joined = {name: np.concatenate([_leaves(batch)[name] for batch in batches]) for name in first}
    return joined if isinstance(batches[0], dict) else joined[""]
