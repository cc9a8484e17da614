"""Leave-one-out: what the target loses when one feature is removed."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ...core.declare import Attribution, Axiom, Passes, parameter
from ...core.view import Capability
from .playing import MASKER, groups, prepared


@dataclass(frozen=True)
class LeaveOneOut:
    """The target at the sample less the target when one feature is removed, for each feature of ``features=``.

    Values are ``(samples, features)``. They miss what only several features do together: two copies of one signal each get 0.

    Cost: one forward row per sample, and one for each feature and each background row of the masker.

    Source: zeiler2014visualizing, li2016understanding.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> e = pl.explain(torch.nn.Linear(3, 1), torch.ones(2, 3), target=0, method="leave-one-out")
    >>> e.values.shape
    (2, 3)
    """

    name: ClassVar[str] = "leave-one-out"
    engine: ClassVar[str] = "game"
    summary: ClassVar[str] = "what the target loses when one feature is removed"
    needs: ClassVar[frozenset[Capability]] = frozenset({"predict"})
    modalities: ClassVar[tuple[str, ...]] = ("tabular", "image", "text", "series")
    axioms: ClassVar[tuple[Axiom, ...]] = ("dummy", "symmetry", "linearity")
    cite: ClassVar[tuple[str, ...]] = ("zeiler2014visualizing", "li2016understanding")
    rows: ClassVar[int] = 64

    masker: Any = parameter(None, MASKER)

    def attribute(self, passes: Passes) -> list[Attribution]:
        """Every coalition that lacks one feature."""
        removal = prepared(passes, self.masker)
        values = np.zeros((passes.targets, passes.samples, max(map(len, passes.features))))
        at_sample = passes.target_values
        for group in groups(passes, removal):
            players = group.game.players
            if group.budget is not None and group.budget < 1 + players:
                passes.refuse_budget(players * removal.draws, group.members)
            without = group.game(~np.eye(players, dtype=bool), np.arange(len(group.members)))
            for t in range(passes.targets):
                values[t, group.members, :players] = at_sample[t][group.members, None] - without[:, :, t]
            passes.finished(len(group.members))
        return [Attribution([each], over="players", removal=removal.says) for each in values]
