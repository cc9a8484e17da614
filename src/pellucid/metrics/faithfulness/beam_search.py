"""Orders of removal with a low or a high mean of the target, found by beam search within a number of model rows.

Partial orders grow chunk by chunk, from one point at which the target is looked at to the next. What comes next is judged by
the target without each single player (from time to time anew, beyond those that are gone already), and by that together with
the target at each player alone. Where a chunk is one player and all have just been tried, this is the plain beam search.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from ...core.measure import Measured

Sets = Bool[np.ndarray, "sets players"]
"""Players that are gone."""


@dataclass(frozen=True)
class Plan:
    """How a number of rows is spent on one sample, for both bounds together.

    ``chunks`` are the players that go from point to point, ``block`` the block of each player (those of a block are tried
    together), ``alone`` says whether players are tried alone too, ``anew`` are the steps before which they are tried.
    """

    chunks: tuple[int, ...]
    block: Int[np.ndarray, " players"]
    width: int
    alone: bool
    anew: frozenset[int]

    @staticmethod
    def within(count: int, taken: Int[np.ndarray, " points"], rows: int, width: int) -> Plan:
        """First every player is tried, then alone too, then more often; wider beams are for the rows that are left over."""
        chunks = tuple(map(int, np.diff(np.unique(taken))))
        steps, each = len(chunks), np.arange(count)
        for beams, times in [*((beams, steps) for beams in range(width, 1, -1)), *((1, times) for times in range(steps, 0, -1))]:
            anew = frozenset(map(int, np.rint(np.linspace(0, steps, times, endpoint=False))))
            left = sum(count - sum(chunks[:step]) for step in anew if step)
            judged = sum(size > 1 or step not in anew for step, size in enumerate(chunks))  # others have just been tried
            if 2 * count + 2 * beams * (left + 2 * judged) <= rows:
                return Plan(chunks, each, beams, True, anew)
        blocks = max(min(rows - 2 * steps, count), 1)
        return Plan(chunks, each * blocks // count, 1, False, frozenset([0]))

    @property
    def singly(self) -> bool:
        """Whether every player is a block of its own."""
        return int(self.block.max()) + 1 == len(self.block)

    @property
    def trials(self) -> Sets:
        """Each block by itself."""
        return np.arange(self.block.max() + 1)[:, None] == self.block


class Beam:
    """The partial orders of one sample that one bound goes on with; ``sign`` is -1 where the highest mean is sought."""

    def __init__(self, plan: Plan, sign: int) -> None:
        self.plan, self.sign = plan, sign
        self.sums, self.gone = np.zeros(1), np.zeros((1, len(plan.block)), bool)
        self._alone = np.zeros(len(plan.block))
        self._without = np.zeros((1, len(plan.block)))
        self._parents, self._made = np.zeros(1, int), self.gone

    def start(self, whole: float, alone: Float[np.ndarray, " trials"] | None) -> None:
        """With the target at the sample, and where there is nothing but each trial."""
        self.sums = np.array([self.sign * whole])
        self._alone = self._alone if alone is None else self.sign * alone[self.plan.block]

    def trials(self, step: int) -> Sets:
        """Sets to be tried before a step: each partial order and one trial more."""
        if step not in self.plan.anew:
            return self.gone[:0]
        return (self.gone[:, None, :] | self.plan.trials).reshape(-1, len(self.plan.block))

    def tried(self, values: Float[np.ndarray, " sets"]) -> None:
        """What came of it."""
        if len(values):
            self._without = self.sign * values.reshape(len(self.gone), -1)[:, self.plan.block]

    def candidates(self, step: int) -> Sets:
        """Sets that can be gone next."""
        size = self.plan.chunks[step]
        found: dict[bytes, tuple[int, np.ndarray]] = {}
        for parent in np.argsort(self.sums, kind="stable"):  # of two ways to a set the better one counts
            for group in self._groups(parent, size, step in self.plan.anew and self.plan.singly):
                made = self.gone[parent].copy()
                made[group] = True
                found.setdefault(made.tobytes(), (int(parent), made))
        self._parents, self._made = np.array([parent for parent, _ in found.values()]), np.array([s for _, s in found.values()])
        return self._made

    def _groups(self, parent: int, size: int, fresh: bool) -> list[np.ndarray]:
        left = np.flatnonzero(~self.gone[parent])
        if size == 1 and fresh:
            return list(left[:, None])
        without, alone = self._without[parent, left], self._alone[left]
        scores = [without, without - alone] if self.plan.alone else [without]
        return [left[np.argsort(score, kind="stable")[:size]] for score in scores]

    def keep(self, values: Float[np.ndarray, " sets"]) -> None:
        """Go on with the best of the candidates."""
        sums = self.sums[self._parents] + self.sign * values
        best = np.argsort(sums, kind="stable")[: self.plan.width]
        self.sums, self.gone, self._without = sums[best], self._made[best], self._without[self._parents[best]]

    @property
    def mean(self) -> float:
        """The best mean over the points, with its sign."""
        return float(self.sums[0]) / (len(self.plan.chunks) + 1)


def searched(m: Measured, owner: Int[np.ndarray, " beams"], beams: Sequence[Beam], policy: int) -> Float[np.ndarray, " beams"]:
    """Run beams side by side, each of one sample: every step is one call for all of them."""
    alone = _worth(m, owner, [~b.plan.trials if b.plan.alone else b.gone[:0] for b in beams], policy)
    for sample, beam, values in zip(owner, beams, alone, strict=True):
        beam.start(float(m.value[sample]), values if beam.plan.alone else None)
    for step in range(max(len(beam.plan.chunks) for beam in beams)):
        going = [number for number, beam in enumerate(beams) if step < len(beam.plan.chunks)]
        for number, values in zip(going, _worth(m, owner[going], [beams[n].trials(step) for n in going], policy), strict=True):
            beams[number].tried(values)
        for number, values in zip(
            going, _worth(m, owner[going], [beams[n].candidates(step) for n in going], policy), strict=True
        ):
            beams[number].keep(values)
    return np.array([beam.mean for beam in beams])


def _worth(m: Measured, owner: np.ndarray, gone: Sequence[Sets], policy: int) -> list[np.ndarray]:
    """The target of each list of sets, each of one sample; several lists can be of the same sample."""
    first, used = np.zeros(len(owner), int), np.zeros(m.samples, int)
    for number, sample in enumerate(owner):
        first[number], used[sample] = used[sample], used[sample] + len(gone[number])
    coalitions = np.ones((m.samples, int(used.max(initial=0)), m.players), bool)
    for sample, start, sets in zip(owner, first, gone, strict=True):
        coalitions[sample, start : start + len(sets), : sets.shape[1]] = ~sets
    values = m.worth(coalitions, policy)
    return [values[sample, start : start + len(sets)] for sample, start, sets in zip(owner, first, gone, strict=True)]
