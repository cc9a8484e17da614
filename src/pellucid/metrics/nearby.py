"""Copies of the samples close by, and what the method says of them: one set for every metric of robustness.

Copies are drawn uniformly from a cube around each sample. They are keyed by their number alone, so that metrics with the same
radius and spread share explanations, and one that asks for more copies has the others' among its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from ..core.errors import InputError
from ..core.measure import Measured, Measurement
from ..core.types import PerSample
from . import intervals
from .entries import MOST, check_blends

RADIUS = "how far an entry of a copy can be from that of the sample, as a share of the spread"
SPREAD = (
    "spread of the data: a number, or an array that fits a sample (standard deviations of columns); by default the largest less "
    "the smallest entry of each sample"
)
COPIES = "copies of each sample"
FLOOR = "least divisor of a relative change, as a share of the largest magnitude of the sample"
LEAST = "least change that the explanation's is divided by"

Run = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""``run(owner, points)``: an array with one row for each copy."""


@dataclass(frozen=True)
class Copies:
    """Copies of the samples.

    Parameters
    ----------
    m
        What is measured.
    number
        Copies of each sample.
    reach
        How far an entry can be from that of its sample, in the shape of the input.
    """

    m: Measured
    number: int
    reach: Float[np.ndarray, "samples ..."]

    def over(self, run: Run) -> Float[np.ndarray, "samples copies ..."]:
        """What is said of every copy; a part of them exists at a time."""
        x, found = self.m.input(), list[np.ndarray]()
        owner, draw = np.repeat(np.arange(len(x)), self.number), np.tile(np.arange(self.number), len(x))
        added = [self.m.rng("copies nearby", each).uniform(-1, 1, x.shape[1:]) for each in range(self.number)]
        size = max(MOST // max(x[:1].size, 1), 1)
        for start in range(0, len(owner), size):
            part = slice(start, start + size)
            noise = np.stack([added[each] for each in draw[part]])
            found.append(run(owner[part], (x[owner[part]] + self.reach[owner[part]] * noise).astype(x.dtype)))
        whole = np.concatenate(found)
        return whole.reshape(len(x), self.number, *whole.shape[1:])

    @cached_property
    def _told(self) -> Float[np.ndarray, "samples copies told"]:
        """Values of each copy, and last whether its prediction is that of the sample."""
        return self.over(lambda owner, points: np.column_stack(self.m.explained_at(owner, points)))

    def explained(self) -> Float[np.ndarray, "samples copies players"]:
        """Values that the method gives to the copies."""
        return self._told[..., :-1]

    def kept(self) -> Bool[np.ndarray, "samples copies"]:
        """Whether the prediction is that of the sample. Copies of a sample without spread are the sample itself."""
        same = self._told[..., -1] > 0
        spread = np.asarray((self.reach.reshape(len(same), -1) > 0).any(axis=1))
        return same & spread[:, None]

    def changes(self) -> Float[np.ndarray, "samples copies"]:
        """Euclidean distances of the copies' values from those of the sample."""
        return np.linalg.norm(self.explained() - self.m.values[:, None], axis=2)

    def relative_changes(self, floor: float) -> Float[np.ndarray, "samples copies"]:
        """The same where each value is divided by that of the sample."""
        return relative(self.explained(), self.m.values, floor)


def copies(m: Measured, metric: str, radius: float, spread: Any, number: int) -> Copies:
    """Copies within ``radius`` times ``spread``.

    Raises
    ------
    InputError
        If the input's numbers cannot be changed a little, or the spread does not fit a sample.
    """
    check_blends(m, metric, "adds noise to numbers", "the metrics of faithfulness, which remove players")
    x = m.input().astype(np.float64)
    if spread is None:
        flat = x.reshape(len(x), -1)
        wide = np.ptp(flat, axis=1).reshape(-1, *(1,) * (x.ndim - 1))
    else:
        wide = np.asarray(spread, np.float64)
        fits = wide.ndim < x.ndim and all(a in (1, b) for a, b in zip(wide.shape[::-1], x.shape[:0:-1], strict=False))
        if not fits or not np.isfinite(wide).all() or (wide < 0).any():
            raise InputError(
                f"spread= must be numbers from 0 that fit a sample of the shape {x.shape[1:]}; got shape {wide.shape}."
            )
    return Copies(m, number, radius * np.broadcast_to(wide, x.shape))


def relative(
    changed: Float[np.ndarray, "samples copies entries"], held: Float[np.ndarray, "samples entries"], floor: float
) -> Float[np.ndarray, "samples copies"]:
    """Lengths of ``(changed - held) / held``; a divisor is at least ``floor`` times the largest of its sample.

    >>> relative(np.array([[[2.0, 4.0]]]), np.array([[1.0, 4.0]]), 0.01).tolist()
    [[1.0]]
    """
    sizes = np.abs(held)
    divisors = np.maximum(sizes, floor * sizes.max(axis=1, initial=0.0, keepdims=True))
    return np.linalg.norm((changed - held[:, None]) / np.where(divisors > 0, divisors, 1.0)[:, None], axis=2)


def largest(found: Float[np.ndarray, "samples copies"], near: Copies, radius: float, spread: Any) -> Measurement:
    """The largest over the copies that keep the prediction; undefined where none does."""
    kept = near.kept()
    most = np.where(kept, found, -np.inf).max(axis=1)
    return Measurement(np.where(kept.any(axis=1), most, np.nan), details=_details(kept), notes=_said(radius, spread))


def average(found: Float[np.ndarray, "samples copies"], near: Copies, radius: float, spread: Any) -> Measurement:
    """The mean over the copies that keep the prediction, with its interval; undefined where none does."""
    kept = near.kept()
    rows = np.full((len(found), 3), np.nan)
    for sample, chosen in enumerate(kept):
        if chosen.any():
            rows[sample] = intervals.mean(found[sample, chosen])
    bounds = np.stack([np.maximum(rows[:, 1], 0), rows[:, 2]], axis=1)
    return Measurement(rows[:, 0], bounds, details=_details(kept), notes=_said(radius, spread))


def _details(kept: Bool[np.ndarray, "samples copies"]) -> dict[str, PerSample]:
    return {"kept": kept.mean(axis=1)}


def _said(radius: float, spread: Any) -> tuple[str, ...]:
    of = "the spread that was given" if spread is not None else "the range of each sample's entries"
    return (f"copies are within {radius:g} of {of}, and count where they keep the prediction: see details['kept']",)
