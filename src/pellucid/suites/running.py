"""The run of all methods through all suites."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from .. import catalog
from ..core import declare
from ..core.declare import Method
from ..core.errors import InputError, PellucidError, nearest
from ..core.records import Cost
from ..core.types import PerSample
from ..engine.progress import Report, reporting
from .asking import answer
from .case import Case, Suite
from .controls import LAPLACE, RANDOM, control_scores
from .draws import checked
from .results import Result, Results
from .rows import row
from .shelf import known, load, names

BUDGET = 512
"""Most model rows per sample."""


def run(
    suites: str | Suite | Sequence[str | Suite] = "all",
    methods: str | Method | Sequence[str | Method] = "all",
    *,
    seed: int = 0,
    samples: int | None = None,
    budget: int | None = BUDGET,
    progress: bool | Report | None = None,
) -> Results:
    """Ask methods about networks of which the truth is known, and score what they say.

    Each method is asked with its default parameters, but for what the truth is relative to (baselines, what removed means) and
    the layer that class activation maps read. Methods that cannot be asked about a case have a row with the reason. Controls that
    know no model, random values and (for pictures) a Laplace filter, stand in the table like methods.

    Parameters
    ----------
    suites
        ``"all"``, names, or suites of one's own.
    methods
        ``"all"``, names from ``pl.methods()``, or instances.
    seed
        Of networks, samples and everything that is drawn.
    samples
        Of each case; by default each suite's own number.
    budget
        Most model rows per sample and method; ``None`` for the methods' own limits.
    progress
        As for ``explain``.

    Returns
    -------
    Results
        ``to_frame()``, ``markdown()``, ``to_csv(path)``, ``plot()``.

    Raises
    ------
    InputError
        For names that do not exist.

    Notes
    -----
    Cost: everything takes about two and a half minutes on one core, a sixth of it training.

    Examples
    --------
    >>> import pellucid as pl
    >>> results = pl.suites.run("logic", ["shapley", "saliency"], samples=4)
    >>> results.skill("shapley", "logic") > results.skill("saliency", "logic")
    True
    """
    chosen = [*_chosen(methods)]
    checked(seed, samples)
    if budget is not None and (isinstance(budget, bool) or not isinstance(budget, int | np.integer) or budget < 1):
        raise InputError(f"budget must be a positive whole number of model rows per sample; got {budget!r}.")
    with reporting(progress, "benchmark") as report:
        report(0.0, 0)
        cases = [(suite, case) for suite in _loaded(suites, seed, samples) for case in suite]
        rows: list[Result] = []
        total, spent = max(len(cases) * len(chosen), 1), 0
        for at, (suite, case) in enumerate(cases):
            controls = control_scores(case, seed)
            rows += [row(suite.name, case, name, scores, Cost(), controls) for name, scores in controls.items()]
            for number, method in enumerate(chosen):
                done = at * len(chosen) + number
                told = _told(report, done, total, spent)
                rows.append(_one(suite.name, case, method, seed, budget, controls, told))
                spent += rows[-1].forward_rows + rows[-1].backward_rows
        report(1.0, spent)
    order = {name: at for at, name in enumerate((RANDOM, LAPLACE, *(method.name for method in chosen)))}
    return Results(tuple(sorted(rows, key=lambda each: order[each.method])), seed, budget)


def _loaded(suites: str | Suite | Sequence[str | Suite], seed: int, samples: int | None) -> list[Suite]:
    wanted = names() if suites == "all" else [suites] if isinstance(suites, str | Suite) else list(suites)
    if not wanted:
        raise InputError("suites= is empty: name at least one, or 'all'.")
    for each in wanted:
        known(each)
    return [each if isinstance(each, Suite) else load(each, seed, samples) for each in wanted]


def _one(
    suite: str, case: Case, method: Method, seed: int, budget: int | None, controls: Mapping[str, PerSample], report: Report
) -> Result:
    """A method on a case; what it cannot be asked is a row with the reason."""
    try:
        values, cost = answer(case, method, seed, budget, report)
    except PellucidError as error:
        return Result(suite, case.name, method.name, case.how, reason=" ".join(str(error).split()))
    return row(suite, case, method.name, case.score(values), cost, controls)


def _chosen(methods: str | Method | Sequence[str | Method]) -> Iterable[Method]:
    """Instances of methods, each once."""
    if isinstance(methods, str) and methods == "all":
        return [kind() for kind in catalog.METHODS]
    listed = [methods] if isinstance(methods, str | Method) else list(methods)
    if not listed:
        raise InputError("methods= is empty: name at least one, or 'all'.")
    found = [declare.build(catalog.method_named(each), {}) if isinstance(each, str) else each for each in listed]
    wrong = next((each for each in found if isinstance(each, type) or not isinstance(each, Method)), None)
    if wrong is not None:
        raise InputError(f"methods= takes names and instances of methods; got {wrong!r}.")
    names = [each.name for each in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"the method {twice!r} is named twice; the table has one row for each.{nearest(twice, [])}")
    return [declare.validated(each) for each in found]


def _told(report: Callable[[float, int], None], done: int, total: int, spent: int) -> Report:
    return lambda share, rows: report((done + share) / total, spent + rows)
