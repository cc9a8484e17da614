"""Values of targets, and their derivatives at what a model returns: there compiled passes begin to be differentiated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ...core.targets import Layer, RowTarget, Target
from ...core.types import Rows
from .. import refusals
from .arrays import is_floating, native
from .outputs import Outputs

Weights = tuple[tuple[Any, ...], tuple[Any, ...]]
"""A number for each entry of the floats of the outputs, and of the kept layers; ``None`` for a whole array of zeros."""


@dataclass(frozen=True)
class Slope:
    """A target's values, and the derivative of their sum at the outputs and at kept layers; ``reads`` are outputs by number."""

    target: RowTarget
    value: Any
    weights: Weights
    reads: tuple[int, ...]

    def only(self, outputs: Outputs) -> int:
        """The one output that the target reads."""
        if len(self.reads) != 1:
            floats = {outputs.number(name): name for name, _ in outputs.form.names}
            raise refusals.several_outputs([floats[number] for number in self.reads])
        return self.reads[0]


def slope(target: RowTarget, outputs: Outputs, kept: Mapping[Layer, Any], rows: Rows, count: int) -> Slope:
    """The target at ``rows``, of which the first ``count`` are meant and the rest is padding."""
    if isinstance(target.wish, Target):
        return _of_function(target, outputs, len(kept), rows, count)
    scores = None if target.layer is None else kept[target.layer]
    value = target.evaluate(outputs.map(native).tree(), rows, None if scores is None else native(scores))
    _check_floating(value)
    of_outputs: list[Any] = [None] * len(outputs.floats)
    of_layers: list[Any] = [None] * len(kept)
    if scores is not None:
        of_layers[list(kept).index(target.layer)] = _ones(scores, target, rows[:count])
        return Slope(target, value[:count], (tuple(of_outputs), tuple(of_layers)), ())
    number = outputs.number(target.leaf or "")
    assert number is not None
    of_outputs[number] = _ones(outputs.floats[number], target, rows[:count])
    return Slope(target, value[:count], (tuple(of_outputs), tuple(of_layers)), (number,))


def change(at: Slope, outputs: Outputs, speeds: tuple[Any, ...], rows: Rows) -> Weights | None:
    """How the weights change when the outputs do; ``None`` for an entry of them, whose weights stay."""
    if not isinstance(at.target.wish, Target):
        return None

    def weights(floats: tuple[Any, ...]) -> tuple[Any, ...]:
        values = lambda held: jnp.sum(_values(at.target, outputs, held, rows)[: len(at.value)])  # noqa: E731
        return jax.grad(values)(floats)

    _, bends = jax.jvp(weights, (outputs.floats,), (speeds,))
    return bends, (None,) * len(at.weights[1])


def _of_function(target: RowTarget, outputs: Outputs, kept: int, rows: Rows, count: int) -> Slope:
    value, pull = jax.vjp(lambda floats: _values(target, outputs, floats, rows), outputs.floats)
    _check_floating(value)
    (weights,) = pull((jnp.arange(len(rows)) < count).astype(value.dtype))
    reads = tuple(number for number, weight in enumerate(weights) if bool(jnp.any(weight != 0)))
    return Slope(target, value[:count], (weights, (None,) * kept), reads)


def _values(target: RowTarget, outputs: Outputs, floats: tuple[Any, ...], rows: Rows) -> Any:
    return target.evaluate(outputs.with_floats(floats).tree(), rows)


def _ones(scores: Any, target: RowTarget, rows: Rows) -> Any:
    """One where the target reads an entry."""
    assert target.indices is not None
    where = (np.arange(len(rows)), *target.indices[rows].T) if scores.ndim else ()
    if not isinstance(native(scores), np.ndarray):
        return jnp.zeros_like(scores).at[where].set(1)
    weights = np.zeros(scores.shape, scores.dtype)
    weights[where] = 1
    return weights


def _check_floating(value: Any) -> None:
    if not is_floating(value):
        raise refusals.not_floating(value.dtype)
