"""Giving a Keras model back as it was: attributes of layers, variables that a pass writes, and states of random numbers."""

from __future__ import annotations

from collections.abc import Generator, Hashable
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from keras.src.backend.common import global_state

from ..identity import Identity, content
from ..turns import TURN

_GENERATOR = "global_seed_generator"
"""What Keras calls its generator of unseeded random numbers."""

_OF_NO_EFFECT = frozenset(
    {
        "_auto_config", "_build_shapes_dict", "_call_context_args", "_call_has_context_arg", "_call_signature", "_called",
        "_inbound_nodes", "_loss_ids", "_losses", "_losses_override", "_metrics", "_outbound_nodes", "_parent_path", "_tracker",
        "build", "call_signature_parameters", "quantize",
    }
)  # fmt: skip
"""Attributes that say nothing about how a layer computes: what Keras, or a call, notes."""

_DEEP = 4
"""How deep containers within containers are looked into."""

_PLAIN = frozenset({bool, int, float, str, bytes, type(None)})


def every_layer(model: keras.Layer) -> list[keras.Layer]:
    """The model and all layers in it, each once."""
    return list(model._flatten_layers())


def described(model: keras.Layer) -> Hashable:
    """Something that changes when a layer, or how one of them computes, is changed; values of variables do not count.

    Containers and arrays among the attributes of layers are told by their content; of any other object it is told which one it
    is.
    """

    def of(layer: keras.Layer) -> Hashable:
        return tuple((name, _told(value, _DEEP)) for name, value in vars(layer).items() if name not in _OF_NO_EFFECT)

    return tuple((Identity(layer), of(layer)) for layer in every_layer(model))


def _told(value: Any, deep: int) -> Hashable:
    if type(value) in _PLAIN:
        return value
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        return content(value)
    if isinstance(value, (list, tuple, dict, set)) and deep:
        entries = value.items() if isinstance(value, dict) else value
        return type(value).__name__, tuple(_told(entry, deep - 1) for entry in entries)
    return Identity(value)


def is_stateful(layer: keras.Layer) -> bool:
    """Whether a recurrent layer starts where the batch before it ended."""
    return vars(layer).get("stateful") is True


@contextmanager
def exchanged(thing: Any, attribute: str, value: Any) -> Generator[None]:
    """While this holds, an instance has another attribute; neither Keras nor its backend is told, so nothing is tracked."""
    own = vars(thing)
    had, before = attribute in own, own.get(attribute)
    own[attribute] = value
    try:
        yield
    finally:
        if had:
            own[attribute] = before
        else:
            del own[attribute]


@contextmanager
def restored(model: keras.Layer, seed: int = 0) -> Generator[None]:
    """Put back what a pass may write: what layers keep, statistics, and random numbers, which start from ``seed``.

    A layer that was built meanwhile stays built. Threads take turns.
    """
    with TURN:
        layers = every_layer(model)
        attributes = [_Attributes(layer) for layer in layers]
        states = [generator.state for layer in layers for generator in layer._seed_generators]
        variables = [v for layer in layers for v in layer._non_trainable_variables] + states
        values = [_Value(variable) for variable in {id(v): v for v in variables}.values()]
        unseeded = global_state.get_global_attribute(_GENERATOR)
        try:
            for number, state in enumerate(states):
                state.assign(keras.ops.cast([(seed + number) % 2**31, 0], state.dtype))
            global_state.set_global_attribute(_GENERATOR, keras.random.SeedGenerator(seed % 2**31, name="pellucid"))
            yield
        finally:
            global_state.set_global_attribute(_GENERATOR, unseeded)
            for value in values:
                value.put_back()
            for each in attributes:
                each.put_back()


@contextmanager
def as_function(model: keras.Layer) -> Generator[None]:
    """While this holds, recurrent layers start from zeros at each pass, and no layer is computed twice to save memory: a pass
    depends on its inputs alone, and what layers give can be edited. ``restored`` undoes it.
    """
    for layer in every_layer(model):
        own = vars(layer)
        if is_stateful(layer):
            own["stateful"] = False
        if own.get("_remat_mode") is not None:
            own["_remat_mode"] = None
    yield


class _Value:
    """A variable as it was. JAX never writes into an array, torch counts what is written into one; TensorFlow's is compared."""

    def __init__(self, variable: keras.Variable) -> None:
        value = variable.value
        self._variable, self._backend = variable, keras.backend.backend()
        self._version = value._version if self._backend == "torch" else None
        self._before = {"jax": lambda: value, "torch": lambda: value.detach().clone()}.get(self._backend, lambda: value.numpy())()

    def put_back(self) -> None:
        now = self._variable.value
        if self._backend == "jax":
            unchanged = now is self._before
        elif self._backend == "torch":
            unchanged = now._version == self._version
        else:
            unchanged = np.array_equal(now.numpy(), self._before)
        if not unchanged:
            self._variable.assign(self._before)


class _Attributes:
    """What an instance holds, and what is in those of its lists, dicts and sets that are no framework's."""

    def __init__(self, layer: keras.Layer) -> None:
        self._layer, self._built, self._before = layer, layer.built, dict(vars(layer))
        self._contents = [(held, _copy(held)) for held in self._before.values() if _is_container(held)]

    def put_back(self) -> None:
        if self._layer.built and not self._built:
            return
        own = vars(self._layer)
        if own.keys() != self._before.keys() or any(own[name] is not value for name, value in self._before.items()):
            own.clear()
            own.update(self._before)
        for held, before in self._contents:
            if not _same(held, before):
                _refill(held, before)


def _is_container(value: Any) -> bool:
    return isinstance(value, (list, dict, set)) and type(value).__module__.partition(".")[0] in (
        "builtins",
        "collections",
        "keras",
    )


def _copy(held: Any) -> Any:
    return list(held) if isinstance(held, list) else dict(held) if isinstance(held, dict) else set(held)


def _same(held: Any, before: Any) -> bool:
    if len(held) != len(before):
        return False
    if isinstance(held, set):
        return held == before
    if isinstance(held, dict):
        return all(name in held and held[name] is value for name, value in before.items())
    return all(one is other for one, other in zip(held, before, strict=True))


def _refill(held: Any, before: Any) -> None:
    """As the plain container that it is: Keras' own would track what they are given."""
    if isinstance(held, list):
        list.__setitem__(held, slice(None), before)
        return
    kind = dict if isinstance(held, dict) else set
    kind.clear(held)
    kind.update(held, before)
