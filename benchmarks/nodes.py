"""How many gradient rows integrated gradients take for a map error: ours, asked for a tolerance, and Gauss-Legendre.

The true error is measured against the midpoint rule with 8,000 nodes. Ours pays for knowing its error: all its rows count. What
Gauss-Legendre *needs* is the smallest number of nodes from which on its error stays below the tolerance, on the numbers tried;
no one knows it beforehand.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.ticker import NullFormatter
from PIL import Image
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.preprocessing import StandardScaler
from torch import nn

import pellucid as pl
from pellucid import demo

from . import harness

TITLE = "Integrated gradients: gradient rows for a map error"
REFERENCE = 8_000
TOLERANCES = (0.1, 0.05, 0.03, 0.02, 0.01)
FEW = (*range(1, 17), *range(18, 33, 2), *range(36, 65, 4), 72, 80, 96, 128, 160, 192)
MANY = (12, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)


@dataclass(frozen=True)
class Curve:
    """Rows, map errors and residuals of one rule, ``(samples, points)``."""

    rows: np.ndarray
    error: np.ndarray
    residual: np.ndarray


@dataclass(frozen=True)
class Measured:
    """One network."""

    name: str
    ours: Curve
    stated: np.ndarray
    gauss: Curve


def run() -> list[Measured]:
    """Two trained MLPs with ReLU, one with tanh, and EfficientNet-Lite0."""
    cancer, digits = load_breast_cancer(), load_digits()
    rows = torch.tensor(StandardScaler().fit_transform(cancer.data), dtype=torch.float32)
    images = torch.tensor(digits.data / 16, dtype=torch.float32)
    made = [
        measure("breast cancer, MLP 30-64-64-2, ReLU", *trained(rows, cancer.target, 64, nn.ReLU), 60, FEW),
        measure("digits, MLP 64-128-128-10, ReLU", *trained(images, digits.target, 128, nn.ReLU), 60, FEW),
        measure("breast cancer, MLP 30-64-64-2, tanh", *trained(rows, cancer.target, 64, nn.Tanh), 60, FEW),
    ]
    wrapped = demo.efficientnet_lite0()
    photos = [Image.open(path) for path in demo.photos().values()]
    x = torch.tensor(wrapped.spec.preprocess.prepare(photos[:2]))
    return [*made, measure("EfficientNet-Lite0", wrapped.model.requires_grad_(False), x, len(x), MANY)]


def measure(name: str, net: nn.Module, x: torch.Tensor, samples: int, counts: tuple[int, ...]) -> Measured:
    """Both rules on one network."""
    x = x[:samples]
    target = net(x).argmax(1)
    reference = np.stack([mean_gradient(net, row, int(t), midpoints(REFERENCE)) for row, t in zip(x, target, strict=True)])
    with torch.no_grad():
        picked = [net(points).gather(1, target[:, None])[:, 0].double().numpy() for points in (x, 0 * x)]
    change = picked[0] - picked[1]

    def curve(rows: list[np.ndarray], maps: list[np.ndarray]) -> Curve:
        flat = np.stack(maps, axis=1).reshape(samples, len(maps), -1)
        true = reference.reshape(samples, 1, -1)
        error = np.linalg.norm(flat - true, axis=2) / np.linalg.norm(true, axis=2)
        residual = np.abs(flat.sum(2) - change[:, None]) / np.abs(change[:, None])
        return Curve(np.stack(rows, axis=1), error, residual)

    rows, maps, stated = [], [], []
    for tolerance in TOLERANCES:
        each = [pl.explain(net, x[i : i + 1], target=int(target[i]), tolerance=tolerance) for i in range(samples)]
        rows.append(np.array([e.cost.forward_rows for e in each]))
        maps.append(np.concatenate([e.values for e in each]).astype(np.float64))
        stated.append(np.concatenate([e.error for e in each]))
    ours = curve(rows, maps)
    gauss = [np.stack([mean_gradient(net, row, int(t), legendre(n)) for row, t in zip(x, target, strict=True)]) for n in counts]
    measured = Measured(name, ours, np.stack(stated, axis=1), curve([np.full(samples, n) for n in counts], gauss))
    print("\n".join(table([measured])), flush=True)
    return measured


def mean_gradient(net: nn.Module, row: torch.Tensor, target: int, rule: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Input times the weighted mean of the gradient on the way from zero, summed in float64."""
    total = torch.zeros_like(row, dtype=torch.float64)
    size = 8 if row.ndim == 3 else 1024
    for at in range(0, len(rule[0]), size):
        alphas, weights = (torch.tensor(part[at : at + size], dtype=row.dtype) for part in rule)
        points = alphas.reshape(-1, *[1] * row.ndim) * row
        if row.ndim == 3:
            points = points.contiguous(memory_format=torch.channels_last)
        points.requires_grad_()
        (g,) = torch.autograd.grad(net(points)[:, target].sum(), points)
        total += torch.tensordot(weights.double(), g.double(), dims=1)
    return (row.double() * total).numpy()


