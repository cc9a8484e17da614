"""Which method two models are compared by: the one that was asked for, or the best that both can run, and why."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import catalog
from ...core import declare, tree
from ...core.declare import Method
from ...core.errors import CapabilityError, InputError
from ...core.records import Explanation
from ...core.view import Capability, ModelView
from .reaching import Way

GRADIENTS, REMOVAL = "integrated-gradients", "shapley"
"""The methods that are taken where none is named: where both models have gradients, and where not."""


def chosen(
    method: str | Method | None,
    parameters: dict[str, Any],
    view: ModelView,
    found: Way,
    seen: Explanation,
    names: tuple[str, str],
) -> tuple[Method, str]:
    """The method, and why it was chosen."""
    both = view.capabilities & found.capabilities
    told = dict(zip(names, (view.adapter, found.view.adapter), strict=True))
    reason = ""
    if method is None:
        without = [
            name for name, has in zip(names, (view.capabilities, found.capabilities), strict=True) if "gradient" not in has
        ]
        method = GRADIENTS if _differentiable(seen, both) else REMOVAL
        why = (
            "both models have gradients"
            if method == GRADIENTS
            else f"{' and '.join(f'{name} ({told[name]} adapter)' for name in without)} without gradients"
            if without
            else "the inputs hold no numbers that can be differentiated"
        )
        what = "" if method == GRADIENTS else "; features are removed in the same way, by the same coalitions, for both"
        reason = f"{method} was chosen: {why}{what}"
    if isinstance(method, str):
        declared: Method = declare.build(catalog.method_named(method), parameters)
    elif parameters:
        raise InputError(
            f"parameters {', '.join(map(repr, parameters))} belong inside the method when it is given as an instance."
        )
    else:
        declared = method
    for name, has in zip(names, (view.capabilities, found.capabilities), strict=True):
        missing = sorted(getattr(declared, "needs", frozenset[Capability]()) - has)
        if missing:
            others = [each.name for each in catalog.METHODS if each.needs <= both]
            raise CapabilityError(
                f"{declared.name} needs {', '.join(map(repr, missing))}, which {name} ({told[name]} adapter) does not have here. "
                f"These methods work on both: {', '.join(others)}."
            )
    return declared, reason


def _differentiable(seen: Explanation, both: frozenset[Capability]) -> bool:
    """Whether both models have gradients at their inputs: floats, or ids through their embedding."""
    leaves = [np.asarray(leaf) for name, leaf in tree.flatten(seen.inputs).items() if name not in seen.static]
    floats = any(leaf.dtype.kind == "f" for leaf in leaves)
    return "gradient" in both and (floats or ("replace" in both and all(leaf.ndim == 2 for leaf in leaves)))
