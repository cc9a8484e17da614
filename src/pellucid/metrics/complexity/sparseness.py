"""Sparseness: how unequally attribution is shared among the players."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...core.measure import Ask, Direction, Group, Measured, Measurement
from ...core.view import Capability


@dataclass(frozen=True)
class Sparseness:
    """Gini index of the magnitudes: ``1 - 2 sum_k (|v|_(k) / ||v||_1) (d - k + 1/2) / d``, the smallest magnitude first.

    0 where all d magnitudes are equal, ``1 - 1/d`` where one player has everything: compare samples and explanations with the
    same number of players. Says nothing of whether the explanation is right. Undefined, as every score, where all values are
    alike.

    Cost: no model rows.

    Source: chalasani2020concise.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Linear(4, 1)
    >>> _ = torch.nn.init.constant_(net.weight, 1.0)
    >>> e = pl.explain(net, torch.tensor([[0.0, 0.0, 0.0, 1.0]]), target=0, method="input-x-gradient")
    >>> pl.evaluate(e, net, "sparseness")["sparseness"].values
    array([0.75])
    """

    name: ClassVar[str] = "sparseness"
    group: ClassVar[Group] = "complexity"
    summary: ClassVar[str] = "Gini index of the magnitudes: how few players have most of the attribution"
    direction: ClassVar[Direction] = "higher"
    range: ClassVar[str] = "from 0 to 1 - 1 / players"
    needs: ClassVar[frozenset[Capability]] = frozenset()
    asks: ClassVar[frozenset[Ask]] = frozenset()
    cite: ClassVar[tuple[str, ...]] = ("chalasani2020concise",)

    def measure(self, m: Measured) -> Measurement:
        """One index per sample."""
        return Measurement(np.array([_gini(np.abs(row[:n])) for row, n in zip(m.values, m.counts, strict=True)], np.float64))


def _gini(magnitudes: np.ndarray) -> float:
    count, largest = len(magnitudes), float(magnitudes.max(initial=0.0))
    if not largest:
        return np.nan
    shares = np.sort(magnitudes / largest)
    return float(1 - 2 * (shares / shares.sum()) @ (np.arange(count, 0, -1) - 0.5) / count)
