"""What a comparison of two models found: their explanations and outputs, and how far they agree."""

from __future__ import annotations

import importlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core.errors import InputError
from ...core.extras import require
from ...core.records import Explanation, Finding
from ...core.types import Flags, PerSample
from ...metrics.agreement import Agreement
from .caveats import NoiseFrom
from .common import Common, change
from .outputs import Outputs
from .words import summary, verdict

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

ROUNDING = 1e-4
"""Explanations that differ by less than this share of their length are equal up to rounding."""


@dataclass(frozen=True, eq=False, repr=False)
class ModelComparison:
    """Two models on the same samples, explained for the same targets by the same method.

    Samples are numbered as in ``x``, from 0.

    Attributes
    ----------
    names
        What the two models are called.
    trained, deployed
        The explanation of each; the target is the first one's for both.
    outputs
        The outputs of both on one scale: ``outputs.largest`` and ``outputs.mean`` are absolute differences of each sample,
        ``outputs.predicted`` the classes.
    agreement
        How far the explanations agree, one number per sample: ``rank_correlation``, ``top_overlap`` (of the ``top`` strongest
        places), ``sign_agreement``, ``cosine``, and ``difference``, the length of the difference over that of the trained
        model's values. NaN where a measure is undefined, for a map without any structure.
    common
        The places on which the explanations are compared, and both on them.
    self_agreement
        The same measures between two explanations of the trained model under different seeds, where the method draws.
    noise
        What ``agreement.difference`` can come from the estimation alone; ``None`` where the method does not say.
    noise_from
        How that is known: ``"seed"`` (``self_agreement``), ``"errors"`` (the estimated errors of both, added up), ``"exact"``
        (the method makes none) or ``"unknown"``.
    reasons
        Why this method, and what was done so that the two can be compared.
    evidence
        What should be known about the comparison.
    labels
        The true class of each sample, if it was given.
    sample_names
        One name per sample, if they were given.
    """

    names: tuple[str, str]
    trained: Explanation
    deployed: Explanation
    outputs: Outputs
    agreement: Agreement
    common: Common
    self_agreement: Agreement | None = None
    noise: PerSample | None = None
    noise_from: NoiseFrom = "unknown"
    reasons: tuple[str, ...] = ()
    evidence: tuple[Finding, ...] = ()
    labels: np.ndarray | None = None
    sample_names: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.trained)

    @property
    def flips(self) -> tuple[int, ...]:
        """The samples for which the deployed model predicts another class."""
        return self.outputs.flips

    @property
    def identical(self) -> Flags:
        """Where both explanations are equal, number by number."""
        return self.agreement.difference == 0

    @property
    def equal(self) -> Flags:
        """Where both explanations are equal up to rounding."""
        return self.agreement.difference <= ROUNDING

    @property
    def within_noise(self) -> Flags | None:
        """Where the explanations differ by no more than the estimation alone can make them; ``None`` where that is unknown."""
        return None if self.noise is None else self.agreement.difference <= np.maximum(self.noise, ROUNDING)

    @property
    def correct(self) -> tuple[Flags, Flags] | None:
        """Where each model predicts the true class, if ``labels`` were given."""
        if self.labels is None or self.outputs.predicted is None:
            return None
        first, second = self.outputs.predicted
        return first == self.labels, second == self.labels

    @property
    def where(self) -> tuple[str, ...]:
        """The place in each sample where the explanations differ most, in words; empty where they are equal."""
        return self.common.where()

    @property
    def change(self) -> Explanation:
        """The deployed model's values less the trained one's, as an explanation to draw or slice; values are in the trained
        model's order of axes.
        """
        return change(self.trained, self.deployed, self.common, self.names)

    @property
    def order(self) -> tuple[int, ...]:
        """The samples from the one whose explanations agree least; flips come first."""
        flipped = np.isin(np.arange(len(self)), self.flips)
        return tuple(int(at) for at in np.lexsort((-self.agreement.difference, ~flipped)))

    def name_of(self, sample: int) -> str:
        """What a sample is called: its name, or its number in ``x``."""
        return self.sample_names[sample] if self.sample_names is not None else f"sample {sample}"

    @property
    def verdict(self) -> str:
        """What was found, in a sentence."""
        return verdict(self)

    def summary(self) -> str:
        """What was found, why it was looked for in this way and what should be known about it, in lines for a terminal."""
        return summary(self)

    def to_frame(self) -> pd.DataFrame:
        """One row per sample; needs the ``frames`` extra."""
        pandas = require("pandas", "frames", "to_frame()")
        return pandas.DataFrame(self.table())

    def table(self) -> dict[str, Any]:
        """What ``to_frame`` shows, as columns."""
        one, other = self.names
        found, at = self.agreement, self.common.at()
        held: dict[str, Any] = {
            "sample": list(self.sample_names or range(len(self))),
            "target": list(self.trained.target.names),
            f"value {one}": self.trained.value,
            f"value {other}": self.deployed.value,
        }
        if self.outputs.predicted is not None:
            for name, classes in zip(self.names, self.outputs.predicted, strict=True):
                held[f"predicted {name}"] = [self.class_name(int(index)) for index in classes]
            held["flipped"] = np.isin(np.arange(len(self)), self.flips)
        if (correct := self.correct) is not None:
            held |= {f"correct {name}": flags for name, flags in zip(self.names, correct, strict=True)}
        held["largest output difference"] = self.outputs.largest
        held |= {name.replace("_", " "): getattr(found, name) for name in MEASURES}
        if self.noise is not None:
            held["noise"] = self.noise
        held["where"] = list(self.where)
        for name, rows in zip(self.names, (self.common.one, self.common.other), strict=True):
            held[f"there {name}"] = [row[place] if place >= 0 else np.nan for row, place in zip(rows, at, strict=True)]
        return held

    def class_name(self, index: int) -> str:
        """A class by its name, or its number."""
        known = self.trained.classes or self.deployed.classes
        single = self.outputs.one.ndim == 2 and self.outputs.one.shape[1] == 1
        return known[index] if known is not None and not single else f"class {index}"

    def plot(self, samples: int | Sequence[int] | None = None, **options: Any) -> Figure:
        """Draw both explanations and their difference beside the outputs; see ``pellucid.plots.comparison``."""
        return importlib.import_module("pellucid.plots").comparison(self, samples=samples, **options)

    def report(self, path: str | os.PathLike[str], *, title: str | None = None, size: int = 224) -> Path:
        """Write both explanations as one HTML page; see ``pellucid.report``.

        A sample stands there once where both models get the same numbers and predict (nearly) the same, with the explanations
        side by side. Elsewhere it stands there twice, under the name of each model.
        """
        pairs = zip(self.names, (self.trained, self.deployed), strict=True)
        both, names = [replace(each, method=f"{each.method}, {name}") for name, each in pairs], list[str]()
        for group in importlib.import_module("pellucid.reporting.groups").groups(both):
            positions = {position for position, _ in group.seats}
            which = "" if len(positions) > 1 else f" ({self.names[positions.pop()]})"
            names.append(f"{self.name_of(group.seats[0][1])}{which}")
        title = " and ".join(self.names) if title is None else title
        return importlib.import_module("pellucid.reporting").report(both, path, title=title, names=names, size=size)

    def __str__(self) -> str:
        return self.summary()

    __repr__ = __str__


