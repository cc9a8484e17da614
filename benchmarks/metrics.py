"""Metrics and the trust card: time over the raw model passes of their rows, beside Quantus.

Two networks: a small CNN trained here on scikit-learn's digits, whose rows take microseconds, so that everything but the model
shows; and EfficientNet-Lite0, where the model is nearly all there is. Model, samples, explanation, number of changed inputs and
their kind are the same for both libraries; the values are those of the explanation, given to both. Rows are counted at the model
by a hook. Seconds are those of the processor, with one thread: what others do on the machine leaves them nearly alone. Quantus
gets batches of all samples, no warnings and no normalisation, and explains by a batched gradient. On EfficientNet its
pixel-flipping takes 784 entries at a step, ours a cell of a 14 x 14 grid.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from typing import Any, cast

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

import pellucid as pl
from pellucid.core.measure import Metric
from pellucid.engine import tune
from pellucid.metrics.faithfulness.faithfulness_correlation import FaithfulnessCorrelation
from pellucid.metrics.faithfulness.pixel_flipping import PixelFlipping
from pellucid.metrics.randomisation.parameter_randomisation import ParameterRandomisation
from pellucid.metrics.robustness.max_sensitivity import MaxSensitivity

from .gradients import Bench, bench, fastest
from .harness import Contender, Row, Work, race

TITLE = "Metrics and the trust card, beside Quantus (processor seconds)"
DIGITS = 64
SUBSETS, SHARE, COPIES, RADIUS, DRAWS = 100, 0.2, 20, 0.05, 2
STEPS = 16
ROUNDS = 15
FLOOR_ROWS = 4096
"""Forward rows of the small network that its floor is timed with; half as many gradients, and for the large one a 32nd."""
OURS, THEIRS = "pellucid", "quantus"
SMALL = (32, 64, 128, 256, 512)
"""Batches among which the floor of the small network is looked for."""


def run() -> list[Row]:
    """All races."""
    torch.set_num_threads(1)
    small = digits()
    return [*metrics(small, "digits", "top-down", ROUNDS), *large()]


def digits() -> Bench:
    """A CNN trained on 1,400 digits, and samples that it has not seen."""
    data = load_digits()
    x, y = torch.tensor(data.images[:, None] / 16, dtype=torch.float32), torch.tensor(data.target)
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(512, 10),
    )
    optimizer = torch.optim.Adam(net.parameters(), 3e-3)
    for _ in range(15):
        for part in torch.randperm(1400).split(64):
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(x[part]), y[part]).backward()
            optimizer.step()
    net.eval().requires_grad_(False)
    samples = x[1400 : 1400 + DIGITS]
    best = [fastest(net, samples, backward=backward, batches=SMALL) for backward in (True, False)]
    return Bench(net, samples, net(samples).argmax(1), *best)


def large() -> list[Row]:
    """EfficientNet-Lite0 with four photos."""
    b = bench()
    return [*metrics(b, "EfficientNet-Lite0", "full", 2), *card(b)]


def metrics(b: Bench, name: str, order: str, rounds: int) -> list[Row]:
    """The four metrics on one network."""
    tune.WORTH = 0
    target, x = b.target.cpu().numpy(), b.x.cpu().numpy()
    e = pl.explain(b.net, b.x, target=target, method="saliency")
    given = e.values.astype(np.float32)
    quantus = _quantus()
    entries, players = x[0].size, min(x[0].size, 14 * 14)
    at_once = next(many for many in range(entries // players, entries) if x[0, 0].size % many == 0)  # quantus wants a divisor
    explained = {"explain_func": _gradient, "device": str(b.x.device)}

    def ours(metric: Any) -> Callable[[], object]:
        return lambda: pl.evaluate(e, b.net, cast("Metric", metric), progress=False)

    def theirs(kind: str, more: dict[str, Any] | None = None, **settings: Any) -> Callable[[], object]:
        def run() -> None:
            made = getattr(quantus, kind)(abs=False, normalise=False, disable_warnings=True, **settings)
            with _silent():
                made(b.net, x, target, a_batch=given, softmax=False, batch_size=len(x), **(more or {"device": str(b.x.device)}))

        return run

    noise = {"lower_bound": -RADIUS, "upper_bound": RADIUS}
    drawn = DRAWS if order != "full" else 5
    contests = {
        f"pixel-flipping, {players} steps": (
            ours(PixelFlipping()),
            theirs("PixelFlipping", features_in_step=at_once, perturb_baseline="black"),
        ),
        f"faithfulness-correlation, {SUBSETS} subsets": (
            ours(FaithfulnessCorrelation(subsets=SUBSETS, share=SHARE)),
            theirs("FaithfulnessCorrelation", nr_runs=SUBSETS, subset_size=round(SHARE * entries), perturb_baseline="black"),
        ),
        f"max-sensitivity of saliency, {COPIES} copies": (
            ours(MaxSensitivity(copies=COPIES, radius=RADIUS)),
            theirs("MaxSensitivity", explained, nr_samples=COPIES, **noise),
        ),
        f"parameter-randomisation of saliency, {order}, {drawn} draws (quantus: 1)": (
            ours(ParameterRandomisation(order=cast("Any", order), draws=drawn)),
            theirs("MPRT", explained, skip_layers=order == "full"),
        ),
    }
    table: list[Row] = []
    for work, pair in contests.items():
        table += contest(b, f"{name}, {len(x)} samples: {work}", dict(zip((OURS, THEIRS), pair, strict=True)), rounds)
    return table


def card(b: Bench) -> list[Row]:
    """The whole trust card of integrated gradients; and how many of its rows are removals."""
    e = pl.explain(b.net, b.x, target=b.target.cpu().numpy(), steps=STEPS)
    removals = counted(b.net, lambda: pl.trust(e, b.net, changes=0, draws=0, progress=False))
    whole = {OURS: lambda: pl.trust(e, b.net, progress=False)}
    note = f"{removals.forward / len(e):.0f} forward rows per image without the explanations anew"
    work = f"EfficientNet-Lite0, {len(e)} samples: trust card of integrated gradients, {STEPS} steps"
    return contest(b, work, whole, 2, {OURS: note})


def contest(
    b: Bench, work: str, runs: dict[str, Callable[[], object]], rounds: int, notes: dict[str, str] | None = None
) -> list[Row]:
    """A race of runs, whose rows are counted as they run, with floors of rows of both kinds."""
    many = FLOOR_ROWS if len(b.x) == DIGITS else FLOOR_ROWS // 32
    contenders: dict[str, Contender] = {name: partial(counted, b.net, run) for name, run in runs.items()}
    return race(work, b.floors(many // 2, many), contenders, rounds, {**b.notes, **(notes or {})}, time.process_time)


def counted(net: nn.Module, run: Callable[[], object]) -> Work:
    """Rows that the model was given: with a gradient in the input, and without. Copies of the model count, too."""
    seen = {True: 0, False: 0}

    def count(_: nn.Module, given: tuple[torch.Tensor, ...]) -> None:
        seen[torch.is_grad_enabled() and given[0].requires_grad] += len(given[0])

    handle = net.register_forward_pre_hook(count)
    try:
        run()
    finally:
        handle.remove()
    return Work(seen[True], seen[False])


def _gradient(model: nn.Module, inputs: np.ndarray, targets: np.ndarray, **_: Any) -> np.ndarray:
    """Saliency of a batch, as Quantus asks for it."""
    points = torch.as_tensor(inputs, dtype=torch.float32).requires_grad_()
    with torch.enable_grad():
        picked = model(points).gather(1, torch.as_tensor(targets, dtype=torch.int64)[:, None]).sum()
    return torch.autograd.grad(picked, points)[0].numpy()


def _quantus() -> Any:
    """The library; it imports TensorFlow where there is one."""
    with _silent():
        import quantus
    return quantus


@contextmanager
def _silent() -> Generator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
