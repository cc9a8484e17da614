"""Interactions from a part of the coalitions: those of all games that agree with what was seen, weighed by how smooth they are.

Games are taken for draws of a Gaussian process in which coalitions that differ in few players are worth nearly the same: the
covariance of two values is ``t`` to the number of players in which the coalitions differ, plus something that each coalition has
to itself. On top of that lies any additive game. How smooth a game is (``t``), and how much each coalition has to itself, is
told by the values themselves, by their restricted likelihood. An interaction is a weighted sum of all the coalitions' values, so
what is expected of it, and how far it may be off, has a closed form; the games that are weighed agree with every value that was
seen, so whatever holds for an index holds here too: its values sum to what they must.

The process is one thing for the odd part of games, ``(v(S) - v(all without S)) / 2``, and another for the even part: with
coalitions in pairs both are seen directly and are independent.

Source: rasmussen2006gaussian.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from ..arrays.coalitions import ENTRIES, blocks
from .indices import members as sets_with
from .indices import sets_of

DEGREES = (0.02, 0.15, 0.5, 1.0, 2.0, 3.0, 5.0)
"""What is considered: about how many players the interactions have, besides pairs."""
ALONE = 10.0 ** np.arange(-8, 3)
"""What each coalition has to itself, relative to the smooth part."""
JUDGED = 384
"""Pairs, about, from which smoothness is told."""
KEPT = 3
"""The likeliest smoothnesses, over which results are averaged."""
UNLIKELY = 0.03
"""Share of the likeliest one's likelihood below which none is kept."""
NORMAL = 1.959963984540054

Rows = Float[np.ndarray, "rows columns"]
BySize = Sequence[Float[np.ndarray, " _"]]


@dataclass(frozen=True, eq=False)
class Estimated:
    """What is expected, and how far it may be off."""

    values: Float[np.ndarray, "columns sets"]
    standard_errors: Float[np.ndarray, "columns sets"]
    enough: bool
    """Whether there are rows enough for additive games to be told apart."""


def estimate(members: Bool[np.ndarray, "rows players"], odd: Rows, even: Rows | None, by_size: BySize) -> Estimated:
    """Interactions of one player, of two, and so on, of all columns.

    Parameters
    ----------
    members
        Coalitions, no two of them complements; the full one comes first.
    odd, even
        Half the difference, and half the sum, of their values and those of their complements; ``even`` may be left out where
        an index does not depend on it.
    by_size
        An index's weights for derivatives of 1, 2, ... players.
    """
    seen = _Seen(members)
    parts = [_part(seen, values, by_size, sign) for sign, values in ((-1, odd), (1, even)) if values is not None]
    return Estimated(
        values=sum((part[0] for part in parts), np.zeros(())).T,
        standard_errors=np.hypot(parts[0][1], parts[-1][1] if len(parts) > 1 else 0.0).T,
        enough=bool(seen.additive(-1).size),
    )


class _Seen:
    """The coalitions that were looked at, and in how many players they differ."""

    def __init__(self, members: Bool[np.ndarray, "rows players"]) -> None:
        self.members, self.players = members, members.shape[1]
        self.signs = np.where(members, 1.0, -1.0)
        self.size = members.sum(axis=1)
        self.apart = np.rint((self.players - self.signs @ self.signs.T) / 2).astype(np.int16)

    def additive(self, sign: int) -> Float[np.ndarray, "rows unknowns"]:
        """The additive games' odd part, or the constant; nothing where there are too few rows to tell."""
        whole = self.signs / 2 if sign < 0 else np.ones((len(self.signs), 1))
        told = len(whole) > whole.shape[1] and np.linalg.matrix_rank(whole) == whole.shape[1]
        return whole if told else whole[:, :0]


@dataclass(frozen=True)
class _Law:
    """How smooth games are."""

    t: float
    scale: float
    """The mean variance of the smooth part of what additive games leave, before it is divided by this."""
    alone: float


def _part(seen: _Seen, values: Rows, by_size: BySize, sign: int) -> tuple[np.ndarray, np.ndarray]:
    """Expected interactions ``(sets, columns)`` of the odd part (``sign`` -1) or the even one, and their standard errors."""
    unit = np.abs(values).max(axis=0)
    unit[unit == 0] = 1.0
    values = values / unit
    fixed = seen.additive(sign)
    laws, shares = _judge(seen, fixed, values, sign)
    sets = sum(sets_of(seen.players, size + 1) for size in range(len(by_size)))
    mean, variance = np.zeros((sets, values.shape[1])), np.zeros((sets, values.shape[1]))
    done = np.zeros(values.shape[1])
    for law, share in zip(laws, shares, strict=True):
        columns = np.flatnonzero(share)
        found, own = _posterior(seen, fixed, values[:, columns], by_size, sign, law)
        step = share[columns]  # the mean and variance of a mixture, one component after the other
        before = done[columns]
        done[columns] += step
        gap = found - mean[:, columns]
        mean[:, columns] += gap * step / done[columns]
        variance[:, columns] += step * own + gap**2 * step * before / done[columns]
    from scipy.stats import t as student  # noqa: PLC0415 (slow to import)

    widened = student.ppf(0.975, len(values) - fixed.shape[1]) / NORMAL
    return unit * mean, unit * (widened * np.sqrt(variance))


