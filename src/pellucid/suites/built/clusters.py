"""Gaussian clusters, each of which opens a gate to some of the features: only those matter."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from ...core.features import Features
from ..building import learned, networks, outputs
from ..case import Case, Suite
from ..draws import BLOCK, in_blocks
from ..enumeration import Rows

SUMMARY = "each cluster of rows opens a gate to features of its own; the others do not matter there"
SAMPLES = 24
CLUSTERS, EACH = 3, 2
FEATURES = CLUSTERS * EACH
WEIGHTS = np.array([1.0, -2.0, 1.5, 1.0, -1.0, 2.5])
CENTRES = 3 * np.stack([np.array([np.cos(turn), np.sin(turn)]) for turn in 2 * np.pi * np.arange(CLUSTERS) / CLUSTERS])
SPREAD = 0.2
CLOSED = 64.0
"""What a closed gate takes from a unit: more than any unit has."""
ROWS, HELD_OUT = 3000, 500
ACCURACY = 0.9


def build(seed: int, samples: int | None = None) -> Suite:
    """The suite ``clusters``."""
    count = samples or SAMPLES
    return Suite("clusters", SUMMARY, (_closed(seed, count), _trained(seed, count)), seed)


def gated(x: Rows) -> np.ndarray:
    """The closed form: the weighted sum of the features whose gate is open."""
    gates = np.clip(x[:, :2] @ CENTRES.T / 3 - 1, 0, 1)
    sums = (x[:, 2:] * WEIGHTS).reshape(-1, CLUSTERS, EACH).sum(axis=2)
    return (np.maximum(sums + CLOSED * (gates - 1), 0) - np.maximum(-sums + CLOSED * (gates - 1), 0)).sum(axis=1)


def _closed(seed: int, samples: int) -> Case:
    x, cluster = in_blocks(samples, _rows, seed, "clusters", "inputs")
    opened = _opened(cluster)
    return Case(
        "gates",
        "the weighted sum of two of six features, chosen by the cluster; the cluster's coordinates are never removed",
        _network(),
        x,
        _features(),
        np.zeros(samples, int),
        "rank-correlation",
        truth=np.where(opened, x[:, 2:].astype(np.float64) * WEIGHTS, 0.0),
        masks=opened,
        background=in_blocks(32, _rows, seed, "clusters", "background")[0],
        cite=("agarwal2022openxai",),
    )


def _trained(seed: int, samples: int) -> Case:
    network, accuracy = _learned(seed)
    pool, cluster = in_blocks(2 * samples + BLOCK, _rows, seed, "clusters", "explained")
    y = (gated(pool) > 0).astype(int)
    chosen = np.flatnonzero(outputs(network, pool).argmax(axis=1) == y)[:samples]
    return Case(
        "gates-learned",
        "a network trained to tell the sign of that sum",
        network,
        pool[chosen],
        _features(),
        y[chosen],
        "auroc",
        masks=_opened(cluster[chosen]),
        background=in_blocks(32, _rows, seed, "clusters", "background")[0],
        labels=y[chosen],
        output="logits",
        classes=("negative", "positive"),
        facts={"accuracy": accuracy},
        cite=("agarwal2022openxai",),
    )


def _features() -> Features:
    return Features.from_groups([[2 + at] for at in range(FEATURES)], [f"x{at}" for at in range(FEATURES)], columns=2 + FEATURES)


def _rows(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    cluster = rng.integers(0, CLUSTERS, BLOCK)
    place = CENTRES[cluster] + SPREAD * rng.normal(size=(BLOCK, 2))
    return np.concatenate([place, rng.normal(size=(BLOCK, FEATURES))], axis=1).astype(np.float32), cluster


def _opened(cluster: np.ndarray) -> np.ndarray:
    return cluster[:, None] == np.arange(FEATURES) // EACH


def _network() -> Any:
    """Three layers: how far each gate is open, as the difference of two units; sums behind their gates; their total."""
    first, biases = np.zeros((2 * CLUSTERS + 2 * FEATURES, 2 + FEATURES)), np.zeros(2 * CLUSTERS + 2 * FEATURES)
    second = np.zeros((2 * CLUSTERS, len(first)))
    for cluster in range(CLUSTERS):
        first[[2 * cluster, 2 * cluster + 1], :2] = CENTRES[cluster] / 3
        biases[[2 * cluster, 2 * cluster + 1]] = -1, -2
        for sign in (0, 1):
            second[2 * cluster + sign, [2 * cluster, 2 * cluster + 1]] = CLOSED, -CLOSED
    for feature in range(FEATURES):
        at, cluster = 2 * CLUSTERS + 2 * feature, feature // EACH
        first[at, 2 + feature], first[at + 1, 2 + feature] = 1, -1
        second[2 * cluster, [at, at + 1]] = WEIGHTS[feature], -WEIGHTS[feature]
        second[2 * cluster + 1, [at, at + 1]] = -WEIGHTS[feature], WEIGHTS[feature]
    last = np.tile([1.0, -1.0], CLUSTERS)[None]
    return networks("closed").relu_network([(first, biases), (second, np.full(len(second), -CLOSED)), (last, np.zeros(1))])


@cache
def _learned(seed: int) -> tuple[Any, float]:
    x, _ = in_blocks(ROWS + HELD_OUT, _rows, seed, "clusters", "training")
    y = (gated(x) > 0).astype(int)
    network = networks("training").trained(
        lambda: networks("dense").dense(2 + FEATURES, 48, 2), x[:ROWS], y[:ROWS], seed=seed, epochs=15
    )
    accuracy = float((outputs(network, x[ROWS:]).argmax(axis=1) == y[ROWS:]).mean())
    return network, learned("clusters", accuracy, ACCURACY)
