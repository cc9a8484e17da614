"""NaN and infinity are refused where they are first seen: in an input, in a target's value, in a gradient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from array_api_compat import array_namespace

from ..arrays.rows import finite, flat
from ..core.errors import NonFiniteError
from ..core.features import Features
from ..core.targets import RowTarget
from ..core.types import MemoryFormat, Rows
from ..core.view import Gradient, Inputs, ModelView


def check_inputs(view: ModelView, inputs: Inputs, features: Any) -> None:
    """Refuse samples that hold NaN or infinity; NaN that ``features`` declare missing is a value."""
    for name, leaf in inputs.leaves.items():
        if leaf.dtype == object:
            continue
        xp = array_namespace(leaf)
        if not xp.isdtype(leaf.dtype, "real floating") or finite(leaf):
            continue
        bad = ~np.isfinite(view.to_numpy(leaf))
        if isinstance(features, Features) and features.columns is not None and features.leaf in (None, name):
            bad &= ~np.array([column.missing for column in features.columns])
        if not bad.any():
            continue
        wrong = np.argwhere(bad)
        where = "" if name in inputs.static else f" in sample {int(wrong[0][0])}"
        raise NonFiniteError(
            f"input {name!r} holds NaN or infinity{where}, first at index {tuple(int(i) for i in wrong[0][1:])}. "
            "Impute missing values as the model was trained to see them, or declare them: pl.Features.from_frame(..., missing=)."
        )


def check_values(value: np.ndarray, rows: Rows) -> None:
    """Refuse values of a target that are NaN or infinite; ``rows`` are their samples."""
    if not np.isfinite(value).all():
        bad = int(rows[int(np.argmin(np.isfinite(value)))])
        raise NonFiniteError(f"the value of the target is NaN or infinite at sample {bad} or at a changed copy of it.")


def check_gradient(
    view: ModelView, targets: Sequence[RowTarget], gradient: Gradient, batch: Inputs, rows: Rows, memory_format: MemoryFormat
) -> None:
    """Refuse a gradient that is NaN or infinite, and name the layer where that began, if the adapter can see it."""
    named = [("value of the target", value) for value in gradient.values]
    named += [("gradient", g) for gradients in gradient.gradients for g in gradients]
    named += [("second derivative", h) for products in gradient.hessian_products for h in products]
    for what, array in named:
        if finite(array):
            continue
        xp = array_namespace(array)
        bad = int(np.argmin(view.to_numpy(xp.all(xp.isfinite(flat(array)), axis=1))))
        alone = view.take(batch, np.array([bad]), memory_format)
        where = view.inside.first_nonfinite(alone, targets, rows[bad : bad + 1])
        raise NonFiniteError(f"the {what} of sample {int(rows[bad])} is NaN or infinite, {where}.")
