"""Models with new weights: what an explanation of the trained ones should differ from.

Each parameter is drawn anew, independently, from a normal distribution with its own mean and standard deviation: every network
keeps the scale at which it was built, and nothing of what it has learned. Statistics of normalisation layers stay. Draws come
from the host, keyed by seed, number and name, with kernels in one order of axes, so that the same network in another framework
gets the same weights where its layers have the same names.

Nothing is cloned where that can be avoided: a subclassed model may not be, and what was compiled or measured for the user's own
is of use for its other weights, too. Weights are exchanged while a ``with`` block runs, and put back bit by bit.
"""

from __future__ import annotations

import importlib
from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, cast

import numpy as np

from ..arrays.draws import generator
from ..core.errors import CapabilityError, LayerError, nearest
from ..core.view import Spec
from .lookup import adapter_of
from .wrap import Wrapped

ROOMS = {
    name: f"pellucid.models.{name}.weights_anew" for name in ("torch", "keras", "jax", "flax", "tensorflow", "onnx", "sklearn")
}
"""By adapter, the file that is its ``Room``."""

PARTS = {"weight": "kernel", "gamma": "scale", "beta": "bias", "embeddings": "embedding"}
"""Names of parameters as draws know them, where frameworks differ."""

Name = tuple[str, str]
"""A layer, as ``at=`` takes it, and the name of a parameter in it."""


@dataclass(frozen=True)
class Weight:
    """A parameter on the host; ``outputs_first`` where its axes are outputs, inputs, positions, and not these backwards."""

    layer: str
    name: str
    values: np.ndarray
    outputs_first: bool = False


class Room(Protocol):
    """The weights of one adapter's models."""

    def weights(self, model: Wrapped) -> Sequence[Weight]:
        """Parameters of floating-point numbers, from the input to the output as far as can be told; each once."""
        ...

    def exchanged(self, model: Wrapped, values: Mapping[Name, np.ndarray]) -> AbstractContextManager[Wrapped]:
        """While this holds, the model that it gives has these weights."""
        ...


def parameter_layers(model: Any) -> tuple[str, ...]:
    """Layers with weights, in the order of the definition.

    Raises
    ------
    CapabilityError
        If the model shows no weights.
    """
    wrapped, room = _opened(model)
    return tuple(dict.fromkeys(weight.layer for weight in _weights(wrapped, room)))


@contextmanager
def randomised(model: Any, seed: int, draw: int = 0, layers: Sequence[str] | None = None) -> Generator[Wrapped]:
    """While this holds, the model that it gives has new weights in these layers, or in all.

    Raises
    ------
    LayerError
        If there is no such layer, or it has no weights.
    CapabilityError
        If the model shows no weights.
    """
    wrapped, room = _opened(model)
    found = _weights(wrapped, room)
    known = list(dict.fromkeys(weight.layer for weight in found))
    chosen = known if layers is None else list(layers)
    if unknown := [name for name in chosen if name not in known]:
        raise LayerError(f"there is no layer {unknown[0]!r} with weights.{nearest(unknown[0], known)}")
    values = {(weight.layer, weight.name): _drawn(weight, seed, draw) for weight in found if weight.layer in chosen}
    with room.exchanged(wrapped, values) as changed:
        yield changed


def _drawn(weight: Weight, seed: int, draw: int) -> np.ndarray:
    """New values, in the parameter's own order of axes."""
    held = weight.values.astype(np.float64)
    order = (*range(2, held.ndim), 1, 0) if weight.outputs_first else tuple(range(held.ndim))
    part = "scale" if weight.name == "weight" and held.ndim == 1 else PARTS.get(weight.name, weight.name)
    key = f"weights {weight.layer}.{part}".replace("/", ".")
    normal = generator(seed, key, draw).standard_normal(tuple(held.shape[axis] for axis in order))
    return (held.mean() + held.std() * normal.transpose(np.argsort(order))).astype(weight.values.dtype)


def _opened(model: Any) -> tuple[Wrapped, Room]:
    wrapped = model if isinstance(model, Wrapped) else Wrapped(model, Spec())
    name = adapter_of(model)
    if name not in ROOMS:
        raise CapabilityError(
            f"the {name} adapter shows no weights that could be drawn anew; give the network itself, or a JAX function with its "
            f"parameters: pl.wrap(fn, params). Known are the weights of {', '.join(ROOMS)}."
        )
    return wrapped, cast(Room, importlib.import_module(ROOMS[name]))


def _weights(wrapped: Wrapped, room: Room) -> Sequence[Weight]:
    found = [weight for weight in room.weights(wrapped) if weight.values.size]
    if not found:
        raise CapabilityError(f"{type(wrapped.model).__name__} has no weights of floating-point numbers to be drawn anew.")
    return found
