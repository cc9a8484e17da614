"""A progress bar for long work in a terminal, or the caller's own function."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager

Report = Callable[[float, int], None]
"""Called with the share of samples that are done (0 to 1) and the model rows so far."""


@contextmanager
def reporting(progress: bool | Report | None, title: str) -> Generator[Report]:
    """A function that takes progress; it draws a bar when asked to, or by default when standard error is a terminal."""
    if callable(progress):
        yield progress
        return
    if not (sys.stderr.isatty() if progress is None else progress):
        yield _silent
        return
    from rich.console import Console  # noqa: PLC0415 - half of the import time of this package
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[rows]} rows")
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True, force_terminal=progress), transient=True) as bar:
        task = bar.add_task(title, total=1.0, rows=0)
        yield lambda done, rows: bar.update(task, completed=done, rows=rows)


def _silent(done: float, rows: int) -> None:
    """Report to nobody."""
    del done, rows
