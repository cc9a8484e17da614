"""What TensorFlow keeps outside of a model: random numbers, and variables that a pass wrote."""

from __future__ import annotations

import random
from collections.abc import Generator, Iterable
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import tensorflow as tf
from tensorflow.python.eager import context as eager
from tensorflow.python.framework import op_def_registry
from tensorflow.python.ops import stateful_random_ops

from ...core.errors import CapabilityError
from ..turns import TURN, numpy_seeded


@contextmanager
def seeded(seed: int) -> Generator[None]:
    """Seeded random numbers of TensorFlow and NumPy; both go on afterwards as if nothing had been drawn. Threads take turns.

    ``tf.random.set_seed`` cannot be taken back, and starts the user's own random operations anew; the two fields that it sets
    are set here.
    """
    with TURN, numpy_seeded(seed):
        context: Any = eager.context()
        kept = context._seed, vars(context).get("_rng")  # which is there once a seed was set
        context._seed, context._rng = seed % 2**31, random.Random(seed)
        try:
            yield
        finally:
            context._seed, context._rng = kept


class Written:
    """Variables as they were, put back when a session is over."""

    def __init__(self) -> None:
        self._before: dict[int, tuple[Any, Any]] = {}

    def note(self, variables: Iterable[Any]) -> None:
        """Remember these, if they are not remembered yet; TensorFlow copies a value when it is written, not before."""
        generator = stateful_random_ops.global_generator
        for variable in [*variables, *([] if generator is None else [generator.state])]:
            if id(variable) not in self._before:
                self._before[id(variable)] = variable, tf.identity(variable)

    def put_back(self) -> None:
        """Write what was there."""
        for variable, value in self._before.values():
            variable.assign(value)
        self._before.clear()


_READS = frozenset(
    {
        "Assert", "Case", "Identity", "If", "NoOp", "PartitionedCall", "Placeholder", "ReadVariableOp", "ReadVariablesOp",
        "ResourceGather", "ResourceGatherNd", "StatefulPartitionedCall", "VarHandleOp", "VarIsInitializedOp", "While",
    }
)  # fmt: skip
"""Stateful operations that change nothing and draw nothing; functions that are called are looked at themselves."""


def acts(function: Any) -> bool:
    """Whether a traced function writes, draws or leaves TensorFlow: whether running it twice may give two results."""
    graph = function.graph.as_graph_def()
    names = {node.op for node in graph.node} | {node.op for inner in graph.library.function for node in inner.node_def}
    known = {inner.signature.name for inner in graph.library.function}
    definitions = [op_def_registry.get(name) for name in names - _READS - known]
    return any(definition is None or definition.is_stateful for definition in definitions)


@contextmanager
def inline() -> Generator[None]:
    """A user's own ``tf.function`` runs its Python code: layers inside are seen, and no trace of ours is kept by it."""
    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(before)


def without_new_variables() -> AbstractContextManager[None]:
    """Refuse a model that makes its variables while it runs: they would be drawn here, and be gone afterwards."""

    def refuse(_create: Any, **_options: Any) -> Any:
        raise CapabilityError(
            "the model makes a variable when it is called, so it has no weights yet; call it once, or load its weights, before "
            "it is explained."
        )

    return tf.variable_creator_scope(refuse)