def _judge(seen: _Seen, fixed: np.ndarray, values: Rows, sign: int) -> tuple[list[_Law], Float[np.ndarray, "laws columns"]]:
    """The likeliest laws of each column, and their shares."""
    rows = min(len(values), max(JUDGED, 2 * fixed.shape[1]))
    fixed, values, apart = fixed[:rows], values[:rows], seen.apart[:rows, :rows]
    free = rows - fixed.shape[1]
    rest = np.linalg.qr(fixed, mode="complete")[0][:, fixed.shape[1] :]
    laws: list[_Law] = []
    likely: list[np.ndarray] = []
    for t in sorted({max(1 - 2 * degree / seen.players, 0.02) for degree in DEGREES}):
        smooth = rest.T @ _lookup(t, seen.players, sign)[apart] @ rest
        scale = max(float(np.trace(smooth)) / free, 1e-12)
        spread, axes = np.linalg.eigh(smooth / scale)
        along = (axes.T @ (rest.T @ values)) ** 2
        for alone in ALONE:
            total = np.maximum(spread, 0) + alone
            level = (along / total[:, None]).sum(axis=0) / free
            laws.append(_Law(t, scale, float(alone)))
            likely.append(-(np.log(total).sum() + free * np.log(np.maximum(level, np.finfo(float).tiny))) / 2)
    share = np.exp(np.array(likely) - np.max(likely, axis=0))
    least = np.maximum(np.sort(share, axis=0)[-KEPT], UNLIKELY)
    share = np.where(share >= least, share, 0.0)
    share /= share.sum(axis=0)
    some = share.any(axis=1)
    return [law for law, there in zip(laws, some, strict=True) if there], share[some]


def _lookup(t: float, players: int, sign: int) -> Float[np.ndarray, " distances"]:
    """The covariance of a part of two coalitions' values, by the number of players in which they differ."""
    apart = np.arange(players + 1)
    return (t**apart + sign * t ** (players - apart)) / 2


def _posterior(
    seen: _Seen, fixed: np.ndarray, values: Rows, by_size: BySize, sign: int, law: _Law
) -> tuple[Float[np.ndarray, "sets columns"], Float[np.ndarray, "sets columns"]]:
    """Expected interactions, and their variances."""
    from scipy.linalg import cho_factor, solve_triangular  # noqa: PLC0415 (slow to import)

    players, rows = seen.players, len(values)
    covariance = _lookup(law.t, players, sign)[seen.apart] / law.scale
    covariance.ravel()[:: rows + 1] += law.alone
    root = cho_factor(covariance, lower=True, overwrite_a=True, check_finite=False)[0]

    def whiten(right: np.ndarray) -> np.ndarray:
        return solve_triangular(root, right, lower=True, check_finite=False)

    given, against = whiten(values), whiten(fixed)
    axes, turn = np.linalg.qr(against)
    level = np.linalg.solve(turn, axes.T @ given)  # of the additive game
    given = given - against @ level
    noise = (given**2).sum(axis=0) / (rows - fixed.shape[1])
    parts: list[tuple[np.ndarray, np.ndarray]] = []
    for size, weights in enumerate(by_size, start=1):
        table, prior = _reach(weights, size, players, sign, law)
        sets = sets_with(players, size)
        for part in blocks(len(sets), rows, ENTRIES // 4):
            inside = seen.members[:, sets[part]].sum(axis=2)
            reach = whiten(table[seen.size[:, None], inside])
            additive = sign < 0 and size == 1 and len(turn)
            own = np.eye(players)[part] if additive else np.zeros((reach.shape[1], len(turn)))
            found = reach.T @ given + own @ level
            unsure = np.linalg.solve(turn.T, (own - reach.T @ against).T)
            spread = prior - (reach**2).sum(axis=0) + (unsure**2).sum(axis=0)
            parts.append((found, np.maximum(spread, 0)[:, None] * noise))
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def _reach(weights: np.ndarray, size: int, players: int, sign: int, law: _Law) -> tuple[Float[np.ndarray, "sizes inside"], float]:
    """The covariance of an interaction with a coalition's value, by the coalition's size and how many of the set it has; and
    the variance of the interaction itself.
    """
    others = players - size
    smooth, prior = _against(weights, _smoothed(weights, law.t) * (1 - law.t) ** size / law.scale / 2, size, sign)
    alone, own = _against(weights, weights * law.alone, size, sign)
    there = np.arange(players + 1)[:, None] - np.arange(size + 1)  # of the others, in a coalition of each size
    held = np.clip(there, 0, others)
    inside = np.broadcast_to(np.arange(size + 1), held.shape)
    return (smooth + alone)[held, inside], prior + own


def _against(weights: np.ndarray, reached: np.ndarray, size: int, sign: int) -> tuple[Float[np.ndarray, "others inside"], float]:
    """``reached`` is the covariance with a coalition that holds the whole set, by how many of the others it holds.

    Each player of the set who is absent changes its sign. A coalition's part joins it with its complement.
    """
    from scipy.special import gammaln  # noqa: PLC0415 (slow to import)

    inside = np.arange(size + 1)
    signs = (-1.0) ** (size - inside)
    both = signs * reached[:, None] + sign * (-1.0) ** inside * reached[::-1, None]
    others = len(weights) - 1
    ways = np.exp(gammaln(others + 1) - gammaln(np.arange(others + 1) + 1) - gammaln(others - np.arange(others + 1) + 1))
    prior = 2.0**size * float((ways * weights * (reached + sign * (-1.0) ** size * reached[::-1])).sum())
    return both, prior


def _smoothed(weights: np.ndarray, t: float) -> Float[np.ndarray, " others+1"]:
    """The weighted sum of ``t ** differences`` between a coalition of 0, 1, ... of the others and all coalitions of them."""
    others = len(weights) - 1
    present, absent = [np.ones(1)], [np.ones(1)]
    for _ in range(others):
        present.append(np.convolve(present[-1], [t, 1.0]))
        absent.append(np.convolve(absent[-1], [1.0, t]))
    return np.array([weights @ np.convolve(present[held], absent[others - held]) for held in range(others + 1)])
