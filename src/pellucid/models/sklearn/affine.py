"""Steps of a pipeline that are affine, or pick columns: scalers, projections, selections."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.decomposition import PCA, IncrementalPCA, TruncatedSVD
from sklearn.feature_selection import SelectorMixin
from sklearn.preprocessing import FunctionTransformer, MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

from .parts import does_as
from .pieces import Back, Piece, joined, weighted


def piece_of(step: Any) -> Piece | None:
    """The step as a piece; ``None`` where it is none of these, or transforms in a way of its own."""
    for kind, build in _KINDS.items():
        if does_as(step, "transform", kind):
            return build(step)
    return None


def _standard(step: StandardScaler) -> Piece:
    return _scaled(step.mean_ if step.with_mean else None, step.scale_ if step.with_std else None)


def _robust(step: RobustScaler) -> Piece:
    return _scaled(step.center_ if step.with_centering else None, step.scale_ if step.with_scaling else None)


def _min_max(step: MinMaxScaler) -> Piece:
    scale, least = np.asarray(step.scale_, float), np.asarray(step.min_, float)
    scaled: Piece = lambda rows: (rows * scale + least, lambda slope: slope * scale)  # noqa: E731
    return joined([scaled, _clipped(*step.feature_range)]) if step.clip else scaled


def _max_abs(step: MaxAbsScaler) -> Piece:
    scaled = _scaled(None, step.scale_)
    return joined([scaled, _clipped(-1, 1)]) if getattr(step, "clip", False) else scaled


def _principal(step: PCA | IncrementalPCA) -> Piece:
    axes = np.asarray(step.components_, float).T
    if step.whiten:
        spread = np.sqrt(np.asarray(step.explained_variance_))
        axes = axes / np.maximum(spread, np.finfo(spread.dtype).eps)
    return joined([_scaled(step.mean_, None), weighted(axes, 0.0)])


def _projected(step: TruncatedSVD) -> Piece:
    return weighted(np.asarray(step.components_, float).T, 0.0)


def _selected(step: SelectorMixin) -> Piece:
    chosen = np.flatnonzero(step.get_support())

    def piece(rows: np.ndarray) -> tuple[np.ndarray, Back]:
        def back(slope: np.ndarray) -> np.ndarray:
            whole = np.zeros(rows.shape)
            whole[:, chosen] = slope
            return whole

        return rows[:, chosen], back

    return piece


def _function(step: FunctionTransformer) -> Piece | None:
    return None if step.func is not None else lambda rows: (rows, lambda slope: slope)


_KINDS: dict[type, Any] = {
    StandardScaler: _standard,
    RobustScaler: _robust,
    MinMaxScaler: _min_max,
    MaxAbsScaler: _max_abs,
    PCA: _principal,
    IncrementalPCA: _principal,
    TruncatedSVD: _projected,
    SelectorMixin: _selected,
    FunctionTransformer: _function,
}


def _scaled(centre: Any, scale: Any) -> Piece:
    centre = 0.0 if centre is None else np.asarray(centre, float)
    scale = 1.0 if scale is None else np.asarray(scale, float)
    return lambda rows: ((rows - centre) / scale, lambda slope: slope / scale)


def _clipped(least: float, most: float) -> Piece:
    def piece(rows: np.ndarray) -> tuple[np.ndarray, Back]:
        inside = (rows >= least) & (rows <= most)
        return np.clip(rows, least, most), lambda slope: slope * inside

    return piece
