"""``pellucid evaluate``: scores of explanations."""

from __future__ import annotations

import csv
import json as plain_json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from .. import catalog
from ..core import declare
from ..core.errors import InputError
from ..core.measure import Score, Scores
from ..core.records import Explanation
from ..plots.style import number
from .asked import opened
from .cards import known
from .inputs import read_array, there
from .job import Job
from .tables import MOST_SAMPLES
from .terminal import console, plain, say

_METRIC = "A metric, by default deletion, insertion and infidelity; repeatable."
_MASKS = "What should be found, for metrics of localisation: a .npy file of bools, for each sample in the shape of its input."
_OUT = "Where to write the scores: a .csv file."


def _names() -> list[str]:
    return [metric.name for metric in catalog.METRICS]


def evaluate(
    job: Job,
    metric: Annotated[list[str] | None, typer.Option("--metric", metavar="NAME", help=_METRIC, autocompletion=_names)] = None,
    masks: Annotated[Path | None, typer.Option(metavar="FILE", help=_MASKS, show_default=False)] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="PATH", help=_OUT, show_default=False)] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the scores as one JSON array, and nothing else.")] = False,
) -> None:
    """Explain, and score each explanation with metrics: one number per sample, undefined where there is none.

    Exit codes: 0 done; 2 after an error; 130 after Ctrl-C.
    """
    from ..verdict import evaluate as scored
    from ..verdict.evaluating import USUAL

    chosen = tuple(metric or USUAL)
    for name in chosen:
        catalog.metric_named(name)
    if out is not None and out.suffix != ".csv":
        raise InputError(f"--out {str(out)!r}: scores are written to a .csv file.")
    if masks is not None:
        there(masks)
    held = opened(job)
    should = None if masks is None else read_array(masks)
    found: list[tuple[Explanation, Scores]] = []
    for e in held.job.run(held.model, held.samples, held.values):
        method = declare.build(catalog.method_named(e.method), held.values[e.method])
        scores = scored(e, held.model, chosen, masks=should, method=method, seed=job.seed, batch_size=job.batch_size)
        found.append((e, scores))
    names = held.samples.names
    if json:
        told = [{"method": e.method, "target": str(e.target), "scores": _numbers(scores, names)} for e, scores in found]
        sys.stdout.write(f"{plain_json.dumps(told, indent=2)}\n")
    else:
        for e, scores in found:
            _show(e, scores, names)
    if out is not None:
        _write(out, found, names)
        if not json:
            say(f"wrote {out}", style="green")


def _show(e: Explanation, scores: Scores, names: Sequence[str]) -> None:
    """A row per metric: the mean, then each sample."""
    say("")
    say(f"{e.method}, target: {e.target}", style="bold")
    shown = list(names[:MOST_SAMPLES]) if len(names) > 1 else []
    table = Table(box=None, pad_edge=False)
    for at, heading in enumerate(["metric", "better", "mean" if shown else "value", *shown]):
        table.add_column(Text(plain(heading)), justify="left" if at < 2 else "right", header_style="bold", overflow="fold")
    for score in scores.values():
        better = "" if score.direction == "none" else score.direction
        table.add_row(score.metric, better, number(score.mean), *(_value(score, at) for at in range(len(shown))))
    console().print(table)
    if len(names) > MOST_SAMPLES:
        say(f"and {len(names) - MOST_SAMPLES} more samples; --out and --json have them all", style="dim")
    for score in scores.values():
        for note in score.notes:
            say(f"{score.metric}: {note}", style="dim")
    rows = sum(score.cost.forward_rows for score in scores.values())
    say(
        f"{rows} forward rows for these scores; range: {'; '.join(f'{s.metric} {s.range}' for s in scores.values())}", style="dim"
    )


def _value(score: Score, sample: int) -> str:
    value = number(float(score.values[sample]))
    if score.interval is None or score.undefined[sample]:
        return value
    low, high = (number(float(end)) for end in score.interval[sample])
    return f"{value} ({low} to {high})"


def _numbers(scores: Scores, names: Sequence[str]) -> dict[str, Any]:
    return {
        name: {
            "values": dict(zip(names, known(score.values), strict=True)),
            "intervals": None if score.interval is None else [known(ends) for ends in score.interval],
            "better": score.direction,
            "range": score.range,
            "forward rows": score.cost.forward_rows,
            "notes": list(score.notes),
        }
        for name, score in scores.items()
    }


def _write(path: Path, found: Sequence[tuple[Explanation, Scores]], names: Sequence[str]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["method", "target", "sample", "metric", "value", "low", "high", "better"])
            for e, scores in found:
                for name, score in scores.items():
                    ends = [("", "")] * len(score) if score.interval is None else score.interval.tolist()
                    for at, value in enumerate(score.values.tolist()):
                        writer.writerow([e.method, e.target.names[at], names[at], name, value, *ends[at], score.direction])
    except OSError as error:
        raise InputError(f"{str(path)!r} cannot be written: {error.strerror or error}.") from error
