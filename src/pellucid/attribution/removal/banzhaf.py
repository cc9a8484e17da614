"""Banzhaf values: what each feature adds on average when any of the others may be known or not."""

from dataclasses import dataclass
from typing import Any, ClassVar

from ...core.declare import Attribution, Axiom, Passes, parameter
from ...core.view import Capability
from ...games.banzhaf import Banzhaf as Estimator
from .playing import MASKER, TOLERANCE, each_feature


@dataclass(frozen=True)
class Banzhaf:
    """Banzhaf values of the features of each sample: their effect on the target, averaged over all sets of other features.

    One value per player of ``features=``, ``(samples, players)``, each with a standard error. They need not sum to anything, and
    rank features more steadily than Shapley values do when the model's outputs are noisy. All targets come from the same passes.

    Cost: one forward row per sample, and one for each coalition and each background row of the masker; ``budget=`` is kept.

    Source: dubey1979mathematical, wang2023data.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
    >>> pl.explain(net, torch.rand(2, 4), target=0, method="banzhaf").values.shape
    (2, 4)
    """

    name: ClassVar[str] = "banzhaf"
    engine: ClassVar[str] = "game"
    summary: ClassVar[str] = "what each feature adds on average when any of the others may be known or not"
    needs: ClassVar[frozenset[Capability]] = frozenset({"predict"})
    modalities: ClassVar[tuple[str, ...]] = ("tabular", "image", "text", "series")
    axioms: ClassVar[tuple[Axiom, ...]] = ("dummy", "symmetry", "linearity")
    cite: ClassVar[tuple[str, ...]] = ("dubey1979mathematical", "wang2023data")
    rows: ClassVar[int] = 1024

    masker: Any = parameter(None, MASKER)
    tolerance: float | None = parameter(None, TOLERANCE, above=0)

    def attribute(self, passes: Passes) -> list[Attribution]:
        """Play the game of each group of samples."""
        return each_feature(passes, Estimator(), self.masker, self.tolerance)
