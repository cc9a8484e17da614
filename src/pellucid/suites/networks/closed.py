"""Networks whose weights are set by hand, so that what they compute is known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

Layer = tuple[np.ndarray, np.ndarray]
"""Weights ``(outputs, inputs)`` and biases."""


def relu_network(layers: Sequence[Layer]) -> nn.Sequential:
    """Linear layers with a ReLU between any two."""
    parts: list[nn.Module] = []
    for weight, bias in layers:
        sizes = weight.shape[1], weight.shape[0]
        linear = nn.Linear(*sizes, device="meta", dtype=torch.float32).to_empty(device="cpu")  # elsewhere it would draw weights
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(weight))
            linear.bias.copy_(torch.from_numpy(bias))
        parts += [linear, nn.ReLU()]
    return nn.Sequential(*parts[:-1]).requires_grad_(False).eval()


class Additive(nn.Module):
    """Effects of age, income, grade, town and smoking on one number; with ``joint``, products of them, too.

    Columns: age, income, grade, three towns one-hot, smoker, weight, luck.
    """

    def __init__(self, towns: Sequence[float], joint: bool) -> None:
        super().__init__()
        self.joint = joint
        self.towns = nn.Parameter(torch.tensor(list(towns), dtype=torch.float32, device="cpu"), requires_grad=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """One number for each row, ``(rows, 1)``."""
        age, income, grade, smoker, weight = x[:, 0], x[:, 1], x[:, 2], x[:, 6], x[:, 7]
        total = 1.5 * age - income + 0.3 * (grade - 1) ** 2 + x[:, 3:6] @ self.towns + 0.7 * smoker
        if self.joint:
            total = total + 1.2 * smoker * weight + 0.8 * age * income + 0.5 * x[:, 4] * grade
        return total[:, None]
