"""Which layer made the first NaN or infinity, forward or backward."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from ...core import tree
from ...core.targets import RowTarget
from ...core.types import Rows
from ...core.view import Inputs
from ..broken import IN_TARGET, in_gradient, in_output
from ..layers import Layers, innermost, is_floating
from .program import Program
from .state import inline
from .wishes import value_as_it_stands


def find(program: Program, layers: Layers, batch: Inputs, targets: Sequence[RowTarget], rows: Rows) -> str:
    """Run once more as it stands and say where the first NaN or infinity came up, as the end of a sentence."""
    calls: list[tuple[str, Any]] = []
    leaves = {name: tf.convert_to_tensor(leaf) for name, leaf in batch.leaves.items()}
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        for leaf in leaves.values():
            if leaf.dtype.is_floating:
                tape.watch(leaf)

        def seen(name: str, _args: tuple[Any, ...], output: Any) -> None:
            for leaf in tree.flatten(output).values():
                if is_floating(leaf):
                    tape.watch(leaf)
                    calls.append((name, leaf))

        with inline(), layers.watched(innermost(layers.kinds()), seen):
            outputs = program.run(batch.put(leaves).tree())
        for name, output in calls:
            if not _finite(output):
                return in_output(name)
        values = [value_as_it_stands(target, outputs, rows) for target in targets if target.layer is None]
        if not values or not all(_finite(value) for value in values):
            return IN_TARGET
        total = tf.add_n([tf.reduce_sum(value) for value in values])
    gradients = tape.gradient(total, [output for _, output in calls])
    broken = [number for number, g in enumerate(gradients) if g is not None and not _finite(tf.convert_to_tensor(g))]
    return in_gradient([name for name, _ in calls], broken)


def _finite(tensor: Any) -> bool:
    return bool(tf.reduce_all(tf.math.is_finite(tensor)))
