"""An additive stand-in for a game near the coalition of all: weighted regression on who is present, and on products of two."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from ..arrays.balanced_pairs import third_order
from ..arrays.draws import generator
from ..arrays.subset_selection import Way, forward, select
from ..arrays.weighted_fit import Fit, Moments, Rows, coefficients, fit, inverse
from .nearness import Coalitions

SPLITS = 8
"""Times that the coalitions are parted in two halves to see how stable the coefficients are."""
WORK = 1 << 24
"""Work that parting in halves may cost: where there is more, it is done less often."""
THREES = (2 / 3, 1 / 3)
"""The share of what is left that is due to sets of three players, before it is looked at, and its standard deviation."""
PARTNERS = 40
"""Players whose products are looked at: those with the largest coefficients, where there are more."""


@dataclass(frozen=True, eq=False)
class Wishes:
    """How the surrogate is to be.

    ``ridge`` is the penalty beside as many rows of weight 0 to 1 as there are coalitions; ``keep`` players at most, chosen by
    ``way``; ``pairs`` products of two, or ``None`` for as many as the coalitions speak for.
    """

    ridge: float = 0.0
    keep: int | None = None
    way: Way = "lasso-path"
    pairs: int | None = 0


@dataclass(frozen=True, eq=False)
class Surrogate:
    """Surrogates of all columns: a column is one output of one sample."""

    coefficients: Float[np.ndarray, "columns players"]
    standard_errors: Float[np.ndarray, "columns players"]
    """Infinite where the coalitions do not tell the players apart; 0 for players that are not kept."""
    intercept: Float[np.ndarray, " columns"]
    prediction: Float[np.ndarray, " columns"]
    """The surrogate's own value with all players present."""
    r2: Float[np.ndarray, " columns"]
    stability: Float[np.ndarray, " columns"]
    """Rank correlation of the coefficients to be expected between two runs with other coalitions; NaN where it is not known."""
    pairs: Int[np.ndarray, "columns pairs 2"]
    """The players of each product, -1 where there is none."""
    pair_coefficients: Float[np.ndarray, "columns pairs"]
    pair_errors: Float[np.ndarray, "columns pairs"]
    missing: int
    """Directions in which the coalitions do not tell the players apart."""


def surrogate(coalitions: Coalitions, values: Float[np.ndarray, "coalitions columns"], wishes: Wishes, seed: int) -> Surrogate:
    """Regress the values of coalitions on the players.

    Coefficients are those of weighted ridge regression; all columns share its factorisation, where all keep the same players.
    """
    players, columns = coalitions.players, values.shape[1]
    whole = values[0].copy()
    values = values - whole
    rows = _rows(coalitions, lambda part: coalitions.rows(part).astype(float), players)
    penalty = wishes.ridge / max(len(coalitions) * coalitions.average, 1e-300)
    moments = Moments.of(rows, values)
    chosen = _kept(moments, wishes, penalty, columns)
    products = [_products(coalitions, values, moments, at, wishes, column) for column, at in _each(chosen, columns, wishes)]
    if chosen is None and not any(len(each) for each in products):
        found = _fit(coalitions, rows, values, moments, penalty)
        beta, errors, fits = found.coefficients.T, found.standard_errors.T, [found]
        none = np.zeros((columns, 0))
        pairs, pair_beta, pair_errors = np.zeros((columns, 0, 2), int), none, none
        intercept, r2 = found.intercept, found.r2
    else:
        kept = [np.arange(players)] * columns if chosen is None else chosen
        products = products or [np.zeros((0, 2), int)] * columns
        fits = [
            _fit_one(coalitions, values[:, [c]], at, product, penalty)
            for c, (at, product) in enumerate(zip(kept, products, strict=True))
        ]
        beta, errors = np.zeros((columns, players)), np.zeros((columns, players))
        most = max(map(len, products))
        pairs, pair_beta, pair_errors = np.full((columns, most, 2), -1), np.zeros((columns, most)), np.zeros((columns, most))
        for c, (each, at, product) in enumerate(zip(fits, kept, products, strict=True)):
            beta[c, at], errors[c, at] = each.coefficients[: len(at), 0], each.standard_errors[: len(at), 0]
            pairs[c, : len(product)] = product
            pair_beta[c, : len(product)] = each.coefficients[len(at) :, 0]
            pair_errors[c, : len(product)] = each.standard_errors[len(at) :, 0]
        intercept, r2 = np.array([each.intercept[0] for each in fits]), np.array([each.r2[0] for each in fits])
    intercept = intercept + whole
    return Surrogate(
        beta,
        errors,
        intercept,
        intercept + beta.sum(axis=1) + pair_beta.sum(axis=1),
        r2,
        _stability(coalitions, rows, values, moments, wishes, penalty, seed),
        pairs,
        pair_beta,
        pair_errors,
        max(each.missing for each in fits),
    )


