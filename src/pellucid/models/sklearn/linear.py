"""Linear models as pieces: weighted sums, and what makes probabilities of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import (
    ARDRegression,
    BayesianRidge,
    HuberRegressor,
    LinearRegression,
    LogisticRegression,
    Ridge,
    RidgeCV,
    SGDClassifier,
    SGDRegressor,
)

from .parts import does_as
from .pieces import Back, Piece, joined, logistic, normalised, pair, softmaxed, weighted

_REGRESSORS = (LinearRegression, Ridge, RidgeCV, HuberRegressor, SGDRegressor, BayesianRidge, ARDRegression)
"""Their ``predict`` is a weighted sum, and so is that of everything that inherits it."""
_CLASSIFIERS = (LogisticRegression, LinearDiscriminantAnalysis)
"""Their ``decision_function`` is."""


def piece_of(model: Any, method: str) -> Piece | None:
    """What this method of the model gives, as a piece; ``None`` where it is not known to be linear."""
    if method == "predict":
        return _sum(model) if does_as(model, "predict", *_REGRESSORS) else None
    if method not in ("predict_proba", "decision_function") or not does_as(model, "decision_function", *_CLASSIFIERS):
        return None
    if method == "decision_function":
        return _sum(model, columns=True)
    head = _head(model)
    return None if head is None else joined([_sum(model, columns=True), head])


def _sum(model: Any, columns: bool = False) -> Piece:
    weights = model.coef_.toarray() if hasattr(model.coef_, "toarray") else np.asarray(model.coef_)
    weights, added = weights.astype(float).T, np.asarray(model.intercept_, float)
    return weighted(weights[:, None] if columns and weights.ndim == 1 else weights, added)


def _head(model: Any) -> Piece | None:
    """Scores to probabilities."""
    binary = len(model.classes_) == 2
    if does_as(model, "predict_proba", LogisticRegression):
        way = getattr(model, "multi_class", "")  # until scikit-learn 1.7
        if binary:
            return joined([_doubled, pair]) if way == "multinomial" else pair
        return _of_each if way == "ovr" or (way and way != "multinomial" and model.solver == "liblinear") else softmaxed
    if does_as(model, "predict_proba", LinearDiscriminantAnalysis):
        return pair if binary else softmaxed
    if does_as(model, "predict_proba", SGDClassifier) and model.loss == "log_loss":
        return pair if binary else _of_each
    return None


_of_each = joined([logistic, normalised])


def _doubled(scores: np.ndarray) -> tuple[np.ndarray, Back]:
    return 2 * scores, lambda slope: 2 * slope
