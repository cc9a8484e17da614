"""What is explained of each network, in the words of no framework."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pellucid as pl
from pellucid import catalog
from twins.places import PLACES, shared
from twins.weights import inputs

SEED = 3


@dataclass(frozen=True)
class Ask:
    """One call of ``pl.explain``.

    Parameters
    ----------
    method
        Its name.
    options
        Its parameters, as for pictures with their channels first.
    at
        A place of ``twins.places``.
    unit
        Explains one unit of the layer at ``at`` instead of an output: its index, channels first.
    by_entry
        Whether something is drawn for each entry of the input, so that the draws lie otherwise where channels come last.
    """

    method: str
    options: Mapping[str, Any] = field(default_factory=dict)
    at: str | None = None
    unit: tuple[int, ...] | None = None
    by_entry: bool = False

    @property
    def needs(self) -> frozenset[str]:
        """What a model must be capable of."""
        needs = frozenset({method.name: method for method in catalog.METHODS}[self.method].needs)
        return needs | {"layers"} if self.at else needs


LAST = "last convolution's activation"
BY_CELLS = ("shapley", "banzhaf", "shapley-interactions", "leave-one-out", "lime")
"""Methods that get a grid of four cells a side, where they look at pictures."""

_OPTIONS: dict[str, dict[str, Any]] = {
    "integrated-gradients": {"steps": 8},
    "blur-ig": {"steps": 4},
    "guided-ig": {"steps": 8},
    "expected-gradients": {"samples": 8, "baseline": 0.25},
    "smoothgrad": {"samples": 6},
    "smoothgrad-squared": {"samples": 6},
    "vargrad": {"samples": 6},
    "conductance": {"steps": 6},
    "internal-influence": {"steps": 6},
    "integrated-hessians": {"steps": 4, "feature": (0, 0, 0)},
    "full-grad": {"rescale": "none"},
    "occlusion": {"window": 4, "stride": 4},
    "rise": {"samples": 16, "cells": 3},
    "shapley": {"budget": 100},
    "banzhaf": {"budget": 100},
    "shapley-interactions": {"budget": 100},
    "lime": {"samples": 100},
    "linear-surrogate": {"samples": 100, "sigma": 0.2},
}
_FOR_ROWS = {"integrated-hessians": {"steps": 4, "feature": 2}, "occlusion": {"window": 2}}
_BY_ENTRY = ("smoothgrad", "smoothgrad-squared", "vargrad", "linear-surrogate")
_STEPS = pl.Features.segments(7, 7, layout="TC")


def _every_method(rows: bool = False) -> dict[str, Ask]:
    """The whole catalog for pictures; for rows those that look at rows, and those that need layers."""
    asked: dict[str, Ask] = {}
    options = {**_OPTIONS, **_FOR_ROWS} if rows else _OPTIONS
    for method in catalog.METHODS:
        reads = getattr(method, "reads_layer", False) or method.engine == "map"
        if rows and not reads and not {"any", "tabular"} & {*method.modalities}:
            continue
        at = None if method.name == "full-grad" or not reads else "first activation" if rows else LAST
        asked[method.name] = Ask(method.name, options.get(method.name, {}), at, by_entry=method.name in _BY_ENTRY)
    return asked


def _usual(**baseline: Any) -> dict[str, Ask]:
    """What is asked of every network."""
    return {
        "saliency": Ask("saliency"),
        "input x gradient": Ask("input-x-gradient"),
        "integrated gradients, fixed steps": Ask("integrated-gradients", {"steps": 8, **baseline}),
        "integrated gradients, tolerance": Ask("integrated-gradients", {"tolerance": 0.02, **baseline}),
        "smoothgrad": Ask("smoothgrad", {"samples": 8}, by_entry=True),
        "margin": Ask("saliency", {"target": pl.Target(lambda outputs: outputs[:, 1] - outputs[:, 0])}),
    }


def _at_layers(network: str, units: Mapping[str, tuple[int, ...]], **features: pl.Features) -> dict[str, Ask]:
    """Activations times gradients at every place that torch has; single units as targets, with and without gradients."""
    places = {f"input x gradient at {place}": Ask("input-x-gradient", at=place) for place in shared(network, "torch")}
    gradients = {f"gradient of a unit: {place}": Ask("saliency", at=place, unit=unit) for place, unit in units.items()}
    values = {f"a unit without an input: {place}": Ask("leave-one-out", features, place, unit) for place, unit in units.items()}
    return {**places, **gradients, **values}


def _of_rows() -> dict[str, Ask]:
    background = pl.maskers.Background(inputs("mlp", samples=5, seed=2))
    return {
        **_usual(),
        "integrated gradients, several baselines": Ask("integrated-gradients", {"steps": 6, "baseline": background.rows}),
        "shapley": Ask("shapley", {"budget": 60, "masker": background}),
        "shapley, kernel": Ask("shapley", {"budget": 40, "estimator": "kernel"}),
        "interactions": Ask("shapley-interactions", {"budget": 40}),
    }


def _of_pictures() -> dict[str, Ask]:
    return {
        "saliency": Ask("saliency"),
        "integrated gradients": Ask("integrated-gradients", {"steps": 8}),
        "smoothgrad": Ask("smoothgrad", {"samples": 8}, by_entry=True),
        "grad-cam, layer found": Ask("grad-cam"),
        "grad-cam before the skip connection": Ask("grad-cam", at="first convolution's activation"),
        "eigen-cam, layer found": Ask("eigen-cam"),
        "full-grad": Ask("full-grad", {"rescale": "none"}),
        "input x gradient at the normalisation": Ask("input-x-gradient", at="normalisation"),
        "gradient of a unit": Ask("saliency", at="second convolution's activation", unit=(1, 5, 6)),
    }


ASKS: dict[str, dict[str, Ask]] = {
    "mlp": {
        **_of_rows(),
        "saliency at a layer": Ask("saliency", at="first activation"),
        "integrated gradients at a layer": Ask("integrated-gradients", {"steps": 6}, at="first activation"),
        "conductance": Ask("conductance", {"steps": 8}, at="first activation"),
        **_at_layers("mlp", {"second activation": (3,)}),
    },
    "mlp_tanh": {**_of_rows(), "integrated hessians": Ask("integrated-hessians", {"steps": 6, "feature": 2})},
    "mlp_tanh, every method": _every_method(rows=True),
    "cnn": {
        **_usual(),
        **_of_pictures(),
        **_every_method(),
        **_at_layers("cnn", {LAST: (2, 3, 4)}),
    },
    "cnn, in short": _of_pictures(),
    "rnn": {
        **_usual(),
        "shapley": Ask("shapley", {"budget": 60, "features": _STEPS}),
        **_at_layers("rnn", {"steps": (3, 5)}, features=_STEPS),
    },
    "embedding": {
        **_usual(baseline=0),
        "shapley, token": Ask("shapley", {"budget": 60, "masker": pl.maskers.MaskToken(19)}),
        "shapley, constant": Ask("shapley", {"budget": 60, "masker": pl.maskers.Constant(0)}),
        **_at_layers("embedding", {"hidden": (3,)}),
    },
    "efficientnet": {
        "grad-cam": Ask("grad-cam", at=LAST),
        "input x gradient at the last block": Ask("input-x-gradient", at="last block"),
    },
    "efficientnet, at the input": {
        "saliency": Ask("saliency"),
        "integrated gradients": Ask("integrated-gradients", {"steps": 8}),
    },
    "efficientnet, without gradients": {
        "eigen-cam": Ask("eigen-cam", at=LAST),
        "shapley": Ask("shapley", {"budget": 40}),
    },
}
"""By network, and by what of it where there are several lists."""


def network_of(asked: str) -> str:
    """The network of ``twins.weights``, or ``"efficientnet"``.

    >>> network_of("cnn, in short")
    'cnn'
    """
    return asked.partition(",")[0]


def put_to(asked: str, framework: str) -> dict[str, Ask]:
    """What a framework is asked: all but layers that are none there. One without any layers is asked all the same.

    >>> "grad-cam" in put_to("cnn", "linen"), "input x gradient at pooling" in put_to("cnn", "linen")
    (True, False)
    """
    known = PLACES[network_of(asked)]
    layered = any(framework in names for names in known.values())
    return {name: ask for name, ask in ASKS[asked].items() if ask.at is None or not layered or framework in known[ask.at]}


def without_embedding() -> dict[str, str]:
    """What a framework that shows no layers, and so no embedding, says where ids are to be differentiated."""
    said = "InputError: none of the inputs can be differentiated: input (int32). Pass floats, or ids of an embedding layer"
    return {name: said for name, ask in ASKS["embedding"].items() if "gradient" in ask.needs and ask.at is None}
