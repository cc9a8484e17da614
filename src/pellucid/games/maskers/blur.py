"""Removed entries are those of the blurred input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from array_api_compat import array_namespace

from ...arrays.blur import Blur as Blurring
from ...core.declare import Passes
from ...core.errors import InputError
from ...core.features import Features
from .entries import is_whole, native, real, refuse_tables, refuse_text, refuse_tokens, spatial_axes
from .masker import Removal, Replacement

BLOCK = 1 << 24
"""Entries that are blurred together."""


@dataclass(frozen=True)
class Blur:
    """Removed pixels of an image, steps of a series or voxels of a volume are those of the same input, blurred.

    What is removed keeps its brightness and colour and loses its detail.

    Parameters
    ----------
    sigma
        Standard deviation of the blur in pixels or steps: a good deal more than what a feature measures across.

    Raises
    ------
    InputError
        For tables, texts and token ids.

    Notes
    -----
    Cost: one model row for each mask. Source: fong2017interpretable, lindeberg1990scale.

    Examples
    --------
    >>> import pellucid as pl
    >>> pl.maskers.Blur(sigma=20)
    Blur(sigma=20)
    """

    sigma: float = 10.0

    def prepare(self, passes: Passes, leaf: str, features: Sequence[Features]) -> Removal:
        """Each sample has its own replacement."""
        given = passes.leaf(leaf)
        sigma = real(self.sigma, "sigma", "Blur", zero=False)
        refuse_text(given, "Blur")
        refuse_tables(features, "Blur", "use maskers.Background(rows) or Mean(rows).")
        refuse_tokens(features, leaf, "a blur of")
        axes = spatial_axes(passes, given, features)
        if not axes:
            raise InputError(f"Blur needs pixels or steps; {leaf!r} is {tuple(given.shape)}.")
        step = max(BLOCK // max(int(np.prod(given.shape[1:])), 1), 1)
        parts = [slice(at, min(at + step, passes.samples)) for at in range(0, passes.samples, step)]
        xp = array_namespace(given)
        blurred = xp.concat([_blurred(passes, given[part, ...], axes, sigma) for part in parts])
        says = f"blurred by {sigma:g} {'pixels' if len(axes) > 1 else 'steps'} (standard deviation)"
        return Replacement(passes, leaf, blurred, np.arange(passes.samples)[:, None], says)


def _blurred(passes: Passes, images: np.ndarray, axes: tuple[int, ...], sigma: float) -> np.ndarray:
    """Whole numbers are blurred as floats on the host, and rounded."""
    floats = passes.host(images) if is_whole(images) else images
    made = Blurring(floats, axes)(np.arange(floats.shape[0]), np.full(floats.shape[0], sigma))
    return native(made, images) if is_whole(images) else made
