"""Removed columns drawn from their distribution given the kept ones: what the three kinds of distribution share."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from array_api_compat import array_namespace
from jaxtyping import Bool, Float, Int

from ...arrays.rows import take
from ...core.declare import Passes
from ...core.types import Native, Rows
from .entries import Memo, draws_of, hard, native

FEW_BYTES = 1 << 25
"""What is kept of random numbers."""


class Law(Protocol):
    """Distributions of the removed columns given the kept ones."""

    def __call__(
        self,
        samples: Float[np.ndarray, "samples columns"],
        owner: Int[np.ndarray, " rows"],
        kept: Bool[np.ndarray, "rows columns"],
        draw: Int[np.ndarray, " rows"],
    ) -> Float[np.ndarray, "rows columns"]:
        """For each row the draw of this number; what stands in its kept columns does not matter."""
        ...


class Drawn:
    """Rows whose removed columns are drawn; kept ones are the sample's own, to the bit."""

    soft = False

    def __init__(self, passes: Passes, leaf: str, law: Law, draws: int, says: str) -> None:
        self.draws, self.says, self.weights = draws, says, np.full(draws, 1 / draws)
        self._passes, self._given, self._law = passes, passes.leaf(leaf), law
        self._samples = passes.host(self._given)

    def __call__(self, owner: Rows, masks: Native, draw: Rows) -> Native:
        """The law is asked on the host, for all rows together."""
        kept = np.broadcast_to(hard(self._passes, masks, "Conditional"), (len(owner), self._samples.shape[1]))
        found = self._law(self._samples, owner, kept, draw)
        return array_namespace(self._given).where(masks, take(self._given, owner), native(found, self._given))


class Uniforms:
    """Numbers from 0 to 1 for each coalition and draw, one in each of ``draws`` equal parts of the interval."""

    def __init__(self, draws: int, seed: int) -> None:
        self._draws, self._seed = draws, seed
        self._memo: Memo[np.ndarray] = Memo(FEW_BYTES)

    def __call__(self, key: bytes) -> Float[np.ndarray, " draws"]:
        """Those of the coalition with this key."""
        if (known := self._memo.get(key)) is not None:
            return known
        drawn = (np.arange(self._draws) + draws_of(self._seed, "conditional", key).random(self._draws)) / self._draws
        drawn = np.minimum(drawn, 1 - 1e-9)  # the last one may round to 1
        return self._memo.put(key, drawn, drawn.nbytes + 200)
