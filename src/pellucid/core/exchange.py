"""Explanations in the records of other libraries: pandas, xarray and shap. Each is imported when it is asked for."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from . import tree
from .errors import InputError, nearest
from .extras import require

if TYPE_CHECKING:
    from .records import Explanation


def to_frame(explanation: Explanation) -> Any:
    """See ``Explanation.to_frame``."""
    pandas = require("pandas", "frames", "to_frame()")
    if explanation.over in ("players", "interactions") and explanation.features is not None:
        return pandas.DataFrame(_player_columns(explanation))
    errors, inputs = tree.flatten(explanation.standard_errors), tree.flatten(explanation.inputs)
    frames: list[Any] = []
    for name, leaf in explanation.leaves.items():
        positions = np.indices(leaf.shape).reshape(leaf.ndim, -1)
        where = positions[1] if leaf.ndim == 2 else [tuple(map(int, place)) for place in positions[1:].T]
        columns = {"sample": positions[0], "leaf": name, "index": where, "value": leaf.reshape(-1)}
        if name in errors:
            columns["standard_error"] = errors[name].reshape(-1)
        if explanation.over == "input" and name in inputs:
            columns["input"] = inputs[name].reshape(-1)
        frames.append(pandas.DataFrame(columns))
    return pandas.concat(frames, ignore_index=True)


def to_xarray(explanation: Explanation) -> Any:
    """See ``Explanation.to_xarray``."""
    xarray = require("xarray", "frames", "to_xarray()")
    errors, leaves = tree.flatten(explanation.standard_errors), explanation.leaves
    players = explanation.over in ("players", "interactions")
    variables: dict[str, Any] = {}
    for name, leaf in leaves.items():
        suffix = f"_{name}" if len(leaves) > 1 else ""
        axes = ("feature", "other") if players else tuple(f"axis_{axis}{suffix}" for axis in range(1, leaf.ndim))
        dims = ("sample", *axes[: leaf.ndim - 1])
        variables[f"value{suffix}"] = (dims, leaf)
        if name in errors:
            variables[f"standard_error{suffix}"] = (dims, errors[name])
    outputs = tuple(f"output_{axis}" for axis in range(1, explanation.prediction.ndim))
    variables["prediction"] = (("sample", *outputs), explanation.prediction)
    coordinates: dict[str, Any] = {"target": ("sample", list(explanation.target.names))}
    if players and (names := _shared_names(explanation)) is not None:
        coordinates["feature"] = list(names)
        if explanation.over == "interactions":
            coordinates["other"] = list(names)
    if explanation.classes is not None and explanation.prediction.shape[1:] == (len(explanation.classes),):
        coordinates["output_1"] = list(explanation.classes)
    return xarray.Dataset(variables, coordinates, {"method": explanation.method, "over": explanation.over})


def to_shap(explanation: Explanation, leaf: str | None = None) -> Any:
    """See ``Explanation.to_shap``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # shap touches what matplotlib is about to remove
        shap = require("shap", "shap", "to_shap()")
    leaves = explanation.leaves
    if leaf is None and len(leaves) > 1:
        raise InputError(f"there are values for {len(leaves)} leaves; name one: to_shap(leaf={next(iter(leaves))!r}).")
    if leaf is not None and leaf not in leaves:
        raise InputError(f"no values for a leaf named {leaf!r}.{nearest(leaf, leaves)}")
    name = next(iter(leaves)) if leaf is None else leaf
    errors = tree.flatten(explanation.standard_errors).get(name)
    told: dict[str, Any] = {"values": leaves[name], "base_values": explanation.base_value, "error_std": errors}
    if explanation.over in ("players", "interactions") and explanation.features is not None:
        told |= _player_data(explanation)
    elif explanation.over == "input":
        told["data"] = tree.flatten(explanation.inputs).get(name)
        if told["values"].ndim == 2:
            names, width = _shared_names(explanation), told["values"].shape[1]
            fitting = names is not None and len(names) == width
            told["feature_names"] = list(names) if names and fitting else [f"feature {at}" for at in range(width)]
        elif told["values"].ndim == 4 and explanation.layout == "NCHW":
            for key in ("values", "data", "error_std"):
                told[key] = None if told[key] is None else np.moveaxis(told[key], 1, -1)
    return shap.Explanation(**told)


