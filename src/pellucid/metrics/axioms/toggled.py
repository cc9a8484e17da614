"""Players added to, or taken from, the same few coalitions: which of them change nothing, and which do the same."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from ...core.measure import Measured
from ..defined import moved

COALITIONS = "coalitions in which each player is tried: the whole, the empty one, then random ones"

MOST = 1 << 24
"""Members of coalitions that are listed at a time."""

Chosen = Bool[np.ndarray, "samples players"]


def coalition(m: Measured, number: int) -> Chosen:
    """All players, none, then random ones: every size is as likely; samples with as many players have the same."""
    present = np.zeros((m.samples, m.players), bool)
    for count in np.unique(m.counts):
        if number < 2:
            row = np.full(count, number == 0)
        else:
            rng = m.rng(f"coalition of {count}", number)
            share = rng.random()
            row = rng.random(count) < share
        present[m.counts == count, :count] = row
    return present


def toggled(
    m: Measured, present: Chosen, asked: Chosen
) -> tuple[Float[np.ndarray, " samples"], Float[np.ndarray, "samples players"]]:
    """The target at a coalition, and with each of the asked players added to it, or taken from it if it is there.

    NaN for players that are not asked.
    """
    base = m.worth(present[:, None, :])[:, 0]
    y = np.full(asked.shape, np.nan)
    size = max(MOST // max(m.samples * m.players, 1), 1)
    columns = np.flatnonzero(asked.any(axis=0))
    for start in range(0, len(columns), size):
        part = columns[start : start + size]
        cases = np.repeat(present[:, None, :], len(part), axis=1)
        cases[:, np.arange(len(part)), part] ^= True
        cases |= ~asked[:, part, None]  # the sample itself, which costs nothing
        y[:, part] = np.where(asked[:, part], m.worth(cases), np.nan)
    return base, y


def unused(m: Measured, coalitions: int) -> tuple[Chosen, Bool[np.ndarray, " samples"]]:
    """Players that change the target in none of the coalitions, and the samples whose target changes at all."""
    left = np.arange(m.players) < m.counts[:, None]
    changes = np.zeros(m.samples, bool)
    for number in range(coalitions):
        base, y = toggled(m, coalition(m, number), left)
        known = np.where(left, y, base[:, None])
        left &= ~_differ(m, known, base[:, None])
        changes |= moved(m, np.concatenate([base[:, None], known], axis=1))
    return left, changes


def interchangeable(m: Measured, coalitions: int) -> Bool[np.ndarray, "samples players players"]:
    """Pairs, the smaller number first, that do the same to each coalition that has both or neither of them."""
    exist = np.arange(m.players) < m.counts[:, None]
    pairs = exist[:, :, None] & exist[:, None, :] & np.triu(np.ones((m.players, m.players), bool), 1)
    for number in range(coalitions):
        present = coalition(m, number)
        _, y = toggled(m, present, np.logical_or(pairs.any(axis=1), pairs.any(axis=2)))
        for sample, row in enumerate(y):
            first, second = np.nonzero(pairs[sample])
            apart = present[sample, first] != present[sample, second]
            same = ~_differ(m, row[first][None], row[second][None], sample)[0]
            pairs[sample, first, second] = apart | same
    return pairs


def _differ(m: Measured, one: np.ndarray, other: np.ndarray, sample: int | slice = slice(None)) -> np.ndarray:
    """Whether targets differ by more than rounding."""
    value = np.atleast_1d(np.abs(m.value[sample]))[:, None]
    return np.abs(one - other) > m.rounding * np.maximum(value, np.maximum(np.abs(one), np.abs(other)))
