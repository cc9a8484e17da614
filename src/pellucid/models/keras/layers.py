"""The layers inside a Keras model as ``Layers``, on every backend: outputs are seen where ``call`` returns them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Generator, Hashable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import keras
import optree

from ...core.errors import PellucidError
from ...core.types import Layout, Native
from ..identity import Identity
from ..layers import Seen, Table
from ..turns import only_here
from .graph import expected
from .state import exchanged

BEFORE_ACTIVATION = ":pre_activation"
"""After the name of a layer with an activation of its own: what goes into that."""

AFFINE = (
    keras.layers.Dense,
    keras.layers.EinsumDense,
    keras.layers.Conv1D,
    keras.layers.Conv2D,
    keras.layers.Conv3D,
    keras.layers.Conv1DTranspose,
    keras.layers.Conv2DTranspose,
    keras.layers.Conv3DTranspose,
    keras.layers.DepthwiseConv1D,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv1D,
    keras.layers.SeparableConv2D,
)
"""Layers that multiply by weights, add a bias, and apply their activation last."""

LOOPS = (keras.layers.RNN, keras.layers.TimeDistributed)
"""Layers that call what is inside them step by step: an output there is that of one step, and it is not shown."""


class KerasLayers:
    """The layers of one model; see ``models.layers.Layers`` for what the methods promise.

    Names are those of ``get_layer``, joined by ``/`` inside of layers: ``"encoder/dense"``. Layers with an activation of their
    own have a second place, ``"dense:pre_activation"``.
    """

    def __init__(self, model: keras.Layer) -> None:
        self.subject = model
        self._originals: Mapping[int, Any] = {}
        self._named: dict[str, keras.Layer] = {"": model, **dict(_inside(model, "", ()))}
        self._activated: set[str] = set()
        self._kinds: dict[str, str] = {}
        for name, layer in self._named.items():
            kind = type(layer).__name__
            if isinstance(layer, AFFINE) and layer.activation != keras.activations.linear:
                self._activated.add(name)
                self._kinds[name + BEFORE_ACTIVATION] = f"pre-activation of {kind}"
            self._kinds[name] = kind

    def kinds(self) -> Mapping[str, str]:
        """Classes by name."""
        return self._kinds

    def structure(self) -> Hashable:
        """The layers themselves, by name."""
        return tuple((name, Identity(layer)) for name, layer in self._named.items())

    @contextmanager
    def given_for(self, originals: Mapping[int, Any]) -> Generator[None]:
        """While this holds, ``seen`` is told of the user's arrays where a layer gets their casts, here by identity."""
        before, self._originals = self._originals, originals
        try:
            yield
        finally:
            self._originals = before

    @contextmanager
    def watched(self, names: Collection[str] | None, seen: Seen) -> Generator[None]:
        """Other ``call`` attributes on the instances while this holds; other threads see no difference."""
        with ExitStack() as stack:
            for name in self._each_once() if names is None else names:
                stack.enter_context(self._watching(name, seen))
            yield

    def embeddings(self) -> Collection[str]:
        """Layers of the kind ``Embedding``."""
        return [name for name in self._each_once() if isinstance(self._named.get(name), keras.layers.Embedding)]

    def table(self, name: str) -> Table:
        """Its vectors; id 0 where it masks zeros."""
        embedding = self._named[name]
        return Table(_native(embedding.embeddings), 0 if embedding.mask_zero else None)

    def bias(self, name: str) -> Native | None:
        """Biases of dense layers and convolutions, before their activation; of a batch norm what is left of zero."""
        layer = self._named.get(name.removesuffix(BEFORE_ACTIVATION))
        if isinstance(layer, AFFINE) and name not in self._activated:
            return None if layer.bias is None else _native(layer.bias)
        if isinstance(layer, keras.layers.BatchNormalization):
            moved = -layer.moving_mean / keras.ops.sqrt(layer.moving_variance + layer.epsilon)
            moved = moved * layer.gamma if layer.scale else moved
            return _native(moved + layer.beta if layer.center else moved)
        return None

    def expected(self) -> str:
        """The inputs that the model declares, or was built on."""
        return expected(self.subject)

    def named(self) -> Mapping[str, keras.Layer]:
        """The layers themselves, the model among them; one that is used twice may have two names."""
        return self._named

    def layer(self, name: str) -> keras.Layer:
        """One of them."""
        return self._named[name]

    def layout(self) -> Layout:
        """That of the first convolution; layers that have no ``data_format`` act on the last axis."""
        formats = [layer.data_format for layer in self._named.values() if hasattr(layer, "data_format")]
        kernels = [layer.data_format for layer in self._named.values() if hasattr(layer, "kernel_size")]
        return "NCHW" if (kernels or formats or ["channels_last"])[0] == "channels_first" else "NHWC"

    def _each_once(self) -> list[str]:
        """The first name of each layer, and what goes into its activation."""
        first = {id(layer): name for name, layer in reversed(self._named.items())}
        named = set(first.values())
        return [name for name in self._kinds if name.removesuffix(BEFORE_ACTIVATION) in named]

    @contextmanager
    def _watching(self, name: str, seen: Seen) -> Generator[None]:
        layer = self._named[name.removesuffix(BEFORE_ACTIVATION)]
        if name.endswith(BEFORE_ACTIVATION) and name not in self._named:
            attribute, make = "activation", self._before_activation
        else:
            attribute, make = "quantized_call" if getattr(layer, "quantization_mode", None) else "call", self._after_call
        before = getattr(layer, attribute)
        with exchanged(layer, attribute, only_here(make(name, before, seen), before)):
            yield

    def _after_call(self, name: str, call: Callable[..., Any], seen: Seen) -> Callable[..., Any]:
        @functools.wraps(call)
        def watched(*args: Any, **keywords: Any) -> Any:
            output = call(*args, **keywords)
            given = [self._originals.get(id(argument), argument) for argument in (*args, *keywords.values())]
            changed = _told(seen, name, tuple(given), output)
            return output if changed is None else _with_masks(output, changed)

        return watched

    def _before_activation(self, name: str, activation: Callable[..., Any], seen: Seen) -> Callable[..., Any]:
        @functools.wraps(activation)
        def watched(given: Any) -> Any:
            changed = _told(seen, name, (), given)
            return activation(given if changed is None else changed)

        return watched


