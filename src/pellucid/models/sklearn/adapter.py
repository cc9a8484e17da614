"""An estimator of scikit-learn as a view."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import sklearn
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from ...core import tree
from ...core.errors import InputError
from ...core.targets import Layer
from ...core.view import Spec
from ...core.warned import warn
from ..host import Back, HostView, Program, Trace
from ..inside import Inside
from ..wrap import Wrapped
from .asked import Outputs
from .gradients import piece_of
from .outputs import outputs_of
from .tables import Table, table_of


def view(wrapped: Wrapped) -> HostView:
    """A fitted estimator seen through its own methods."""
    model = wrapped.model
    name = type(model).__name__
    _check_fitted(model, name)
    outputs, table = outputs_of(model, wrapped.spec.output), table_of(model)

    def call(given: Any, _keep: Sequence[Layer], _replace: Any) -> tuple[Any, list[np.ndarray]]:
        rows = table.given(given)
        try:
            return outputs.ask(rows), []
        except NotFittedError as error:
            raise InputError(_unfitted(name)) from error
        except (ValueError, LookupError) as error:
            if said := table.wrong(given):
                raise InputError(said) from error
            raise

    trace, why = _trace(model, outputs, table, name)
    whole = f"this {name}"
    chosen = (f"probabilities are explained; {outputs.instead}",) if outputs.instead else ()
    program = Program(
        "sklearn",
        model,
        call,
        trace=trace,
        inside=Inside(whole=whole),
        whole=whole,
        why=why,
        versions={"scikit-learn": sklearn.__version__},
        notes=(*outputs.notes, *chosen),
        reals=trace is not None,
    )
    return HostView(program, _completed(wrapped.spec, outputs))


def _trace(model: Any, outputs: Outputs, table: Table, name: str) -> tuple[Trace | None, str]:
    """Outputs and the way back from them, in float64; or nothing, and why."""
    piece, why = piece_of(model, outputs.method)
    if piece is None:
        return None, why
    told = not outputs.instead

    def trace(given: Any) -> tuple[np.ndarray, Back]:
        nonlocal told
        found, back = piece(table.numbers(given))
        if not told:
            told = True
            warn(
                f"the probabilities of {name} are explained, whose gradients vanish where it is sure. "
                f"pl.wrap(model, output='probabilities') says that this is meant; {outputs.instead}.",
            )
        return found, lambda weights: {tree.BARE: back(weights[tree.BARE])}

    return trace, ""


def _completed(spec: Spec, outputs: Outputs) -> Spec:
    """What was stated, and what the estimator says of itself."""
    classes = spec.classes or outputs.names
    if spec.classes and outputs.names and len(outputs.names) == 1 and len(spec.classes) == 2:
        classes = spec.classes[1:]  # one score for two classes is that of the second
    return replace(spec, output=outputs.kind, classes=classes)


def _check_fitted(model: Any, name: str) -> None:
    """Refuse an estimator of scikit-learn's own that was not fitted; others may say so when they are called."""
    if not type(model).__module__.startswith("sklearn.") or not hasattr(model, "fit"):
        return
    try:
        check_is_fitted(model)
    except NotFittedError as error:
        raise InputError(_unfitted(name)) from error


def _unfitted(name: str) -> str:
    return f"this {name} is not fitted yet; call its fit(x, y) first."
