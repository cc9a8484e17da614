"""What a metric is, and what comes back from it: scores of an explanation, one per sample.

::

    @dataclass(frozen=True)
    class Deletion:
        name: ClassVar[str] = "deletion"
        ...
        steps: int = parameter(16, "model rows along the ordering")

        def measure(self, m: Measured) -> Measurement: ...

A metric sees players (features) and NumPy only. What the model says of changed inputs, and what the method says of them, comes in
through ``Measured``; nothing registers itself, and an unregistered metric of a user's own works too.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Int

from .extras import require
from .features import Features
from .records import Cost
from .types import Layout, PerSample
from .view import Capability

if TYPE_CHECKING:
    import pandas as pd

Direction = Literal["higher", "lower", "none"]
"""Which way is better."""

Group = Literal["faithfulness", "robustness", "randomisation", "localisation", "complexity", "axioms"]

Ask = Literal["explain", "randomise", "shift", "truth"]
"""What a metric asks for beside values of coalitions: explanations of changed inputs, of a model with other weights, of one that
takes a shift of its input off again, or masks of what the explanation should have found.
"""


class Measured(Protocol):
    """An explanation in the terms of its players, and the model behind it.

    A player is a feature: a column, a word, a cell of a grid over an image. Samples may have fewer players than others; what
    stands beyond their number is 0 in ``values`` and never removed.
    """

    samples: int
    players: int
    """The most that a sample has."""
    counts: Int[np.ndarray, " samples"]
    """Players of each sample."""
    values: Float[np.ndarray, "samples players"]
    """Attributions, summed with their signs over each player's entries."""
    usable: Bool[np.ndarray, " samples"]
    """Where the values are finite, not all 0, and not all equal: elsewhere a score is undefined."""
    total: PerSample
    """Sum of all attributions of a sample, those of entries that belong to no player among them."""
    value: PerSample
    """The target at the samples."""
    outputs: Float[np.ndarray, "samples ..."]
    """All outputs of the model at the samples."""
    indices: Int[np.ndarray, "samples axes"] | None
    """Which entry of the outputs was explained; ``None`` where it was a neuron, or a function of the outputs."""
    base_value: PerSample | None
    """The target at the method's own reference, where it has one."""
    rounding: float
    """Relative differences of target values up to this are rounding."""
    blends: bool
    """Whether noise on the input, or a share of it, means anything: not for words, whole numbers, or codes of categories."""
    sequence: bool
    """Whether the players are words or tokens, one after the other."""
    layout: Layout
    """Where the channels of images are."""
    policies: tuple[str, ...]
    """What removed features are, policy by policy."""
    seed: int

    def policy(self, masker: Any) -> int:
        """The number of the policy of this masker (one of ``pl.maskers``), for metrics that are defined by one."""
        ...

    def regrouped(self, features: Sequence[Features]) -> Measured:
        """The same explanation in the terms of other players of the same leaf: one for all samples, or one for each."""
        ...

    def rng(self, name: str, draw: int = 0) -> np.random.Generator:
        """Random numbers of a draw: the same for every sample and batch."""
        ...

    def worth(self, coalitions: Bool[np.ndarray, "samples cases players"], policy: int = 0) -> Float[np.ndarray, "samples cases"]:
        """The target where only the players that are ``True`` are left of each sample. No coalition is run twice."""
        ...

    def empty(self, policy: int = 0) -> PerSample:
        """The target where all players are removed."""
        ...

    def input(self) -> Float[np.ndarray, "samples ..."]:
        """The leaf whose players are explained, in the model's own numbers."""
        ...

    def owners(self) -> Int[np.ndarray, "samples ..."]:
        """The player of each entry of that leaf; -1 where an entry belongs to none."""
        ...

    def target_at(self, owner: Int[np.ndarray, " rows"], points: Float[np.ndarray, "rows ..."]) -> Float[np.ndarray, " rows"]:
        """The target at changed copies of that leaf, each of the sample that owns it."""
        ...

    def explained_at(
        self, owner: Int[np.ndarray, " rows"], points: Float[np.ndarray, "rows ..."]
    ) -> tuple[Float[np.ndarray, "rows players"], Bool[np.ndarray, " rows"]]:
        """Values that the same method gives to changed copies, and whether the model's prediction for each stayed the same.

        No copy is explained twice.
        """
        ...

    def outputs_at(
        self, owner: Int[np.ndarray, " rows"], points: Float[np.ndarray, "rows ..."]
    ) -> Float[np.ndarray, "rows outputs"]:
        """All outputs of the model at changed copies, known from the same explanations."""
        ...

    def inside_at(
        self, owner: Int[np.ndarray, " rows"], points: Float[np.ndarray, "rows ..."], layer: str | None = None
    ) -> tuple[str, Float[np.ndarray, "rows units"]]:
        """What a layer gives for changed copies, and its name; by default what goes into the head of the network."""
        ...

    def randomised(self, draw: int, layers: Sequence[str] | None = None) -> Float[np.ndarray, "samples players"]:
        """Values that the same method gives for the model with new weights (in these layers, or in all)."""
        ...

    def randomised_at(
        self, draw: int, layers: Sequence[str] | None, owner: Int[np.ndarray, " rows"], points: Float[np.ndarray, "rows ..."]
    ) -> Float[np.ndarray, "rows players"]:
        """The same for changed copies."""
        ...

    def parameter_layers(self) -> tuple[str, ...]:
        """Layers with weights, from the input to the output."""
        ...

    def explained_target(self, indices: Int[np.ndarray, "samples axes"]) -> Float[np.ndarray, "samples players"]:
        """Values that the same method gives for other outputs."""
        ...

    def shifted(self, shift: float) -> Float[np.ndarray, "samples players"]:
        """Values that the same method gives to the samples plus a shift, for a copy of the model that takes it off again."""
        ...

    def truth(self) -> Bool[np.ndarray, "samples players"]:
        """Whether a player belongs to what the explanation should find, by the user's masks."""
        ...


