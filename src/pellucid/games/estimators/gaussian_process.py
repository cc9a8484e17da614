"""A Gaussian process on the odd part of a game: interactions of all orders are fitted at once, and none is listed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np
from jaxtyping import Float, Int
from scipy.linalg import cholesky, solve_triangular
from scipy.special import stdtrit

from ...arrays.coalitions import blocks
from ...arrays.odd_kernels import Joint, Sets, Stationary, independent
from ..estimator import Odd, Solution, Total
from ..pairs import KEPT, Pairs
from . import regression
from .leverage import design
from .permutation import NORMAL

KINDS = (Stationary(1), Stationary(3), Joint(2))
"""Kinds of smoothness."""
NOISE = np.array([1e-8, 1e-6, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0])
"""Variances, relative to that of the smooth part, of what no smooth part explains."""
LEARNT = 384
"""Pairs from which kinds and variances are learnt."""
FITTED = 2048
"""Pairs to which the process is fitted at most."""
TINY = 1e-280
"""So that a game without interactions has a logarithm."""
SPARE = 4
"""Pairs more than unknowns without which there is nothing to learn from."""
MOST_PLAYERS = 512
"""More players than this leave no pairs to learn from."""


@dataclass(frozen=True)
class GaussianProcess:
    """An additive game, plus a smooth random one, plus a value of its own for every coalition, fitted to pairs.

    The covariances of ``odd_kernels.py`` give the Shapley values of the fit, and their posterior variances, in closed form. The
    kind of smoothness and the variances are averaged over a small grid by their restricted likelihood, for each sample and output
    by itself; factorisations are shared by all of them. The additive part is not shrunk: an additive game is found exactly. Every
    coalition that was seen counts with its own weight in Shapley's formula, so nothing is left to chance once all are seen.

    Beyond 384 pairs, kind and variances are those that the first 384 prefer; beyond 2048, the process is fitted to the first
    2048, and the regression of ``leverage`` on all others corrects it.

    Source: rasmussen2006gaussian (the process), musco2025leverage (the design), fumagalli2026odd (the odd part).
    """

    name: ClassVar[str] = "gaussian-process"
    index: ClassVar[str] = "shapley"

    def least(self, players: int) -> int:  # noqa: ARG002 (always the same)
        """As for regression."""
        return regression.LEAST

    def design(self, players: int, pairs: int, seed: int) -> Pairs:
        """All sizes alike."""
        return design(players, pairs, seed)

    def solve(self, pairs: Pairs, odd: Odd, total: Total) -> Solution:
        """Posterior means, and roots of posterior variances."""
        return fit(pairs, odd, total) if enough(pairs) else regression.solve(pairs, odd, total)


def enough(pairs: Pairs) -> bool:
    """Whether there are pairs to learn from."""
    return len(pairs) + 1 >= pairs.players + SPARE and pairs.players <= MOST_PLAYERS


def fit(pairs: Pairs, odd: Odd, total: Total) -> Solution:
    """The same, where there are enough pairs."""
    first = pairs.beginning(max(LEARNT, 2 * pairs.players))
    spectra = _spectra(first)
    seen = np.concatenate([total[None] / 2, odd[: len(first)]])
    learnt = _learn(spectra, seen)
    fitted = None
    if len(pairs) > FITTED:
        fitted = _Fit(pairs.beginning(FITTED), spectra, learnt, odd[:FITTED], total)
        values, variance = fitted.values, fitted.variance
    elif len(pairs) > len(first):
        values, variance = _refit(pairs, spectra, learnt, np.concatenate([total[None] / 2, odd]))
    else:
        values, variance = _average(spectra, learnt, seen)
    values += (total - values.sum(axis=0)) / pairs.players
    widened = stdtrit(len(first) + 1 - pairs.players, 0.975) / NORMAL
    solution = Solution(values.T, widened * np.sqrt(variance).T, (_share(learnt),))
    if fitted is None:
        return solution
    corrected = _corrected(fitted, pairs, odd, total)
    better = (corrected.standard_errors**2).sum(axis=1) < (solution.standard_errors**2).sum(axis=1)
    better = better[:, None]
    return Solution(
        np.where(better, corrected.values, solution.values),
        np.where(better, corrected.standard_errors, solution.standard_errors),
        (*solution.notes, *corrected.notes),
    )


@dataclass(frozen=True, eq=False)
class _Spectrum:
    """One kind of smoothness at the design's coalitions, as far as the additive part leaves it, by its axes."""

    axes: Float[np.ndarray, "rows spare"]
    scale: Float[np.ndarray, " spare"]
    """Variances along the axes, by their mean."""
    mean: float
    smooth: Float[np.ndarray, "players spare"]
    """What a unit along an axis says of Shapley values, if the smooth part made it."""
    alone: Float[np.ndarray, "players spare"]
    """The same, if values of their own made it."""
    variance: Float[np.ndarray, "noise players"]
    """Posterior variances, for each of the noises."""


