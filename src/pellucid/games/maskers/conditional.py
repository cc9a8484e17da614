"""Removed columns are drawn from their distribution given the kept ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np

from ...arrays.draws import generator
from ...core.declare import Passes
from ...core.errors import InputError, nearest
from ...core.features import Features
from ...core.players import Column
from .agreement import Agreement
from .drawn import Drawn, Law
from .entries import refuse_text, refuse_tokens, whole
from .gaussian import Gaussian
from .masker import Removal
from .rows import background, columns_of
from .trees import Trees

Given = Literal["auto", "gaussian", "tree", "frequency"]

MOST = {"gaussian": 100_000, "frequency": 10_000, "tree": 2_000}
"""Rows that are fitted to; of more, a sample is drawn."""


@dataclass(frozen=True, eq=False)
class Conditional:
    """Removed columns are drawn from their distribution given the kept ones; the model's output is averaged over the draws.

    The model sees rows that could be real, also where columns depend on each other: a column that the model does not use can
    then get a value, by what it tells about others. Draws are the same for all samples, and for any batch size and order.

    Parameters
    ----------
    rows
        ``(rows, columns)`` to which the distribution is fitted, or a frame where the samples are one.
    draws
        Rows drawn for each mask.
    seed
        Of the draws.
    kind
        ``"gaussian"``, for continuous columns: the mean given what is kept, and the covariance, in closed form; correlations
        are shrunk by the share that Ledoit and Wolf derive. Draws lie opposite each other in pairs. ``"frequency"``, for
        categories: rows that agree on what is kept, or agree most where fewer agree than there are draws. ``"tree"``, for any
        columns: a tree predicts what is removed from what is kept, and rows of the sample's leaf are drawn. ``"auto"``: the
        first where all columns are continuous, the second where none is, else the tree.

    Raises
    ------
    InputError
        For inputs that are no table, rows that are not like the samples or fewer than two, an unknown kind, and a kind that
        does not suit the columns.

    Notes
    -----
    Cost: ``draws`` model rows for each mask. Once for each mask, on the host: a solve of ``columns`` cubed operations
    (gaussian), or the fit of a tree to at most 2,000 rows, some 10 ms (tree); for each mask and sample, a look at at most 10,000
    rows (frequency). Source: aas2021explaining, ledoit2004well, olsen2024comparative.

    Examples
    --------
    >>> import numpy as np, pellucid as pl
    >>> pl.maskers.Conditional(np.random.default_rng(0).normal(size=(500, 4)))
    Conditional(draws=16, seed=0, kind='auto')
    """

    rows: Any = field(repr=False)
    draws: int = 16
    seed: int = 0
    kind: Given = "auto"

    def prepare(self, passes: Passes, leaf: str, features: Sequence[Features]) -> Removal:
        """Fit what can be fitted before masks are known."""
        if self.kind not in get_args(Given):
            raise InputError(f"Conditional: kind cannot be {self.kind!r}.{nearest(str(self.kind), get_args(Given))}")
        draws = whole(self.draws, "draws", "Conditional")
        seed = whole(self.seed, "seed", "Conditional", least=0)
        given = passes.leaf(leaf)
        refuse_text(given, "Conditional")
        refuse_tokens(features, leaf, "a distribution of")
        if given.ndim != 2:
            raise InputError(
                f"Conditional is for tables (samples, columns); {leaf!r} is {tuple(given.shape)}. For images and series use "
                "maskers.Inpaint, NoisyLinear, Interpolate or Background."
            )
        rows, columns = background(passes, leaf, features, self.rows, "Conditional").astype(np.float64), columns_of(features)
        if len(rows) < 2:
            raise InputError("Conditional(rows) needs at least two rows to say how columns depend on each other; got one.")
        kind = _suited(self.kind, columns, [bool(np.isnan(column).any()) for column in rows.T])
        total = len(rows)
        if total > MOST[kind]:
            rows = rows[np.sort(generator(seed, "conditional rows", total).choice(total, MOST[kind], replace=False))]
        law, how = _fitted(kind, rows, columns, draws, seed)
        of = f"{len(rows)} of {total}" if len(rows) < total else f"{total}"
        return Drawn(passes, leaf, law, draws, f"drawn {draws} times given what is kept: {how} {of} background rows")


def _fitted(kind: str, rows: np.ndarray, columns: Sequence[Column] | None, draws: int, seed: int) -> tuple[Law, str]:
    if kind == "gaussian":
        law = Gaussian(rows, draws, seed)
        return law, f"from a Gaussian (correlations shrunk by {law.shrinkage:.2g}, Ledoit-Wolf) of"
    if kind == "frequency":
        shares = np.array([0.5 if column.kind == "one-hot" else 1.0 for column in columns or ()])
        return Agreement(rows, shares, draws, seed), "from those that agree on it, or agree most, among"
    return Trees(rows, columns, draws, seed), "from the sample's leaf of a tree fitted for each mask, among"


def _suited(kind: Given, columns: Sequence[Column] | None, holes: Sequence[bool]) -> str:
    """The kind of distribution, which must suit the columns."""
    kinds = ["continuous"] * len(holes) if columns is None else [column.kind for column in columns]
    names = [f"column {at}" if columns is None else str(columns[at].name) for at in range(len(kinds))]
    numbers = [at for at, each in enumerate(kinds) if each == "continuous"]
    unsuited = [at for at in range(len(kinds)) if at not in numbers or holes[at]]
    if kind == "auto":
        return "gaussian" if not unsuited else "tree" if numbers else "frequency"
    if kind == "gaussian" and unsuited:
        at = unsuited[0]
        what = "has missing entries" if at in numbers else f"is {kinds[at]}"
        raise InputError(f"Conditional: {names[at]!r} {what}, and a Gaussian is for numbers; use kind='tree' or 'auto'.")
    if kind == "frequency" and numbers:
        raise InputError(
            f"Conditional: {names[numbers[0]]!r} is continuous, so that hardly any rows agree on it; use kind='tree' or 'auto'."
        )
    return kind
