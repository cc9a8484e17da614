"""The record of a judgement of metrics: one row for each metric, removal policy and case, their means, and tables."""

from __future__ import annotations

import csv
import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from ..core.extras import require
from .intervals import mean_interval

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["pictures", "rows"]
KINDS: tuple[Kind, ...] = ("pictures", "rows")


@dataclass(frozen=True)
class Ranked:
    """How one metric ranks methods on one case, under one removal policy.

    Attributes
    ----------
    metric, policy
        Which metric, and what removed players were: ``"reference"`` (what the truth is relative to), ``"blur"`` or
        ``"other samples"``.
    suite, case, kind
        On which case, and whether its samples are pictures or rows of a table.
    methods
        How many attributions were ranked, the random one among them.
    correlation
        Spearman's rank correlation of the metric's means with the truth's: 1 for the true order, 0 by chance, -1 reversed.
    best_two
        Whether the metric's best is among the truth's best two; the share of its best that are, where several are best.
    chance
        The share of all that were ranked that are among the truth's best two.
    """

    metric: str
    policy: str
    suite: str
    case: str
    kind: Kind
    methods: int
    correlation: float
    best_two: float
    chance: float


@dataclass(frozen=True)
class Standing:
    """A metric under a removal policy, over cases: ``correlation`` with its 95% interval, ``best_two``, ``chance``, ``cases``."""

    correlation: float
    low: float
    high: float
    best_two: float
    chance: float
    cases: int


@dataclass(frozen=True, eq=False, repr=False)
class Judgement:
    """All metrics on all cases.

    Attributes
    ----------
    rows
        One ``Ranked`` for each metric, policy and case; none where the metric has no score.
    seed, samples
        Of the run.
    """

    rows: tuple[Ranked, ...]
    seed: int
    samples: int

    def __iter__(self) -> Iterator[Ranked]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        return self.markdown()

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the metrics that have a score."""
        return tuple(dict.fromkeys(row.metric for row in self.rows))

    @property
    def policies(self) -> tuple[str, ...]:
        """Names of the policies."""
        return tuple(dict.fromkeys(row.policy for row in self.rows))

    def mean(self, metric: str, policy: str, kind: Kind | None = None, suite: str | None = None) -> Standing | None:
        """The mean over these cases, each alike, with its interval by bootstrap over cases; ``None`` where there are none."""
        asked = {"metric": metric, "policy": policy, "kind": kind, "suite": suite}
        found = [row for row in self.rows if all(want is None or getattr(row, name) == want for name, want in asked.items())]
        if not found:
            return None
        correlations = np.array([row.correlation for row in found])
        low, high = mean_interval(correlations, self.seed)
        hits, chances = ([getattr(row, name) for row in found] for name in ("best_two", "chance"))
        return Standing(float(correlations.mean()), low, high, float(np.mean(hits)), float(np.mean(chances)), len(found))

    def to_frame(self) -> pd.DataFrame:
        """One row per metric, policy and case; needs the ``frames`` extra."""
        pandas = require("pandas", "frames", "to_frame()")
        return pandas.DataFrame([dataclasses.asdict(row) for row in self.rows])

    def to_csv(self, path: str | Path) -> None:
        """Write one line per metric, policy and case."""
        names = [field.name for field in dataclasses.fields(Ranked)]
        with Path(path).open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(names)
            values = [[getattr(row, name) for name in names] for row in self.rows]
            writer.writerows([f"{value:.6g}" if isinstance(value, float) else value for value in row] for row in values)

    def cells(self) -> list[list[str]]:
        """Metrics by kinds of cases and policies, the heads first: the best on average at the top."""
        told = {(row.kind, row.policy) for row in self.rows}
        columns: list[tuple[Kind, str]] = [(kind, policy) for kind in KINDS for policy in self.policies if (kind, policy) in told]
        found = {metric: [self.mean(metric, policy, kind) for kind, policy in columns] for metric in self.metrics}
        order = sorted(found, key=lambda metric: -np.mean([each.correlation for each in found[metric] if each is not None]))
        heads = ["metric", *(f"{kind}: {policy}" for kind, policy in columns)]
        return [heads, *([metric, *map(_told, found[metric])] for metric in order)]

    def markdown(self) -> str:
        """Mean correlation with its interval, and how often the metric's best is among the truth's best two."""
        heads, *rows = self.cells()
        lines = [heads, ["---", *["--:"] * (len(heads) - 1)], *([f"`{metric}`", *cells] for metric, *cells in rows)]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _told(standing: Standing | None) -> str:
    if standing is None:
        return ""
    interval = "" if math.isnan(standing.low) else f" ({standing.low:.2f} to {standing.high:.2f})"
    return f"{standing.correlation:.2f}{interval}, {standing.best_two:.0%}"
