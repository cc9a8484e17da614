"""The small networks in torch: modules whose layers carry the names in ``places``; pictures are NCHW."""

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from twins.weights import EPSILON, PADDING, VOCABULARY, Weights, weights


class MLP(nn.Module):
    """The name of an activation is the name of its layer."""

    def __init__(self, activation: nn.Module, name: str) -> None:
        super().__init__()
        self.hidden1, self.tanh1 = nn.Linear(6, 16), nn.Tanh()
        self.hidden2 = nn.Linear(16, 16)
        self.add_module(name, activation)
        self.head = nn.Linear(16, 3)
        self.second = name

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.tanh1(self.hidden1(x))
        return self.head(self.get_submodule(self.second)(self.hidden2(x)))


class CNN(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.relu1 = nn.Conv2d(3, 8, 3, padding=1), nn.ReLU()
        self.conv2, self.relu2 = nn.Conv2d(8, 8, 3, padding=1), nn.ReLU()
        self.norm, self.pool = nn.BatchNorm2d(8, eps=EPSILON), nn.MaxPool2d(2)
        self.conv3, self.relu3 = nn.Conv2d(8, 12, 3, padding=1), nn.ReLU()
        self.average, self.head = nn.AdaptiveAvgPool2d(1), nn.Linear(12, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first = self.relu1(self.conv1(x))
        x = self.relu2(self.conv2(first)) + first
        x = self.pool(self.norm(x))
        x = self.relu3(self.conv3(x))
        return self.head(self.average(x).flatten(1))


class RNN(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.head = nn.LSTM(4, 8, batch_first=True), nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        steps, _ = self.lstm(x)
        return self.head(steps[:, -1])


class Embedding(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, 8, padding_idx=PADDING)
        self.token, self.tanh = nn.Linear(8, 8), nn.Tanh()
        self.hidden, self.relu = nn.Linear(8, 8), nn.ReLU()
        self.head = nn.Linear(8, 2)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        tokens = self.tanh(self.token(self.embedding(ids)))
        return self.head(self.relu(self.hidden(tokens.mean(1))))


_MADE: dict[str, Callable[[], nn.Module]] = {
    "mlp": lambda: MLP(nn.ReLU(), "relu2"),
    "mlp_tanh": lambda: MLP(nn.Tanh(), "tanh2"),
    "cnn": CNN,
    "rnn": RNN,
    "embedding": Embedding,
}


def build(network: str, values: Weights | None = None) -> nn.Module:
    """A network of ``weights.NETWORKS`` in evaluation mode."""
    net = _MADE[network]()
    missing = net.load_state_dict(_state(weights(network) if values is None else values), strict=False)
    assert not missing.unexpected_keys
    assert all(key.endswith("num_batches_tracked") for key in missing.missing_keys)
    return net.eval()


def _state(values: Weights) -> dict[str, torch.Tensor]:
    state: dict[str, np.ndarray] = {}
    for name, array in values.items():
        layer, _, part = name.rpartition(".")
        match layer, part:
            case "lstm", "kernel":
                state["lstm.weight_ih_l0"] = array.T
            case "lstm", "recurrent":
                state["lstm.weight_hh_l0"] = array.T
            case "lstm", "bias":
                state |= {"lstm.bias_ih_l0": array, "lstm.bias_hh_l0": np.zeros_like(array)}
            case _, "kernel":
                state[f"{layer}.weight"] = array.transpose(3, 2, 0, 1) if array.ndim == 4 else array.T
            case _, "scale" | "table":
                state[f"{layer}.weight"] = array
            case _, "mean" | "variance":
                state[f"{layer}.running_{'mean' if part == 'mean' else 'var'}"] = array
            case _:
                state[name] = array
    return {name: torch.tensor(np.ascontiguousarray(array)) for name, array in state.items()}


def outputs(network: str, x: np.ndarray) -> np.ndarray:
    """What torch itself gives for a batch."""
    with torch.no_grad():
        return build(network)(torch.from_numpy(x)).numpy()