@dataclass(frozen=True, eq=False)
class _Spectra:
    least_squares: Float[np.ndarray, "players rows"]
    """The additive part, as if there were nothing else."""
    kinds: tuple[_Spectrum, ...]


@dataclass(frozen=True, eq=False)
class _Learnt:
    """The posterior of kind and noise for each column."""

    share: Float[np.ndarray, "kinds noise columns"]
    scale: Float[np.ndarray, "kinds noise columns"]
    """Variances that go with each."""
    along: tuple[Float[np.ndarray, "spare columns"], ...]
    """For each kind, what was seen along its axes."""

    def best(self) -> list[tuple[int, int, Int[np.ndarray, " chosen"], Float[np.ndarray, " chosen"]]]:
        """For each kind and noise that are the likeliest of some columns: these columns, and the scales."""
        columns = self.share.shape[-1]
        likeliest = self.share.reshape(-1, columns).argmax(axis=0)
        found: list[tuple[int, int, np.ndarray, np.ndarray]] = []
        for each in np.unique(likeliest):
            kind, noise = divmod(int(each), len(NOISE))
            chosen = np.flatnonzero(likeliest == each)
            found.append((kind, noise, chosen, self.scale[kind, noise, chosen]))
        return found


def _rows(pairs: Pairs) -> Sets:
    """The full coalition and the first members of the pairs."""
    return np.concatenate([np.ones((1, pairs.players), bool), pairs.first()])


def _spectra(pairs: Pairs) -> _Spectra:
    return (_kept if len(pairs) <= LEARNT else _factorised)(pairs)


def _factorised(pairs: Pairs) -> _Spectra:
    rows, players = _rows(pairs), pairs.players
    additive = rows - 0.5
    spare = np.linalg.qr(additive, mode="complete")[0][:, players:]
    least_squares = np.linalg.pinv(additive)
    own, own_variance = independent(rows)
    own_left = (least_squares**2).sum(axis=1) - 2 * (least_squares * own).sum(axis=1) + own_variance
    kinds: list[_Spectrum] = []
    for kind in KINDS:
        between, with_values = kind.between(rows, rows), kind.shapley(rows)
        missed = least_squares @ between
        scale, axes = np.linalg.eigh(spare.T @ between @ spare)
        mean = float(scale.mean())
        scale, axes = np.maximum(scale / mean, 0), spare @ axes
        smooth, alone = (with_values - missed) @ axes / mean, own @ axes
        left = (missed * least_squares).sum(axis=1) - 2 * (least_squares * with_values).sum(axis=1) + kind.variance(players)
        variance = [
            left / mean + noise * own_left - ((smooth + noise * alone) ** 2 / (scale + noise)).sum(axis=1) for noise in NOISE
        ]
        kinds.append(_Spectrum(axes, scale, mean, smooth, alone, np.maximum(variance, 0)))
    return _Spectra(least_squares, tuple(kinds))