def midpoints(count: int) -> tuple[np.ndarray, np.ndarray]:
    return (np.arange(count) + 0.5) / count, np.full(count, 1 / count)


def legendre(count: int) -> tuple[np.ndarray, np.ndarray]:
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return (nodes + 1) / 2, weights / 2


def trained(
    x: torch.Tensor, labels: np.ndarray, width: int, activation: Callable[[], nn.Module]
) -> tuple[nn.Module, torch.Tensor]:
    torch.manual_seed(0)
    inner = [nn.Linear(x.shape[1], width), activation(), nn.Linear(width, width), activation()]
    net = nn.Sequential(*inner, nn.Linear(width, int(labels.max()) + 1))
    optimizer, y = torch.optim.Adam(net.parameters(), 3e-3), torch.tensor(labels)
    for _ in range(20):
        for rows in torch.randperm(len(x)).split(64):
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(x[rows]), y[rows]).backward()
            optimizer.step()
    return net.eval().double(), x.double()


def needed(gauss: Curve, tolerance: float) -> np.ndarray:
    """Nodes from which on the error stays below, by sample; infinitely many where it does not with any number tried."""
    above = gauss.error > tolerance
    last = above.shape[1] - 1 - above[:, ::-1].argmax(axis=1)
    after = np.where(above.any(axis=1), last + 1, 0)
    rows = np.concatenate([gauss.rows, np.full((len(after), 1), np.inf)], axis=1)
    return rows[np.arange(len(after)), after]


def table(measured: list[Measured]) -> list[str]:
    lines = [
        "| network | tolerance | our rows | Gauss-Legendre needs | ratio | true error | true error below the stated one |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in measured:
        for k, tolerance in enumerate(TOLERANCES):
            ours, theirs, tried = one.ours.rows[:, k], needed(one.gauss, tolerance), one.gauss.rows.max()
            reached = np.isfinite(np.median(theirs))
            cells = [
                f"{one.name}, {len(ours)} samples",
                f"{tolerance:.0%}",
                f"{np.median(ours):g}",
                f"{np.median(theirs):g}" if reached else f"more than {tried}",
                f"{np.median(ours / theirs):.2f}" if reached else f"below {np.median(ours / tried):.2f}",
                f"{np.median(one.ours.error[:, k]):.2%}",
                f"{np.mean(one.ours.error[:, k] <= one.stated[:, k]):.0%}",
            ]
            lines.append(f"| {' | '.join(cells)} |")
    return lines


def draw(measured: list[Measured]) -> None:
    """Rows against map error and against residual, medians over samples."""
    figure, axes = plt.subplots(2, len(measured), figsize=(4 * len(measured), 7), layout="constrained", sharex="col")
    for column, one in zip(axes.T, measured, strict=True):
        for axis, quantity in zip(column, ("error", "residual"), strict=True):
            for name, curve, style in (("pellucid, by tolerance", one.ours, "o-"), ("Gauss-Legendre", one.gauss, ".-")):
                order = np.argsort(np.median(curve.rows, axis=0))
                values = np.median(getattr(curve, quantity), axis=0)[order]
                axis.plot(np.median(curve.rows, axis=0)[order], values, style, label=name)
            axis.set(xscale="log", yscale="log", ylabel="map error" if quantity == "error" else "residual")
            axis.xaxis.set_minor_formatter(NullFormatter())
            axis.grid(alpha=0.3)
        column[0].set_title(one.name, fontsize=9)
        column[1].set_xlabel("gradient rows")
    axes[0, 0].legend(fontsize=8)
    harness.RESULTS.mkdir(exist_ok=True)
    figure.savefig(harness.RESULTS / "nodes.png", dpi=120)
    plt.close(figure)


def write(measured: list[Measured]) -> None:
    draw(measured)
    said = [
        f"Medians over samples; errors are relative to the midpoint rule with {REFERENCE:,} nodes. The ratio is the median of",
        "our rows, what it costs to know the error included, over the nodes that Gauss-Legendre needs to get and stay below the",
        "same tolerance.",
    ]
    picture = "![rows against map error and residual](nodes.png)"
    harness.save("nodes", [f"# {TITLE}", "", harness.machine(), "", *said, "", *table(measured), "", picture])