def _rows(coalitions: Coalitions, make: Callable[[slice], np.ndarray], width: int) -> Rows:
    return Rows(make, width, coalitions.weights, coalitions.chance, coalitions.single)


def _fit(coalitions: Coalitions, rows: Rows, values: np.ndarray, moments: Moments | None, penalty: float) -> Fit:
    """The regression; where the coalitions are balanced, with standard errors that know it."""
    found = fit(rows, values, moments, penalty)
    if not coalitions.balanced:
        return found
    return replace(found, standard_errors=found.standard_errors * balance(coalitions, rows, values, found))


def balance(
    coalitions: Coalitions, rows: Rows, values: Float[np.ndarray, "coalitions columns"], found: Fit
) -> Float[np.ndarray, "width columns"]:
    """Factors by which errors are smaller than those of coalitions drawn at random.

    What is left of the odd part of the game is taken to be due to sets of three players, all alike, and to higher orders, which
    are like chance. How much is due to threes is read from the products of residuals of different coalitions, and held
    against the usual share as far as those say little.
    """
    pairs = slice(coalitions.single, len(coalitions))
    given = rows.make(pairs)
    lever = rows.weights[pairs, None] * ((given - found.mean) @ found.inverse)
    lever = lever[0::2] - lever[1::2]
    left = found.residuals(given, values[pairs])
    odd = (left[0::2] - left[1::2]) / 2
    alike = third_order(coalitions.rows(pairs)[0::2])
    size = (lever**2).sum(axis=0)
    mixed = np.divide(((alike @ lever) * lever).sum(axis=0), size, out=np.ones(len(size)), where=size > 0)
    others = alike - np.eye(len(alike))
    told = float((others**2).sum())
    scale = np.maximum((odd**2).mean(axis=0), 1e-300)
    seen = ((others @ odd) * odd).sum(axis=0) / scale
    usual, spread = THREES
    share = np.clip((seen / 2 + usual / spread**2) / (told / 2 + 1 / spread**2), 0.0, 1.0)
    return np.sqrt(1 - share + share * np.clip(mixed, 0.0, None)[:, None])


def _fit_one(coalitions: Coalitions, column: np.ndarray, at: np.ndarray, product: np.ndarray, penalty: float) -> Fit:
    """One column on some players and some products."""

    def make(part: slice) -> np.ndarray:
        present = coalitions.rows(part).astype(float)
        return np.concatenate([present[:, at], present[:, product[:, 0]] * present[:, product[:, 1]]], axis=1)

    return _fit(coalitions, _rows(coalitions, make, len(at) + len(product)), column, None, penalty)


def _kept(moments: Moments, wishes: Wishes, penalty: float, columns: int) -> list[np.ndarray] | None:
    """The players that each column keeps; ``None`` where all keep all."""
    gram, right = moments.gram, moments.right
    if wishes.keep is None or wishes.keep >= len(gram):
        return None
    return [select(gram, right[:, column], wishes.keep, wishes.way, penalty) for column in range(columns)]


def _each(chosen: list[np.ndarray] | None, columns: int, wishes: Wishes) -> list[tuple[int, np.ndarray | None]]:
    """The columns that look for products, and the players that they keep."""
    if wishes.pairs == 0:
        return []
    return [(column, None if chosen is None else chosen[column]) for column in range(columns)]


def _products(
    coalitions: Coalitions, values: np.ndarray, moments: Moments, at: np.ndarray | None, wishes: Wishes, column: int
) -> Int[np.ndarray, "pairs 2"]:
    """Products of two players by forward selection, beside the players themselves."""
    kept = np.arange(coalitions.players) if at is None else at
    mine = moments.of_column(column).of_regressors(kept)
    if len(kept) > PARTNERS:
        size = np.abs(coefficients(mine)[:, 0])
        kept = np.sort(kept[np.argsort(-size, kind="stable")[:PARTNERS]])
    first, second = np.triu_indices(len(kept), 1)
    if not len(first):
        return np.zeros((0, 2), int)
    singles = np.arange(coalitions.players) if at is None else at

    def make(part: slice) -> np.ndarray:
        present = coalitions.rows(part).astype(float)
        own = present[:, kept]
        return np.concatenate([present[:, singles], own[:, first] * own[:, second]], axis=1)

    width = len(singles) + len(first)
    every = Moments.of(_rows(coalitions, make, width), values[:, [column]])
    gram, right, alone = every.gram, every.right[:, 0], len(singles)
    inverted = inverse(gram[:alone, :alone])[0]
    across = inverted @ gram[:alone, alone:]
    left = gram[alone:, alone:] - gram[alone:, :alone] @ across
    rest = right[alone:] - across.T @ right[:alone]
    weights = coalitions.weights
    total = float(weights @ (values[:, column] - weights @ values[:, column]) ** 2)
    unexplained = max(total - float(right[:alone] @ inverted @ right[:alone]), 0.0)
    most = coalitions.players if wishes.pairs is None else wishes.pairs
    order, gains = forward(left, rest, most, 1e-12 * total)
    if wishes.pairs is None:
        order = order[: _spoken_for(gains, unexplained, 1 / float(weights @ weights), len(first))]
    return np.stack([kept[first[order]], kept[second[order]]], axis=1)


