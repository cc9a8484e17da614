"""The method that made an explanation, asked again: for changed samples, for other outputs, for other weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .. import catalog
from ..core import declare, tree
from ..core.declare import Method
from ..core.errors import BudgetError, InputError
from ..core.features import Features
from ..core.records import Cost, Explanation
from ..core.targets import Layer, TargetLike
from ..engine import schema
from ..engine.run import explain
from ..models.randomise import parameter_layers, randomised
from ..models.shifted import shifted
from .places import layer_named

MOST = {"path": 256, "game": 1024}
"""Rows for each sample that an explanation anew may take: a tolerance could ask for far more of random weights."""


class Again:
    """One method on one model; see ``verdict.measuring.Again``.

    Parameters
    ----------
    model, e
        The model, and what was explained of it.
    method
        An instance, where the record does not say all of the parameters (arrays, functions); otherwise made from the record.
    leaf
        The leaf whose changed copies are explained.
    target
        What was explained, sample by sample.
    features
        Whose values are wanted, where the method takes features.
    seed
        Of new weights. What the method itself draws it draws as it did: its noise is not counted as a change.
    """

    def __init__(
        self,
        model: Any,
        e: Explanation,
        method: Method | None,
        leaf: str,
        target: TargetLike,
        features: Sequence[Features],
        seed: int,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.model, self.e, self.leaf, self.seed = model, e, leaf, seed
        self.method = method_of(e) if method is None else method
        self.cost = Cost()
        self._target, self._features, self._options = target, features, dict(options or {})
        self._others = {name: array for name, array in tree.flatten(e.inputs).items() if name != leaf}

    def of(self, e: Explanation, method: Method) -> Again:
        """Another method on the same model, samples and target."""
        return Again(self.model, e, method, self.leaf, self._target, self._features, self.seed, self._options)

    def at(self, owner: np.ndarray, points: np.ndarray, model: Any = None) -> Explanation:
        """Explain changed copies of the leaf; all other leaves are those of the samples that own them."""
        others = {name: a if name in self.e.static else a[owner] for name, a in self._others.items()}
        wish = self._target[owner] if isinstance(self._target, np.ndarray) else self._target
        return self._explained(self.model if model is None else model, {**others, self.leaf: points}, wish, owner)

    def of_outputs(self, indices: np.ndarray) -> Explanation:
        """Explain other entries of the output."""
        wish = indices[:, 0] if indices.shape[1] == 1 else indices
        return self._explained(self.model, tree.flatten(self.e.inputs), wish, np.arange(len(self.e)))

    def randomised(self, draw: int, layers: Sequence[str] | None) -> Explanation:
        """Explain the samples with new weights."""
        with randomised(self.model, self.seed, draw, layers) as changed:
            return self._explained(changed, tree.flatten(self.e.inputs), self._target, np.arange(len(self.e)))

    def randomised_at(self, draw: int, layers: Sequence[str] | None, owner: np.ndarray, points: np.ndarray) -> Explanation:
        """Explain changed copies of the leaf with new weights."""
        with randomised(self.model, self.seed, draw, layers) as changed:
            return self.at(owner, points, changed)

    def shifted(self, shift: float) -> Explanation:
        """Explain the samples plus a shift on a copy of the model that takes it off again."""
        leaf = tree.flatten(self.e.inputs)[self.leaf]
        return self.at(np.arange(len(self.e)), leaf + leaf.dtype.type(shift), shifted(self.model, self.leaf, shift))

    def parameter_layers(self) -> tuple[str, ...]:
        """Layers with weights, from the input to the output."""
        return parameter_layers(self.model)

    def _explained(self, model: Any, leaves: Mapping[str, np.ndarray], target: TargetLike, owner: np.ndarray) -> Explanation:
        features: Any = None
        if schema.takes_features(self.method) and self.e.over == "players":
            features = self._features[0] if len(self._features) == 1 else [self._features[int(s)] for s in owner]
        names = list(self.e.leaves)
        whole = set(names) == set(tree.flatten(self.e.inputs)) or self.e.over != "input"
        asked: dict[str, Any] = {
            "target": target,
            "method": self.method,
            "at": _layers(self.e),
            "wrt": None if whole else names,
            "features": features,
            "seed": self.e.plan.seed,
            "progress": False,
            **self._options,
        }
        given = self._as_given(tree.fill(tree.skeleton(self.e.inputs), leaves))
        try:
            made = explain(model, given, budget=MOST.get(self.method.engine), **asked)
        except BudgetError:  # a method that cannot do with so few
            made = explain(model, given, **asked)
        c, d = self.cost, made.cost
        self.cost = Cost(
            c.forward_rows + d.forward_rows, c.backward_rows + d.backward_rows, c.other_rows + d.other_rows, c.seconds + d.seconds
        )
        return made

    def _as_given(self, inputs: Any) -> Any:
        """The inputs as the model takes them: a frame where the players are its columns."""
        players = self.e.features
        if isinstance(players, Features) and any(column.dtype for column in players.columns or ()):
            return players.decode(np.asarray(inputs))
        return inputs


def method_of(e: Explanation) -> Method:
    """The method of a record with its parameters.

    Raises
    ------
    InputError
        If one of them was an array or a function, of which the record has the name alone.
    """
    declared = catalog.method_named(e.method)
    given = {}
    for item in declare.parameters(declared):
        value = e.parameters.get(item.name, item.default)
        if isinstance(value, str) and item.default != value and not item.choices and item.kind is not str:
            raise InputError(
                f"{e.method} was run with {item.name}={value}, which the record names and does not hold; give the method as it "
                f"was: method={declared.__name__}({item.name}=...)."
            )
        given[item.name] = value
    return declare.build(declared, given)


def _layers(e: Explanation) -> list[Layer] | None:
    """The layers of a record, as ``at=`` takes them."""
    return None if e.layer is None else [layer_named(name) for name in e.layer.split(", ")]
