"""Small torch networks, each with one habit that an adapter must withstand, and a few trained on bundled data."""

from functools import cache

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.preprocessing import StandardScaler
from torch import nn


def mlp(inputs: int = 6, outputs: int = 3, seed: int = 0, activation: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(inputs, 16), activation(), nn.Linear(16, 12), activation(), nn.Linear(12, outputs))


def cnn(seed: int = 0, outputs: int = 4, size: int = 8, pooled: bool = False) -> nn.Sequential:
    torch.manual_seed(seed)
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()) if pooled else nn.Flatten()
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.Conv2d(6, 5, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Dropout(0.5),
        head,
        nn.Linear(5 if pooled else 5 * (size // 2) ** 2, outputs),
    )


class Reused(nn.Module):
    """One ReLU module called three times, one linear layer twice."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.first, self.shared, self.last = nn.Linear(6, 8), nn.Linear(8, 8), nn.Linear(8, 3)
        self.act = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.act(self.first(x))
        x = self.act(self.shared(x))
        return self.last(self.act(self.shared(x)))


class InPlace(nn.Module):
    """Works in place from the first operation on, partly through functions."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(2)
        self.act = nn.ReLU(inplace=True)
        self.conv, self.last = nn.Conv2d(3, 4, 3), nn.Linear(4 * 36, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.mul_(2).add_(0.1)
        x = self.act(self.conv(x))
        x = torch.nn.functional.relu_(x - 0.1)
        return self.last(x.flatten(1))


class TwoInputs(nn.Module):
    """Uses ``a`` and ``b``, never ``unused``."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.a, self.b = nn.Linear(4, 5), nn.Linear(3, 5)
        self.out = nn.Linear(5, 2)

    def forward(self, a: torch.Tensor, b: torch.Tensor, unused: torch.Tensor) -> torch.Tensor:
        return self.out(torch.tanh(self.a(a) * self.b(b)))


class DictOutput(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = mlp()

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"hidden": x * 2, "logits": self.net(x)}


class TupleOutput(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = mlp()

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.net(x), x.sum(1)


class Tokens(nn.Module):
    """Ids through an embedding, with a mask that must not be attributed."""

    def __init__(self, padding: int | None = 0) -> None:
        super().__init__()
        torch.manual_seed(4)
        self.embedding = nn.Embedding(20, 6, padding_idx=padding)
        self.position = nn.Parameter(torch.randn(5, 6))
        self.lstm = nn.LSTM(6, 7, batch_first=True)
        self.out = nn.Linear(7, 2)

    def forward(self, ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        hidden, _ = self.lstm(self.embedding(ids) + self.position)
        mask = attention_mask[..., None].float()
        return self.out(torch.tanh((hidden * mask).sum(1) / mask.sum(1)))


class Series(nn.Module):
    """One-dimensional convolutions."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(5)
        self.conv, self.act = nn.Conv1d(2, 4, 3, padding=1), nn.GELU()
        self.out = nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(self.act(self.conv(x)).mean(-1))


class Counting(nn.Module):
    """Counts the rows that go forward, without state that torch knows."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner
        object.__setattr__(self, "rows", [])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.rows.append(len(x))
        return self.inner(x)


def _train(net: nn.Module, x: torch.Tensor, y: torch.Tensor, epochs: int, rate: float) -> nn.Module:
    optimizer = torch.optim.Adam(net.parameters(), rate)
    generator = torch.Generator().manual_seed(0)
    for _ in range(epochs):
        for rows in torch.randperm(len(x), generator=generator).split(64):
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(x[rows]), y[rows]).backward()
            optimizer.step()
    return net.eval().double()


@cache
def breast_cancer(activation: type[nn.Module] = nn.ReLU) -> tuple[nn.Module, torch.Tensor]:
    """A trained MLP 30-64-64-2 and standardised rows, float64."""
    data = load_breast_cancer()
    x = torch.tensor(StandardScaler().fit_transform(data.data), dtype=torch.float32)
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(30, 64), activation(), nn.Linear(64, 64), activation(), nn.Linear(64, 2))
    return _train(net, x, torch.tensor(data.target), 30, 1e-2), x.double()


@cache
def digits(kind: str = "cnn") -> tuple[nn.Module, torch.Tensor]:
    """A trained digits network (``"cnn"`` or ``"mlp"``) and 8x8 images in [0, 1], float64."""
    data = load_digits()
    x = torch.tensor(data.images / 16, dtype=torch.float32)[:, None]
    torch.manual_seed(0)
    if kind == "cnn":
        body = [nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        net = nn.Sequential(*body, nn.Flatten(), nn.Linear(512, 64), nn.ReLU(), nn.Linear(64, 10))
    else:
        net = nn.Sequential(nn.Flatten(), nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10))
    return _train(net, x, torch.tensor(data.target), 12, 3e-3), x.double()


def rows(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.tensor(np.random.default_rng(seed).normal(size=shape), dtype=torch.float32)


def volume() -> nn.Sequential:
    """Three-dimensional convolutions."""
    torch.manual_seed(6)
    body = [nn.Conv3d(2, 4, 3, padding=1), nn.BatchNorm3d(4), nn.ReLU(), nn.MaxPool3d(2), nn.Conv3d(4, 3, 1), nn.ReLU()]
    return nn.Sequential(*body, nn.Flatten(), nn.Linear(3 * 2 * 3 * 2, 3))


def series() -> nn.Sequential:
    """One-dimensional convolutions, layer after layer."""
    torch.manual_seed(7)
    body = [nn.Conv1d(2, 5, 3, padding=1), nn.ReLU(), nn.AvgPool1d(2), nn.Conv1d(5, 4, 3, padding=1), nn.ReLU()]
    return nn.Sequential(*body, nn.Flatten(), nn.Linear(4 * 5, 3))


class Block(nn.Module):
    """One block of a transformer; its attention returns a tuple."""

    def __init__(self, width: int, norm: type[nn.Module] = nn.LayerNorm) -> None:
        super().__init__()
        self.norm1, self.norm2 = norm(width), norm(width)
        self.attention = nn.MultiheadAttention(width, 2, batch_first=True)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        normed = self.norm1(x)
        x = x + self.attention(normed, normed, normed, need_weights=False)[0]
        return x + self.mlp(self.norm2(x))


class ViT(nn.Module):
    """A vision transformer that reads its class token, or the mean of its patches (``leading=0``)."""

    def __init__(
        self,
        size: tuple[int, int] = (16, 16),
        patch: int = 4,
        leading: int = 1,
        depth: int = 2,
        norm: type[nn.Module] = nn.LayerNorm,
    ) -> None:
        super().__init__()
        torch.manual_seed(8)
        width = 16
        self.patches = nn.Conv2d(1, width, patch, patch)
        self.first = nn.Parameter(torch.randn(1, leading, width) * 0.5)
        self.position = nn.Parameter(torch.randn(1, leading + (size[0] // patch) * (size[1] // patch), width) * 0.2)
        self.blocks = nn.Sequential(*(Block(width, norm) for _ in range(depth)))
        self.norm, self.head = norm(width), nn.Linear(width, 2)

    def embedded(self, x: torch.Tensor) -> torch.Tensor:
        tokens = self.patches(x).flatten(2).mT
        return torch.cat([self.first.expand(len(x), -1, -1), tokens], dim=1) + self.position

    def read(self, tokens: torch.Tensor) -> torch.Tensor:
        tokens = self.norm(tokens)
        return self.head(tokens[:, 0] if self.first.shape[1] else tokens.mean(1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.read(self.blocks(self.embedded(x)))


def planted(
    count: int, size: tuple[int, int] = (16, 16), patch: int = 4, seed: int = 0
) -> tuple[torch.Tensor, torch.Tensor, np.ndarray]:
    """Noise with one patch of bars, upright (class 1) or lying; images, classes, and the patch's place in the grid."""
    draw = np.random.default_rng(seed)
    images, classes = draw.normal(0, 0.15, (count, 1, *size)), draw.integers(0, 2, count)
    rows, columns = draw.integers(0, size[0] // patch, count), draw.integers(0, size[1] // patch, count)
    bars = np.tile(np.where(np.arange(patch) % 2, 1.0, -1.0), (patch, 1))
    for image, upright, row, column in zip(images, classes, rows, columns, strict=True):
        where = slice(row * patch, (row + 1) * patch), slice(column * patch, (column + 1) * patch)
        image[0][where] += bars if upright else bars.T
    return torch.tensor(images, dtype=torch.float32), torch.tensor(classes), np.stack([rows, columns], axis=1)


@cache
def planted_vit(size: tuple[int, int] = (16, 16), leading: int = 1) -> nn.Module:
    """A vision transformer trained to tell upright from lying bars; float64.

    One block cannot spread what it saw over other tokens, and without normalisation noise stays small: the map must be where
    the bars are.
    """
    x, y, _ = planted(1024, size)
    return _train(ViT(size, leading=leading, depth=1, norm=nn.Identity), x, y, 12, 3e-3)
