"""What of an estimator is explained: what a classifier says of its classes, predictions, distances, or how usual a row is."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClusterMixin, is_classifier, is_regressor
from sklearn.metrics.pairwise import euclidean_distances

from ...core.errors import CapabilityError, InputError
from ...core.types import OutputKind
from . import classifiers
from .asked import Outputs
from .parts import behind, opened, plain

SAYS = ("predict", "predict_proba", "decision_function", "score_samples")
"""What can be asked of new rows."""


def outputs_of(model: Any, said: OutputKind) -> Outputs:
    """What is explained of this estimator, where the user said this of its outputs.

    Raises
    ------
    InputError
        If it has no outputs of that kind.
    CapabilityError
        If it has none at all for new rows.
    """
    name, known = type(model).__name__, isinstance(model, BaseEstimator)
    has = {method for method in SAYS if hasattr(model, method)}
    if known and is_regressor(model) and "predict" in has:
        return Outputs(model.predict, "predict", "values" if said == "unknown" else said)
    scored = "predict_proba" in has or "decision_function" in has
    if (scored and hasattr(model, "classes_")) or (known and is_classifier(model) and "predict" in has):
        return classifiers.outputs_of(model, name, said)
    if said == "logits" or (said == "probabilities" and "predict_proba" not in has):
        raise InputError(f"{name} is no classifier and has no {said}; leave output= out.")
    if "predict_proba" in has:
        count = len(getattr(opened(model)[1], "weights_", ()))  # of a mixture
        names = tuple(f"component {at}" for at in range(count)) or None
        return Outputs(model.predict_proba, "predict_proba", "probabilities", names)
    if "decision_function" in has:
        note = f"{name}.decision_function is explained: the larger, the more usual a row; below 0 it is an outlier"
        return Outputs(model.decision_function, "decision_function", "values", notes=(note,))
    if "predict" in has:
        clusters = isinstance(opened(model)[1], ClusterMixin)
        return _of_clusters(model) if clusters else Outputs(model.predict, "predict", "values")
    if "score_samples" in has and not hasattr(model, "transform"):
        note = f"{name}.score_samples is explained: the larger, the more usual a row"
        return Outputs(model.score_samples, "score_samples", "values", notes=(note,))
    raise CapabilityError(f"{name} says nothing of new rows{_way_out(model)}")


def _of_clusters(model: Any) -> Outputs:
    """Minus the distances to centres: the nearest has the largest output, as the likeliest class has."""
    last, centres, what = opened(model)[1], None, ""
    for what in ("cluster", "subcluster"):
        if (centres := getattr(last, f"{what}_centers_", None)) is not None:
            break
    name = type(last).__name__
    if centres is None:
        return classifiers.of_labels(model, name, np.unique(last.labels_))
    names = tuple(f"{what} {at}" for at in range(len(centres)))
    before = behind(model)
    note = f"minus the distance to the centre of each {what} of {name} is explained: the largest is the nearest"
    return Outputs(lambda rows: -euclidean_distances(plain(before(rows)), centres), "distances", "values", names, notes=(note,))


def _way_out(model: Any) -> str:
    if getattr(model, "refit", True) is False:
        return ": it was searched with refit=False. Fit its estimator with best_params_, and explain that."
    if hasattr(model, "fit_predict"):
        return ": it labels the rows that it is fitted on. Fit a classifier on these labels, and explain that."
    if hasattr(model, "transform"):
        return (
            ": it transforms them. Explain the pipeline that it is a step of; or what it gives, as a function: "
            "pl.wrap(model.transform)."
        )
    return f": it has none of {', '.join(SAYS)}."
