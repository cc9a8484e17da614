"""What ``models.baked`` must know of TensorFlow, and of layers of Keras that its functions may call."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from ..baked import Library


def _follows(thing: Any) -> bool:
    return isinstance(thing, tf.__internal__.tracking.AutoTrackable) and not _is_of_keras(thing)


def _variables(thing: Any) -> list[Any]:
    """A variable, or those of a layer of Keras, which is not followed."""
    if isinstance(thing, tf.Variable):
        return [thing]
    return [variable.value for variable in getattr(thing, "variables", [])] if _is_of_keras(thing) else []


def _written(thing: Any) -> Any:
    return thing.python_function if isinstance(thing, tf.types.experimental.PolymorphicFunction) else None


def _is_of_keras(thing: Any) -> bool:
    return any(kind.__module__.startswith("keras.") for kind in type(thing).__mro__)


TENSORFLOW = Library((tf.DType,), _follows, _variables, _written)
