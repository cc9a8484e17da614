"""Interleaved timing, memory, and tables.

Contenders take turns, in an order that is shuffled each round, and the ratio to the floor is taken round by round: a machine
that slows down slows all of them. A run whose floor scatters too much is marked as noisy, not averaged away.
"""

from __future__ import annotations

import platform
import random
import resource
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import torch

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("pellucid", "torch", "captum", "numpy")
NOISY = 1.35
"""Slowest over median floor above which a run says that the machine was noisy."""


@dataclass(frozen=True)
class Row:
    """One contender on one piece of work."""

    work: str
    contender: str
    seconds: float
    rows: int
    over_floor: float
    note: str = ""


def race(work: str, floor: str, contenders: Mapping[str, Callable[[], int]], rounds: int, notes: Mapping[str, str]) -> list[Row]:
    """Time contenders in turn; each returns the model rows it took. Ratios are to ``floor``, per row, median over rounds."""
    rows = {name: run() for name, run in contenders.items()}  # also the warm-up
    times: dict[str, list[float]] = {name: [] for name in contenders}
    order = list(contenders)
    shuffle = random.Random(0).shuffle
    for _ in range(rounds):
        shuffle(order)
        for name in order:
            started = time.perf_counter()
            contenders[name]()
            _wait()
            times[name].append(time.perf_counter() - started)
    table = []
    scatter = max(times[floor]) / statistics.median(times[floor])
    for name in contenders:
        per_row = [t / rows[name] / (f / rows[floor]) for t, f in zip(times[name], times[floor], strict=True)]
        note = notes.get(name, "")
        if name == floor and scatter > NOISY:
            note = f"noisy: slowest round {scatter:.2f} times the median"
        table.append(Row(work, name, statistics.median(times[name]), rows[name], statistics.median(per_row), note))
    return table


def write(name: str, title: str, table: list[Row]) -> None:
    """Print a table and keep it under ``benchmarks/results``, with versions and machine."""
    lines = [f"# {title}", "", machine(), ""]
    lines += ["| work | contender | seconds | model rows | time per row over the floor | note |", "|---|---|---|---|---|---|"]
    lines += [f"| {r.work} | {r.contender} | {r.seconds:.3f} | {r.rows} | {r.over_floor:.2f} | {r.note} |" for r in table]
    lines += ["", f"Peak memory of the whole process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB."]
    RESULTS.mkdir(exist_ok=True)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    (RESULTS / f"{name}-{device}.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


def machine() -> str:
    """What it ran on."""
    said = ", ".join(f"{package} {version(package)}" for package in PACKAGES)
    if torch.cuda.is_available():
        return f"{torch.cuda.get_device_name()}; {said}; Python {platform.python_version()}."
    return f"{torch.get_num_threads()} CPU threads; {said}; Python {platform.python_version()}."


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
