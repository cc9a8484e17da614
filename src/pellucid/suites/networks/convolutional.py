"""Small convolutional classifiers of pictures."""

from __future__ import annotations

import torch
from torch import nn

SIDE = 8
"""Positions along each side of the maps, whatever the size of the picture."""


class Placed(nn.Module):
    """Two convolutions and a dense head, which knows where things are; ``maps`` are the last maps."""

    def __init__(self, size: int, classes: int, channels: int = 8, hidden: int = 32) -> None:
        super().__init__()
        self.first, self.second = _two(size // SIDE, channels)
        self.maps, self.flat = nn.ReLU(), nn.Flatten()
        self.dense, self.last = nn.Linear(2 * channels * SIDE * SIDE, hidden), nn.Linear(hidden, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scores of the classes, ``(rows, classes)``."""
        x = self.maps(self.second(torch.relu(self.first(x))))
        return self.last(torch.relu(self.dense(self.flat(x))))


class Roaming(nn.Module):
    """Two convolutions and the largest value of each map, wherever it is; ``maps`` are the last maps."""

    def __init__(self, size: int, classes: int, channels: int = 16) -> None:
        super().__init__()
        self.first, self.second = _two(size // SIDE, channels)
        self.maps, self.last = nn.ReLU(), nn.Linear(2 * channels, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scores of the classes, ``(rows, classes)``."""
        x = self.maps(self.second(torch.relu(self.first(x))))
        return self.last(x.amax(dim=(2, 3)))


class Pooled(nn.Module):
    """Three convolutions and the mean of each map: takes pictures of any size; ``maps`` are the last maps."""

    def __init__(self, classes: int, channels: int = 24) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(channels, 2 * channels, 3, padding=1),
        )
        self.maps = nn.ReLU()
        self.head = nn.Linear(2 * channels, classes)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """The last maps, ``(rows, channels, height, width)``."""
        return self.maps(self.body(x))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scores of the classes, ``(rows, classes)``."""
        return self.head(self.features(x).mean(dim=(2, 3)))


class Apart(nn.Module):
    """A grid whose cells never meet: each is looked at alone, and has a head and scores of its own.

    Output ``cell * classes + class`` is what the network says of that class in that cell; no other cell can change it.
    ``joined`` holds the maps of all cells side by side.
    """

    def __init__(self, network: Pooled, cells: int) -> None:
        super().__init__()
        self.network, self.cells, self.joined = network, cells, nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scores of the classes cell by cell, ``(rows, cells * cells * classes)``."""
        bands = x.chunk(self.cells, 2)
        rows = [torch.cat([self.network.features(cell) for cell in band.chunk(self.cells, 3)], 3) for band in bands]
        pooled = nn.functional.adaptive_avg_pool2d(self.joined(torch.cat(rows, 2)), self.cells)
        return self.network.head(pooled.flatten(2).transpose(1, 2)).flatten(1)


def _two(stride: int, channels: int) -> tuple[nn.Conv2d, nn.Conv2d]:
    first = nn.Conv2d(1, channels, 2 * stride + 1, stride, padding=stride)
    return first, nn.Conv2d(channels, 2 * channels, 3, padding=1)
