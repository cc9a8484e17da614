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


def cnn(seed: int = 0, outputs: int = 4, size: int = 8) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.Conv2d(6, 5, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Dropout(0.5),
        nn.Flatten(),
        nn.Linear(5 * (size // 2) ** 2, outputs),
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
