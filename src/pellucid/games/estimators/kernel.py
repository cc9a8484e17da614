"""Kernel SHAP: sizes as the Shapley kernel weighs them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..estimator import Odd, Solution, Total
from ..pairs import Pairs, sampled
from . import regression

_design = sampled("kernel")


@dataclass(frozen=True)
class Kernel:
    """Weighted regression on pairs that are drawn without replacement, each size as often as the Shapley kernel weighs it.

    The empty and the full coalition are met exactly; sizes with few coalitions are looked at whole.

    Source: lundberg2017unified, covert2021improving.
    """

    name: ClassVar[str] = "kernel"
    index: ClassVar[str] = "shapley"

    def least(self, players: int) -> int:  # noqa: ARG002 (always the same)
        """One pair; twice the players tell them apart."""
        return regression.LEAST

    def design(self, players: int, pairs: int, seed: int) -> Pairs:
        """Mostly small coalitions and large ones."""
        return _design(players, pairs, seed)

    def solve(self, pairs: Pairs, odd: Odd, total: Total) -> Solution:
        """Weighted least squares."""
        return regression.solve(pairs, odd, total)