_kept = lru_cache(maxsize=4)(_factorised)


def _learn(spectra: _Spectra, seen: Float[np.ndarray, "rows columns"]) -> _Learnt:
    """Restricted likelihoods of the grid, the overall scale at its best."""
    likelihood, scales, along = [], [], []
    for kind in spectra.kinds:
        found = kind.axes.T @ seen
        spread = kind.scale + NOISE[:, None]
        scale = (1 / spread) @ (found * found) / len(found)
        likelihood.append(-0.5 * (np.log(spread).sum(axis=1)[:, None] + len(found) * np.log(scale + TINY)))
        scales.append(scale)
        along.append(found)
    share = np.array(likelihood)
    share = np.exp(share - share.max(axis=(0, 1)))
    return _Learnt(share / share.sum(axis=(0, 1)), np.array(scales), tuple(along))


def _average(
    spectra: _Spectra, learnt: _Learnt, seen: Float[np.ndarray, "rows columns"]
) -> tuple[Float[np.ndarray, "players columns"], Float[np.ndarray, "players columns"]]:
    """Means and variances over the grid."""
    parts: list[np.ndarray] = []
    variance = np.zeros((len(spectra.least_squares), seen.shape[1]))
    for kind, share, scale, along in zip(spectra.kinds, learnt.share, learnt.scale, learnt.along, strict=True):
        damped = 1 / (kind.scale[:, None] + NOISE)
        parts.append(kind.smooth @ (along * (damped @ share)) + kind.alone @ (along * ((damped * NOISE) @ share)))
        variance += kind.variance.T @ (share * scale)
    between = learnt.share.sum(axis=1)
    mean = np.sum(parts, axis=0)
    # Each part already counts by its share; the kinds differ from each other by what they would say alone.
    for part, share in zip(parts, between, strict=True):
        variance = variance + np.where(share > 1e-6, (part / np.maximum(share, 1e-6) - mean) ** 2 * share, 0.0)
    return spectra.least_squares @ seen + mean, variance


def _refit(
    pairs: Pairs, spectra: _Spectra, learnt: _Learnt, seen: Float[np.ndarray, "rows columns"]
) -> tuple[Float[np.ndarray, "players columns"], Float[np.ndarray, "players columns"]]:
    """Means and variances under each column's likeliest kind and noise, from more pairs than those they were learnt from."""
    values = np.zeros((pairs.players, seen.shape[1]))
    variance = np.zeros_like(values)
    known = _kept_map if len(pairs) * pairs.players <= KEPT else _linear_map
    for kind, noise, chosen, scale in learnt.best():
        found = known(pairs, KINDS[kind], NOISE[noise] * spectra.kinds[kind].mean)
        values[:, chosen] = found[0] @ seen[:, chosen]
        variance[:, chosen] = found[1][:, None] * scale / spectra.kinds[kind].mean
    return values, variance


def _linear_map(
    pairs: Pairs, kind: Stationary | Joint, noise: float
) -> tuple[Float[np.ndarray, "players rows"], Float[np.ndarray, " players"]]:
    """Posterior means as a matrix, and variances."""
    white = _White(_rows(pairs), kind, noise)
    return np.ascontiguousarray(white.back(white.missed @ white.base.T + white.cross.T).T), white.variance


_kept_map = lru_cache(maxsize=32)(_linear_map)


