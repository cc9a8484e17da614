"""The configuration of a Keras model, searched for whatever is not Keras' own data."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from .record import Cell, shape_words, words

RUNS_CODE = {
    "Lambda": "the Lambda layer",
    "__lambda__": "a Python function as bytecode",
    "TorchModuleWrapper": "the pickled torch module",
    "TFSMLayer": "the TensorFlow program from another folder",
    "JaxLayer": "the JAX program",
    "FlaxLayer": "the Flax program",
    "__typespec__": "a type that is looked up by its name",
}
"""Classes of Keras itself that bring code with them, and what they are."""

_SIZES = words("units filters input_dim output_dim key_dim value_dim num_heads depth_multiplier")
_SHAPES = words("batch_shape batch_input_shape input_shape target_shape")
_ALWAYS, _MOST_ENTRIES = 1000, 2**28
_ROOMS = "layers models initializers regularizers constraints activations dtype_policies quantizers losses metrics optimizers"
_OWN = re.compile(rf"keras\.(src\.)?({'|'.join(_ROOMS.split())}|ops|random|engine)(\.\w+)*")
_AT_ROOT = frozenset({"Model", "Sequential", "Functional", "DTypePolicy", "FloatDTypePolicy", "InputSpec", "Variable"})
_DATA = frozenset({"__keras_tensor__", "__tensor__", "__numpy__", "__bytes__", "__ellipsis__", "__slice__", "__tuple__"})
_FUNCTIONS = words(
    "celu elu exponential gelu glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh leaky_relu linear log_sigmoid "
    "log_softmax mish relu relu6 selu sigmoid silu soft_shrink softmax softplus softsign sparse_plus sparse_sigmoid sparsemax "
    "squareplus swish tanh tanh_shrink threshold"
)
"""Activations, which older versions wrote as functions."""
_READS = frozenset({"StringLookup", "IntegerLookup", "IndexLookup", "TextVectorization", "Hashing"})


def dangers(config: Any) -> list[str]:
    """What in a configuration runs code, is someone else's, or reads other files; each said once."""
    found: dict[str, None] = {}
    for entry in nested(config):
        if isinstance(entry.get("class_name"), str):
            for said in _about(entry):
                found[said] = None
    return list(found)


def claims(config: Any, numbers: int) -> list[str]:
    """Sizes that no model of so many numbers has, or that no machine holds: Keras makes room for them before it reads any."""
    found: dict[str, None] = {}
    for entry in nested(config):
        for key, value in entry.items():
            if key in _SIZES and type(value) is int and value > max(numbers, _ALWAYS):
                found[f"{key} of {value:,} where the weights are {numbers:,} numbers"] = None
            if key in _SHAPES and isinstance(value, list) and _product(value) > _MOST_ENTRIES:
                found[f"an input of {_product(value):,} numbers"] = None
    return list(found)


def _product(shape: list[Any]) -> int:
    count = 1
    for size in shape:
        count *= size if type(size) is int and size > 0 else 1
    return count


def nested(config: Any) -> Iterator[dict[str, Any]]:
    """Every dictionary in nested JSON, without recursion."""
    waiting = [config]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            yield each
            waiting += list(each.values())[::-1]
        elif isinstance(each, list):
            waiting += each[::-1]


def layers(config: Mapping[str, Any]) -> list[tuple[Cell, ...]]:
    """Name, class and, where the configuration says it, input shape of each layer; those of nested models are indented."""
    rows: list[tuple[Cell, ...]] = []
    waiting = [(entry, 0) for entry in _inner(config)[::-1]]
    while waiting:
        entry, depth = waiting.pop()
        inner = entry.get("config")
        named = inner.get("name") if isinstance(inner, dict) else None
        rows.append(("  " * depth + str(named or entry.get("name") or "?"), str(entry.get("class_name")), _built(entry)))
        waiting += [(each, depth + 1) for each in _inner(entry)[::-1]]
    return rows


