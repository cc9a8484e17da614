"""What a suite is made of: a network, samples, and what is true of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from ..core.errors import InputError, nearest
from ..core.features import Features
from ..core.records import Explanation
from ..core.types import Layout, OutputKind, PerSample
from ..models.wrap import Wrapped, wrap
from .scoring import How, scored


@dataclass(frozen=True, eq=False)
class Case:
    """One network with samples, and what is true of them.

    Attributes
    ----------
    name, summary
        What it is called, and what the network does, in a sentence.
    network
        A ``torch.nn.Module``, or a function of a batch; ``model`` is the same with what was stated of it.
    inputs
        The samples, float32 ``(samples, ...)``.
    features
        The players whose attributions are scored.
    target
        The output that is explained, of each sample.
    how
        Which score says how near an attribution comes to the truth; see ``pellucid.suites.scoring``.
    truth
        True attributions, float64: ``(samples, players)``, or ``(samples, players, players)`` where they are interactions.
        They are relative to ``reference``. ``None`` where only the place of the truth is known.
    masks
        Where the truth lies, bool ``(samples, players)``.
    reference
        Rows that stand for removed features, and baselines; ``None`` where zeros do.
    background
        Typical rows, for methods that ask for some.
    labels
        The true class of each sample, where there are classes.
    output, classes, layout
        What is stated of the network.
    layer
        The layer that class activation maps read; ``None`` where they find it.
    facts
        Numbers that are checked when the case is built, such as the network's accuracy.
    cite
        Keys of the bibliography.
    """

    name: str
    summary: str
    network: Any
    inputs: Float[np.ndarray, "samples ..."]
    features: Features
    target: Int[np.ndarray, " samples"]
    how: How
    truth: Float[np.ndarray, "samples players ..."] | None = None
    masks: Bool[np.ndarray, "samples players"] | None = None
    reference: Shaped[np.ndarray, "rows ..."] | None = None
    background: Shaped[np.ndarray, "rows ..."] | None = None
    labels: Int[np.ndarray, " samples"] | None = None
    output: OutputKind = "values"
    classes: tuple[str, ...] | None = None
    layout: Layout = "NCHW"
    layer: str | None = None
    facts: Mapping[str, float] = field(default_factory=dict)
    cite: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.inputs)

    def __repr__(self) -> str:
        return f"Case({self.name!r}: {len(self)} samples, {len(self.features)} players, scored by {self.how})"

    @property
    def model(self) -> Wrapped:
        """The network with what was stated of it: what verbs take."""
        return wrap(self.network, output=self.output, classes=self.classes, layout=self.layout)

    def values_of(self, e: Explanation) -> Float[np.ndarray, "samples players ..."]:
        """The values of an explanation of these samples, in the terms of the players.

        Interactions become attributions where the truth is one: each pair's half goes to either player.

        Raises
        ------
        InputError
            If the values have no place in the input.
        """
        if e.over in ("players", "interactions"):
            (values,) = e.leaves.values()
            return values.sum(axis=2) if e.over == "interactions" and not self.pairs else np.asarray(values, np.float64)
        spread = e.to_input()
        return self.features.total(np.asarray(spread, np.float64))

    @property
    def pairs(self) -> bool:
        """Whether the truth is interactions of pairs."""
        return self.how == "interactions"

    def score(self, attribution: Explanation | np.ndarray) -> PerSample:
        """How near an attribution comes to the truth: one number per sample, NaN where it says nothing.

        Parameters
        ----------
        attribution
            An explanation of ``inputs``, or values ``(samples, players)``.

        Raises
        ------
        InputError
            If it is not of these samples and players.
        """
        values = self.values_of(attribution) if isinstance(attribution, Explanation) else np.asarray(attribution, np.float64)
        players = len(self.features)
        shape = (len(self), players, players) if self.pairs else (len(self), players)
        if values.shape != shape:
            raise InputError(f"{self.name}: expected attributions {shape}; got {values.shape}.")
        return scored(self.how, values, self.truth, self.masks)


@dataclass(frozen=True, eq=False)
class Suite:
    """Cases with one idea.

    Iterate over them, or take one by its name.

    Attributes
    ----------
    name, summary
        What it is called, and what it asks of a method.
    tasks
        The cases.
    seed
        Of networks and samples.
    """

    name: str
    summary: str
    tasks: tuple[Case, ...]
    seed: int = 0

    def __iter__(self) -> Iterator[Case]:
        return iter(self.tasks)

    def __len__(self) -> int:
        return len(self.tasks)

    def __getitem__(self, name: str) -> Case:
        found = {case.name: case for case in self.tasks}
        if name not in found:
            raise InputError(f"the suite {self.name!r} has no case {name!r}.{nearest(name, found)}")
        return found[name]

    def __repr__(self) -> str:
        return "\n".join([f"{self.name}: {self.summary}", *(f"  {case!r}" for case in self.tasks)])
