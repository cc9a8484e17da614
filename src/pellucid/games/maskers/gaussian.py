"""Gaussian columns given others: the mean is linear in what is kept, the covariance is the same for all samples."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from .entries import Memo, distinct, draws_of

LEAST_SHRINKAGE = 1e-6
"""Keeps the covariance invertible where columns repeat each other."""
BLOCK = 1 << 21
"""Entries of matrices that are worked on together."""


class Gaussian:
    """A Gaussian fitted to rows, in units of each column's standard deviation, with the correlations shrunk (Ledoit-Wolf).

    Parameters
    ----------
    rows
        ``(rows, columns)``, at least two.
    draws
        For each coalition; they come in pairs that lie opposite each other, so that linear functions have no noise.
    seed
        Of the draws.

    Attributes
    ----------
    shrinkage
        The share of the identity in the correlations.
    """

    def __init__(self, rows: Float[np.ndarray, "rows columns"], draws: int, seed: int) -> None:
        from sklearn.covariance import ledoit_wolf_shrinkage  # noqa: PLC0415 (slow to import)

        self._mean, self._scale = rows.mean(axis=0), rows.std(axis=0)
        self._scale[self._scale <= 1e-12 * np.abs(self._mean)] = 0.0
        self._inverse = np.divide(1, self._scale, out=np.zeros_like(self._scale), where=self._scale > 0)
        varies = self._scale > 0
        standard = (rows - self._mean)[:, varies] * self._inverse[varies]
        self.shrinkage = 1.0
        self.correlation = np.eye(rows.shape[1])
        if varies.any():
            found = float(ledoit_wolf_shrinkage(standard, assume_centered=True)) if varies.sum() > 1 else 0.0
            self.shrinkage = max(found, LEAST_SHRINKAGE)
            sample = standard.T @ standard / len(rows)
            self.correlation[np.ix_(varies, varies)] = (1 - self.shrinkage) * sample + self.shrinkage * np.eye(int(varies.sum()))
        self._draws, self._seed = draws, seed
        self._memo: Memo[tuple[np.ndarray, np.ndarray]] = Memo()

    def __call__(self, samples: np.ndarray, owner: np.ndarray, kept: np.ndarray, draw: np.ndarray) -> np.ndarray:
        """Conditional means, one for each sample and coalition, and the coalition's noise."""
        keys, first, mask = distinct(kept)
        known = self._known(keys, kept[first])
        case, number = np.unique(owner * len(keys) + mask, return_inverse=True)
        of, at = case // len(keys), case % len(keys)
        standard = (samples[of] - self._mean) * self._inverse
        means, step = np.empty_like(standard), max(BLOCK // kept.shape[1] ** 2, 1)
        for start in range(0, len(case), step):
            part = slice(start, start + step)
            weights = np.stack([known[which][0] for which in at[part]])
            means[part] = (weights @ standard[part, :, None])[:, :, 0]
        noise = np.stack([each[1] for each in known])[mask, draw]
        return self._mean + (means[number.reshape(-1)] + noise) * self._scale

    def _known(self, keys: list[bytes], kept: Bool[np.ndarray, "masks columns"]) -> list[tuple[np.ndarray, np.ndarray]]:
        """For each coalition the weights of what is kept, ``(columns, columns)``, and the noise, ``(draws, columns)``."""
        held = [self._memo.get(key) for key in keys]
        new = [at for at, each in enumerate(held) if each is None]
        width = kept.shape[1]
        step = max(BLOCK // width**2, 1)
        for start in range(0, len(new), step):
            part = new[start : start + step]
            weights, roots = self._conditioned(kept[part])
            for at, weight, root in zip(part, weights, roots, strict=True):
                half = draws_of(self._seed, "conditional", keys[at]).standard_normal((-(-self._draws // 2), width))
                noise = np.concatenate([half, -half])[: self._draws] @ root.T
                held[at] = self._memo.put(keys[at], (weight, noise), weight.nbytes + noise.nbytes)
        return [each for each in held if each is not None]

    def _conditioned(self, kept: Bool[np.ndarray, "masks columns"]) -> tuple[np.ndarray, np.ndarray]:
        """Weights and the root of the covariance, zero but for removed rows; all coalitions in matrices of one size."""
        one = np.eye(kept.shape[1])
        here, gone = kept.astype(float), (~kept).astype(float)
        inner = self.correlation * here[:, :, None] * here[:, None, :] + one * gone[:, None, :]
        cross = self.correlation * here[:, :, None] * gone[:, None, :]
        weights = np.linalg.solve(inner, cross).swapaxes(1, 2)
        left = self.correlation * gone[:, :, None] * gone[:, None, :] - weights @ cross
        left = (left + left.swapaxes(1, 2)) / 2 + one * here[:, None, :]
        return weights, np.linalg.cholesky(left) * gone[:, None, :]
