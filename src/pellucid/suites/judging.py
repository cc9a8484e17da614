"""The verb ``judge``: which metrics rank known-better attributions first, by networks of which the truth is known."""

from __future__ import annotations

from collections.abc import Sequence

from .. import catalog
from ..core.errors import InputError
from ..core.measure import Metric
from ..engine.progress import Report, reporting
from ..verdict.evaluating import built
from .case import Suite
from .draws import checked
from .judgement import Judgement, Ranked
from .ranking import OTHERS, ranked
from .shelf import known, load, names

UNRANKED = ("interactions", "alarm")
"""What cases are scored by that rank no attributions."""


def judge(
    suites: str | Suite | Sequence[str | Suite] = "all",
    metrics: Sequence[str | Metric] | str | Metric | None = None,
    *,
    seed: int = 0,
    samples: int = 8,
    progress: bool | Report | None = None,
) -> Judgement:
    """Ask metrics which attributions are better, where the truth says which are.

    On each case, the methods of ``method="auto"`` and random values are scored by how near they come to the truth, and by each
    metric under each removal policy: what the truth is relative to (the case's reference, or 0), strong blur for pictures, and
    values of four other samples. The two rankings of the methods, by means over samples, are compared. Cases of interactions and
    of false alarms rank no methods, and are left out.

    Parameters
    ----------
    suites
        ``"all"``, names, or suites of one's own with more than four samples in each case.
    metrics
        Names, or instances; by default all of faithfulness that need nothing but values of coalitions.
    seed
        Of networks, samples and everything that is drawn.
    samples
        Of each case.
    progress
        As for ``explain``.

    Returns
    -------
    Judgement
        ``to_frame()``, ``markdown()``, ``to_csv(path)``, ``mean(metric, policy)``.

    Raises
    ------
    InputError
        For names that do not exist, and suites with too few samples.

    Notes
    -----
    Cost: everything takes some minutes on one core.

    Examples
    --------
    >>> import pellucid as pl
    >>> judged = pl.suites.judge("logic", ["srg", "average-increase"], samples=4)
    >>> judged.mean("srg", "reference").correlation > judged.mean("average-increase", "reference").correlation
    True
    """
    chosen = _metrics(metrics)
    checked(seed, samples)
    rows: list[Ranked] = []
    with reporting(progress, "judge") as report:
        report(0.0, 0)
        cases = [(suite, case) for suite in _loaded(suites, seed, samples) for case in suite if case.how not in UNRANKED]
        for at, (suite, case) in enumerate(cases):
            rows += ranked(suite.name, case, chosen, seed, samples)
            report((at + 1) / len(cases), 0)
    order = {metric.name: at for at, metric in enumerate(chosen)}
    return Judgement(tuple(sorted(rows, key=lambda row: order[row.metric])), seed, samples)


def _metrics(metrics: Sequence[str | Metric] | str | Metric | None) -> list[Metric]:
    if metrics is None:
        return [built(kind.name) for kind in catalog.METRICS if kind.group == "faithfulness" and not kind.asks]
    chosen = [built(each) for each in ((metrics,) if isinstance(metrics, str | Metric) else metrics)]
    if not chosen:
        raise InputError("metrics= is empty: name at least one.")
    listed = [metric.name for metric in chosen]
    if twice := next((name for name in listed if listed.count(name) > 1), None):
        raise InputError(f"the metric {twice!r} is named twice; the table has one row for each.")
    return chosen


def _loaded(suites: str | Suite | Sequence[str | Suite], seed: int, samples: int) -> list[Suite]:
    wanted = names() if suites == "all" else [suites] if isinstance(suites, str | Suite) else list(suites)
    if not wanted:
        raise InputError("suites= is empty: name at least one, or 'all'.")
    for each in wanted:
        known(each)
    return [each if isinstance(each, Suite) else load(each, seed, samples + OTHERS) for each in wanted]
