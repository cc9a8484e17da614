"""Methods that remove features, on EfficientNet-Lite0: time over the floor of their model rows, beside captum and lime.

The floor is the same number of raw rows in the batches and the memory layout that were fastest in a sweep. One photo; every
contender makes the same number of coalitions or masks, at the batch size at which it was fastest where it takes one.
"""

from __future__ import annotations

import numpy as np
import torch
from captum.attr import Lime as CaptumLime
from captum.attr import Occlusion as CaptumOcclusion
from lime.lime_image import LimeImageExplainer

import pellucid as pl

from .gradients import Bench, bench
from .harness import Row, Work, race

TITLE = "The removal engine on EfficientNet-Lite0, 224 x 224, one photo"
SAMPLES = 1000
WINDOW, STRIDE = 32, 16
CELLS = 36
ROUNDS = 3


def run() -> list[Row]:
    """All races."""
    b = bench()
    return [*occlusion(b), *rise(b), *lime(b), *shapley(b)]


def features(b: Bench) -> pl.Features:
    """36 squares."""
    return pl.Features.grid(tuple(b.x.shape[1:]), cell=38)


def occlusion(b: Bench) -> list[Row]:
    """A window of 32 pixels at a stride of 16: 13 x 13 places."""
    shapes = {"sliding_window_shapes": (3, WINDOW, WINDOW), "strides": (3, STRIDE, STRIDE)}
    places = ((b.x.shape[-1] - WINDOW) // STRIDE + 1) ** 2

    def captum(batch: int) -> Work:
        CaptumOcclusion(b.net).attribute(b.x[:1], target=b.target[:1], perturbations_per_eval=batch, **shapes)
        return Work(forward=places + 1)

    contenders = {
        "pellucid": lambda: b.explain("occlusion", images=1, window=WINDOW, stride=STRIDE),
        "captum, defaults": lambda: captum(1),
        "captum, batches of 8": lambda: captum(8),
    }
    return race(f"occlusion, {places} windows", b.floors(0, places), contenders, ROUNDS, b.notes)


def rise(b: Bench) -> list[Row]:
    """Masks as published: 7 x 7 cells, half of them present."""

    def by_hand(batch: int) -> Work:
        """As most people write it: masks made beforehand, interpolated, shifted."""
        rng = np.random.default_rng(0)
        cell = -(-b.x.shape[-1] // 7)
        masks = torch.empty(SAMPLES, 1, *b.x.shape[-2:])
        for i in range(SAMPLES):
            grid = torch.tensor((rng.random((1, 1, 8, 8)) < 0.5).astype(np.float32))
            full = torch.nn.functional.interpolate(grid, scale_factor=cell, mode="bilinear")
            y, x = rng.integers(0, cell, 2)
            masks[i] = full[0, :, y : y + b.x.shape[-2], x : x + b.x.shape[-1]]
        with torch.no_grad():
            scores = torch.cat([b.net(b.x[:1] * part)[:, b.target[0]] for part in masks.split(batch)])
        (scores[:, None, None, None] * masks).mean(0)
        return Work(forward=SAMPLES)

    contenders = {
        "pellucid": lambda: b.explain("rise", images=1, samples=SAMPLES),
        "by hand, batches of 4": lambda: by_hand(4),
        "by hand, batches of 32": lambda: by_hand(32),
    }
    return race(f"RISE, {SAMPLES} masks", b.floors(0, SAMPLES), contenders, 2, b.notes)


def lime(b: Bench) -> list[Row]:
    """36 squares, removed to zero."""
    squares = features(b)
    labels = squares.labels[0]

    def captum(batch: int) -> Work:
        mask = torch.tensor(labels)[None, None]
        CaptumLime(b.net).attribute(
            b.x[:1], target=b.target[:1], feature_mask=mask, n_samples=SAMPLES, perturbations_per_eval=batch
        )
        return Work(forward=SAMPLES)

    def lime_image(batch: int) -> Work:
        def classify(images: np.ndarray) -> np.ndarray:
            with torch.no_grad():
                return b.net(torch.tensor(images.transpose(0, 3, 1, 2), dtype=torch.float32)).numpy()

        image = b.x[0].permute(1, 2, 0).numpy().astype(float)
        LimeImageExplainer(random_state=0).explain_instance(
            image,
            classify,
            labels=(int(b.target[0]),),
            top_labels=None,
            hide_color=0,
            num_samples=SAMPLES,
            batch_size=batch,
            segmentation_fn=lambda _: labels,
        )
        return Work(forward=SAMPLES)

    contenders = {
        "pellucid": lambda: b.explain("lime", images=1, features=squares, samples=SAMPLES),
        "lime_image, its batches of 10": lambda: lime_image(10),
        "captum, 1 a call": lambda: captum(1),
        "captum, batches of 4": lambda: captum(4),
    }
    return race(f"LIME, {SAMPLES} samples, {CELLS} squares", b.floors(0, SAMPLES), contenders, 2, b.notes)


def shapley(b: Bench) -> list[Row]:
    """The default call, and captum's KernelShap, over 36 squares."""
    squares = features(b)
    contenders = {"pellucid": lambda: b.explain("shapley", images=1, features=squares, budget=SAMPLES)}
    return race(f"Shapley values, {SAMPLES} rows, {CELLS} squares", b.floors(0, SAMPLES), contenders, 2, b.notes)
