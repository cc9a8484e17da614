"""Weighted ridge regression of many columns on shared regressors, in blocks of rows, with standard errors.

Rows come alone or two by two: a draw and the draw opposite to it, which count as one for the standard errors.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from .coalitions import blocks

SMALLEST = 1e-10
"""Directions with less than this share of the largest eigenvalue are missing from the rows."""
BLOCK = 1 << 15
"""Entries of a block of regressors: small enough for the caches."""

Regressors = Callable[[slice], Float[np.ndarray, "rows width"]]
"""Makes some of the rows."""


@dataclass(frozen=True, eq=False)
class Rows:
    """What is regressed on, and how much each row counts.

    The first ``single`` rows stand alone; after them each two are a pair. ``chance`` is the share of what a row stands for that
    was not seen: where it is 0, the row adds nothing to the standard errors.
    """

    make: Regressors
    width: int
    weights: Float[np.ndarray, " rows"]
    chance: Float[np.ndarray, " rows"]
    single: int

    def parts(self) -> list[slice]:
        """Slices that part no pair."""
        pairs = blocks((len(self.weights) - self.single) // 2, 2 * max(self.width, 1), BLOCK)
        alone = blocks(self.single, max(self.width, 1), BLOCK)
        return alone + [slice(self.single + 2 * each.start, self.single + 2 * each.stop) for each in pairs]

    def without(self, share: Float[np.ndarray, " rows"]) -> Rows:
        """The same rows, each at a share of its weight."""
        return Rows(self.make, self.width, self.weights * share, self.chance, self.single)


@dataclass(frozen=True, eq=False)
class Moments:
    """Weighted sums of regressors (with a constant in front) and of their products with the columns; they can be subtracted."""

    squares: Float[np.ndarray, "width+1 width+1"]
    products: Float[np.ndarray, "width+1 columns"]

    @classmethod
    def of(cls, rows: Rows, columns: Float[np.ndarray, "rows columns"]) -> Moments:
        """One pass over the rows."""
        squares, products = np.zeros((rows.width + 1, rows.width + 1)), np.zeros((rows.width + 1, columns.shape[1]))
        for part in rows.parts():
            given, weight = rows.make(part), rows.weights[part]
            weighted = given * weight[:, None]
            squares[0, 0] += weight.sum()
            squares[0, 1:] += weight @ given
            squares[1:, 1:] += weighted.T @ given
            products[0] += weight @ columns[part]
            products[1:] += weighted.T @ columns[part]
        squares[1:, 0] = squares[0, 1:]
        return cls(squares, products)

    def __sub__(self, other: Moments) -> Moments:
        return Moments(self.squares - other.squares, self.products - other.products)

    @property
    def weight(self) -> float:
        """All that the rows count."""
        return float(self.squares[0, 0])

    @property
    def gram(self) -> Float[np.ndarray, "width width"]:
        """Products of the regressors about their means."""
        mean = self.squares[0, 1:]
        return self.squares[1:, 1:] - np.outer(mean, mean) / self.weight

    @property
    def right(self) -> Float[np.ndarray, "width columns"]:
        """Products of regressors and columns about their means."""
        return self.products[1:] - np.outer(self.squares[0, 1:], self.products[0]) / self.weight

    def of_regressors(self, chosen: np.ndarray) -> Moments:
        """Those of some of the regressors."""
        at = np.concatenate([[0], np.asarray(chosen, int) + 1])
        return Moments(self.squares[np.ix_(at, at)], self.products[at])

    def of_column(self, column: int) -> Moments:
        """Those of one column."""
        return Moments(self.squares, self.products[:, column : column + 1])


@dataclass(frozen=True, eq=False)
class Fit:
    """A regression of each column."""

    coefficients: Float[np.ndarray, "told columns"]
    standard_errors: Float[np.ndarray, "told columns"]
    """Infinite where the rows do not tell the regressors apart."""
    intercept: Float[np.ndarray, " columns"]
    r2: Float[np.ndarray, " columns"]
    """Weighted share of the variance that is explained; 1 for a column that is constant."""
    missing: int
    """Directions in which the rows say nothing."""
    inverse: Float[np.ndarray, "width width"]
    """Of the products of the regressors about their means."""
    mean: Float[np.ndarray, " width"]
    """Of the regressors."""

    def residuals(self, given: np.ndarray, columns: np.ndarray) -> Float[np.ndarray, "rows columns"]:
        """What is left of some rows."""
        return columns - given @ self.coefficients - self.intercept


def inverse(gram: Float[np.ndarray, "width width"], penalty: float = 0.0) -> tuple[Float[np.ndarray, "width width"], int]:
    """The inverse of ``gram + penalty``, on the directions that there are, and how many are missing.

    >>> inverse(np.diag([2.0, 0.0]))
    (array([[0.5, 0. ],
           [0. , 0. ]]), 1)
    """
    width = len(gram)
    if not width:
        return gram.copy(), 0
    full = gram + penalty * np.eye(width)
    try:
        found = np.linalg.inv(full)
        if np.abs(found).max() * np.abs(full).max() < 1e-3 / SMALLEST:
            return found, 0
    except np.linalg.LinAlgError:
        pass
    scale, axes = np.linalg.eigh(full)
    seen = scale > SMALLEST * max(scale.max(), 1e-300)
    return (axes[:, seen] / scale[seen]) @ axes[:, seen].T, width - int(seen.sum())


def coefficients(moments: Moments, penalty: float = 0.0) -> Float[np.ndarray, "width columns"]:
    """Of the regression alone."""
    return inverse(moments.gram, penalty)[0] @ moments.right


def fit(
    rows: Rows,
    columns: Float[np.ndarray, "rows columns"],
    moments: Moments | None = None,
    penalty: float = 0.0,
    told: Float[np.ndarray, "told width"] | None = None,
) -> Fit:
    """Coefficients, their standard errors (the jackknife over rows and pairs) and how well the regression fits.

    Parameters
    ----------
    rows
        The regressors.
    columns
        What is regressed; numbers of a like size about zero keep their digits best.
    moments
        Those of rows and columns, if they are known.
    penalty
        Added to the weighted squares of the regressors: ridge.
    told
        What is told of the coefficients: these combinations of them, with their standard errors.
    """
    known = Moments.of(rows, columns) if moments is None else moments
    inverted, missing = inverse(known.gram, penalty)
    beta = inverted @ known.right
    mean = known.squares[0, 1:] / known.weight
    intercept = known.products[0] / known.weight - mean @ beta
    through = inverted if told is None else inverted @ told.T
    squares, left, spread = np.zeros((through.shape[1], beta.shape[1])), np.zeros(beta.shape[1]), np.zeros(beta.shape[1])
    level = known.products[0] / known.weight
    for part in rows.parts():
        given, weight = rows.make(part), rows.weights[part, None]
        rest = given @ beta
        np.subtract(columns[part] - intercept, rest, out=rest)
        left += rows.weights[part] @ rest**2
        spread += rows.weights[part] @ (columns[part] - level) ** 2
        about = given - mean
        solved = about @ inverted
        lever = weight * (solved if told is None else about @ through)
        paired = part.start >= rows.single
        error = _left_out(rest, about, solved, weight, known.weight, paired=paired) * np.sqrt(rows.chance[part, None])
        squares += (lever**2).T @ error**2
        if paired:
            squares += 2 * (lever[0::2] * lever[1::2]).T @ (error[0::2] * error[1::2])
    errors = np.sqrt(np.maximum(squares, 0))
    if missing:
        errors += np.inf
    beta = beta if told is None else told @ beta
    return Fit(beta, errors, intercept, explained(left, spread, known), missing, inverted, mean)


def _left_out(
    rest: np.ndarray, about: np.ndarray, solved: np.ndarray, weight: np.ndarray, total: float, *, paired: bool
) -> Float[np.ndarray, "rows columns"]:
    """What each row, or pair, misses the regression on all others by."""
    own = np.minimum(weight * ((solved * about).sum(axis=1, keepdims=True) + 1 / total), 1 - 1e-6)
    if not paired:
        return rest / (1 - own)
    both = (solved[0::2] * about[1::2]).sum(axis=1, keepdims=True) + 1 / total
    first, second = 1 - own[0::2], 1 - own[1::2]
    cross = both * weight[0::2], both * weight[1::2]
    area = np.maximum(first * second - cross[0] * cross[1], 1e-6)
    missed = np.empty_like(rest)
    missed[0::2] = (second * rest[0::2] + cross[1] * rest[1::2]) / area
    missed[1::2] = (first * rest[1::2] + cross[0] * rest[0::2]) / area
    return missed


def explained(left: np.ndarray, spread: np.ndarray, moments: Moments) -> np.ndarray:
    """The share of the variance that is not left; a column whose variance is rounding is explained by its mean."""
    size = (np.abs(moments.products[0]) / moments.weight) ** 2 * moments.weight
    constant = spread <= 1e-24 * size
    return np.where(constant, 1.0, 1 - left / np.where(constant, 1.0, spread))
