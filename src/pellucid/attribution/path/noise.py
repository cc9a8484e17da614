"""Noisy copies of the samples, and the parameters of the methods that average over them."""

from __future__ import annotations

from typing import Any

import numpy as np
from array_api_compat import array_namespace

from ...arrays import draws
from ...arrays.rows import flat, take
from ...core.declare import Passes, parameter
from ...core.errors import InputError
from ...core.types import Native, Rows


def noise_share() -> Any:
    """How large the noise is."""
    return parameter(0.15, "standard deviation of the noise, as a share of each sample's range", above=0)


def noise_sigma() -> Any:
    """How large it is in the input's units."""
    return parameter(None, "standard deviation of the noise in the input's units, instead of noise", above=0)


def fixed_samples() -> Any:
    """A number instead of an accuracy."""
    return parameter(None, "fixed number of draws instead of a tolerance", least=2, most=1_000_000)


def most_samples(default: int = 256) -> Any:
    """Where an average over draws gives up."""
    return parameter(default, "draws after which it stops short of the tolerance", least=2)


class NoisyCopies:
    """Samples plus Gaussian noise; draw ``k`` is the same standard normal for every sample, scaled by the sample's own."""

    def __init__(self, passes: Passes, method: str, noise: float, sigma: float | None) -> None:
        self.passes = passes
        self.scale = [_scale(points, passes, method, noise, sigma) for points in passes.points]
        self._drawn: dict[int, tuple[Native, ...]] = {}

    def points(self, samples: Rows, numbers: Rows) -> tuple[Native, ...]:
        """Noisy copies, by place."""
        needed, local = np.unique(numbers, return_inverse=True)
        held = {number: self._drawn.get(number) or self._draw(number) for number in needed.tolist()}
        self._drawn = held  # the next batch mostly asks for the same
        noise = [array_namespace(*place).concat(place) for place in zip(*held.values(), strict=True)]
        places = zip(self.passes.points, self.scale, noise, strict=True)
        return tuple(take(points, samples) + take(scale, samples) * take(drawn, local) for points, scale, drawn in places)

    def _draw(self, number: int) -> tuple[Native, ...]:
        """One draw for all samples, by place, ``(1, ...)``."""
        made = []
        for place, points in enumerate(self.passes.points):
            drawn = draws.normal(tuple(points.shape[1:]), self.passes.seed, f"smoothgrad {place}", number)[None]
            made.append(array_namespace(points).asarray(drawn, dtype=points.dtype, device=points.device))
        return tuple(made)


def _scale(points: Native, passes: Passes, method: str, noise: float, sigma: float | None) -> Native:
    """Standard deviation of the noise for each sample; a sample without a range has none of its own."""
    xp, rows = array_namespace(points), flat(points)
    spans = xp.max(rows, axis=1) - xp.min(rows, axis=1)
    spans = xp.reshape(spans, (-1,) + (1,) * (points.ndim - 1))
    if sigma is not None:
        return xp.full_like(spans, sigma)
    constant = passes.host(flat(spans))[:, 0] == 0
    if constant.any():
        raise InputError(
            f"{method}: all entries of an input are equal in sample {int(constant.argmax())}, so that a share of its range "
            "is no noise at all. Give the standard deviation in the input's own units, sigma=."
        )
    return noise * spans
