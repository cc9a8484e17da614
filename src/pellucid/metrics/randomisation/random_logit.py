"""Random logit: how much the explanation is like that of another output."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...core.declare import parameter
from ...core.errors import InputError
from ...core.measure import Ask, Direction, Group, Measured, Measurement
from ...core.view import Capability
from .new_weights import over_draws, ranked


@dataclass(frozen=True)
class RandomLogit:
    """Mean rank correlation of the values with those that the same method gives for another, random output of the model.

    Values keep their signs. From -1 to 1; near 1 the explanation does not depend on what is explained. A gate, never a ranking:
    outputs of a model may well be alike, and two opposite ones have opposite explanations. Other outputs are drawn without
    replacement, by how far they are behind the explained one, so that all samples share the draws. The interval is that of the
    mean over all other outputs, by Student's t corrected for skewness; where all were drawn it has no length. Undefined where
    the explanations of the others are constant. For models with several outputs of which one entry was explained.

    Cost: ``draws`` explanations anew per sample, and never more than there are other outputs.

    Source: sixt2020explanations.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
    >>> e = pl.explain(net, torch.rand(2, 6), target=0, method="input-x-gradient")
    >>> pl.evaluate(e, net, "random-logit")["random-logit"].details["others"].tolist()
    [[1, 2], [1, 2]]
    """

    name: ClassVar[str] = "random-logit"
    group: ClassVar[Group] = "randomisation"
    summary: ClassVar[str] = "rank correlation with explanations of other outputs: a gate, no ranking"
    direction: ClassVar[Direction] = "lower"
    range: ClassVar[str] = "from -1 to 1"
    needs: ClassVar[frozenset[Capability]] = frozenset({"predict"})
    asks: ClassVar[frozenset[Ask]] = frozenset({"randomise"})
    cite: ClassVar[tuple[str, ...]] = ("sixt2020explanations",)

    draws: int = parameter(5, "other outputs that are explained", least=1)

    def measure(self, m: Measured) -> Measurement:
        """One mean per sample."""
        shape = tuple(m.outputs.shape[1:])
        count = math.prod(shape)
        if m.indices is None or m.indices.shape[1] != len(shape):
            raise InputError("random-logit explains other entries of the outputs; here a neuron or a function was explained.")
        if count < 2:
            raise InputError("random-logit explains other outputs, and this model has one; use parameter-randomisation.")
        offsets = 1 + m.rng("other outputs").permutation(count - 1)[: self.draws]
        own = np.asarray(np.ravel_multi_index(tuple(m.indices.T), shape))
        others = (own[:, None] + offsets) % count
        explained = [m.explained_target(np.stack(np.unravel_index(each, shape), axis=1)) for each in others.T]
        found = np.array([ranked(m, m.values, values) for values in explained])
        values, bounds = over_draws(found, -1.0, 1.0, share=len(offsets) / (count - 1))
        return Measurement(values, bounds, details={"others": others, "by output": found.T})
