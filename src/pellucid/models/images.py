"""Pictures as model inputs, and back: the preprocessing that a model was trained with, declared once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

from ..core.types import Layout


@dataclass(frozen=True)
class ImageInput:
    """How pictures become inputs: RGB, centre crop, antialiased bicubic resize, ``(pixel - mean) / std``.

    Parameters
    ----------
    size
        Height and width in pixels; an int for a square.
    crop
        Side of the central square as a share of the picture's short side; ``None`` keeps the whole picture.
    mean, std
        In pixel units from 0 to 255; a number, or one per channel.

    Examples
    --------
    >>> from PIL import Image
    >>> ImageInput(size=32, mean=127, std=128).prepare([Image.new("RGB", (64, 48))]).shape
    (1, 3, 32, 32)
    """

    size: int | tuple[int, int]
    crop: float | None = 1.0
    mean: float | tuple[float, ...] = 0.0
    std: float | tuple[float, ...] = 255.0

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return (self.size, self.size) if isinstance(self.size, int) else self.size

    def prepare(self, pictures: Sequence[Image.Image], layout: Layout = "NCHW") -> Float[np.ndarray, "samples a b c"]:
        """A batch of float32 inputs."""
        pixels = np.stack([np.asarray(self._fitted(picture), dtype=np.float32) for picture in pictures])
        scaled = (pixels - np.float32(self.mean)) / np.float32(self.std)
        return scaled.transpose(0, 3, 1, 2) if layout == "NCHW" else scaled

    def _fitted(self, picture: Image.Image) -> Image.Image:
        picture = picture.convert("RGB")
        if self.crop is not None:
            side = round(min(picture.size) * self.crop)
            left, top = (picture.width - side) // 2, (picture.height - side) // 2
            picture = picture.crop((left, top, left + side, top + side))
        height, width = self.shape
        return picture.resize((width, height), Image.Resampling.BICUBIC)


def unscaled(pictures: Sequence[Image.Image], layout: Layout) -> Float[np.ndarray, "samples a b c"]:
    """Pictures of one size as RGB from 0 to 1, when nothing was declared."""
    pixels = np.stack([np.asarray(picture.convert("RGB"), dtype=np.float32) / 255 for picture in pictures])
    return pixels.transpose(0, 3, 1, 2) if layout == "NCHW" else pixels


def pictures(
    inputs: np.ndarray, layout: Layout, scale: tuple[Any, Any] | None
) -> UInt8[np.ndarray, "samples height width channels"]:
    """Inputs as pictures to look at: with the declared scale, or stretched between each sample's extremes."""
    images = inputs.transpose(0, 2, 3, 1) if layout == "NCHW" else inputs
    if scale is not None:
        images = images * np.asarray(scale[1]) + np.asarray(scale[0])
    else:
        axes = (1, 2, 3)
        low, high = images.min(axis=axes, keepdims=True), images.max(axis=axes, keepdims=True)
        images = (images - low) / np.where(high > low, high - low, 1) * 255
    return np.clip(np.rint(images), 0, 255).astype(np.uint8)
