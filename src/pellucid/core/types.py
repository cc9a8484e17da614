"""Names for the arrays and trees that travel between rooms, with their shapes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

Native = Any
"""An array of the model's own framework (torch, JAX, NumPy); kernels touch it through the array API only."""

Tree = Any
"""An array, or tuples, lists and mappings of arrays."""

Rows = Int[np.ndarray, " rows"]
"""For each row of a batch, the sample that it belongs to."""

PerSample = Float[np.ndarray, " samples"]
Flags = Bool[np.ndarray, " samples"]
Values = Shaped[np.ndarray, "samples ..."]

Coalitions = Bool[np.ndarray, "coalitions players"]
"""Which players are present."""

GameValues = Float[np.ndarray, "samples coalitions outputs"]

Over = Literal["input", "spatial", "layer", "players", "interactions"]
"""What the values of an explanation are numbers of."""

OutputKind = Literal["logits", "probabilities", "values", "unknown"]
Layout = Literal["NCHW", "NHWC"]
MemoryFormat = Literal["as-is", "channels-last"]
Baseline = float | int | np.ndarray | Callable[[Any], Any] | Mapping[str, Any] | Any


@dataclass(frozen=True)
class Budget:
    """The most that an explanation may cost.

    Parameters
    ----------
    rows
        Model rows per sample, forward passes counted; every background or baseline row counts as one.
    seconds
        Wall-clock time of the whole call. Methods that refine stop at the next batch; methods with a fixed amount of
        work ignore it.
    """

    rows: int | None = None
    seconds: float | None = None
