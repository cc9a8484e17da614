"""What is in an HDF5 file, found out by a process of its own: the HDF5 library crashes or hangs on some hostile files."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from ...core.errors import InputError, MissingExtraError, UnsafeFileError
from .record import Table, shape_words

SECONDS = 20
"""How long the process may work on a small file."""

_PER_SECOND = 50 * 2**20


@dataclass(frozen=True)
class Survey:
    """The datasets, the attributes that Keras writes, and what leads out of the file or claims more than it holds."""

    datasets: tuple[tuple[str, tuple[int, ...], str], ...]
    attributes: dict[str, str]
    dangers: tuple[str, ...]

    @property
    def numbers(self) -> int:
        """How many numbers the datasets hold, without those of an optimizer."""
        total = 0
        for name, shape, _ in self.datasets:
            count = 0 if name.startswith("/optimizer") else 1
            for size in shape:
                count *= size
            total += count
        return total

    def table(self) -> tuple[Table, ...]:
        """The datasets, one per line."""
        rows = tuple((name, shape_words(shape), dtype) for name, shape, dtype in self.datasets)
        return (Table("datasets", ("dataset", "shape", "dtype"), rows),) if rows else ()


def survey(path: Path, offset: int, length: int, read: bool = False) -> Survey:
    """Look into an HDF5 file, or into one that lies uncompressed in another; with ``read``, read all its numbers once.

    Raises
    ------
    InputError
        If it is damaged: the library refuses it, crashes, or does not come to an end.
    MissingExtraError
        If h5py is not installed.
    """
    if find_spec("h5py") is None:
        raise MissingExtraError("HDF5 files need 'h5py', which is not installed. Install it with: pip install 'pellucid[keras]'")
    seconds = SECONDS + length // _PER_SECOND
    command = [sys.executable, "-P", str(Path(__file__).with_name("hdf5_child.py")), str(path.resolve())]
    command += [str(offset), str(length), str(seconds), *(["read"] if read else [])]
    try:
        ran = subprocess.run(command, capture_output=True, timeout=3 * seconds, check=False)
    except subprocess.TimeoutExpired as error:
        raise InputError(f"{str(path)!r} is damaged: the HDF5 library does not come to an end with it.") from error
    if ran.returncode:
        said = ran.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2][:300]
        raise InputError(f"{str(path)!r} is damaged, or is no HDF5 file: {said or 'the HDF5 library fails on it'}")
    told = json.loads(ran.stdout)
    datasets = tuple((name, tuple(shape), dtype) for name, shape, dtype in told["datasets"])
    return Survey(datasets, told["attributes"], tuple(told["dangers"]))


def refuse(path: Path, dangers: tuple[str, ...]) -> None:
    """An error for the first danger, if there is any."""
    if dangers:
        raise UnsafeFileError(f"{str(path)!r} is not opened: {dangers[0]}. Save the model again, with all weights in one file.")
