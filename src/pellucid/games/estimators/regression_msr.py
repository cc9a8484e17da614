"""Regression-adjusted Monte Carlo: any proxy whose Shapley values are known, corrected by every value for every player."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Bool, Float

from ..estimator import Odd, Solution, Total
from ..pairs import Pairs
from ..proxies import shapley_of
from . import cross_fit, regression
from .leverage import design


@dataclass(frozen=True)
class RegressionMSR:
    """A proxy is fitted to the pairs, its exact Shapley values taken, and what it misses on other pairs added.

    Parameters
    ----------
    proxy
        An object with ``fit(rows, values)`` and ``predict(rows)`` whose Shapley values ``pellucid.games.proxies`` knows, or that
        tells them itself (``shapley(players)``); it is copied for each fit. By default, scikit-learn's
        ``GradientBoostingRegressor``.

    Notes
    -----
    Cross-fitted in five folds; one fit for each fold, sample and output. Source: witter2025regression.
    """

    proxy: Any = None

    name: ClassVar[str] = "regression-msr"
    index: ClassVar[str] = "shapley"

    def least(self, players: int) -> int:  # noqa: ARG002 (always the same)
        """One pair."""
        return regression.LEAST

    def design(self, players: int, pairs: int, seed: int) -> Pairs:
        """All sizes alike."""
        return design(players, pairs, seed)

    def solve(self, pairs: Pairs, odd: Odd, total: Total) -> Solution:
        """Cross-fitted."""
        return cross_fit.solve(pairs, odd, total, self._fit, "msr")

    def _fit(self, pairs: Pairs, odd: Odd, total: Total) -> _Fitted:
        first = np.concatenate([np.ones((1, pairs.players), bool), pairs.first()])
        rows = np.concatenate([first, ~first]).astype(float)
        seen = np.concatenate([total[None] / 2, odd])
        return _Fitted([self._proxy().fit(rows, np.concatenate([each, -each])) for each in seen.T], pairs.players)

    def _proxy(self) -> Any:
        if self.proxy is not None:
            return deepcopy(self.proxy)
        from sklearn.ensemble import GradientBoostingRegressor  # noqa: PLC0415 (slow to import, and rarely needed)

        return GradientBoostingRegressor(max_depth=4, subsample=0.7, random_state=0)


class _Fitted:
    """One fitted proxy for each column."""

    def __init__(self, proxies: list[Any], players: int) -> None:
        self.proxies = proxies
        self.shapley = np.stack([shapley_of(proxy, players) for proxy in proxies], axis=1)

    def at(self, rows: Bool[np.ndarray, "rows players"]) -> Float[np.ndarray, "rows columns"]:
        """Half the difference between rows and their complements."""
        both = np.concatenate([rows, ~rows]).astype(float)
        found = np.stack([np.ravel(proxy.predict(both)) for proxy in self.proxies], axis=1)
        return (found[: len(rows)] - found[len(rows) :]) / 2
