"""One forward pass over the samples, kept as a record: inputs, outputs and the target, and no values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, cast

import numpy as np

from ...core.declare import Attribution, Axiom, Method, Passes
from ...core.records import Explanation
from ...core.targets import TargetLike
from ...core.view import Capability
from ...engine.run import explain
from ...engine.schema import is_frame


@dataclass(frozen=True)
class Look:
    """A method that attributes nothing. A frame is encoded by its features, which only a game has."""

    name: ClassVar[str] = "look"
    summary: ClassVar[str] = "the outputs, and no values"
    needs: ClassVar[frozenset[Capability]] = frozenset({"predict"})
    modalities: ClassVar[tuple[str, ...]] = ("any",)
    axioms: ClassVar[tuple[Axiom, ...]] = ()
    cite: ClassVar[tuple[str, ...]] = ()

    engine: Literal["map", "game"] = "map"

    def attribute(self, passes: Passes) -> list[Attribution]:
        """Run the samples once."""
        _ = passes.target_values
        return [Attribution([np.zeros((passes.samples, 0))], over="spatial")] * passes.targets


def look(model: Any, x: Any, target: TargetLike, features: Any, seed: int, batch_size: int | None) -> Explanation:
    """What a model says about some samples; every check of ``explain`` is made."""
    framed = is_frame(x)
    return explain(
        model,
        x,
        target=target,
        method=cast("Method", Look("game" if framed else "map")),
        features=features if framed else None,
        seed=seed,
        batch_size=batch_size,
        progress=False,
    )


def reads_text(x: Any) -> bool:
    """Whether samples are strings."""
    listed: Any = x if isinstance(x, (list, tuple)) else x.tolist() if isinstance(x, np.ndarray) and x.dtype == object else ()
    return isinstance(listed, Sequence) and bool(listed) and isinstance(listed[0], str)