@dataclass(frozen=True)
class Curve:
    """Scores along an ordering: ``y`` is ``(samples, points)`` over ``x`` ``(points,)``."""

    x: np.ndarray
    y: np.ndarray
    x_label: str = ""
    y_label: str = ""


@dataclass(frozen=True)
class Measurement:
    """What a metric computed: one value per sample, NaN where it is undefined.

    ``interval`` is the 95% interval of each value, ``(samples, 2)``, where the metric samples. ``why`` says for the whole metric
    why values are undefined, beside those of explanations that are constant, zero or not finite.
    """

    values: PerSample
    interval: Float[np.ndarray, "samples 2"] | None = None
    curve: Curve | None = None
    details: Mapping[str, np.ndarray] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@runtime_checkable
class Metric(Protocol):
    """The declaration of a metric."""

    name: ClassVar[str]
    group: ClassVar[Group]
    summary: ClassVar[str]
    direction: ClassVar[Direction]
    range: ClassVar[str]
    needs: ClassVar[frozenset[Capability]]
    asks: ClassVar[frozenset[Ask]]
    cite: ClassVar[tuple[str, ...]]

    def measure(self, m: Measured) -> Measurement:
        """One value per sample."""
        ...


@dataclass(frozen=True, eq=False)
class Score:
    """One metric of one explanation.

    Attributes
    ----------
    values
        Float ``(samples,)``; NaN where undefined.
    undefined
        Bool ``(samples,)``: a constant, zero or non-finite attribution, an empty mask, a target that nothing moves. Never 0.
    interval
        95% interval of each value, ``(samples, 2)``, where the metric samples.
    curve
        What the value is the area of, where there is one.
    direction, range
        ``"higher"`` or ``"lower"`` is better; the values that are possible, in words.
    parameters, cost, notes, details
        What ran, what it cost on top of the metrics before it, what should be known, further arrays.
    """

    metric: str
    values: PerSample
    direction: Direction
    range: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    interval: np.ndarray | None = None
    curve: Curve | None = None
    cost: Cost = field(default_factory=Cost)
    notes: tuple[str, ...] = ()
    details: Mapping[str, np.ndarray] = field(default_factory=dict)
    citations: tuple[str, ...] = ()

    @property
    def undefined(self) -> Bool[np.ndarray, " samples"]:
        """Where there is no value."""
        return np.isnan(self.values)

    @property
    def mean(self) -> float:
        """Mean over the samples where it is defined; NaN where it is nowhere."""
        defined = self.values[~self.undefined]
        return float(defined.mean()) if defined.size else math.nan

    def __len__(self) -> int:
        return len(self.values)

    def __str__(self) -> str:
        better = {"higher": ", higher is better", "lower": ", lower is better", "none": ""}[self.direction]
        missing = int(self.undefined.sum())
        of = f"{len(self) - missing} of {len(self)} samples" if missing else f"{len(self)} sample{'s' if len(self) > 1 else ''}"
        return f"{self.metric}: {self.mean:.4g} ({of}{better})"


class Scores(Mapping[str, Score]):
    """The metrics of one explanation by name, in the order in which they were asked for."""

    def __init__(self, scores: Sequence[Score]) -> None:
        self._scores = {score.metric: score for score in scores}

    def __getitem__(self, name: str) -> Score:
        return self._scores[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._scores)

    def __len__(self) -> int:
        return len(self._scores)

    def to_frame(self) -> pd.DataFrame:
        """One row per metric and sample: ``metric``, ``sample``, ``value``, ``low``, ``high``, ``direction``."""
        pandas = require("pandas", "frames", "to_frame()")
        rows = [
            {
                "metric": score.metric,
                "sample": sample,
                "value": value,
                "low": math.nan if score.interval is None else score.interval[sample, 0],
                "high": math.nan if score.interval is None else score.interval[sample, 1],
                "direction": score.direction,
            }
            for score in self._scores.values()
            for sample, value in enumerate(score.values)
        ]
        return pandas.DataFrame(rows)

    def __str__(self) -> str:
        return "\n".join(map(str, self._scores.values()))
