"""Explanations of one model as arrays that can travel between processes and be compared."""

import traceback
from collections.abc import Mapping
from typing import Any

import numpy as np

import pellucid as pl
from conformance.asks import BY_CELLS, SEED, Ask
from pellucid.core.view import ModelView
from pellucid.models.lookup import view_of
from twins import places
from twins.in_process import Arrays

REFUSED, FAILED = "refused", "failed"
COMPARED = ("values", "value", "prediction", "base_value")
OUTPUTS = "output of"


def ask_all(model: Any, x: np.ndarray, asks: Mapping[str, Ask], network: str, framework: str, *, channels_last: bool) -> Arrays:
    """What a model says to each ask.

    Arrays by ``"ask/what"``, and outputs of layers as ``"output of/place"``: channels come first, whatever the model. A refusal
    is an array with its words, ``"ask/refused"``; anything else that goes wrong is ``"ask/failed"`` with its traceback, so that
    the other asks are still seen.
    """
    view = view_of(model)
    found: Arrays = {"capabilities": np.array(sorted(view.capabilities)), "adapter": np.array(view.adapter)}
    if "layers" in view.capabilities:
        found |= _activations(view, x, network, framework, channels_last)
    for name, ask in asks.items():
        for what, array in _answer(model, x, ask, network, framework, channels_last).items():
            found[f"{name}/{what}"] = array
    return found


def _activations(view: ModelView, x: np.ndarray, network: str, framework: str, channels_last: bool) -> Arrays:
    """What the layers of all places give."""
    known = {place: names[framework] for place, names in places.PLACES[network].items() if framework in names}
    layers = [layer if isinstance(layer, pl.Layer) else pl.Layer(layer) for layer in known.values()]
    with view.session(SEED):
        batch = view.take(view.inputs(x), np.arange(len(x)), "as-is")
        arrays = [view.to_numpy(array) for array in view.predict(batch, keep=layers)[1]]
    turned = [channels_first(array) if channels_last else array for array in arrays]
    return {f"{OUTPUTS}/{place}": array for place, array in zip(known, turned, strict=True)}


def _answer(model: Any, x: np.ndarray, ask: Ask, network: str, framework: str, channels_last: bool) -> Arrays:
    try:
        explanation = explain(model, x, ask, network, framework, channels_last)
    except (pl.CapabilityError, pl.InputError) as error:
        return {REFUSED: np.array(f"{type(error).__name__}: {error}")}
    except Exception:
        return {FAILED: np.array(traceback.format_exc())}
    found = {what: np.asarray(array) for what in COMPARED if (array := getattr(explanation, what)) is not None}
    if channels_last and explanation.over in ("input", "layer"):
        found["values"] = channels_first(found["values"])
    found["rows"] = np.array(explanation.cost.forward_rows)
    return found


def explain(model: Any, x: np.ndarray, ask: Ask, network: str, framework: str, channels_last: bool) -> pl.Explanation:
    """One ask, put to one model in the words of its framework."""
    options = dict(ask.options)
    if x.ndim == 4 and ask.method in BY_CELLS:
        options["features"] = pl.Features.grid(x.shape[1:], cell=x.shape[2] // 4, layout="NHWC" if channels_last else "NCHW")
    if ask.at is not None:
        layer = layer_named(network, ask.at, framework)
        unit = ask.unit
        if unit is not None:
            unit = (*unit[1:], unit[0]) if channels_last and len(unit) == 3 else unit
            options["target"] = pl.Neuron(layer, unit)
        else:
            options["at"] = layer
    return pl.explain(model, x, method=ask.method, seed=SEED, **options)


def layer_named(network: str, place: str, framework: str) -> Any:
    """As this framework calls it; as torch does, where there are no layers."""
    known: Mapping[str, Any] = places.PLACES[network][place]
    return known.get(framework, known["torch"])


def channels_first(array: np.ndarray) -> np.ndarray:
    """Of a batch of pictures; anything else as it is."""
    return np.moveaxis(array, -1, 1) if array.ndim == 4 else array
