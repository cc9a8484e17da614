"""LIME: how stable its weights are on a photo, and its time on a table, beside lime and captum.

Stability: 36 superpixels of a photo, 1,000 samples, the top class's logit; rank correlation of the weights between two seeds, and
with the weights of 20,000 samples of the same method. Superpixels, replacement and number of samples are the same for all;
kernels and ridges are what each library has by default, but for captum, whose default Lasso is exchanged for ridge.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from captum._utils.models.linear_model import SkLearnRidge
from captum.attr import Lime as CaptumLime
from lime.lime_image import LimeImageExplainer
from lime.lime_tabular import LimeTabularExplainer
from PIL import Image
from scipy.stats import spearmanr

import pellucid as pl
from pellucid import demo

from .harness import machine, save
from .shapley import breast_cancer, quiet

SAMPLES, REFERENCE, PLAYERS = 1000, 20_000, 36
ROWS, DRAWS, ROUNDS = 20, 5000, 5


def run() -> None:
    """Both tables on one page."""
    quiet()
    save("lime", ["# LIME beside lime and captum", "", machine("lime"), "", *stability(), "", *tabular()])


def stability() -> list[str]:
    """Rank correlations on EfficientNet-Lite0."""
    wrapped = demo.efficientnet_lite0()
    net = wrapped.model.requires_grad_(False)
    x = torch.tensor(wrapped.spec.preprocess.prepare([Image.open(demo.photos()["chelsea"])]))
    pixels = x[0].permute(1, 2, 0).numpy()
    features = next(f for n in range(30, 60) if len(f := pl.Features.superpixels(pixels, n=n, layout="NHWC")) == PLAYERS)
    labels, target = features.labels[..., 0], int(net(x).argmax())
    regions = pl.Features.from_labels(labels[None])

    def ours(samples: int, seed: int) -> np.ndarray:
        return pl.explain(net, x, target=target, method="lime", features=regions, samples=samples, seed=seed).values[0]

    def lime_image(samples: int, seed: int) -> np.ndarray:
        def classify(images: np.ndarray) -> np.ndarray:
            with torch.no_grad():
                return net(torch.tensor(images.transpose(0, 3, 1, 2), dtype=torch.float32)).numpy()

        made = LimeImageExplainer(random_state=seed).explain_instance(
            pixels.astype(float),
            classify,
            labels=(target,),
            top_labels=None,
            hide_color=0,
            num_samples=samples,
            segmentation_fn=lambda _: labels,
            random_seed=seed,
        )
        weights = dict(made.local_exp[target])
        return np.array([weights[player] for player in range(PLAYERS)])

    def captum(samples: int, seed: int) -> np.ndarray:
        torch.manual_seed(seed)
        mask = torch.tensor(labels)[None, None]
        method = CaptumLime(net, interpretable_model=SkLearnRidge(alpha=1.0))
        made = method.attribute(
            x, target=target, feature_mask=mask, n_samples=samples, perturbations_per_eval=4, return_input_shape=False
        )
        return made[0].numpy()

    lines = [
        f"## Stability: {PLAYERS} superpixels, {SAMPLES} samples",
        "",
        f"| library | between seeds | with {REFERENCE:,} samples |",
        "|---|---|---|",
    ]
    for name, explain, long in (("pellucid", ours, True), ("lime", lime_image, False), ("captum, ridge", captum, False)):
        runs = [explain(SAMPLES, seed) for seed in range(3)]
        between = [rank(runs[i], runs[j]) for i, j in ((0, 1), (0, 2), (1, 2))]
        reference = explain(REFERENCE, 99) if long else None
        told = "" if reference is None else ", ".join(f"{rank(each, reference):.3f}" for each in runs)
        lines.append(f"| {name} | {', '.join(f'{each:.3f}' for each in between)} | {told} |")
        print(lines[-1], flush=True)
    return lines


def tabular() -> list[str]:
    """Seconds for 20 rows and 5,000 samples each, over the raw rows."""
    net, x = breast_cancer()
    rows, mean = x[:ROWS], x.mean(axis=0)
    masker = pl.maskers.Constant(mean)

    def floor() -> None:
        with torch.no_grad():
            for part in torch.zeros(ROWS * DRAWS, x.shape[1]).split(4096):
                net(part)

    def model(batch: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return net(torch.as_tensor(batch, dtype=torch.float32)).softmax(1).numpy()

    def lime(discretise: bool) -> Callable[[], None]:
        explainer = LimeTabularExplainer(x, discretize_continuous=discretise, random_state=0)

        def explain() -> None:
            for row in rows:
                explainer.explain_instance(row, model, num_samples=DRAWS, num_features=x.shape[1])

        return explain

    racers: dict[str, Callable[[], object]] = {
        "floor: raw rows": floor,
        "pellucid lime": lambda: pl.explain(net, rows, target=1, method="lime", samples=DRAWS, masker=masker),
        "pellucid linear-surrogate": lambda: pl.explain(
            net, rows, target=1, method="linear-surrogate", samples=DRAWS, background=x
        ),
        "lime, not discretised": lime(False),
        "lime, defaults": lime(True),
    }
    taken: dict[str, list[float]] = {name: [] for name in racers}
    for turn in range(ROUNDS + 1):
        for name, racer in racers.items():
            started = time.perf_counter()
            racer()
            if turn:
                taken[name].append(time.perf_counter() - started)
    base = statistics.median(taken["floor: raw rows"])
    lines = [
        f"## Time: {ROWS} rows of a table, {DRAWS} samples each",
        "",
        "| contender | seconds | over the floor |",
        "|---|---|---|",
    ]
    for name, times in taken.items():
        lines.append(f"| {name} | {statistics.median(times):.3f} | {statistics.median(times) / base:.1f} |")
        print(lines[-1], flush=True)
    return lines


def rank(one: np.ndarray, other: np.ndarray) -> float:
    return float(spearmanr(one, other).statistic)