def _shared_names(explanation: Explanation) -> tuple[str, ...] | None:
    """The names of the players, where all samples have the same."""
    names = {each.names for each in explanation.players}
    return names.pop() if len(names) == 1 else None


def _player_columns(explanation: Explanation) -> dict[str, Any]:
    """One entry for each value of a sample's own players, sample by sample."""
    (values,) = explanation.leaves.values()
    errors = next(iter(tree.flatten(explanation.standard_errors).values()), None)
    players = explanation.players
    present = np.zeros(values.shape, bool)
    for row, each in enumerate(players):
        present[(row, *(slice(len(each)),) * (values.ndim - 1))] = True
    samples, *places = np.nonzero(present)
    names = [np.array(each.names, object) for each in players]
    columns: dict[str, Any] = {
        "sample": samples,
        "leaf": next((each.leaf for each in players if each.leaf), None) or next(iter(explanation.leaves)),
        "index": places[0] if len(places) == 1 else list(zip(*(place.tolist() for place in places), strict=True)),
    }
    for title, place in zip(("feature", "other"), places, strict=False):
        columns[title] = [names[sample][at] for sample, at in zip(samples, place, strict=True)]
    columns["value"] = values[present]
    if errors is not None:
        columns["standard_error"] = errors[present]
    if explanation.over == "players" and (rows := _rows(explanation)) is not None:
        told = [each.given(rows[at : at + 1])[0] for at, each in enumerate(players)]
        columns["input"] = [told[sample][at] for sample, at in zip(samples, places[0], strict=True)]
    return columns


def _rows(explanation: Explanation) -> np.ndarray | None:
    """The encoded rows of the table that the players describe, if the inputs hold them."""
    first = next(iter(explanation.players), None)
    if first is None or first.columns is None:
        return None
    leaves = {n: leaf for n, leaf in tree.flatten(explanation.inputs).items() if n not in explanation.static}
    for name, leaf in leaves.items():
        if first.leaf in (None, name) and leaf.shape == (len(explanation), len(first.columns)) and leaf.dtype.kind in "iufb":
            return np.asarray(leaf, np.float64)
    return None


def _player_data(explanation: Explanation) -> dict[str, Any]:
    """What shap calls data, display_data and feature_names, for players."""
    players, rows, names = explanation.players, _rows(explanation), _shared_names(explanation)
    told: dict[str, Any] = {}
    if rows is not None and not isinstance(explanation.features, tuple):
        features = players[0]
        shown = np.empty((len(rows), len(features)), object)
        for at, given in enumerate(features.given(rows)):
            for place, value in enumerate(given):
                shown[at, place] = value
        told["display_data"] = shown
        told["data"] = np.full(shown.shape, np.nan)
        for number, player in enumerate(features.players):
            own = rows[:, features.labels == number]
            if own.shape[1] == 1:
                told["data"][:, number] = own[:, 0]
            elif player.kind == "one-hot":
                told["data"][:, number] = own.argmax(axis=1)
    if names is not None:
        told["feature_names"] = list(names)
        if any(each.text is not None for each in players):
            told["data"] = np.array([names] * len(players), object)
        return told
    (values,) = explanation.leaves.values()
    own = [row[(slice(len(each)),) * row.ndim] for row, each in zip(values, players, strict=True)]
    told["values"], told["data"] = _ragged(own), _ragged([np.array(each.names, object) for each in players])
    errors = next(iter(tree.flatten(explanation.standard_errors).values()), None)
    if errors is not None:
        told["error_std"] = _ragged([row[(slice(len(each)),) * row.ndim] for row, each in zip(errors, players, strict=True)])
    told["feature_names"] = [list(each.names) for each in players]
    return told


def _ragged(arrays: list[np.ndarray]) -> np.ndarray:
    """Arrays of different lengths as an array of arrays."""
    held = np.empty(len(arrays), object)
    held[:] = arrays
    return held
