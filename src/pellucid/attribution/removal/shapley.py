"""Shapley values: what each feature contributes, averaged over all orders in which features may be known."""

from dataclasses import dataclass
from typing import Any, ClassVar

from ...core.declare import Attribution, Axiom, Passes, parameter
from ...core.view import Capability
from ...games.estimators import estimator as find
from .playing import MASKER, TOLERANCE, each_feature


@dataclass(frozen=True)
class Shapley:
    """Shapley values of the features of each sample, for the target's value when the other features are removed.

    One value per player of ``features=``, ``(samples, players)``; they sum to the target at the sample less the target when
    all features are removed (``base_value``), to rounding. Every value has a standard error; all targets come from the same
    passes. ``e.to_input()`` spreads the values over the input.

    Cost: one forward row per sample, and one for each coalition and each background row of the masker; ``budget=`` is kept.

    Source: shapley1953value, lundberg2017unified, musco2025leverage.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
    >>> e = pl.explain(net, torch.rand(2, 4), target=0, method="shapley")
    >>> e.values.shape, bool(abs(e.values.sum(axis=1) - (e.value - e.base_value)).max() < 1e-6)
    ((2, 4), True)
    """

    name: ClassVar[str] = "shapley"
    engine: ClassVar[str] = "game"
    summary: ClassVar[str] = "what each feature contributes, averaged over all orders in which features become known"
    needs: ClassVar[frozenset[Capability]] = frozenset({"predict"})
    modalities: ClassVar[tuple[str, ...]] = ("tabular", "image", "text", "series")
    axioms: ClassVar[tuple[Axiom, ...]] = ("completeness", "dummy", "symmetry", "linearity")
    cite: ClassVar[tuple[str, ...]] = ("shapley1953value", "lundberg2017unified", "musco2025leverage")
    rows: ClassVar[int] = 1024

    estimator: Any = parameter("auto", "how the values are estimated: auto, exact, permutation, kernel, leverage, ...")
    masker: Any = parameter(None, MASKER)
    tolerance: float | None = parameter(None, TOLERANCE, above=0)

    def attribute(self, passes: Passes) -> list[Attribution]:
        """Play the game of each group of samples."""
        return each_feature(passes, find(self.estimator), self.masker, self.tolerance)