def _inside(layer: keras.Layer, within: str, outer: tuple[keras.Layer, ...]) -> Iterator[tuple[str, keras.Layer]]:
    """The layers inside one, each after what is inside of it was named; two of one name are told apart by a number."""
    if isinstance(layer, LOOPS):
        return
    taken: set[str] = set()
    for child in layer._flatten_layers(include_self=False, recursive=False):
        if isinstance(child, keras.layers.InputLayer) or any(child is each for each in (layer, *outer)):
            continue
        same = sum(name == child.name or name.startswith(f"{child.name}#") for name in taken)
        own = f"{child.name}#{same + 1}" if same else child.name
        taken.add(own)
        yield within + own, child
        yield from _inside(child, f"{within}{own}/", (layer, *outer))


def _told(seen: Seen, name: str, args: tuple[Any, ...], output: Any) -> Any:
    try:
        return seen(name, args, output)
    except PellucidError as error:
        error._keras_call_info_injected = True  # else Keras makes another error of it, with the arguments of the call
        raise


def _with_masks(output: Any, changed: Any) -> Any:
    """The masks of sequences travel on tensors; what takes a tensor's place carries its mask on."""
    for before, after in zip(optree.tree_leaves(output), optree.tree_leaves(changed), strict=True):
        mask = keras.src.backend.get_keras_mask(before)
        if after is not before and mask is not None:
            keras.src.backend.set_keras_mask(after, mask)
    return changed


def _native(value: Any) -> Native:
    """Detached, in at least single precision; NumPy under TensorFlow, and under JAX on a CPU, where that is the same memory."""
    array = keras.ops.stop_gradient(keras.ops.convert_to_tensor(value))
    if keras.backend.standardize_dtype(array.dtype) != "float64":
        array = keras.ops.cast(array, "float32")
    backend = keras.backend.backend()
    if backend == "torch" or (backend == "jax" and {device.platform for device in array.devices()} != {"cpu"}):
        return array
    return keras.ops.convert_to_numpy(array)
