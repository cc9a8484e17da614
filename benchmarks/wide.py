"""Wide inputs: 100,000 sparse columns and series of 10,000 steps, in time and memory over the model's own passes."""

from __future__ import annotations

import resource
import statistics
import time
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

import pellucid as pl

from . import harness

TITLE = "Wide inputs"
ROUNDS = 5


@dataclass(frozen=True)
class Line:
    """One method on one input."""

    input: str
    method: str
    seconds: float
    rows: int
    floor: float
    grown: int


def run() -> list[Line]:
    draws = np.random.default_rng(0)
    sparse = np.zeros((16, 100_000), np.float32)
    for row in sparse:
        row[draws.choice(100_000, 200, replace=False)] = draws.random(200)
    torch.manual_seed(0)
    wide = nn.Sequential(nn.Linear(100_000, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2)).eval()
    inner = [nn.Conv1d(4, 32, 9, 4), nn.ReLU(), nn.Conv1d(32, 64, 9, 4), nn.ReLU(), nn.Conv1d(64, 64, 9, 4), nn.ReLU()]
    long = nn.Sequential(*inner, nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(64, 5)).eval()
    series = draws.normal(size=(16, 4, 10_000)).astype(np.float32)
    table = []
    methods = ["saliency", "integrated-gradients", "smoothgrad"]
    wanted = (
        ("16 rows of 100,000 sparse columns", wide, sparse, methods),
        ("16 series of 10,000 steps", long, series, [*methods, "grad-cam"]),
    )
    for name, net, x, names in wanted:
        for method in names:
            table.append(line(name, net, x, method))
            print(table[-1], flush=True)
    return table


def line(name: str, net: nn.Module, x: np.ndarray, method: str) -> Line:
    options = {"samples": 32} if method == "smoothgrad" else {}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    e = pl.explain(net, x, target=0, method=method, **options)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        pl.explain(net, x, target=0, method=method, **options)
        ours = time.perf_counter() - started
        started = time.perf_counter()
        for _ in range(max(e.cost.forward_rows // len(x), 1)):
            points = torch.tensor(x).requires_grad_()
            torch.autograd.grad(net(points)[:, 0].sum(), points)
        times.append((ours, time.perf_counter() - started))
    seconds, floor = (statistics.median(column) for column in zip(*times, strict=True))
    return Line(name, method, seconds, e.cost.forward_rows, seconds / floor, grown)


def write(table: list[Line]) -> None:
    lines = [f"# {TITLE}", "", harness.machine(), ""]
    lines += ["| input | method | seconds | gradient rows | over raw passes | memory grown by |", "|---|---|---|---|---|---|"]
    lines += [f"| {r.input} | {r.method} | {r.seconds:.3f} | {r.rows} | {r.floor:.2f} | {r.grown} MB |" for r in table]
    harness.save("wide", [*lines, "", harness.peak()])
