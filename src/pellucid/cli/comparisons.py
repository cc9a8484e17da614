"""A comparison of two models in the terminal, and where it is written."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from ..core.errors import InputError
from .destinations import FIGURES, RECORD, REPORT
from .terminal import console, plain, say

if TYPE_CHECKING:
    from ..verdict import ModelComparison

TABLE = ".csv"
MOST_SAMPLES = 20
"""Samples that the table shows."""


def show(found: ModelComparison, title: str) -> None:
    """One row per sample, and below it everything that was found, in sentences."""
    one, other = found.names
    classes = found.outputs.predicted
    columns = ["input", "target", *([f"{one} says", f"{other} says"] if classes is not None else []), one, other]
    columns += ["rank correlation", "cosine", "difference", *(["noise"] if found.noise is not None else [])]
    left = 4 if classes is not None else 2
    table = Table(title=Text(plain(title), style="bold"), title_justify="left", box=None, pad_edge=False)
    for at, column in enumerate(columns):
        table.add_column(column, justify="left" if at < left else "right", header_style="bold", overflow="fold")
    held = found.agreement
    for row in range(min(len(found), MOST_SAMPLES)):
        told = [found.name_of(row), found.trained.target.names[row]]
        told += [found.class_name(int(each[row])) for each in classes or ()]
        told += [f"{each.value[row]:.4g}" for each in (found.trained, found.deployed)]
        told += [f"{numbers[row]:.3g}" for numbers in (held.rank_correlation, held.cosine)]
        told += [f"{numbers[row]:.1%}" for numbers in (held.difference, found.noise) if numbers is not None]
        table.add_row(*(Text(plain(text)) for text in told), style="yellow" if row in found.flips else "")
    console().print(table)
    if len(found) > MOST_SAMPLES:
        say(f"and {len(found) - MOST_SAMPLES} more samples; --out table.csv keeps them all", style="dim")
    for at, line in enumerate(found.summary().splitlines()):
        say(line, style="bold" if at == 1 else "yellow" if line.startswith("evidence") else "dim" if at > 1 else "")


def place(text: str) -> Path:
    """One ``--out``, if something can be written there.

    Raises
    ------
    InputError
        If not.
    """
    path = Path(text)
    known = (*FIGURES, REPORT, TABLE)
    if path.suffix == RECORD or (path.suffix and not path.is_dir() and path.suffix not in known):
        raise InputError(
            f"--out {text!r}: a comparison is written to {', '.join(known[:-1])} or {known[-1]} files, or as two explanations "
            "into a folder."
        )
    blocked = next((parent for parent in path.parents if parent.is_file()), None)
    if blocked is not None:
        raise InputError(f"--out {text!r}: {str(blocked)!r} is a file, not a folder.")
    return path


def write(found: ModelComparison, path: Path, title: str) -> list[Path]:
    """Write to one place, and say which files there are now.

    Raises
    ------
    InputError
        If the place cannot be written to.
    """
    try:
        (path.parent if path.suffix else path).mkdir(parents=True, exist_ok=True)
        if path.suffix == TABLE:
            _table(found, path)
        elif path.suffix == REPORT:
            found.report(path, title=title)
        elif path.suffix in FIGURES:
            found.plot().savefig(path)
        else:
            written = [path / f"{name}{RECORD}" for name in found.names]
            for file, explanation in zip(written, (found.trained, found.deployed), strict=True):
                explanation.save(file)
            return written
    except OSError as error:
        raise InputError(f"{str(path)!r} cannot be written: {error.strerror or error}.") from error
    return [path]


def _table(found: ModelComparison, path: Path) -> None:
    columns = found.table()
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
