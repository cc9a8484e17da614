"""The games of a batch: samples whose features are equally many play side by side, on the same coalitions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...core.declare import Attribution, Passes
from ...core.errors import InputError
from ...core.records import Finding
from ...core.types import Rows
from ...games.estimator import Estimator
from ...games.masked import Masked, MaskedGame
from ...games.maskers import Constant, Delete
from ...games.maskers.masker import Removal
from ...games.play import play
from ...games.shapley import default_budget

MASKER = "what stands in the place of removed features: one of pl.maskers; by default 0, and nothing for words"

TOLERANCE = "estimated relative error of the values at which a sample is done; without it the whole budget is spent"


def each_feature(passes: Passes, chosen: Estimator, masker: Any, tolerance: float | None) -> list[Attribution]:
    """One value for each feature of each sample, as an estimator finds it; all targets from the same passes."""
    removal, shape = prepared(passes, masker), (passes.targets, passes.samples)
    values = np.zeros((*shape, max(map(len, passes.features))))
    errors, base, missed = np.zeros_like(values), np.empty(shape), np.empty(shape)
    notes: tuple[str, ...] = ()
    for group in groups(passes, removal):
        budget = default_budget(group.budget, chosen, group.game.players, tolerance)
        watch = watching(passes, group.members, budget)
        found = play(group.game, chosen, budget=budget, tolerance=tolerance, seed=passes.seed, watch=watch)
        where = np.s_[:, group.members, : group.game.players]
        values[where], errors[where] = np.moveaxis(found.values, 1, 0), np.moveaxis(found.standard_errors, 1, 0)
        base[:, group.members], missed[:, group.members] = found.empty.T, found.error.T
        notes += found.notes
    return [
        Attribution(
            [values[t]],
            over="players",
            standard_errors=[errors[t]],
            base_value=base[t],
            error=missed[t],
            tolerance=tolerance,
            removal=removal.says,
            evidence=said(notes, "estimator"),
        )
        for t in range(passes.targets)
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
    """One game for each number of features that samples have."""
    masked = Masked(passes, passes.masked, removal)
    sizes = np.array([len(each) for each in passes.features])
    for size in np.unique(sizes):
        members = np.arange(passes.samples) if len(sizes) == 1 else np.flatnonzero(sizes == size)
        features = passes.features if len(sizes) == 1 else [passes.features[int(member)] for member in members]
        game = MaskedGame(masked, features, members)
        yield Group(members, game, coalitions_left(passes, removal, members))


def coalitions_left(passes: Passes, removal: Removal, members: Rows) -> int | None:
    """Coalitions that the budget holds, the full one (the sample itself) included; ``None`` where there is no budget."""
    left = int(passes.allowances(members).min())
    return None if left >= 2**40 else 1 + left // removal.draws


def watching(passes: Passes, members: Rows, budget: int) -> Callable[[int], bool]:
    """Moves the progress bar, and ends the play when the budget's seconds are spent."""
    done = 0.0

    def watch(coalitions: int) -> bool:
        nonlocal done
        share = min(coalitions / budget, 1.0) * len(members)
        passes.finished(share - done)
        done = share
        return passes.out_of_time()

    return watch


def said(notes: tuple[str, ...], kind: str) -> tuple[Finding, ...]:
    """Sentences as findings about the whole explanation."""
    return tuple(Finding(kind, note, ()) for note in dict.fromkeys(notes))
