"""Leverage SHAP: all sizes alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..estimator import Odd, Solution, Total
from ..pairs import Pairs, sampled
from . import regression

design = sampled("leverage")


@dataclass(frozen=True)
class Leverage:
    """Weighted regression on pairs that are drawn without replacement, by their leverage: every size as often as every other.

    Source: musco2025leverage.
    """

    name: ClassVar[str] = "leverage"
    index: ClassVar[str] = "shapley"

    def least(self, players: int) -> int:  # noqa: ARG002 (always the same)
        """One pair; twice the players tell them apart."""
        return regression.LEAST

    def design(self, players: int, pairs: int, seed: int) -> Pairs:
        """All sizes alike."""
        return design(players, pairs, seed)

    def solve(self, pairs: Pairs, odd: Odd, total: Total) -> Solution:
        """Weighted least squares."""
        return regression.solve(pairs, odd, total)