def _spoken_for(gains: np.ndarray, unexplained: float, rows: float, candidates: int) -> int:
    """How many of the gains lower the extended Bayesian information criterion."""
    left = np.maximum(unexplained - np.concatenate([[0.0], np.cumsum(gains)]), 1e-12 * max(unexplained, 1e-300))
    criterion = rows * np.log(left) + np.arange(len(left)) * (np.log(rows) + 2 * np.log(candidates))
    return int(criterion.argmin())


def _stability(
    coalitions: Coalitions,
    rows: Rows,
    values: np.ndarray,
    moments: Moments,
    wishes: Wishes,
    penalty: float,
    seed: int,
) -> Float[np.ndarray, " columns"]:
    """Rank correlation between refits on halves of the coalitions, brought to the full number by Spearman and Brown's formula."""
    players, columns = coalitions.players, values.shape[1]
    if coalitions.everything:
        return np.ones(columns)
    units = (len(coalitions) - coalitions.single) // 2
    loose = coalitions.single - 2
    if players < 3 or units + loose < 2 * players:
        return np.full(columns, np.nan)
    rng = generator(seed, "surrogate halves", players)
    splits = int(np.clip(WORK // (len(coalitions) * players * (players + columns)), 1, SPLITS))
    found = np.zeros(columns)
    for _ in range(splits):
        side = np.concatenate([[1.0, 0.0], _half(loose, rng), np.repeat(_half(units, rng), 2)])
        one = Moments.of(rows.without(side), values)
        found += _agreement(*(_refitted(each, wishes, penalty * each.weight, columns) for each in (one, moments - one)))
    mean = np.maximum(found / splits, 1e-12)
    noise = (1 - mean) / mean / 2
    if coalitions.balanced:  # halves are less so
        less = balance(coalitions, rows, values, fit(rows, values, moments, penalty)) ** 2
        noise = noise * (2 * less / (1 + less)).mean(axis=0)
    return np.where(found > 0, 1 / (1 + noise), found / splits)


def _half(count: int, rng: np.random.Generator) -> np.ndarray:
    return (rng.permutation(count) % 2).astype(float)


def _refitted(moments: Moments, wishes: Wishes, penalty: float, columns: int) -> Float[np.ndarray, "players columns"]:
    chosen = _kept(moments, wishes, penalty, columns)
    if chosen is None:
        return coefficients(moments, penalty)
    beta = np.zeros_like(moments.products[1:])
    for column, at in enumerate(chosen):
        beta[at, column] = coefficients(moments.of_column(column).of_regressors(at), penalty)[:, 0]
    return beta


def _agreement(first: np.ndarray, second: np.ndarray) -> Float[np.ndarray, " columns"]:
    """Rank correlation of each column; 1 for two that are constant, 0 for one."""
    from scipy.stats import rankdata  # noqa: PLC0415 (slow to import)

    one, two = (rankdata(each, axis=0) for each in (first, second))
    one, two = one - one.mean(axis=0), two - two.mean(axis=0)
    size = np.sqrt((one**2).sum(axis=0) * (two**2).sum(axis=0))
    both = ((one**2).sum(axis=0) == 0) & ((two**2).sum(axis=0) == 0)
    return np.where(both, 1.0, (one * two).sum(axis=0) / np.where(size > 0, size, 1.0))


def sentences(found: Sequence[Surrogate], coalitions: Coalitions) -> tuple[str, ...]:
    """What is to be said of the surrogates."""
    missing = max(each.missing for each in found)
    if not missing:
        return ()
    return (
        f"{len(coalitions)} coalitions do not tell {coalitions.players} features apart: {missing} directions are missing, and "
        "the smallest weights that agree with what was seen are given, without standard errors. "
        f"{2 * coalitions.players + 2} coalitions, or a ridge, tell them apart.",
    )
