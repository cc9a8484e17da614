"""What the targets are worth where entries of the input are removed: the game that is played on a model."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from array_api_compat import array_namespace
from jaxtyping import Float

from ..arrays.rows import take
from ..core.declare import Passes
from ..core.features import Features
from ..core.types import Coalitions, GameValues, Native, Rows
from .maskers.masker import Removal

MOST_ROWS = 1 << 18
"""Model rows that are numbered at a time."""


class Masked:
    """Target values where masks leave only a part of each sample, averaged over what stands in the place of the rest."""

    def __init__(self, passes: Passes, leaf: str, removal: Removal) -> None:
        self.passes, self.leaf, self.removal = passes, leaf, removal

    def __call__(self, owners: Rows, masks: Callable[[Rows], Native]) -> Float[np.ndarray, "targets cases"]:
        """Values of cases, each a mask on one sample.

        Parameters
        ----------
        owners
            int ``(cases,)``: the sample of each case.
        masks
            Masks of some cases, by number: bool, or float from 0 to 1, ``(cases, ...)`` that multiply the leaf.
        """
        draws, weights = self.removal.draws, self.removal.weights
        values = np.empty((self.passes.targets, len(owners)))
        step = max(MOST_ROWS // draws, 1)
        for start in range(0, len(owners), step):
            cases = np.arange(start, min(start + step, len(owners)))
            case, draw = np.repeat(cases, draws), np.tile(np.arange(draws), len(cases))
            found = np.empty((self.passes.targets, len(case)))
            for part, told in self.passes.predict(owners[case], self._build(owners, case, draw, masks), at=[self.leaf]):
                found[:, part] = told
            values[:, cases] = found.reshape(-1, len(cases), draws) @ weights
        return values

    def _build(
        self, owners: Rows, case: Rows, draw: Rows, masks: Callable[[Rows], Native]
    ) -> Callable[[slice], tuple[Native, ...]]:
        def build(part: slice) -> tuple[Native, ...]:
            return (self.removal(owners[case[part]], masks(case[part]), draw[part]),)

        return build


class MaskedGame:
    """A game whose players are features: absent ones are removed from their sample.

    ``rounding`` is what of its largest value the model rounds away.

    Parameters
    ----------
    masked
        Values under masks.
    features
        One for all samples, or one for each member; all with the same number of players.
    members
        The samples that play.
    """

    def __init__(self, masked: Masked, features: Sequence[Features], members: Rows) -> None:
        passes = masked.passes
        self.players, self.samples, self.outputs = len(features[0]), len(members), passes.targets
        self.rounding = passes.rounding
        self._masked, self._members = masked, members
        self._full = np.stack(passes.target_values)[:, members]
        self._masks = PlayerMasks(masked, features)

    def __call__(self, coalitions: Coalitions, samples: np.ndarray) -> GameValues:
        """The full coalition is the sample itself, and known; all others are run."""
        values = np.empty((len(samples), len(coalitions), self.outputs))
        full = coalitions.all(axis=1)
        values[:, full] = self._full[:, samples].T[:, None, :]
        run = np.flatnonzero(~full)
        player, number = np.repeat(samples, len(run)), np.tile(np.arange(len(run)), len(samples))
        masks = self._masks(coalitions[run])
        found = self._masked(self._members[player], lambda cases: masks(player[cases], number[cases]))
        values[:, run] = np.moveaxis(found.reshape(self.outputs, len(samples), len(run)), 0, 2)
        return values


class PlayerMasks:
    """Coalitions as masks over the leaf's entries, made where the leaf lies."""

    def __init__(self, masked: Masked, features: Sequence[Features]) -> None:
        leaf = masked.passes.leaf(masked.leaf)
        xp = array_namespace(leaf)
        self._device = getattr(leaf, "device", None)
        labels = np.stack([each.labels for each in features])
        if (lay := getattr(masked.removal, "lay", None)) is not None:
            labels = lay(labels)
        self._shape, self._each = labels.shape[1:], len(features) > 1
        self._same = not self._each and np.array_equal(labels.reshape(-1), np.arange(len(features[0])))
        last = len(features[0])  # entries that no player owns are always present
        self._labels = xp.asarray(np.where(labels < 0, last, labels).reshape(len(labels), -1), device=self._device)
        self._xp = xp

    def __call__(self, coalitions: Coalitions) -> Callable[[Rows, Rows], Native]:
        """For each row its sample (among those that play) and its coalition by number."""
        xp = self._xp
        if self._same:
            native = xp.asarray(np.ascontiguousarray(coalitions), device=self._device)
            return lambda _, numbers: xp.reshape(take(native, numbers), (len(numbers), *self._shape))
        present = np.concatenate([coalitions, np.ones((len(coalitions), 1), bool)], axis=1)
        native = xp.asarray(present, dtype=xp.float32, device=self._device)  # torch gathers floats five times as fast as bools

        def masks(samples: Rows, numbers: Rows) -> Native:
            rows = take(native, numbers)
            if self._each:
                rows = xp.take_along_axis(rows, take(self._labels, samples), axis=1)
            else:
                rows = xp.take(rows, self._labels[0, ...], axis=1)
            return xp.reshape(rows > 0, (len(numbers), *self._shape))

        return masks
