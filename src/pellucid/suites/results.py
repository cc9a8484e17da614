"""The record of a run: one row for each method and case, and its tables."""

from __future__ import annotations

import csv
import dataclasses
import importlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..core.extras import require
from .words import markdown

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Result:
    """One method on one case.

    Attributes
    ----------
    suite, case, method, how
        Of which suite and case, by which method or control, scored how.
    score, low, high
        The mean over the samples and its 95% interval by bootstrap; NaN where there is none.
    skill
        The score on a scale of 0, as by chance, to 1, perfect; samples of which the attribution says nothing count as 0. For
        ``alarm`` there is none.
    samples, undefined
        How many samples were scored, and in how many of them the attribution said nothing.
    forward_rows, backward_rows, seconds
        What it cost, all samples together.
    beats_random, beats_laplace
        Whether it is above the control, sample by sample; ``None`` where that cannot be said.
    reason
        Why there is no score.
    """

    suite: str
    case: str
    method: str
    how: str
    score: float = math.nan
    low: float = math.nan
    high: float = math.nan
    skill: float = math.nan
    samples: int = 0
    undefined: int = 0
    forward_rows: int = 0
    backward_rows: int = 0
    seconds: float = 0.0
    beats_random: bool | None = None
    beats_laplace: bool | None = None
    reason: str = ""


@dataclass(frozen=True, eq=False, repr=False)
class Results:
    """All methods on all cases.

    Attributes
    ----------
    rows
        One ``Result`` for each method and case, controls first.
    seed, budget
        Of the run.
    """

    rows: tuple[Result, ...]
    seed: int = 0
    budget: int | None = None

    def __iter__(self) -> Iterator[Result]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        return self.markdown()

    @property
    def suites(self) -> tuple[str, ...]:
        """Names of the suites."""
        return tuple(dict.fromkeys(row.suite for row in self.rows))

    @property
    def methods(self) -> tuple[str, ...]:
        """Names of the methods, controls first."""
        return tuple(dict.fromkeys(row.method for row in self.rows))

    def of(self, suite: str | None = None, method: str | None = None, case: str | None = None) -> tuple[Result, ...]:
        """The rows of this suite, method and case."""
        asked = {"suite": suite, "method": method, "case": case}
        return tuple(row for row in self.rows if all(want is None or getattr(row, name) == want for name, want in asked.items()))

    def skill(self, method: str, suite: str) -> float:
        """The mean skill over the cases of a suite, each case alike; NaN where the method has no score in any.

        Cases that the method cannot be asked about are left out.
        """
        found = [row.skill for row in self.of(suite, method) if not math.isnan(row.skill)]
        return float(np.mean(found)) if found else math.nan

    def alarms(self, method: str, suite: str) -> float:
        """The share of samples with a false alarm, where a suite asks for it; else NaN."""
        found = [(row.score, row.samples - row.undefined) for row in self.of(suite, method) if row.how == "alarm"]
        told = [(score, count) for score, count in found if count]
        return float(np.average([s for s, _ in told], weights=[n for _, n in told])) if told else math.nan

    def to_frame(self) -> pd.DataFrame:
        """One row per method and case; needs the ``frames`` extra."""
        pandas = require("pandas", "frames", "to_frame()")
        return pandas.DataFrame([dataclasses.asdict(row) for row in self.rows])

    def to_csv(self, path: str | Path) -> None:
        """Write one line per method and case."""
        names = [field.name for field in dataclasses.fields(Result)]
        with Path(path).open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(names)
            writer.writerows([_cell(getattr(row, name)) for name in names] for row in self.rows)

    def markdown(self) -> str:
        """Methods by suites, then every suite case by case."""
        return markdown(self)

    def plot(self) -> Figure:
        """Methods by suites as a table of colours: ``pl.plots.benchmark``."""
        return importlib.import_module("pellucid.plots").benchmark(self)  # by name: plots stand above suites


def _cell(value: object) -> object:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return f"{value:.6g}" if isinstance(value, float) else value