class _White:
    """The process at some coalitions, in coordinates in which its values are independent."""

    def __init__(self, rows: Sets, kind: Stationary | Joint, noise: float) -> None:
        players = rows.shape[1]
        own, own_variance = independent(rows)
        self.smooth = kind.shapley(rows)
        self.whole = self.smooth + noise * own
        between = kind.between(rows, rows)
        between.flat[:: len(rows) + 1] += noise
        self._root = cholesky(between, lower=True, overwrite_a=True, check_finite=False)
        white = self.to(np.concatenate([rows - 0.5, self.whole.T], axis=1))
        self.base, self.cross = white[:, :players], white[:, players:]
        self.inverse = np.linalg.inv(self.base.T @ self.base)
        self.missed = (np.eye(players) - self.cross.T @ self.base) @ self.inverse
        variance = kind.variance(players) + noise * own_variance - (self.cross**2).sum(axis=0)
        variance += ((self.missed @ (self.base.T @ self.base)) * self.missed).sum(axis=1)
        self.variance = np.maximum(variance, 0)

    def to(self, seen: Float[np.ndarray, "rows columns"]) -> Float[np.ndarray, "rows columns"]:
        """Into these coordinates."""
        return solve_triangular(self._root, seen, lower=True, check_finite=False)

    def back(self, white: Float[np.ndarray, "columns rows"]) -> Float[np.ndarray, "rows columns"]:
        """Weights of the coalitions."""
        return solve_triangular(self._root, white.T, lower=True, trans=1, check_finite=False)


class _Fit:
    """Each column's likeliest process as a function of coalitions, fitted to the first pairs."""

    def __init__(self, pairs: Pairs, spectra: _Spectra, learnt: _Learnt, odd: Odd, total: Total) -> None:
        self.rows, self.best = _rows(pairs), learnt.best()
        seen = np.concatenate([total[None] / 2, odd])
        self.weights = np.zeros(seen.shape)
        self.additive, self.shapley, self.values, self.variance = np.zeros((4, pairs.players, seen.shape[1]))
        for kind, noise, chosen, scale in self.best:
            white = _White(self.rows, KINDS[kind], NOISE[noise] * spectra.kinds[kind].mean)
            values = white.to(seen[:, chosen])
            self.additive[:, chosen] = additive = white.inverse @ (white.base.T @ values)
            self.weights[:, chosen] = weights = white.back((values - white.base @ additive).T)
            self.shapley[:, chosen] = additive + white.smooth @ weights
            self.values[:, chosen] = additive + white.whole @ weights
            self.variance[:, chosen] = white.variance[:, None] * scale / spectra.kinds[kind].mean

    def at(self, rows: Sets) -> Float[np.ndarray, "rows columns"]:
        """The fit's additive and smooth part at any coalitions."""
        found = (rows - 0.5) @ self.additive
        for kind in {kind for kind, *_ in self.best}:
            chosen = np.concatenate([columns for each, _, columns, _ in self.best if each == kind])
            found[:, chosen] += KINDS[kind].between(rows, self.rows) @ self.weights[:, chosen]
        return found


def _corrected(fit: _Fit, pairs: Pairs, odd: Odd, total: Total) -> Solution:
    """The Shapley values of the fit, and those of what it leaves, by regression on the pairs that it was not fitted to.

    Sizes that are known whole leave nothing to chance: there the pairs that it was fitted to count too.
    """
    share = regression.weights(pairs)
    counted = np.flatnonzero((np.arange(len(pairs)) >= FITTED) | (share.unseen == 0))
    rest = Pairs(pairs.players, pairs.packed[counted], pairs.size[counted])
    left = odd[counted]
    for part in blocks(len(rest), len(fit.rows)):
        left[part] -= fit.at(rest.first(part.start, part.stop))
    ends = total - 2 * fit.at(np.ones((1, pairs.players), bool))[0]
    solved = regression.solve(rest, left, ends)
    note = f"It was fitted to {FITTED} pairs of coalitions; where it helps, what it leaves of the other {len(rest)} was added."
    return Solution(fit.shapley.T + solved.values, solved.standard_errors, (note, *solved.notes))


def _share(learnt: _Learnt) -> str:
    smooth = float(np.median((learnt.share / (1 + NOISE[:, None])).sum(axis=(0, 1))))
    return f"A smooth part explains {smooth:.0%} of the interactions (median over samples and outputs)."