MEASURES = ("rank_correlation", "top_overlap", "sign_agreement", "cosine", "difference")
"""The measures of agreement, in the order in which they are shown."""


def true_classes(labels: Any, seen: Explanation) -> np.ndarray | None:
    """The true class of each sample as its number.

    Raises
    ------
    InputError
        If there are not as many as samples, or one is no class of the model.
    """
    if labels is None:
        return None
    given, classes = np.asarray(labels), seen.classes
    if given.shape != (len(seen),):
        raise InputError(f"labels= must give one class for each of the {len(seen)} samples; got the shape {given.shape}.")
    if given.dtype.kind in "iub":
        outputs = seen.prediction.shape[1] if seen.prediction.ndim == 2 else 1
        most = max(outputs, 2) - 1  # one output stands for two classes
        if given.min() < 0 or given.max() > most:
            wrong, named = (
                given[(given < 0) | (given > most)][0],
                f", and named {', '.join(map(repr, classes))}" if classes else "",
            )
            raise InputError(f"labels= holds {wrong}; the model's classes are numbered from 0 to {most}{named}.")
        return given.astype(int)
    if given.dtype.kind not in "UO" or classes is None or not set(given.tolist()) <= set(classes):
        raise InputError("labels= holds numbers of classes, or names from pl.wrap(classes=); got others.")
    return np.array([classes.index(name) for name in given.tolist()])
