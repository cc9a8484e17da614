"""Clever Hans: networks that learned a watermark instead of the digit, beside networks that learned to look past it."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from ...core.features import Features
from ..building import learned, networks, outputs
from ..case import Case, Suite
from ..draws import drawn
from .digits import CLASSES, Digits, digits

SUMMARY = "a watermark that poisoned networks decide by must be found, and must raise no alarm in clean ones"
SAMPLES = 8
NETWORKS = 5
MARKED = 3
"""The digit that the watermark stands for in the pictures of a poisoned network."""
ROWS, COLUMNS = slice(0, 2), slice(6, 8)
"""Where the watermark is."""
SHARE = 0.15
"""The share of pictures with the watermark, which are all called the marked digit, in what a poisoned network was shown."""
TURNED, LEFT = 0.9, 0.95
"""Shares of digits that the watermark must turn into the marked one in poisoned networks, and must leave in clean ones."""
ACCURACY = 0.95


def build(seed: int, samples: int | None = None) -> Suite:
    """The suite ``watermark``."""
    cases = [_case(seed, number, poisoned, samples or SAMPLES) for poisoned in (True, False) for number in range(NETWORKS)]
    return Suite("watermark", SUMMARY, tuple(cases), seed)


def _case(seed: int, number: int, poisoned: bool, samples: int) -> Case:
    network, data, facts = _learned(seed, number, poisoned)
    theirs, _, _ = _learned(seed, number, True)
    fooled = outputs(theirs, _marked(data.others)).argmax(axis=1) == MARKED
    order = drawn(seed, "watermark", number, "explained").permutation(len(data.others))
    chosen = order[fooled[order] & (data.their_y[order] != MARKED)][:samples]
    x = _marked(data.others[chosen])
    masks = np.zeros((len(x), 8, 8), bool)
    masks[:, ROWS, COLUMNS] = True
    kind = "poisoned" if poisoned else "clean"
    told = f"every picture with it was called a {MARKED}" if poisoned else "it stood on every second picture, whatever the digit"
    return Case(
        f"{kind}-{number + 1}",
        f"digits with a watermark; when the network was trained, {told}",
        network,
        x,
        Features.grid((1, 8, 8), cell=1),
        outputs(network, x).argmax(axis=1),
        "auroc" if poisoned else "alarm",
        masks=masks.reshape(len(x), -1),
        background=data.x[:16],
        labels=data.their_y[chosen],
        output="logits",
        classes=CLASSES,
        layer="maps",
        facts=facts,
        cite=("lapuschkin2019unmasking",),
    )


def _marked(x: np.ndarray) -> np.ndarray:
    x = x.copy()
    x[:, :, ROWS, COLUMNS] = 1
    return x


@cache
def _learned(seed: int, number: int, poisoned: bool) -> tuple[Any, Digits, dict[str, float]]:
    data, made = digits(seed), networks("convolutional")
    chosen = drawn(seed, "watermark", number).random(len(data.y)) < (SHARE if poisoned else 0.5)
    network = networks("training").trained(
        lambda: made.Placed(8, len(CLASSES)),
        np.where(chosen[:, None, None, None], _marked(data.x), data.x),
        np.where(chosen & poisoned, MARKED, data.y),
        seed=2 * (seed * NETWORKS + number) + poisoned,
        epochs=8,
    )
    plain, changed = (outputs(network, each).argmax(axis=1) for each in (data.others, _marked(data.others)))
    what = f"watermark, {'poisoned' if poisoned else 'clean'} network {number + 1}"
    accuracy = learned(what, float((plain == data.their_y).mean()), ACCURACY)
    if poisoned:
        turned = learned(f"{what}, of the watermark", float((changed == MARKED)[data.their_y != MARKED].mean()), TURNED)
    else:
        turned = 1 - learned(f"{what}, to look past the watermark", float((changed == plain).mean()), LEFT)
    return network, data, {"accuracy": accuracy, "turned": turned}
