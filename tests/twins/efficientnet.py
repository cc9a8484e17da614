"""EfficientNet-Lite0 with its trained weights, for twins of a real size: what all frameworks build it from.

Only ``trained`` and ``weights`` load torch, in which the weights are published.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from pellucid import ImageInput
from pellucid.demo import efficientnet_lite0, photos

if TYPE_CHECKING:
    from torch import nn

EPSILON = 1e-3
STEM, HEAD, CLASSES = 32, 1280, 1000
STAGES = (
    # blocks, kernel, stride of the first, times as many channels inside, channels
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


@dataclass(frozen=True)
class Block:
    """Expand (unless ``times`` is 1), filter each channel, project; with a skip connection where shapes allow."""

    number: int
    kernel: int
    stride: int
    times: int
    inputs: int
    outputs: int

    @property
    def skips(self) -> bool:
        return self.stride == 1 and self.inputs == self.outputs


def blocks() -> Iterator[Block]:
    """The sixteen blocks between stem and head."""
    number, channels = 0, STEM
    for count, kernel, stride, times, outputs in STAGES:
        for repeat in range(count):
            yield Block(number, kernel, 1 if repeat else stride, times, channels, outputs)
            number, channels = number + 1, outputs


def trained() -> "nn.Module":
    """The torch network that the demo explains."""
    return efficientnet_lite0().model


def weights() -> dict[str, np.ndarray]:
    """Its state dict as arrays, under torch's names."""
    return {name: tensor.numpy() for name, tensor in trained().state_dict().items()}


def pictures(crop: float = 0.875, channels_last: bool = False) -> np.ndarray:
    """The demo's photos, prepared as the network was trained."""
    images = [Image.open(path) for path in photos().values()]
    prepare = ImageInput(size=224, crop=crop, mean=127, std=128).prepare
    return prepare(images, "NHWC" if channels_last else "NCHW")
