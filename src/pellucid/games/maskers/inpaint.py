"""Removed regions are filled as a thin plate that is clamped at their edges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...core.declare import Passes
from ...core.extras import require
from ...core.features import Features
from .imputed import Imputed, flat_where_all_gone
from .masker import Removal


@dataclass(frozen=True)
class Inpaint:
    """Removed pixels of an image (or of a volume) are inpainted: the biharmonic surface that continues what is around them.

    Values and slopes go on smoothly at the edges of a region; filled values stay within those of the kept pixels. Where no pixel
    is kept, the image is its own mean.

    Raises
    ------
    InputError
        For anything but images, and for features that own single channels.
    MissingExtraError
        Without the ``images`` extra.

    Notes
    -----
    Slow: one model row for each mask, and scikit-image's solver on the host, which takes seconds for half of an image of
    224 x 224, and longer the larger the regions. Meant for few masks or small images; ``NoisyLinear`` is faster, ``Blur`` costs
    nothing. Images that share a mask are solved together. Source: damelin2018surface.

    Examples
    --------
    >>> import pellucid as pl
    >>> pl.maskers.Inpaint()
    Inpaint()
    """

    def prepare(self, passes: Passes, leaf: str, features: Sequence[Features]) -> Removal:
        """Filled when masks come."""
        require("skimage.restoration", "images", "maskers.Inpaint")
        return Imputed(passes, leaf, features, "Inpaint", (2, 3), _filled, "inpainted from what is around them (biharmonic)")


def _filled(key: bytes, kept: np.ndarray, layers: np.ndarray) -> np.ndarray:
    del key
    if (flat := flat_where_all_gone(kept, layers)) is not None:
        return flat
    library = require("skimage.restoration", "images", "maskers.Inpaint")
    return library.inpaint_biharmonic(layers, ~kept, split_into_regions=True, channel_axis=-1)
