"""Blurring by any amount per row: diffusion on the pixel grid, as products with one cosine matrix per axis.

Diffusion for the time ``sigma^2 / 2`` is what Gaussian blur is on a grid: never negative, exact for any ``sigma``, additive in
``sigma^2`` (lindeberg1990scale). With edges that reflect, cosines are its eigenvectors: frequency ``k`` of ``n`` decays by
``exp(-sigma^2 (1 - cos(pi k / n)))``. So the transform of an image is taken once and serves every blur of it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from array_api_compat import array_namespace
from jaxtyping import Float

from ..core.types import Native
from .rows import spread, take


class Blur:
    """Images ``(rows, ...)``, to be blurred along the given axes."""

    def __init__(self, images: Native, axes: Sequence[int]) -> None:
        self.axes = tuple(axes)
        xp = array_namespace(images)
        self._bases = {
            size: xp.asarray(cosines(size), dtype=images.dtype, device=images.device)
            for size in {int(images.shape[axis]) for axis in self.axes}
        }
        self._spectrum = self._transformed(images, inverse=False)

    def __call__(self, rows: np.ndarray, sigmas: Float[np.ndarray, " rows"]) -> Native:
        """These rows, each blurred with its own standard deviation in pixels."""
        return self._transformed(self._decayed(rows, sigmas)[0], inverse=True)

    def rate(self, rows: np.ndarray, sigmas: Float[np.ndarray, " rows"]) -> Native:
        """The derivative of the blurred rows in their standard deviation."""
        spectrum, exponent = self._decayed(rows, sigmas)
        factor = spread(-2 * sigmas, spectrum)
        return self._transformed(factor * exponent * spectrum, inverse=True)

    def _decayed(self, rows: np.ndarray, sigmas: Float[np.ndarray, " rows"]) -> tuple[Native, Native]:
        """The blurred rows' transform, and what multiplies ``-sigma^2`` in its exponent."""
        spectrum = take(self._spectrum, rows)
        xp = array_namespace(spectrum)
        exponent = xp.zeros((1,) * spectrum.ndim, dtype=spectrum.dtype, device=spectrum.device)
        for axis in self.axes:
            size = int(spectrum.shape[axis])
            own = xp.asarray(1 - np.cos(np.pi * np.arange(size) / size), dtype=spectrum.dtype, device=spectrum.device)
            exponent = exponent + xp.reshape(own, tuple(size if k == axis else 1 for k in range(spectrum.ndim)))
        return spectrum * xp.exp(-spread(sigmas**2, spectrum) * exponent), exponent

    def _transformed(self, images: Native, inverse: bool) -> Native:
        xp = array_namespace(images)
        for axis in self.axes:
            basis = self._bases[int(images.shape[axis])]
            images = xp.moveaxis(xp.tensordot(images, basis, axes=((axis,), (0 if inverse else 1,))), -1, axis)
        return images


def cosines(size: int) -> Float[np.ndarray, "size size"]:
    """Orthonormal cosines (DCT-II), one frequency per row."""
    frequencies, places = np.arange(size)[:, None], np.arange(size)[None, :] + 0.5
    basis = np.cos(np.pi * frequencies * places / size) * np.sqrt(2 / size)
    basis[0] /= np.sqrt(2)
    return basis
