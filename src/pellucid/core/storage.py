"""Explanations on disk: arrays as safetensors, everything else as JSON in the same file's header. Never pickle."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from . import tree
from .errors import InputError, UnsafeFileError
from .features import Features
from .files import replacing
from .players import Column, Feature
from .records import Cost, Explanation, Finding, Plan
from .targets import TargetRecord
from .types import Layout, OutputKind, Over

FORMAT = "pellucid-explanation"
VERSION = 1
_TREES = ("values", "standard_errors", "inputs")
_ARRAYS = ("prediction", "value", "base_value", "residual", "error")
_RECORDS = {"target": TargetRecord, "plan": Plan, "cost": Cost}


def save(explanation: Explanation, path: str | os.PathLike[str]) -> None:
    """Write an explanation to one file; an existing file is replaced only when the new one is complete."""
    arrays: dict[str, np.ndarray] = {}
    header: dict[str, Any] = {"format": FORMAT, "version": VERSION}
    for name in _TREES:
        held = getattr(explanation, name)
        header[name] = None if held is None else _encode_skeleton(tree.skeleton(held))
        arrays |= {f"{name}/{leaf}": array for leaf, array in tree.flatten(held).items()}
    arrays |= {name: held for name in _ARRAYS if (held := getattr(explanation, name)) is not None}
    arrays |= {f"details/{name}": array for name, array in explanation.details.items()}
    if explanation.target.indices is not None:
        arrays["target.indices"] = explanation.target.indices
    texts = {name: array for name, array in arrays.items() if array.dtype.kind in "OUT"}
    header["texts"] = {name: _encode_text(name, array) for name, array in texts.items()}
    arrays = {name: array for name, array in arrays.items() if name not in texts}
    if explanation.features is not None:
        header["features"] = _encode_features(explanation.features, arrays)
    for item in dataclasses.fields(Explanation):
        if item.name not in (*_TREES, *_ARRAYS, "details", "features"):
            header[item.name] = _plain(getattr(explanation, item.name))
    header["target"].pop("indices")
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    with replacing(path) as temporary:
        save_file(contiguous, temporary, {FORMAT: json.dumps(header)})


def load(path: str | os.PathLike[str]) -> Explanation:
    """Read an explanation written by ``Explanation.save``.

    Returns
    -------
    Explanation
        Equal to the one that was saved, array by array.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    UnsafeFileError
        If the file is not an explanation (a pickle, say): nothing of it is run.
    InputError
        If it was written by a newer version, or is incomplete.

    Examples
    --------
    >>> import tempfile, torch, pellucid as pl
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     pl.explain(torch.nn.Linear(2, 2), torch.ones(1, 2)).save(f"{folder}/e.pellucid")
    ...     pl.load(f"{folder}/e.pellucid").method
    'integrated-gradients'
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"no file at {str(path)!r}")
    try:
        with safe_open(path, framework="numpy") as file:
            described = (file.metadata() or {}).get(FORMAT)
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, ValueError, OSError) as error:
        raise UnsafeFileError(
            f"{str(path)!r} is not an explanation saved by Pellucid ({error}); it was not opened any further."
        ) from error
    if described is None:
        raise UnsafeFileError(f"{str(path)!r} is a safetensors file, but holds no explanation.")
    try:
        return _decode(json.loads(described), arrays)
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise InputError(f"{str(path)!r} is incomplete or damaged: {type(error).__name__}: {error}") from error


def _decode(header: dict[str, Any], arrays: Mapping[str, np.ndarray]) -> Explanation:
    if header["format"] != FORMAT or header["version"] > VERSION:
        raise ValueError(f"written as {header['format']} version {header['version']}; this Pellucid reads up to {VERSION}")
    arrays = {**arrays, **{name: _decode_text(held) for name, held in header.get("texts", {}).items()}}
    known = {item.name for item in dataclasses.fields(Explanation)}
    fields = {name: held for name, held in header.items() if name in known}
    for name in _TREES:
        own = {key.removeprefix(f"{name}/"): array for key, array in arrays.items() if key.startswith(f"{name}/")}
        fields[name] = None if header[name] is None else tree.fill(_decode_skeleton(header[name]), own)
    fields |= {name: arrays.get(name) for name in _ARRAYS}
    fields["features"] = _decode_features(header.get("features"), arrays)
    fields["details"] = {key.removeprefix("details/"): array for key, array in arrays.items() if key.startswith("details/")}
    for name, record in _RECORDS.items():
        fields[name] = record(**_tuples(header[name]))
    fields["target"] = dataclasses.replace(fields["target"], indices=arrays.get("target.indices"))
    fields["evidence"] = tuple(Finding(**_tuples(finding)) for finding in header["evidence"])
    fields["classes"] = None if header["classes"] is None else tuple(header["classes"])
    fields["citations"], fields["static"] = tuple(header["citations"]), tuple(header["static"])
    scale = header["pixel_scale"]
    fields["pixel_scale"] = None if scale is None else tuple(tuple(s) if isinstance(s, list) else s for s in scale)
    _check(fields)
    return Explanation(**fields)


