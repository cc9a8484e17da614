"""Samples from files: pictures, NumPy arrays, tables, texts. Nothing that a file holds is ever run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from ..core.errors import InputError, UnsafeFileError
from ..core.extras import require
from . import delimited
from .delimited import Columns

PICTURES = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
"""Formats that Pillow decodes itself; others (EPS) would start another program."""
ARRAYS = (".npy", ".npz", ".csv")
TEXTS = ".txt"
PICKLES = (".pkl", ".pickle", ".joblib", ".dill", ".pt", ".pth", ".bin", ".ckpt")


@dataclass(frozen=True)
class Samples:
    """A batch, and one name per sample: the file, and the row in it where it holds several; the columns of a table by name."""

    x: Any
    names: tuple[str, ...]
    columns: Columns | None = None

    @property
    def framed(self) -> bool:
        """Whether they are a pandas frame."""
        return hasattr(self.x, "columns")

    @property
    def texts(self) -> bool:
        """Whether they are strings."""
        return isinstance(self.x, list) and all(isinstance(each, str) for each in self.x)


def read(paths: Sequence[str], frame: bool | None = None) -> Samples:
    """Read files as one batch: pictures, texts, a table, or arrays whose first axis is the samples.

    Parameters
    ----------
    paths
        Pictures, each one sample; ``.txt`` files with a sample on each line that is not blank; or ``.npy``, ``.npz`` (its arrays
        are the model's inputs by name) and ``.csv`` files (one sample per line, with or without a line of headings), joined
        along the samples.
    frame
        Whether ``.csv`` files become a pandas frame; by default those that hold text, or headings and missing values.

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
    kinds = {file.suffix.lower() if file.suffix.lower() in (*ARRAYS, TEXTS) else "picture" for file in files}
    if len(kinds) > 1:
        raise InputError(f"one batch holds files of one kind; these are {' and '.join(sorted(kinds))}.")
    if kinds == {"picture"}:
        return Samples([read_picture(file) for file in files], tuple(_names(files)))
    if kinds == {".csv"}:
        return _tables(files, frame)
    batches = [read_texts(file) for file in files] if kinds == {TEXTS} else [read_array(file) for file in files]
    names = [row for name, batch in zip(_names(files), batches, strict=True) for row in _row_names(name, batch)]
    if kinds == {TEXTS}:
        return Samples([text for batch in batches for text in batch], tuple(names))
    return Samples(_joined(files, batches), tuple(names))


def read_rows(file: Path, samples: Samples) -> Any:
    """An array, or a table with the columns of the samples: a frame where they are one."""
    if file.suffix.lower() != ".csv":
        return read_array(file)
    held = delimited.lines(file)
    if not samples.framed or set(held.columns or ()) != set(samples.columns or ()):
        _alike(held.columns, samples.columns, file, "the samples")
    return delimited.frame(held) if samples.framed else delimited.matrix(held)


def read_texts(file: Path) -> list[str]:
    """The lines of a file that are not blank."""
    try:
        with file.open(encoding="utf-8-sig") as opened:
            texts = [line.strip() for line in opened]
    except UnicodeDecodeError as error:
        raise InputError(f"{str(file)!r} is no text in UTF-8: {error}") from error
    if not any(texts):
        raise InputError(f"{str(file)!r} holds no text.")
    return [text for text in texts if text]


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
        raise InputError(
            f"{str(file)!r} is no picture ({', '.join(PICTURES)}), and no {', '.join((*ARRAYS, TEXTS))} file."
        ) from error
    except Exception as error:  # what a hostile file can raise has no end
        raise InputError(f"{str(file)!r} is a damaged or oversized picture: {error}") from error


def there(file: Path) -> Path:
    """The file itself; it is not opened.

    Raises
    ------
    InputError
        If there is none.
    """
    if not file.is_file():
        raise InputError(f"there is no file {str(file)!r}.")
    return file


def read_array(file: Path) -> Any:
    """An array from ``.npy`` or ``.csv``, or from ``.npz`` (a dict of arrays, when it holds several)."""
    there(file)
    if file.suffix.lower() == ".csv":
        return delimited.matrix(delimited.lines(file))
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


def _tables(files: Sequence[Path], frame: bool | None) -> Samples:
    """One table of all files, whose columns must be alike."""
    held = [delimited.lines(file) for file in files]
    columns = next((each.columns for each in held if each.columns is not None), None)
    for each in held:
        _alike(each.columns, columns, each.file, repr(str(files[0])))
    framed = delimited.framed(held, frame)
    batches = [delimited.frame(each) if framed else delimited.matrix(each) for each in held]
    names = [row for name, batch in zip(_names(files), batches, strict=True) for row in _row_names(name, batch)]
    if framed:
        pandas = require("pandas", "frames", "a frame")
        return Samples(pandas.concat(batches, ignore_index=True), tuple(names), columns)
    return Samples(_joined(files, batches), tuple(names), columns)


def _alike(columns: Columns | None, others: Columns | None, file: Path, which: str) -> None:
    if columns is not None and others is not None and columns != others:
        raise InputError(f"{str(file)!r} has the columns {', '.join(columns)}; {which}: {', '.join(others)}.")


def _leaves(batch: Any) -> dict[str, np.ndarray]:
    return batch if isinstance(batch, dict) else {"": batch}


def _names(files: Sequence[Path]) -> list[str]:
    """File names, with their folders where two are alike."""
    names = [file.name for file in files]
    return names if len(set(names)) == len(names) else [str(file) for file in files]


def _row_names(file: str, batch: Any) -> list[str]:
    first = next(iter(_leaves(batch).values()))
    count = len(first) if getattr(first, "ndim", 1) else 1
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
