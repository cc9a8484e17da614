"""How a method is asked about a case: in the terms that the truth is stated in, as far as the method takes them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Float

from ..core import declare
from ..core.declare import Method
from ..core.errors import CapabilityError
from ..core.records import Cost
from ..engine import schema
from ..engine.run import explain
from ..games.maskers import Background, Constant
from .case import Case

Report = Callable[[float, int], None]


def answer(
    case: Case, method: Method, seed: int, budget: int | None, progress: Report
) -> tuple[Float[np.ndarray, "samples players ..."], Cost]:
    """Values of a method in the terms of the players of a case, and what they cost.

    Removed features, and baselines, are what the truth is relative to; entries that no player owns stay as they are, there, too.

    Raises
    ------
    PellucidError
        In words, where the method cannot be asked, or its values are not of the kind of the truth.
    """
    kind = "image" if case.inputs.ndim == 4 else "tabular"
    if not {"any", kind} & set(method.modalities):
        raise CapabilityError(f"it is for {' and '.join(method.modalities)} inputs, and not for {kind} ones.")
    if getattr(method, "reads_layer", False):
        raise CapabilityError("its values are those of the units of a layer, and no player's.")
    names = {parameter.name for parameter in declare.parameters(method)}
    if case.pairs and "feature" in names:
        return _one_by_one(case, method, seed, budget, progress)
    if "feature" in names:
        raise CapabilityError("its values are interactions of one feature, and no attributions.")
    e = _asked(case, method, names, seed, budget, progress)
    if case.pairs and e.over != "interactions":
        raise CapabilityError("its values are those of single players, and no interactions.")
    values = case.values_of(e)
    if method.name == "rise":  # its values are levels of the target, of which the mean is nobody's
        values = values - values.mean(axis=1, keepdims=True)
    return values, e.cost


def _asked(case: Case, method: Method, names: set[str], seed: int, budget: int | None, progress: Report, **more: Any) -> Any:
    given = {name: value for name, value in _terms(case, method).items() if name in names}
    return explain(
        case.model,
        case.inputs,
        target=case.target,
        method=dataclasses.replace(method, **given, **more),  # type: ignore[type-var]
        at=case.layer if method.engine == "map" and getattr(method, "takes_layer", True) else None,
        features=case.features if schema.takes_features(method) else None,
        budget=budget,
        seed=seed,
        progress=progress,
    )


def _terms(case: Case, method: Method) -> dict[str, Any]:
    """Values of parameters by which methods are told what truth is relative to, where the method itself says nothing."""
    rows = case.reference
    found: dict[str, Any] = {
        "baseline": case.background if method.name == "expected-gradients" and rows is None else _baseline(case),
        "masker": Constant() if rows is None else Background(rows),
        "background": case.background,
    }
    return {name: value for name, value in found.items() if value is not None and getattr(method, name, None) is None}


def _baseline(case: Case) -> Any:
    """The rows of reference; zeros where there are none, with what no player owns left as it is."""
    if case.reference is not None:
        return case.reference
    fixed = np.broadcast_to(case.features.labels < 0, case.inputs.shape[1:])
    return (lambda x: np.where(fixed, x, 0).astype(x.dtype)) if fixed.any() else None


def _one_by_one(
    case: Case, method: Method, seed: int, budget: int | None, progress: Report
) -> tuple[Float[np.ndarray, "samples players players"], Cost]:
    """Interactions of each player with all others, asked for one player after the other."""
    names = {parameter.name for parameter in declare.parameters(method)}
    players, rows, costs = len(case.features), list[np.ndarray](), list[Cost]()
    for player in range(players):
        mask = np.broadcast_to(case.features.labels == player, case.inputs.shape[1:])
        e = _asked(case, method, names, seed, budget, lambda done, n, at=player: progress((at + done) / players, n), feature=mask)
        rows.append(case.features.total(np.asarray(e.to_input(), np.float64)))
        costs.append(e.cost)
    totals = {field.name: sum(getattr(cost, field.name) for cost in costs) for field in dataclasses.fields(Cost)}
    return np.stack(rows, axis=1), Cost(**totals)
