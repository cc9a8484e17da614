"""Random subsets of the players that are removed: drawn once, shared by every score that draws them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
from jaxtyping import Bool, Float, Int

from ...core.measure import Measured
from ..intervals import correlations

LISTED = 4096
"""Up to so many subsets are listed and shuffled; of more, drawn ones that were seen before are left out."""

ROUND = 64
"""Subsets drawn at a time."""


@dataclass(frozen=True)
class Subsets:
    """Different subsets of equal size, ``gone[s, i]`` for ``i`` up to ``drawn[s]``, and the target without each.

    ``share`` is how many of all subsets of that size were drawn: at 1 there is nothing left to chance. Beyond ``drawn`` nothing
    is gone.
    """

    gone: Bool[np.ndarray, "samples subsets players"]
    drawn: Int[np.ndarray, " samples"]
    share: Float[np.ndarray, " samples"]
    y: Float[np.ndarray, "samples subsets"]

    def of(self, m: Measured, sample: int) -> tuple[Float[np.ndarray, " subsets"], Float[np.ndarray, " subsets"]]:
        """For each subset the sum of its values, and how far the target falls without it."""
        drawn = self.drawn[sample]
        return self.gone[sample, :drawn] @ m.values[sample], m.value[sample] - self.y[sample, :drawn]

    def correlations(self, m: Measured, *, ranked: bool = False) -> Float[np.ndarray, "samples 3"]:
        """How the two correlate over the subsets of each sample, and its 95% interval; NaN where one of them stays the same."""
        found = np.full((m.samples, 3), np.nan)
        still = m.rounding * np.maximum(np.abs(self.y).max(axis=1, initial=0.0), np.abs(m.value))
        for share, drawn in set(zip(self.share.tolist(), self.drawn.tolist(), strict=True)):
            alike = np.flatnonzero((self.share == share) & (self.drawn == drawn))
            sums, falls = (np.array(each) for each in zip(*(self.of(m, sample) for sample in alike.tolist()), strict=True))
            found[alike] = correlations(sums, falls, share, ranked=ranked, still=still[alike])
        return found


def sizes_of(counts: Int[np.ndarray, " samples"], share: float) -> Int[np.ndarray, " samples"]:
    """A share of the players of each sample, at least one."""
    return np.maximum(np.rint(share * counts).astype(int), 1)


def subsets(m: Measured, sizes: Int[np.ndarray, " samples"], most: int, policy: int = 0) -> Subsets:
    """Draw at most so many subsets of these sizes, without replacement; all where there are no more.

    Samples with as many players get the same ones. The first of them are the same however many are drawn.
    """
    kinds = [(int(count), int(min(size, count))) for count, size in zip(m.counts, sizes, strict=True)]
    made = {kind: _drawn(m, *kind, most) for kind in set(kinds)}
    drawn = np.array([len(made[kind]) for kind in kinds])
    gone = np.zeros((m.samples, int(drawn.max(initial=0)), m.players), bool)
    for sample, (count, size) in enumerate(kinds):
        gone[sample, : drawn[sample], :count] = made[count, size]
    share = drawn / np.array([comb(*kind) for kind in kinds])
    return Subsets(gone, drawn, share, m.worth(~gone, policy))


def _drawn(m: Measured, count: int, size: int, most: int) -> Bool[np.ndarray, "subsets players"]:
    rng = m.rng(f"subsets of {size} of {count}")
    if comb(count, size) <= LISTED:
        listed = np.array(list(combinations(range(count), size)), int).reshape(-1, size)
        chosen = listed[rng.permutation(len(listed))[:most]]
    else:
        seen: dict[bytes, np.ndarray] = {}
        while len(seen) < most:
            for row in np.sort(np.argsort(rng.random((ROUND, count)), axis=1)[:, :size], axis=1):
                seen.setdefault(row.tobytes(), row)
        chosen = np.array(list(seen.values())[:most])
    gone = np.zeros((len(chosen), count), bool)
    np.put_along_axis(gone, chosen, True, axis=1)
    return gone
