"""``pellucid compare``: several methods on the same samples, side by side."""

from __future__ import annotations

import csv
import dataclasses
import itertools
import json as plain_json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from rich.table import Table
from rich.text import Text

from .. import catalog
from ..core import declare
from ..core.errors import InputError
from ..core.types import Budget
from ..plots.style import number
from . import cards
from .asked import Opened, opened
from .cards import known, marked
from .comparisons import TABLE
from .destinations import FIGURES, RECORD, REPORT
from .job import Job, target
from .terminal import console, plain, say

if TYPE_CHECKING:
    from ..verdict import Comparison

USUAL = ("shapley", "lime", "integrated-gradients")
_METRIC = "A metric for every method, by default srg, faithfulness-correlation and sparseness; repeatable."
_OUT = "Where to write: report.html, figure.png, table.csv, or a folder with every explanation; repeatable."


def _names() -> list[str]:
    return [metric.name for metric in catalog.METRICS]


def compare(
    job: Job,
    metric: Annotated[list[str] | None, typer.Option("--metric", metavar="NAME", help=_METRIC, autocompletion=_names)] = None,
    trust: Annotated[bool, typer.Option("--trust/--no-trust", help="Give every method a trust card.")] = True,
    out: Annotated[list[str] | None, typer.Option("--out", "-o", metavar="PATH", help=_OUT)] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the comparison as one JSON object, and nothing else.")] = False,
) -> None:
    """Set methods side by side on the same samples: scores, trust cards, how far they agree, and cost.

    Without --method these are shapley, lime and integrated-gradients, as far as the model can.

    Exit codes: 0 done; 2 after an error; 130 after Ctrl-C.
    """
    from ..verdict import compare as compared
    from ..verdict.comparing import USUAL as METRICS

    metrics = tuple(metric or METRICS)
    for name in metrics:
        catalog.metric_named(name)
    if len(set(job.methods)) == 1:
        raise InputError(f"compare sets two or more methods side by side; name others beside {job.methods[0]}, or none.")
    if len(job.targets) > 1 or len(job.at) > 1 or job.wrt or job.memory_format is not None:
        raise InputError("compare takes one --target and one --at, and no --wrt and no --memory-format.")
    places = [_place(text) for text in out or ()]
    held = opened(job, USUAL)
    job = held.job
    found = compared(
        held.model,
        held.samples.x,
        {name: declare.build(catalog.method_named(name), held.values[name]) for name in job.methods},
        target=target(next(iter(job.targets))),
        at=next(iter(job.layers), None),
        features=job.features(held.model, held.samples, held.values),
        metrics=metrics,
        trust=trust,
        budget=None if job.budget is None and job.budget_seconds is None else Budget(job.budget, job.budget_seconds),
        seed=job.seed,
        batch_size=job.batch_size,
    )
    told = {name: dataclasses.replace(e, command=job.command(name)) for name, e in found.explanations.items()}
    found = dataclasses.replace(found, explanations=told)
    if json:
        sys.stdout.write(f"{plain_json.dumps(_numbers(found, held.samples.names), indent=2)}\n")
    else:
        _show(found, held)
    for place in places:
        for path in _write(found, place, held):
            if not json:
                say(f"wrote {path}", style="green")


def _show(found: Comparison, held: Opened) -> None:
    """A row per method, how far every two agree, the tests, the verdicts."""
    metrics = list(next(iter(found.scores.values())).values())
    table = Table(title=Text(plain(held.title), style="bold"), title_justify="left", box=None, pad_edge=False)
    headings = ["method", *(["trust"] if found.cards else []), *(score.metric for score in metrics), "rows", "seconds"]
    left = 2 if found.cards else 1
    for at, heading in enumerate(headings):
        table.add_column(heading, justify="left" if at < left else "right", header_style="bold", overflow="fold")
    for name, e in found.explanations.items():
        grade = [marked(found.cards[name].grade)] if found.cards else []
        means = [number(score.mean) for score in found.scores[name].values()]
        rows = e.cost.forward_rows + e.cost.backward_rows
        table.add_row(Text(name), *grade, *means, str(rows), f"{e.cost.seconds:.2f}")
    console().print(table)
    if found.agreement.shape[2] > 1:
        say(f"scores are means over {found.agreement.shape[2]} samples", style="dim")
    for i, j in itertools.combinations(range(len(found.names)), 2):
        said = number(_mean(found.agreement[i, j]))
        say(f"{found.names[i]} and {found.names[j]} agree to rank correlation {said}")
    for test in found.tests:
        say(str(test), style="dim")
    for name, card in found.cards.items():
        console().print(Text.assemble((f"{name}: ", "bold"), marked(card.grade, plain(card.verdict))), soft_wrap=True)


def _numbers(found: Comparison, names: Sequence[str]) -> dict[str, Any]:
    return {
        "samples": list(names),
        "methods": {
            name: {
                "scores": {metric: known(score.values) for metric, score in found.scores[name].items()},
                "trust": cards.numbers(found.cards[name], names) if name in found.cards else None,
                "rows": e.cost.forward_rows + e.cost.backward_rows,
                "seconds": e.cost.seconds,
            }
            for name, e in found.explanations.items()
        },
        "agreement": {
            f"{found.names[i]}, {found.names[j]}": known(found.agreement[i, j])
            for i, j in itertools.combinations(range(len(found.names)), 2)
        },
        "tests": [dataclasses.asdict(test) for test in found.tests],
    }


def _mean(values: np.ndarray) -> float:
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if defined.size else float("nan")


def _place(text: str) -> Path:
    """One ``--out``, if something can be written there."""
    path = Path(text)
    if path.suffix and not path.is_dir() and path.suffix not in (*FIGURES, REPORT, TABLE):
        raise InputError(
            f"--out {text!r}: a comparison is written to {', '.join((*FIGURES, REPORT))} or {TABLE} files, or as explanations "
            "into a folder."
        )
    blocked = next((parent for parent in path.parents if parent.is_file()), None)
    if blocked is not None:
        raise InputError(f"--out {text!r}: {str(blocked)!r} is a file, not a folder.")
    return path


def _write(found: Comparison, path: Path, held: Opened) -> list[Path]:
    """Write to one place, and say which files there are now."""
    from ..reporting import report

    names = held.samples.names
    try:
        (path.parent if path.suffix else path).mkdir(parents=True, exist_ok=True)
        if path.suffix == REPORT:
            return [report(found, path, title=held.title, names=names)]
        if path.suffix in FIGURES:
            found.plot(names=names).savefig(path)
            return [path]
        if path.suffix == TABLE:
            _table(found, path, names)
            return [path]
        files = [path / f"{name}{RECORD}" for name in found.names]
        for file, e in zip(files, found.explanations.values(), strict=True):
            e.save(file)
        return files
    except OSError as error:
        raise InputError(f"{str(path)!r} cannot be written: {error.strerror or error}.") from error


def _table(found: Comparison, path: Path, names: Sequence[str]) -> None:
    metrics = list(next(iter(found.scores.values())))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["method", "sample", "target", *metrics, *(["grade", "verdict"] if found.cards else [])])
        for name, e in found.explanations.items():
            card = found.cards.get(name)
            for at, sample in enumerate(names):
                scores = [found.scores[name][metric].values[at] for metric in metrics]
                trust = [] if card is None else [card.grades[at], card.verdicts[at]]
                writer.writerow([name, sample, e.target.names[at], *scores, *trust])
