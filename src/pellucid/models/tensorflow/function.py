"""Whatever is called with TensorFlow tensors: modules, saved models, ``tf.function`` and its traces, plain functions."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Hashable, Mapping
from contextlib import AbstractContextManager
from typing import Any

import tensorflow as tf

from ...core.errors import CapabilityError
from ...core.view import Spec
from ..baked import described, reached
from ..layers import Layers
from ..reading import Read
from ..wrap import Wrapped
from .baked import TENSORFLOW
from .batches import in_batches_of
from .kept import restored
from .signature import declared
from .view import TensorFlowView

_SERVED = ("serving_default", "serve")
"""What the signature of a saved model is commonly called."""

_MODES = ("training", "is_training", "train")
"""What the argument is commonly called that turns dropout and batch statistics on."""


def view(wrapped: Wrapped) -> TensorFlowView:
    """A module, a saved model or a function seen through TensorFlow."""
    program = FunctionProgram(wrapped.model, wrapped.spec)
    return TensorFlowView(program, program.signature.completed(wrapped.spec))


class FunctionProgram:
    """One of them; see ``program.Program`` for what the methods promise."""

    adapter = "tensorflow"
    layers: Layers | None = None
    whole = "a TensorFlow function"

    def __init__(self, model: Any, spec: Spec) -> None:
        self.subject = model
        self.versions: Mapping[str, str] = {"tensorflow": tf.__version__}
        self._function = called(model)
        self.signature = declared(self._function)
        self._arguments = _arguments(self._function)
        self._modes = {name: False for name in _MODES if name in self._arguments and name not in self.signature.specs}
        self._rows, self._static = self.signature.rows(spec.static), spec.static
        dtypes = (tf.as_dtype(variable.dtype) for variable in self.variables())
        self.dtype = self.signature.dtype or next((dtype.name for dtype in dtypes if dtype.is_floating), None)

    @property
    def key(self) -> Hashable:
        """Of what is written in Python, what it reads; a saved function stays what it is."""
        return None if _is_traced(self._function) else described(self.subject, TENSORFLOW)

    def variables(self) -> list[Any]:
        """Those of a trace or a module; of a function, those that it names."""
        if _is_traced(self._function):
            return list(getattr(self._function, "concrete_functions", [self._function])[0].variables)
        return reached(self.subject, TENSORFLOW)[0]

    def read(self, x: Any, spec: Spec) -> Read:
        """As the signature has it, where there is one."""
        return self.signature.read(x, spec)

    def run(self, given: Any) -> Any:
        """The outputs; a signature for one number of rows is called as often as it takes."""
        given = self.signature.cast(given)
        return self._call(given) if self._rows is None else in_batches_of(self._rows, self._call, given, self._static)

    def held(self, seed: int) -> AbstractContextManager[None]:
        """Attributes of what is written in Python are put back."""
        return restored([] if _is_traced(self._function) else reached(self.subject, TENSORFLOW)[1])

    def _call(self, given: Any) -> Any:
        try:
            return self._apply(self._function, given)
        except tf.errors.OperatorNotAllowedInGraphError:  # Python's if and for on tensors, which tf.function translates
            return self._apply(tf.function(self._function), given)

    def _apply(self, function: Callable[..., Any], given: Any) -> Any:
        """A tuple as arguments, a mapping as keywords where these are its arguments."""
        if self.signature.keywords:
            return function(**(given if isinstance(given, dict) else dict.fromkeys(self.signature.specs, given)))
        if isinstance(given, tuple):
            return function(*given, **self._modes)
        if isinstance(given, dict) and set(given) <= self._arguments:
            return function(**given, **self._modes)
        return function(given, **self._modes)


def called(model: Any) -> Callable[..., Any]:
    """What is called of a model: itself, or what a saved one serves.

    Raises
    ------
    CapabilityError
        If nothing of it can be called, or one of several signatures must be chosen.
    """
    if isinstance(model, (types.FunctionType, types.MethodType)) or _is_function(model):
        return model
    if callable(model):
        return model.__call__
    served = dict(getattr(model, "signatures", None) or {})
    for name in _SERVED:
        if name in served:
            return served[name]
        if callable(function := getattr(model, name, None)):
            return function
    if len(served) == 1:
        return next(iter(served.values()))
    if served:
        raise CapabilityError(
            f"the model has several signatures ({', '.join(served)}); give one of them: model.signatures[{next(iter(served))!r}]."
        )
    raise CapabilityError(
        f"{type(model).__name__} has no __call__ and serves nothing; give a function of tensors: pl.wrap(model.predict, "
        "adapter='tensorflow')."
    )


def _is_function(model: Any) -> bool:
    return isinstance(model, (tf.types.experimental.PolymorphicFunction, tf.types.experimental.ConcreteFunction))


def _is_traced(function: Any) -> bool:
    """Whether it is a trace, or was restored from some."""
    return isinstance(function, tf.types.experimental.ConcreteFunction) or bool(getattr(function, "concrete_functions", None))


def _arguments(function: Any) -> frozenset[str]:
    """Names of its arguments, where they can be told."""
    if _is_function(function):
        return frozenset(function.function_type.parameters)
    try:
        return frozenset(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return frozenset()