def inputs(config: Mapping[str, Any]) -> list[str]:
    """What the input layers of the outermost model take."""
    said: list[str] = []
    for entry in _inner(config):
        inner = entry.get("config")
        if entry.get("class_name") == "InputLayer" and isinstance(inner, dict):
            shape = inner.get("batch_shape", inner.get("batch_input_shape"))
            said.append(f"{inner.get('name')}: {shape_words(shape)}, {inner.get('dtype')}")
    if not said and isinstance(build := config.get("build_config"), dict) and "input_shape" in build:
        said.append(shape_words(build["input_shape"]))
    return said


def input_shape(config: Mapping[str, Any]) -> Any:
    """The shape of the first input, batch axis included, where the configuration says it."""
    first = next((entry for entry in _inner(config) if entry.get("class_name") == "InputLayer"), None)
    inner = first.get("config") if first is not None else None
    build = config.get("build_config")
    if isinstance(inner, dict):
        return inner.get("batch_shape", inner.get("batch_input_shape"))
    return build.get("input_shape") if isinstance(build, dict) else None


def outputs(config: Mapping[str, Any]) -> list[str]:
    """The layers whose outputs are the model's."""
    inner = config.get("config")
    told = inner.get("output_layers") if isinstance(inner, dict) else None
    if isinstance(told, list) and len(told) == 3 and isinstance(told[0], str):
        told = [told]
    if isinstance(told, list):
        return [str(each[0]) for each in told if isinstance(each, list) and each]
    last = _inner(config)[-1:]
    return [str(each.get("config", {}).get("name")) for each in last if isinstance(each.get("config"), dict)]


def _inner(entry: Mapping[str, Any]) -> list[dict[str, Any]]:
    inner = entry.get("config")
    held = inner.get("layers") if isinstance(inner, dict) else inner if isinstance(inner, list) else None
    return [each for each in held if isinstance(each, dict)] if isinstance(held, list) else []


def _built(entry: Mapping[str, Any]) -> str:
    build, inner = entry.get("build_config"), entry.get("config")
    stated = build.get("input_shape") if isinstance(build, dict) else None
    if stated is None and isinstance(inner, dict):
        stated = inner.get("batch_shape", inner.get("batch_input_shape"))
    if isinstance(stated, list) and stated and all(isinstance(each, list) for each in stated):
        return "; ".join(shape_words(each) for each in stated)
    return shape_words(stated) if isinstance(stated, list) else ""


def _about(entry: Mapping[str, Any]) -> Iterator[str]:
    kind, module, registered = entry["class_name"], entry.get("module"), entry.get("registered_name")
    inner = entry.get("config")
    if kind in RUNS_CODE:
        yield f"{RUNS_CODE[kind]}{_called(entry)}"
        return
    if kind in _DATA:
        return
    custom = isinstance(registered, str) and (">" in registered or module is None)
    if custom or ("module" in entry and module is None):
        yield f"the custom object {registered or kind!r}"
    elif isinstance(module, str) and not (_is_own(module, kind) or (kind == "function" and module == "builtins")):
        yield f"{module}.{inner if kind == 'function' and isinstance(inner, str) else kind}, which is not one of Keras' layers"
    elif kind == "function" and module == "builtins" and isinstance(inner, str) and inner not in _FUNCTIONS:
        yield f"the custom function {inner!r}"
    if kind in _READS and isinstance(inner, dict) and isinstance(inner.get("vocabulary"), str):
        yield f"the {kind} layer{_called(entry)}, which reads the file {inner['vocabulary']!r}"


def _is_own(module: str, kind: str) -> bool:
    return _OWN.fullmatch(module) is not None or (module == "keras" and kind in _AT_ROOT)


def _called(entry: Mapping[str, Any]) -> str:
    inner = entry.get("config")
    name = inner.get("name") if isinstance(inner, dict) else None
    return f" {name!r}" if isinstance(name, str) else ""
