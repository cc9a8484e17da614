"""Tetrominoes in noise: a network is trained to tell them apart, so the cells of the tetrominoes are where its reasons lie."""

from __future__ import annotations

from functools import cache
from typing import Any, get_args

import numpy as np

from ...core.features import Features
from ..building import learned, networks, outputs
from ..case import Case, Suite
from ..draws import BLOCK, in_blocks
from .tetrominoes import SIDE, Kind, Noise, Pictures, pictures

SUMMARY = "which cells of a picture hold the tetromino that tells the class, among noise that looks like it"
SAMPLES = {8: 16, 64: 8}
"""By size."""
HELD_OUT = 200
ACCURACY = 0.9
ROWS: dict[tuple[int, bool], int] = {(8, False): 1000, (64, False): 800, (8, True): 3000, (64, True): 1500}
"""Pictures for training, by size and whether tetrominoes move."""
TOLD: dict[Kind, str] = {
    "linear": "a T or an L is added to noise, each at its place",
    "multiplicative": "a T or an L takes the noise away, each at its place",
    "rotation": "a T or an L is added to noise, turned, anywhere",
    "xor": "a T and an L are added to noise, each with a sign: the class says whether the signs differ",
}


def build(seed: int, samples: int | None = None) -> Suite:
    """The suite ``patterns``."""
    asked = [(kind, noise, size) for size in SAMPLES for kind in get_args(Kind) for noise in get_args(Noise)]
    return Suite("patterns", SUMMARY, tuple(_case(*each, seed, samples or SAMPLES[each[2]]) for each in asked), seed)


def _case(kind: Kind, noise: Noise, size: int, seed: int, samples: int) -> Case:
    network, accuracy = _learned(kind, noise, size, seed)
    pool = _pictures(kind, noise, size, seed, "explained", 2 * samples + 20)
    right = np.flatnonzero(outputs(network, pool.x).argmax(axis=1) == pool.y)[:samples]
    return Case(
        f"{kind}-{noise}-{size}",
        f"{TOLD[kind]} ({noise}, {size} x {size} pixels)",
        network,
        pool.x[right],
        Features.grid((1, size, size), cell=size // SIDE),
        pool.y[right],
        "auroc",
        masks=pool.masks[right],
        background=_pictures(kind, noise, size, seed, "background", 16).x,
        labels=pool.y[right],
        output="logits",
        classes=("signs alike", "signs differ") if kind == "xor" else ("T", "L"),
        layer="maps",
        facts={"accuracy": accuracy},
        cite=("clark2024xaitris",),
    )


def _pictures(kind: Kind, noise: Noise, size: int, seed: int, purpose: str, rows: int) -> Pictures:
    def block(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        made = pictures(kind, noise, size, BLOCK, rng)
        return made.x, made.y, made.masks

    return Pictures(*in_blocks(rows, block, seed, "patterns", kind, noise, size, purpose))


@cache
def _learned(kind: Kind, noise: Noise, size: int, seed: int) -> tuple[Any, float]:
    moves, made = kind == "rotation", networks("convolutional")
    shown = _pictures(kind, noise, size, seed, "training", ROWS[size, moves])
    held_out = _pictures(kind, noise, size, seed, "held out", HELD_OUT)
    network = networks("training").trained(
        lambda: (made.Roaming if moves else made.Placed)(size, 2),
        shown.x,
        shown.y,
        seed=seed,
        epochs=12 if kind == "multiplicative" else 10 if moves else 8,
        rate=0.01 if moves else 0.005,
    )
    accuracy = float((outputs(network, held_out.x).argmax(axis=1) == held_out.y).mean())
    return network, learned(f"patterns, {kind}, {noise}, {size}", accuracy, ACCURACY)
