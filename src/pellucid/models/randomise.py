"""Copies of models with new weights: what an explanation of the trained ones should differ from.

Each parameter is drawn anew, independently, from a normal distribution with its own mean and standard deviation: every network
keeps the scale at which it was built, and nothing of what it has learned. Draws come from the host, keyed by seed and name, so
that the same network in another framework gets the same weights.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..arrays.draws import generator
from ..core.errors import CapabilityError, LayerError, nearest
from .lookup import framework_of
from .wrap import Wrapped

ROOMS = {"torch": "pellucid.models.torch.weights_anew"}
"""By framework, where ``layers(model)`` and ``anew(model, draw, layers)`` are."""


def parameter_layers(model: Any) -> tuple[str, ...]:
    """Layers with weights, in the order of the definition.

    Raises
    ------
    CapabilityError
        If the framework's weights are not known here.
    """
    return _room(model).layers(model.model if isinstance(model, Wrapped) else model)


def randomised(model: Any, seed: int, layers: Sequence[str] | None = None) -> Any:
    """A copy with new weights in these layers, or in all; the model itself is not touched.

    Raises
    ------
    LayerError
        If there is no such layer, or it has no weights.
    CapabilityError
        If the framework's weights are not known here.
    """
    known = parameter_layers(model)
    chosen = known if layers is None else tuple(layers)
    if unknown := [name for name in chosen if name not in known]:
        raise LayerError(f"there is no layer {unknown[0]!r} with weights.{nearest(unknown[0], known)}")

    def draw(name: str, held: np.ndarray) -> np.ndarray:
        values = generator(seed, f"weights {name}", 0).standard_normal(held.shape)
        return (held.mean() + held.std() * values).astype(held.dtype)

    inner = model.model if isinstance(model, Wrapped) else model
    copy = _room(model).anew(inner, draw, chosen)
    return replace(model, model=copy) if isinstance(model, Wrapped) else copy


def _room(model: Any) -> Any:
    framework = framework_of(model.model if isinstance(model, Wrapped) else model)
    if framework not in ROOMS:
        raise CapabilityError(
            f"the weights of a model of {framework or 'no framework'} are not drawn anew here; known are {', '.join(ROOMS)}."
        )
    return importlib.import_module(ROOMS[framework])
