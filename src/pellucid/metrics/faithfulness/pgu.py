"""PGU: the prediction gap when noise is added to all but the most important players."""

from dataclasses import dataclass
from typing import ClassVar

from ...core.declare import parameter
from ...core.measure import Ask, Direction, Group, Measured, Measurement
from ...core.view import Capability
from .pgi import DRAWS, NOISE, SHARE, gap


@dataclass(frozen=True)
class PGU:
    """Prediction gap on unimportant players: mean of ``|f(x) - f(x with noise on all but the most important players)|``.

    From 0, in units of the target; small where the explanation is good. Players, noise and interval are those of ``pgi``.
    Undefined where the target stays the same, and where no player is left over.

    Cost: ``draws`` forward rows per sample.

    Source: agarwal2022openxai.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Linear(6, 1)
    >>> e = pl.explain(net, torch.arange(1.0, 7.0)[None], target=0)
    >>> pl.evaluate(e, net, "pgu")["pgu"].interval.shape
    (1, 2)
    """

    name: ClassVar[str] = "pgu"
    group: ClassVar[Group] = "faithfulness"
    summary: ClassVar[str] = "change of the target when noise is added to all but the most important players"
    direction: ClassVar[Direction] = "lower"
    range: ClassVar[str] = "from 0, in units of the target"
    needs: ClassVar[frozenset[Capability]] = frozenset({"predict"})
    asks: ClassVar[frozenset[Ask]] = frozenset()
    cite: ClassVar[tuple[str, ...]] = ("agarwal2022openxai",)

    share: float = parameter(0.25, SHARE, above=0, most=1)
    noise: float = parameter(0.1, NOISE, above=0)
    draws: int = parameter(32, DRAWS, least=2)

    def measure(self, m: Measured) -> Measurement:
        """One mean per sample."""
        return gap(m, self.name, self.share, self.noise, self.draws, important=False)
