"""Maps and pictures as text that fits into a page."""

from __future__ import annotations

import base64
import io
from typing import TypedDict

import numpy as np
from PIL import Image

PIXELATED = 96
"""Pictures up to this width keep their pixels: they are stored without loss and drawn without smoothing."""


class Map(TypedDict):
    """Values on a grid: int16, little-endian, row by row, in base64; a value is its integer times ``step``."""

    width: int
    height: int
    step: float
    data: str


class Picture(TypedDict):
    """A picture as a data URI; ``crisp`` if its pixels are to be seen."""

    width: int
    height: int
    crisp: bool
    address: str


def shrunk(values: np.ndarray, size: int) -> np.ndarray:
    """A map at most ``size`` wide and high; its sum stays: a pixel gets the sum of what it covers.

    >>> shrunk(np.ones((4, 6)), 3)
    array([[4., 4., 4.],
           [4., 4., 4.]])
    """
    height, width = values.shape
    factor = size / max(height, width)
    if factor >= 1:
        return values
    small = (max(1, round(width * factor)), max(1, round(height * factor)))
    mean = Image.fromarray(values.astype(np.float32)).resize(small, Image.Resampling.BOX)
    return np.asarray(mean, dtype=np.float64) * (values.size / (small[0] * small[1]))


def encode_map(values: np.ndarray) -> Map:
    """A two-dimensional map, exact to 1/65534 of its largest magnitude."""
    step = float(np.abs(values).max(initial=0.0)) / 32767
    quantised = np.rint(values / (step or 1.0)).astype("<i2")
    data = base64.b64encode(quantised.tobytes()).decode("ascii")
    return {"width": values.shape[1], "height": values.shape[0], "step": step, "data": data}


def encode_picture(pixels: np.ndarray, size: int) -> Picture:
    """A uint8 picture ``(height, width, 3)``, made at most ``size`` wide and high."""
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    picture.thumbnail((size, size), Image.Resampling.LANCZOS)
    held = io.BytesIO()
    kind = "png" if max(picture.size) <= PIXELATED else "jpeg"
    picture.save(held, kind, **({"quality": 90} if kind == "jpeg" else {"optimize": True}))
    address = f"data:image/{kind};base64,{base64.b64encode(held.getvalue()).decode('ascii')}"
    return {"width": picture.width, "height": picture.height, "crisp": kind == "png", "address": address}
