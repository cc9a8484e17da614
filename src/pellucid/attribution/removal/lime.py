"""LIME: a linear stand-in for the model, fitted where some of the features are removed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ...arrays.coalitions import ENTRIES
from ...arrays.subset_selection import WAYS, Way
from ...core.declare import Attribution, Axiom, Passes, parameter
from ...core.errors import InputError
from ...core.view import Capability
from ...games.maskers.masker import Removal
from ...games.nearness import DISTANCES, Distance, design, nearness
from ...games.surrogate import Surrogate, Wishes, sentences, surrogate
from .playing import MASKER, Group, groups, in_budget, prepared, said, watching

NARROWEST = 1e-8
"""What a coalition that lacks one feature must count: of less, weights are rounding."""
WATCHED = 1 << 16
"""Model rows of a block, about, after which the progress bar moves."""


@dataclass(frozen=True)
class LIME:
    """Weights of a linear model of which features are present, fitted to the model where the others are removed.

    Coalitions of features are those of a fair coin for each feature, weighted by ``exp(-d**2 / (2 kernel_width**2))`` with
    their distance ``d`` to the whole sample. The values are the weights of the weighted least squares over *all* of them, which
    ``samples`` coalitions estimate: pairs of a coalition and its complement, none twice, of a balanced design in which few sets
    of three features look like one. With all coalitions looked at (few features) nothing is left to chance, and all standard
    errors are 0.

    One value per player of ``features=``, ``(samples, players)``, with standard errors (the jackknife over pairs), in the
    target's unit: by how much the surrogate rises when the feature is there instead of removed. In ``details``, by sample:
    ``intercept``, ``prediction`` (the surrogate's at the sample: intercept plus all weights), ``weighted_r2``, and
    ``stability``: the rank correlation of the weights to be expected between two seeds, from refits on halves of the
    coalitions.

    For a table this compares the sample's own value with what ``masker=`` puts in its place, for every kind of column: give
    ``pl.maskers.Background(rows)``. It does not speak of a range such as "age between 30 and 40": the ``lime`` package cuts
    columns into quartiles, and its weights then depend on where the cuts lie. Slopes in the units of the columns are those of
    ``linear-surrogate``.

    ``features_kept`` leaves all but so many weights at exactly 0, and refits the others; their standard errors are those of a
    choice that was made beforehand. ``pairs`` adds products of two features by forward selection, ``True`` as many as the
    coalitions speak for (extended BIC, at most one per feature); among the 40 strongest features, where there are more. Which
    they are is in ``details["pairs"]``, int ``(samples, pairs, 2)``, -1 where a sample has fewer, and their weights in
    ``details["pair_weights"]`` and ``details["pair_standard_errors"]``; the values are then those of the features beside them.

    Cost: one forward row per sample, and one for each of ``samples`` coalitions and each background row of the masker; fewer
    coalitions where there are no more or where ``budget=`` is smaller.

    Source: ribeiro2016lime; visani2022stability (stability), mackinnon1985heteroskedasticity (standard errors),
    chen2008extended (how many pairs).

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
    >>> e = pl.explain(net, torch.rand(2, 4), target=0, method="lime")
    >>> e.values.shape, e.cost.forward_rows, sorted(e.details)[:2]
    ((2, 4), 32, ['intercept', 'prediction'])
    """

    name: ClassVar[str] = "lime"
    engine: ClassVar[str] = "game"
    summary: ClassVar[str] = "weights of a linear model fitted where some of the features are removed"
    needs: ClassVar[frozenset[Capability]] = frozenset({"predict"})
    modalities: ClassVar[tuple[str, ...]] = ("tabular", "image", "text", "series")
    axioms: ClassVar[tuple[Axiom, ...]] = ("linearity", "symmetry")
    cite: ClassVar[tuple[str, ...]] = (
        "ribeiro2016lime",
        "visani2022stability",
        "mackinnon1985heteroskedasticity",
        "chen2008extended",
    )

    samples: int = parameter(1000, "coalitions for each sample, the sample itself included", least=2, most=10_000_000)
    distance: Distance = parameter("cosine", "distance of coalitions, as rows of 0 and 1, to the whole", choices=DISTANCES)
    kernel_width: float | None = parameter(
        None,
        "width of the kernel; by default 0.25 for cosine and 0.75 for euclidean (of the distance of nobody), as in lime",
        above=0,
    )
    ridge: float = parameter(0.0, "penalty on squared weights, beside one squared error per coalition; lime has 1", least=0)
    features_kept: int | None = parameter(None, "features that keep a weight; all by default", least=1)
    selection: Way = parameter("lasso-path", "how these are chosen", choices=WAYS)
    pairs: Any = parameter(0, "products of two features beside the features: a number, or True for as many as pay")
    masker: Any = parameter(None, MASKER)

    @property
    def rows(self) -> int:
        """About what a sample costs."""
        return self.samples

    def attribute(self, passes: Passes) -> list[Attribution]:
        """Play the game of each group of samples on shared coalitions, and fit all of their outputs at once."""
        wishes = Wishes(float(self.ridge), self.features_kept, self.selection, _pairs(self.pairs))
        removal = prepared(passes, self.masker)
        gathered = _Gathered(passes)
        for group in groups(passes, removal):
            gathered.add(group, *self._group(passes, removal, group, wishes))
        return gathered.attributions(removal.says)

    def _group(self, passes: Passes, removal: Removal, group: Group, wishes: Wishes) -> tuple[Surrogate, tuple[str, ...]]:
        game, players = group.game, group.game.players
        most = int(self.samples) if group.budget is None else min(int(self.samples), group.budget)
        in_budget(passes, removal, group, 2)
        near = nearness(players, self.distance, self.kernel_width)
        if near[players - 1] < NARROWEST:
            raise InputError(
                f"lime: kernel_width={self.kernel_width!r} is too narrow for {players} features: a coalition that lacks one of "
                f"them counts {near[players - 1]:.2g} beside 1 for the whole sample, too little to tell any weights."
            )
        coalitions = design(players, most, near, passes.seed)
        watch = watching(passes, group, len(coalitions))
        values = np.empty((len(coalitions), game.samples, game.outputs))
        step = max(min(ENTRIES // max(players, 1), WATCHED // (game.samples * removal.draws)), 32)
        for begin in range(0, len(coalitions), step):
            part = slice(begin, min(begin + step, len(coalitions)))
            values[part] = np.moveaxis(game(coalitions.rows(part), np.arange(game.samples)), 0, 1)
            watch(part.stop)
        found = surrogate(coalitions, values.reshape(len(values), -1), wishes, passes.seed)
        return found, sentences([found], coalitions)


def _pairs(wish: Any) -> int | None:
    """A number of products, ``None`` for as many as pay."""
    if wish is True:
        return None
    if isinstance(wish, bool) or wish is None:
        return 0
    if not isinstance(wish, (int, np.integer)) or wish < 0:
        raise InputError(f"lime: pairs must be a whole number, 0 or more, or True; got {wish!r}.")
    return int(wish)


class _Gathered:
    """Surrogates of groups of samples, put together by target."""

    def __init__(self, passes: Passes) -> None:
        self.shape = (passes.targets, passes.samples)
        most = max(map(len, passes.features))
        self.values, self.errors = np.zeros((*self.shape, most)), np.zeros((*self.shape, most))
        self.details = {name: np.stack(passes.target_values) for name in ("intercept", "prediction")}
        self.details |= {name: np.full(self.shape, np.nan) for name in ("weighted_r2", "stability")}
        self.notes: tuple[str, ...] = ()
        self.pairs: list[tuple[Group, Surrogate]] = []

    def add(self, group: Group, found: Surrogate, notes: tuple[str, ...]) -> None:
        """One group."""
        where = np.s_[:, group.members, : group.game.players]
        self.values[where], self.errors[where] = (_by_target(each, group) for each in (found.coefficients, found.standard_errors))
        told = (found.intercept, found.prediction, found.r2, found.stability)
        for name, each in zip(self.details, told, strict=True):
            self.details[name][:, group.members] = _by_target(each, group)
        self.pairs.append((group, found))
        self.notes += notes

    def attributions(self, says: str) -> list[Attribution]:
        """One for each target."""
        most = max((found.pairs.shape[1] for _, found in self.pairs), default=0)
        details = dict(self.details)
        if most:
            which = np.full((*self.shape, most, 2), -1)
            weights, errors = np.zeros((*self.shape, most)), np.zeros((*self.shape, most))
            for group, found in self.pairs:
                there = np.s_[:, group.members, : found.pairs.shape[1]]
                which[there], weights[there], errors[there] = (
                    _by_target(each, group) for each in (found.pairs, found.pair_coefficients, found.pair_errors)
                )
            details |= {"pairs": which, "pair_weights": weights, "pair_standard_errors": errors}
        return [
            Attribution(
                [self.values[t]],
                over="players",
                standard_errors=[self.errors[t]],
                removal=says,
                details={name: each[t] for name, each in details.items()},
                evidence=said(self.notes, "rank"),
            )
            for t in range(self.shape[0])
        ]


def _by_target(columns: np.ndarray, group: Group) -> np.ndarray:
    """Columns of samples and outputs with the outputs first."""
    return np.swapaxes(columns.reshape(group.game.samples, group.game.outputs, *columns.shape[1:]), 0, 1)
