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
class Work:
    """Model rows that a contender ran: forward and backward, and forward only."""

    gradient: int = 0
    forward: int = 0

    def __str__(self) -> str:
        parts = [f"{self.gradient} gradient" if self.gradient else "", f"{self.forward} forward" if self.forward else ""]
        return " + ".join(part for part in parts if part)


@dataclass(frozen=True)
class Row:
    """One contender on one piece of work."""

    work: str
    contender: str
    seconds: float
    rows: Work
    over_floor: float
    note: str = ""


Contender = Callable[[], Work]


def race(
    work: str,
    floors: Mapping[str, Contender],
    contenders: Mapping[str, Contender],
    rounds: int,
    notes: Mapping[str, str] | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> list[Row]:
    """Time contenders in turn; each returns the model rows that it ran.

    ``floors`` run raw rows, each of one kind only; a contender's ratio is its time over what the floors take for its rows, round
    by round, and the median of these. ``clock`` can be the processor's (``time.process_time``, with one thread) where others use
    the machine, too.
    """
    everyone = {**floors, **contenders}
    rows = {name: run() for name, run in everyone.items()}  # also the warm-up, in which packing may be measured once
    times: dict[str, list[float]] = {name: [] for name in everyone}
    order = list(everyone)
    shuffle = random.Random(0).shuffle
    for _ in range(rounds):
        shuffle(order)
        for name in order:
            started = clock()
            rows[name] = everyone[name]()
            _wait()
            times[name].append(clock() - started)
    table = []
    noise = {name: max(times[name]) / statistics.median(times[name]) for name in floors}
    for name in everyone:
        ratios = []
        for turn, taken in enumerate(times[name]):
            floor = 0.0
            for f in floors:
                share = rows[name].gradient / rows[f].gradient if rows[f].gradient else rows[name].forward / rows[f].forward
                floor += times[f][turn] * share
            ratios.append(taken / floor)
        note = (notes or {}).get(name, "")
        if name in floors and noise[name] > NOISY:
            note = f"{note}; noisy: slowest round {noise[name]:.2f} times the median".removeprefix("; ")
        table.append(Row(work, name, statistics.median(times[name]), rows[name], statistics.median(ratios), note))
        print(table[-1], flush=True)
    return table


def peak() -> str:
    """Most memory that this process has held."""
    return f"Peak memory of the whole process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB."


def save(name: str, lines: list[str]) -> None:
    """Print a page and keep it under ``benchmarks/results``."""
    RESULTS.mkdir(exist_ok=True)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    (RESULTS / f"{name}-{device}.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


def write(name: str, title: str, table: list[Row], *peers: str) -> None:
    """A table of races, with versions and machine."""
    lines = [f"# {title}", "", machine(*peers), ""]
    lines += ["| work | contender | seconds | model rows | time over the floor of its rows | note |", "|---|---|---|---|---|---|"]
    lines += [f"| {r.work} | {r.contender} | {r.seconds:.3f} | {r.rows} | {r.over_floor:.2f} | {r.note} |" for r in table]
    save(name, [*lines, "", peak()])


def machine(*peers: str) -> str:
    """What it ran on."""
    said = ", ".join(f"{package} {version(package)}" for package in (*PACKAGES, *peers))
    if torch.cuda.is_available():
        return f"{torch.cuda.get_device_name()}; {said}; Python {platform.python_version()}."
    return f"{torch.get_num_threads()} CPU threads; {said}; Python {platform.python_version()}."


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
