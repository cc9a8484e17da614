"""Completeness: whether the values sum to what they should explain."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...core.measure import Ask, Direction, Group, Measured, Measurement
from ...core.view import Capability


@dataclass(frozen=True)
class Completeness:
    """``|sum of all values - (f(x) - f(reference))| / |f(x) - f(reference)|``: 0 where everything is accounted for.

    The reference is the method's own where it has one (the baseline of integrated gradients, the empty coalition of Shapley
    values): there the number is the explanation's ``residual``. For other methods, which promise nothing of the kind, it is the
    sample with all players removed; a note says which it was. Differences within the model's rounding are 0. Undefined where
    the target is the same at the reference.

    Cost: no model rows; for methods without a reference one forward row per sample and background row.

    Source: sundararajan2017axiomatic.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1))
    >>> e = pl.explain(net, torch.tensor([[1.0, 2.0, 3.0]]), target=0, method="shapley")
    >>> bool(pl.evaluate(e, net, "completeness")["completeness"].values[0] < 1e-4)
    True
    """

    name: ClassVar[str] = "completeness"
    group: ClassVar[Group] = "axioms"
    summary: ClassVar[str] = "how far the sum of the values is from the change of the target that they explain"
    direction: ClassVar[Direction] = "lower"
    range: ClassVar[str] = "from 0"
    needs: ClassVar[frozenset[Capability]] = frozenset({"predict"})
    asks: ClassVar[frozenset[Ask]] = frozenset()
    cite: ClassVar[tuple[str, ...]] = ("sundararajan2017axiomatic",)

    def measure(self, m: Measured) -> Measurement:
        """One residual per sample."""
        own = m.base_value
        base = m.empty() if own is None else own
        change = m.value - base
        noise = m.rounding * np.maximum(np.abs(m.value), np.abs(base))
        missing = np.abs(m.total - change)
        missing = np.where(missing > noise, missing, 0.0)
        values = np.divide(missing, np.abs(change), out=np.full(m.samples, np.nan), where=np.abs(change) > noise)
        where = "that of the method" if own is not None else f"all players removed ({m.policies[0]})"
        return Measurement(values, notes=(f"the reference is {where}",))
