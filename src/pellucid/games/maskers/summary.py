"""A few rows for many: a random sample, centres of k-means, strata along the widest direction; and what that changes."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Int

from ...arrays.draws import generator
from ...core.players import CATEGORIES, Column
from .encoding import Encoding

Summary = Literal["sample", "kmeans", "stratified"]

ENTRIES = 1 << 20
"""Entries of the rows to which a summary is fitted; of more, a sample is taken."""
WIDTH = 1 << 12
"""Entries of an image or a series between which distances are measured; of more, these are drawn."""
BLOCK = 1 << 18
"""Entries that are looked at together."""

Chosen = tuple[Int[np.ndarray, " chosen"], Float[np.ndarray, " chosen"]]


def summarised(rows: np.ndarray, columns: Sequence[Column] | None, size: int, how: Summary, seed: int) -> Chosen:
    """Numbers of ``size`` rows at most, each a real one, and their shares."""
    rng = generator(seed, f"background {how}", size)
    if how == "sample":
        return np.sort(rng.choice(len(rows), size, replace=False)), np.full(size, 1 / size)
    flat = rows.reshape(len(rows), -1)
    most = max(ENTRIES // max(flat.shape[1], 1), 20 * size, 1000)
    looked = np.sort(rng.choice(len(rows), most, replace=False)) if len(rows) > most else np.arange(len(rows))
    if columns is None and flat.shape[1] > WIDTH:
        flat = flat[:, np.sort(rng.choice(flat.shape[1], WIDTH, replace=False))]
    points = Encoding(flat[looked], columns)(flat[looked])
    chosen, shares = (_kmeans if how == "kmeans" else _stratified)(points, size, rng)
    return looked[chosen], shares


def _kmeans(points: np.ndarray, size: int, rng: np.random.Generator) -> Chosen:
    """The row nearest to the centre of each cluster, with the cluster's share."""
    from sklearn.cluster import KMeans, MiniBatchKMeans  # noqa: PLC0415 (slow to import)
    from sklearn.exceptions import ConvergenceWarning  # noqa: PLC0415

    state = int(rng.integers(2**31))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer different rows than clusters
        if len(points) > 10_000:
            fitted: Any = MiniBatchKMeans(size, n_init="auto", batch_size=max(4096, 8 * size), random_state=state).fit(points)
        else:
            fitted = KMeans(size, n_init="auto", random_state=state).fit(points)
    cluster, centres = np.asarray(fitted.labels_), np.asarray(fitted.cluster_centers_)
    distance = ((points - centres[cluster]) ** 2).sum(axis=1)
    order = np.lexsort((distance, cluster))
    _, first, count = np.unique(cluster[order], return_index=True, return_counts=True)
    return order[first], count / count.sum()


def _stratified(points: np.ndarray, size: int, rng: np.random.Generator) -> Chosen:
    """One row at random from each of ``size`` strata of equal length along the first principal component."""
    centred = points - points.mean(axis=0)
    direction = rng.standard_normal(points.shape[1], dtype=np.float32)
    for _ in range(50):  # power iteration: only the order along it matters
        direction = (centred @ direction) @ centred
        direction /= max(float(np.linalg.norm(direction)), 1e-30)
    order = np.argsort(centred @ direction, kind="stable")
    strata = np.array_split(order, size)
    return np.array([rng.choice(stratum) for stratum in strata]), np.array([len(each) for each in strata]) / len(points)


def effect(rows: np.ndarray, columns: Sequence[Column] | None, chosen: np.ndarray, shares: np.ndarray) -> str:
    """How far the chosen rows are from all rows, in words: means, standard deviations, shares of levels."""
    flat = rows.reshape(len(rows), -1)
    coded = np.array([columns is not None and columns[at].kind in (*CATEGORIES, "one-hot") for at in range(flat.shape[1])])
    told: list[str] = []
    if not coded.all():
        mean, spread = _moments(flat, np.full(len(flat), 1 / len(flat)))
        own_mean, own_spread = _moments(flat[chosen], shares)
        varies = ~coded & (spread > 1e-12 * np.abs(mean))
        if varies.any():
            shift = np.sqrt(np.nanmean(((own_mean - mean)[varies] / spread[varies]) ** 2))
            ratio = np.sqrt(np.nanmean((own_spread[varies] / spread[varies] - 1) ** 2))
            told += [f"means off by {shift:.2g} standard deviations", f"standard deviations by {ratio:.0%}"]
    if coded.any():
        told.append(
            f"shares of levels by up to {max(_shares_off(flat[:, at], chosen, shares) for at in np.flatnonzero(coded)):.2g}"
        )
    return ", ".join(told)


def _moments(flat: np.ndarray, shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weighted means and standard deviations of the columns, block after block; missing entries do not count."""
    step = max(BLOCK // max(flat.shape[1], 1), 1)
    parts = [slice(at, at + step) for at in range(0, len(flat), step)]
    origin = np.nan_to_num(flat[0].astype(np.float64), nan=0.0)  # subtracted, so that squares of large numbers do not cancel
    total, first, second = (np.zeros(flat.shape[1]) for _ in range(3))
    for part in parts:
        block, share = flat[part] - origin, shares[part]
        there = ~np.isnan(block) if np.isnan(block.sum()) else None
        block = block if there is None else np.where(there, block, 0.0)
        total += share.sum() if there is None else share @ there
        first += share @ block
        second += share @ block**2
    total = np.where(total > 0, total, np.nan)
    mean = first / total
    return mean + origin, np.sqrt(np.maximum(second / total - mean**2, 0))


def _shares_off(codes: np.ndarray, chosen: np.ndarray, shares: np.ndarray) -> float:
    """The largest difference between the shares of a level."""
    levels, number = np.unique(codes, return_inverse=True)
    full = np.bincount(number, minlength=len(levels)) / len(codes)
    own = np.bincount(number[chosen], shares, minlength=len(levels))
    return float(np.abs(full - own).max())
