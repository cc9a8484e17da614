"""The games of a batch: samples whose features are equally many play side by side, on the same coalitions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...core.declare import Attribution, Passes
from ...core.errors import InputError
from ...core.records import Finding
from ...core.types import Over, Rows
from ...games.estimator import Estimator
from ...games.masked import Masked, MaskedGame
from ...games.maskers import Constant, Delete
from ...games.maskers.masker import Removal
from ...games.play import fewest, play
from ...games.rounds import Estimate
from ...games.shapley import default_budget

MASKER = "what stands in the place of removed features: one of pl.maskers; by default 0, and nothing for words"

TOLERANCE = "estimated relative error of the values at which a sample is done; without it the whole budget is spent"


def each_feature(passes: Passes, chosen: Estimator, masker: Any, tolerance: float | None) -> list[Attribution]:
    """One value for each feature of each sample, as an estimator finds it; all targets from the same passes."""
    removal, gathered = prepared(passes, masker), Gathered(passes, axes=1)
    for group in groups(passes, removal):
        in_budget(passes, removal, group, fewest(chosen, group.game.players))
        budget = default_budget(group.budget, chosen, group.game.players, tolerance)
        watch = watching(passes, group, budget)
        found = play(group.game, chosen, budget=budget, tolerance=tolerance, seed=passes.seed, watch=watch)
        watch(budget)
        gathered.add(group, found.values, found.standard_errors, found)
    return gathered.attributions("players", removal, tolerance)


class Gathered:
    """What the games of all groups gave, target by target; 0 where a sample has fewer features than another.

    ``axes`` of features stand behind the sample: one for values, two for interactions.
    """

    def __init__(self, passes: Passes, axes: int) -> None:
        shape, most = (passes.targets, passes.samples), max(map(len, passes.features))
        self.values = np.zeros((*shape, *[most] * axes))
        self.errors, self.base, self.missed = np.zeros_like(self.values), np.stack(passes.target_values), np.zeros(shape)
        self.notes: tuple[str, ...] = ()

    def add(self, group: Group, values: np.ndarray, errors: np.ndarray, found: Estimate) -> None:
        """One group: its values and their errors ``(samples, targets, players...)``, and the rest of what was found."""
        where = (slice(None), group.members, *map(slice, values.shape[2:]))
        self.values[where], self.errors[where] = np.moveaxis(values, 1, 0), np.moveaxis(errors, 1, 0)
        self.base[:, group.members], self.missed[:, group.members] = found.empty.T, found.error.T
        self.notes += found.notes

    def attributions(
        self, over: Over, removal: Removal, tolerance: float | None, details: Sequence[Mapping[str, Any]] | None = None
    ) -> list[Attribution]:
        """One for each target."""
        return [
            Attribution(
                [self.values[t]],
                over=over,
                standard_errors=[self.errors[t]],
                base_value=self.base[t],
                error=self.missed[t],
                tolerance=tolerance,
                removal=removal.says,
                details=details[t] if details else {},
                evidence=said(self.notes, "estimator"),
            )
            for t in range(len(self.values))
        ]


def prepared(passes: Passes, masker: Any) -> Removal:
    """The user's masker, or the usual one, made ready for the samples; those are run first, and resolve the targets."""
    _ = passes.target_values
    if masker is None:
        masker = Delete() if passes.leaf(passes.masked).dtype == object else Constant()
    if isinstance(masker, type) or not hasattr(masker, "prepare"):
        raise InputError(f"masker must be one of pl.maskers, such as pl.maskers.Background(rows); got {masker!r}.")
    return masker.prepare(passes, passes.masked, passes.features)


@dataclass(frozen=True, eq=False)
class Group:
    """Samples that play side by side: their numbers, their game, and the coalitions that each may still look at."""

    members: Rows
    game: MaskedGame
    budget: int | None


def groups(passes: Passes, removal: Removal) -> Iterator[Group]:
    """One game for each number of features that samples have; samples without any (a text without words) have none to play."""
    masked = Masked(passes, passes.masked, removal)
    sizes = np.array([len(each) for each in passes.features])
    for size in np.unique(sizes):
        members = np.arange(passes.samples) if len(sizes) == 1 else np.flatnonzero(sizes == size)
        if not size:
            passes.finished(len(members))
            continue
        features = passes.features if len(sizes) == 1 else [passes.features[int(member)] for member in members]
        game = MaskedGame(masked, features, members)
        yield Group(members, game, coalitions_left(passes, removal, members))


def coalitions_left(passes: Passes, removal: Removal, members: Rows) -> int | None:
    """Coalitions that the budget holds, the full one (the sample itself) included; ``None`` where there is no budget."""
    left = int(passes.allowances(members).min())
    return None if left >= 2**40 else 1 + left // removal.draws


def in_budget(passes: Passes, removal: Removal, group: Group, coalitions: int) -> None:
    """Refuse a budget that does not hold so many coalitions; the full one is the sample itself."""
    if group.budget is not None and group.budget < coalitions:
        passes.refuse_budget((coalitions - 1) * removal.draws, group.members)


def watching(passes: Passes, group: Group, budget: int) -> Callable[[int], bool]:
    """Moves the progress bar, and ends the play when the budget's seconds are spent."""
    done, most = 0.0, min(budget, 1 << group.game.players)

    def watch(coalitions: int) -> bool:
        nonlocal done
        share = min(coalitions / most, 1.0) * len(group.members)
        passes.finished(share - done)
        done = share
        return passes.out_of_time()

    return watch


def said(notes: tuple[str, ...], kind: str) -> tuple[Finding, ...]:
    """Sentences as findings about the whole explanation."""
    return tuple(Finding(kind, note, ()) for note in dict.fromkeys(notes))
