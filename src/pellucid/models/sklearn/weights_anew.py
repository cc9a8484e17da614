"""The weights of linear models and multi-layer perceptrons: copies of estimators have others."""

from __future__ import annotations

import copy
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.neural_network import MLPClassifier, MLPRegressor

from ..randomise import Name, Weight
from ..wrap import Wrapped
from .parts import opened


def weights(model: Wrapped) -> Sequence[Weight]:
    """``coefs_`` and ``intercepts_`` layer by layer, or ``coef_`` and ``intercept_``, of the last step; else nothing."""
    return _weights(opened(model.model)[1])


@contextmanager
def exchanged(model: Wrapped, values: Mapping[Name, np.ndarray]) -> Generator[Wrapped]:
    """A copy, which is small beside what it was trained on."""
    changed = copy.deepcopy(model.model)
    estimator = opened(changed)[1]
    if isinstance(estimator, (MLPClassifier, MLPRegressor)):
        for weight in _weights(estimator):
            held = estimator.coefs_ if weight.name == "kernel" else estimator.intercepts_
            at = int(weight.layer.removeprefix("layer")) - 1
            held[at] = values.get((weight.layer, weight.name), held[at])
    else:
        for attribute, name in (("coef_", "kernel"), ("intercept_", "bias")):
            if ("linear", name) in values:
                setattr(estimator, attribute, values["linear", name])
    yield replace(model, model=changed)


def _weights(estimator: Any) -> list[Weight]:
    if isinstance(estimator, (MLPClassifier, MLPRegressor)):
        pairs = zip(estimator.coefs_, estimator.intercepts_, strict=True)
        parts = [(f"layer{at}", *pair) for at, pair in enumerate(pairs, start=1)]
    else:  # attributes of the instance, and not what a property makes of support vectors
        own = vars(estimator)
        parts = [("linear", own["coef_"], own.get("intercept_"))] if "coef_" in own else []
    found: list[Weight] = []
    for layer, kernel, bias in parts:
        turned = layer == "linear" and np.ndim(kernel) == 2
        for name, values, outputs_first in (("kernel", kernel, turned), ("bias", bias, False)):
            if isinstance(values, np.ndarray) and values.dtype.kind == "f":
                found.append(Weight(layer, name, values, outputs_first))
    return found