def _check(fields: Mapping[str, Any]) -> None:
    """Refuse a record that later code would stumble over."""
    missing = [item.name for item in dataclasses.fields(Explanation) if item.name not in fields]
    if missing:
        raise ValueError(f"{', '.join(missing)} is missing")
    for name in ("prediction", "value"):
        if not isinstance(fields[name], np.ndarray) or not fields[name].ndim:
            raise ValueError(f"{name} is missing")
    samples = len(fields["value"])
    batched = {name: fields[name] for name in ("prediction", *_ARRAYS) if fields[name] is not None}
    batched |= {f"values {name}": leaf for name, leaf in tree.flatten(fields["values"]).items()}
    batched |= {f"inputs {n}": leaf for n, leaf in tree.flatten(fields["inputs"]).items() if n not in fields["static"]}
    if not any(name.startswith("values ") for name in batched):
        raise ValueError("values are missing")
    for name, array in batched.items():
        if not array.ndim or len(array) != samples:
            raise ValueError(f"{name} has shape {array.shape} for {samples} samples")
    if len(fields["target"].names) != samples:
        raise ValueError(f"target has {len(fields['target'].names)} names for {samples} samples")
    for name, known in (("over", get_args(Over)), ("output", get_args(OutputKind)), ("layout", get_args(Layout))):
        if fields[name] not in known:
            raise ValueError(f"{name} is {fields[name]!r}")
    _check_players(fields, samples)
    if not isinstance(fields["method"], str) or not isinstance(fields["parameters"], dict):
        raise ValueError("method or parameters are not of their type")


def _check_players(fields: Mapping[str, Any], samples: int) -> None:
    features = fields["features"]
    each = features if isinstance(features, tuple) else () if features is None else (features,)
    if isinstance(features, tuple) and len(features) != samples:
        raise ValueError(f"features are those of {len(features)} samples, not of {samples}")
    if fields["over"] in ("players", "interactions"):
        most = max(map(len, each), default=None)
        axes = 1 if fields["over"] == "players" else 2
        for name in ("values", "standard_errors"):
            for leaf in tree.flatten(fields[name]).values():
                if leaf.ndim != axes + 1 or (most is not None and leaf.shape[1:] != (most,) * axes):
                    raise ValueError(f"{name} of shape {leaf.shape} are not over the {fields['over']}, of which there are {most}")


def _encode_features(features: Features | tuple[Features, ...], arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """What JSON can hold of them; labels and spans join the arrays, in the smallest dtype."""
    each = features if isinstance(features, tuple) else (features,)
    held: list[dict[str, Any]] = []
    for at, one in enumerate(each):
        for name in ("labels", "spans"):
            if (array := getattr(one, name)) is not None:
                most = int(array.max(initial=0))
                dtype = next(kind for kind in (np.int16, np.int32, np.int64) if most <= np.iinfo(kind).max)
                arrays[f"features/{at}/{name}"] = array.astype(dtype)
        held.append({"players": _plain(one.players), "columns": _plain(one.columns), "leaf": one.leaf, "text": one.text})
    return {"each": held, "shared": not isinstance(features, tuple)}


def _decode_features(held: Any, arrays: Mapping[str, np.ndarray]) -> Features | tuple[Features, ...] | None:
    if held is None:
        return None
    each: list[Features] = []
    for at, one in enumerate(held["each"]):
        players = tuple(Feature(**_tuples(player)) for player in one["players"])
        columns = None if one["columns"] is None else tuple(Column(**_tuples(column)) for column in one["columns"])
        labels, spans = arrays[f"features/{at}/labels"], arrays.get(f"features/{at}/spans")
        each.append(Features(players, labels, one["leaf"], columns, one["text"], spans))
    return each[0] if held["shared"] else tuple(each)


def _encode_text(name: str, array: np.ndarray) -> list[str]:
    texts: list[Any] = array.tolist()
    if array.ndim != 1 or not all(isinstance(text, str) for text in texts):
        raise InputError(
            f"{name} cannot be kept in a file: it holds {array.dtype} {array.shape}, neither numbers nor a list of texts."
        )
    return texts


def _decode_text(held: Any) -> np.ndarray:
    if not isinstance(held, list) or not all(isinstance(text, str) for text in held):
        raise ValueError("a list of texts is not one")
    return np.array(held, dtype=np.str_)


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: _plain(getattr(value, item.name)) for item in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(held) for key, held in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(held) for held in value]
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    return repr(value)


def _tuples(held: Mapping[str, Any]) -> dict[str, Any]:
    """JSON lists back as tuples, one level of mappings deep."""
    return {
        key: tuple(value)
        if isinstance(value, list)
        else {name: tuple(item) if isinstance(item, list) else item for name, item in value.items()}
        if isinstance(value, dict)
        else value
        for key, value in held.items()
    }


def _encode_skeleton(shape: Any) -> Any:
    if isinstance(shape, dict):
        return {"dict": {str(key): _encode_skeleton(child) for key, child in shape.items()}}
    if isinstance(shape, (tuple, list)):
        return {type(shape).__name__: [_encode_skeleton(child) for child in shape]}
    return shape


def _decode_skeleton(shape: Any) -> Any:
    if not isinstance(shape, dict):
        return shape
    ((kind, children),) = shape.items()
    if kind == "dict":
        return {key: _decode_skeleton(child) for key, child in children.items()}
    return {"tuple": tuple, "list": list}[kind](_decode_skeleton(child) for child in children)
