"""The verb ``trust``: what speaks for and against an explanation, as a card of gates."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..core.card import CHECKS, UNCHECKED, TrustCard, carried
from ..core.declare import Method
from ..core.errors import InputError
from ..core.features import Features
from ..core.records import Explanation
from ..core.targets import TargetLike
from ..core.types import Budget, MemoryFormat
from ..engine.progress import Report
from ..games.maskers.masker import Masker
from . import gates, policies
from .evaluating import difference, measuring
from .measuring import Measuring

ORDER = [check.name for check in CHECKS]


def trust(
    e: Explanation,
    model: Any,
    *,
    masker: Sequence[Masker] | Masker | None = None,
    background: Any = None,
    features: Features | Sequence[Features] | None = None,
    steps: int = 6,
    orders: int = 10,
    rows: int = 700,
    radius: float = 0.05,
    changes: int = 3,
    draws: int = 5,
    method: Method | None = None,
    target: TargetLike | None = None,
    budget: int | Budget | None = None,
    seed: int = 0,
    batch_size: int | None = None,
    memory_format: MemoryFormat | None = None,
    progress: bool | Report | None = None,
) -> TrustCard:
    """Say how far an explanation can be trusted.

    Parameters
    ----------
    e, model
        The explanation, and the model that was explained.
    masker
        What "removed" means: several of ``pl.maskers``. By default three that suit the input: for images and series 0, a weak
        and a strong blur; for words deletion and two tokens; for tables 0, the mean of rows, and values of other rows.
    background
        Rows of data for tables; by default the samples, if there are at least 16. Without rows there is one policy, and how
        far policies agree is not checked.
    features
        Whose values are scored, as in ``evaluate``.
    steps, orders
        Points along an order of removal, and how many random orders (each from both ends) and smooth maps the explanation is
        compared with; at least 10.
    rows
        Most forward rows per sample that removals take, all policies together. Up to 10 players all sets of them are looked at
        instead, which can take more.
    radius, changes
        Size of the changes of the input, relative to the spread of the sample, and how many are explained anew.
    draws
        Copies of the model with random weights that are explained.
    method, target, budget, seed, batch_size, memory_format, progress
        As in ``evaluate``.

    Returns
    -------
    TrustCard
        ``card.verdict`` is one sentence, ``card.gates`` the checks, ``card.explanation`` the explanation that carries the card
        with it when it is saved, drawn or reported.

    Raises
    ------
    InputError, TargetError, CapabilityError, BudgetError
        In words. A check that this model or method does not allow is not an error: it is listed as not checked, with the reason.

    Notes
    -----
    The verdict of a sample is its worst gate; nothing is averaged over gates. Limits are stated in ``core.card.CHECKS`` and are
    conventions of ours, except the levels of p-values.

    Cost: ``rows`` forward rows per sample, and ``changes + draws`` explanations anew; all in ``card.cost``.

    Sources: bluecher2024decoupling (both ends of an order), edin2025normalized (over the best found), adebayo2018sanity (random
    weights), yeh2019infidelity (small changes), alexanderbloch2018testing (moved maps as nulls that keep the smoothness).

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
    >>> card = pl.trust(pl.explain(net, torch.rand(2, 6), target=0, method="integrated-gradients"), net)
    >>> card["completeness"].grade
    'pass'
    >>> len(card.verdicts)
    2
    """
    settings = Settings(steps, orders, rows, radius, changes, draws)
    with measuring(
        e,
        model,
        masker=masker,
        features=features,
        method=method,
        target=target,
        budget=budget,
        seed=seed,
        batch_size=batch_size,
        memory_format=memory_format,
        progress=progress,
        usual=partial(policies.usual, background=background),
    ) as m:
        return card(m, e, settings)


@dataclass(frozen=True)
class Settings:
    """How much a card is worth: the arguments of ``trust`` of the same names."""

    steps: int = 6
    orders: int = 10
    rows: int = 700
    radius: float = 0.05
    changes: int = 3
    draws: int = 5

    def __post_init__(self) -> None:
        if self.steps < 2 or self.orders < 10 or self.rows < 1 or self.changes < 0 or self.draws < 0 or not self.radius > 0:
            raise InputError(
                "steps= must be at least 2, orders= at least 10 (fewer never reach 5%), rows= at least 1, changes= and "
                "draws= at least 0, radius= above 0; "
                f"got {self}."
            )


def card(m: Measuring, e: Explanation, settings: Settings) -> TrustCard:
    """All gates of an explanation."""
    before, started = m.cost(), time.perf_counter()
    found = gates.faithfulness(m, settings.steps, settings.orders, settings.rows)
    made = [
        *gates.of_record(m, e, gates.promises_completeness(e.method)),
        *gates.of_faithfulness(m, found),
        gates.stability(m, settings.radius, settings.changes),
        gates.randomisation(m, settings.draws),
    ]
    return carried(
        TrustCard(
            e,
            tuple(sorted(made, key=lambda gate: ORDER.index(gate.name))),
            m.policies,
            found.scores,
            gates.percentile(found.scores, found.random),
            gates.percentile(found.scores, found.smooth),
            settings.radius,
            difference(m.cost(), before, time.perf_counter() - started),
            tuple(f"{gate.name}{UNCHECKED}{gate.note}" for gate in made if gate.note),
        )
    )
