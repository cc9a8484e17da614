"""Which layer made the first NaN or infinity, forward or backward."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from ...core import tree
from ...core.targets import Layer, RowTarget
from ...core.types import Rows
from ...core.view import Inputs
from ..broken import IN_TARGET, in_gradient, in_output
from ..layers import innermost, is_floating
from .arrays import cast

if TYPE_CHECKING:
    from .view import JaxView


def find(view: JaxView, batch: Inputs, targets: Sequence[RowTarget], rows: Rows) -> str:
    """Run once more with every layer watched, and say where the first NaN or infinity came up, as the end of a sentence."""
    running, layers = view.running, view.running.program.layers
    if layers is None:
        return f"inside {running.program.whole}"
    calls: list[Layer] = []

    def finite(state: Any, leaves: dict[str, Any]) -> list[Any]:
        found: list[Any] = []
        counts: dict[str, int] = {}
        calls.clear()

        def seen(name: str, _args: tuple[Any, ...], output: Any) -> None:
            counts[name] = counts.get(name, 0) + 1
            floats = [leaf for leaf in tree.flatten(output).values() if is_floating(leaf)]
            if floats:
                calls.append(Layer(name, counts[name]))
                found.append(jnp.all(jnp.stack([jnp.isfinite(leaf).all() for leaf in floats])))

        with layers.watched(innermost(layers.kinds()), seen):
            running.program.run(
                running.static, state, batch.put({name: cast(leaf, running.dtype) for name, leaf in leaves.items()}).tree()
            )
        return found

    whole = finite if running.eager else jax.jit(finite)
    broken = np.flatnonzero(~np.asarray(running.traced(whole, running.state, running.placed(dict(batch.leaves))), bool))
    if len(broken):
        return in_output(calls[broken[0]].name)
    outputs, _ = view.predict(batch)
    values = [target.evaluate(outputs, rows) for target in targets if target.layer is None]
    if not values or not all(np.isfinite(view.to_numpy(value)).all() for value in values):
        return IN_TARGET
    backwards = view.gradient(batch, [target for target in targets if target.layer is None], rows, wrt=calls).gradients
    passed = [at for at in range(len(calls)) if not all(np.isfinite(view.to_numpy(each[at])).all() for each in backwards)]
    return in_gradient([call.name for call in calls], passed)
