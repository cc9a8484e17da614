"""``pellucid report``: saved explanations as one HTML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..core.errors import InputError
from ..core.storage import load
from .destinations import REPORT, destinations
from .explain import write


def report(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Explanations saved by --out or Explanation.save.", show_default=False)
    ],
    out: Annotated[str, typer.Option("--out", "-o", metavar="PATH", help="The report.")] = f"report{REPORT}",
    title: Annotated[str | None, typer.Option(metavar="TEXT", help="Its heading; by default the names of the files.")] = None,
) -> None:
    """Put saved explanations into one self-contained report."""
    if not out.endswith(REPORT):
        raise InputError(f"--out {out!r}: a report is a {REPORT} file.")
    (place,) = destinations([out], len(files))
    for file in files:
        if not file.is_file():
            raise InputError(f"there is no file {str(file)!r}.")
    explanations = [load(file) for file in files]
    write([place], explanations, None, title or ", ".join(file.stem for file in files))
