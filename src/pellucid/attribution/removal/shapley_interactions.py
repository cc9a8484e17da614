"""Shapley interactions: what features contribute together that they do not contribute apart."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ...core.declare import Attribution, Axiom, Passes, parameter
from ...core.view import Capability
from ...games.indices import INDICES, members, sets_of
from ...games.interactions import by_size, matrix
from ...games.joint import fewest, joint
from ...games.shapley import DEFAULT
from .playing import MASKER, TOLERANCE, Gathered, groups, in_budget, prepared, watching


@dataclass(frozen=True)
class ShapleyInteractions:
    """Interactions of the features of each sample, for the target's value when the other features are removed.

    One number per pair of players of ``features=``, ``(samples, players, players)``: main effects on the diagonal, half of each
    pair's interaction on either side of it. With ``order=2`` and an index that shares everything out (k-SII, Shapley-Taylor,
    faithful Shapley) the whole matrix sums to the target at the sample less the target when all features are removed
    (``base_value``); a row of k-SII sums to the feature's Shapley value.

    With ``order=3`` the interactions of three features are in ``details``: ``triples``, int ``(samples, triples, 3)``, -1 where
    a sample has fewer, ``triple_values`` and ``triple_errors``, ``(samples, triples)``; matrix and triples together sum to the
    same.

    Exact where the budget holds all sets of features; else estimated, with standard errors. All targets come from the same
    passes.

    Cost: one forward row per sample, and one for each coalition (at most 8,194 unless that is all) and each background row of
    the masker; ``budget=`` is kept.

    Source: bordt2023shapley (k-SII), grabisch1999axiomatic (SII, Banzhaf), sundararajan2020shapley (STII), tsai2023faith (FSII),
    rasmussen2006gaussian (estimation).

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
    >>> e = pl.explain(net, torch.rand(2, 4), target=0, method="shapley-interactions")
    >>> e.values.shape, bool(abs(e.values.sum(axis=(1, 2)) - (e.value - e.base_value)).max() < 1e-6)
    ((2, 4, 4), True)
    """

    name: ClassVar[str] = "shapley-interactions"
    engine: ClassVar[str] = "game"
    summary: ClassVar[str] = "what pairs (and triples) of features contribute together that they do not contribute apart"
    needs: ClassVar[frozenset[Capability]] = frozenset({"predict"})
    modalities: ClassVar[tuple[str, ...]] = ("tabular", "image", "text", "series")
    axioms: ClassVar[tuple[Axiom, ...]] = ("dummy", "symmetry", "linearity")
    cite: ClassVar[tuple[str, ...]] = (
        "grabisch1999axiomatic",
        "bordt2023shapley",
        "sundararajan2020shapley",
        "tsai2023faith",
        "rasmussen2006gaussian",
    )
    rows: ClassVar[int] = 1024

    order: int = parameter(2, "how many features an interaction has at most", least=2, most=3)
    index: str = parameter("k-sii", "what an interaction is", choices=tuple(INDICES))
    masker: Any = parameter(None, MASKER)
    tolerance: float | None = parameter(None, TOLERANCE, above=0)

    def attribute(self, passes: Passes) -> list[Attribution]:
        """Play the game of each group of samples."""
        removal, gathered = prepared(passes, self.masker), Gathered(passes, axes=2)
        sets = sets_of(max(map(len, passes.features)), 3)
        triples = np.full((passes.samples, sets, 3), -1)
        values, errors = np.zeros((2, passes.targets, passes.samples, sets))
        for group in groups(passes, removal):
            players, who = group.game.players, group.members
            order = min(self.order, players)
            in_budget(passes, removal, group, fewest(players))
            budget = 2 * players + DEFAULT if group.budget is None else group.budget
            watch = watching(passes, group, budget)
            found = joint(group.game, self.index, order, budget=budget, tolerance=self.tolerance, seed=passes.seed, watch=watch)
            watch(budget)
            pairs, pair_errors = (matrix(each, players, order) for each in (found.values, found.standard_errors))
            gathered.add(group, pairs, pair_errors, found)
            if order == 3:
                count = sets_of(players, 3)
                triples[who, :count] = members(players, 3)
                for kept, given in ((values, found.values), (errors, found.standard_errors)):
                    kept[:, who, :count] = np.moveaxis(by_size(given, players, order)[2], 1, 0)
        of_three = [
            {"triples": triples, "triple_values": value, "triple_errors": error}
            for value, error in zip(values, errors, strict=True)
        ]
        return gathered.attributions("interactions", removal, self.tolerance, of_three if self.order == 3 else None)
