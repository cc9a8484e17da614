"""``pellucid benchmark``: methods, and metrics, through networks of which the truth is known."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from .. import catalog
from ..core.errors import InputError
from .terminal import console, say

if TYPE_CHECKING:
    from ..suites import Judgement, Results

_SUITE = "A suite, or all of them; repeatable. They are logic, clusters, patterns, grid-pointing, watermark and tabular."
_METHODS = "A name from `pellucid methods`, or all of them; repeatable."
_METRICS = "Also whether the metrics of faithfulness rank better attributions first."
_OUT = "A folder for benchmark.md, benchmark.csv and benchmark.png, and metrics.md and metrics.csv with --metrics."
ALL = "all"
JUDGED = 8
"""Samples of each case on which metrics are judged, where nothing was said."""


def _suites() -> list[str]:
    from ..suites import names

    return [ALL, *names()]


def _methods() -> list[str]:
    return [ALL, *(method.name for method in catalog.METHODS)]


def benchmark(
    suite: Annotated[list[str] | None, typer.Option("--suite", metavar="NAME", help=_SUITE, autocompletion=_suites)] = None,
    methods: Annotated[
        list[str] | None, typer.Option("--methods", "-m", metavar="NAME", help=_METHODS, autocompletion=_methods)
    ] = None,
    metrics: Annotated[bool, typer.Option("--metrics", help=_METRICS)] = False,
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="DIR", help=_OUT, show_default=False)] = None,
    samples: Annotated[int | None, typer.Option(metavar="NUMBER", help="Samples of each case; by default 8 to 24.")] = None,
    seed: Annotated[int, typer.Option(metavar="INTEGER", help="Seed of networks, samples and everything that is drawn.")] = 0,
    budget: Annotated[int, typer.Option(metavar="ROWS", help="Most model rows per sample and method.")] = 512,
) -> None:
    """Ask methods about networks of which the truth is known, and score what they say. Nothing is downloaded.

    Networks are built and trained on the spot; all methods on all suites take minutes. Skill is 0 by chance and 1 at best.
    """
    from ..suites import judge, run

    if out is not None and (out.is_file() or any(parent.is_file() for parent in out.parents)):
        raise InputError(f"--out {str(out)!r} is, or lies in, a file; name a folder.")
    results = run(_chosen(suite), _chosen(methods), seed=seed, samples=samples, budget=budget)
    _show(results)
    judged = judge(_chosen(suite), seed=seed, samples=samples or JUDGED) if metrics else None
    if judged is not None:
        _show_metrics(judged)
    if out is not None:
        for path in write(results, out, judged):
            say(f"wrote {path}", style="green")


def write(results: Results, folder: Path, judged: Judgement | None = None) -> list[Path]:
    """The table as Markdown and CSV, and the figure; and the tables of metrics.

    Raises
    ------
    InputError
        If the folder cannot be written to.
    """
    paths = [folder / f"benchmark{ending}" for ending in (".md", ".csv", ".png")]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        paths[0].write_text(f"# Methods on ground truth\n\n{results.markdown()}", encoding="utf-8")
        results.to_csv(paths[1])
        results.plot().savefig(paths[2], dpi=110)
        if judged is not None:
            paths += [folder / "metrics.md", folder / "metrics.csv"]
            paths[3].write_text(f"# Metrics on ground truth\n\n{judged.markdown()}", encoding="utf-8")
            judged.to_csv(paths[4])
    except OSError as error:
        raise InputError(f"{str(folder)!r} cannot be written to: {error.strerror or error}.") from error
    return paths


def _chosen(given: list[str] | None) -> str | list[str]:
    return ALL if given is None or ALL in given else list(dict.fromkeys(given))


def _show(results: Results) -> None:
    """The mean skill of each method by suite, and below it how many cases could not be asked."""
    from ..suites.words import overview_cells

    _table("skill: 0 by chance, 1 at best", overview_cells(results))
    missing = sum(bool(row.reason) for row in results)
    if missing:
        say(f"{missing} of {len(results)} rows have no score, with the reason in the tables that --out writes.", style="dim")


def _show_metrics(judged: Judgement) -> None:
    """How each metric ranks methods."""
    _table("rank correlation with the truth (95% interval), and how often the best is of the best two", judged.cells())


def _table(title: str, cells: list[list[str]]) -> None:
    heads, *rows = cells
    table = Table(title=Text(title, style="bold"), title_justify="left", box=None, pad_edge=False)
    for at, head in enumerate(heads):
        table.add_column(head, justify="right" if at else "left", header_style="bold", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row), style="dim" if row[0].startswith("control") else "")
    console().print(table)
