"""Every score of faithfulness on models: images, tables, texts, series; alone, in batches, in any order; refusals in words."""

import dataclasses

import numpy as np
import pytest

import pellucid as pl
from explained import KINDS, maskers
from explained import case as explained_case
from pellucid import catalog
from pellucid.metrics.faithfulness.normalised_aopc import NormalisedAOPC
from pellucid.metrics.faithfulness.sensitivity_n import SensitivityN
from pellucid.verdict.evaluating import evaluate

NAMES = [metric.name for metric in catalog.METRICS if metric.group == "faithfulness"]
IMAGES = {"road", "irof"}
"""Scores of images alone."""
NUMBERS = {"pgi", "pgu", "average-drop", "average-increase"}
"""Scores that ask for numbers that can be changed a little."""
CHEAP = {"normalised-aopc": NormalisedAOPC(search=80), "sensitivity-n": SensitivityN(sizes=2, subsets=20)}


def scored(e, model, names, **options):
    return evaluate(e, model, [CHEAP.get(name, name) for name in names], progress=False, **options)


def case(kind):
    """A model, an explanation of three samples of it, and the names of the scores that it takes."""
    model, e = explained_case(kind)
    refused = (set() if kind in ("RGB", "grey", "channels last") else IMAGES) | (NUMBERS if kind in ("frame", "text") else set())
    return model, e, set(NAMES) - refused


@pytest.fixture(scope="module", params=KINDS)
def explained(request):
    model, e, names = case(request.param)
    return request.param, model, e, names, scored(e, model, [n for n in NAMES if n in names], **maskers(request.param, e))


def test_every_score_has_a_value_for_each_sample_or_none(explained):
    kind, _, _e, names, scores = explained
    for name in names:
        score = scores[name]
        assert score.values.shape == (3,), name
        assert not np.isinf(score.values).any(), name
        if kind in ("RGB", "grey"):
            assert not score.undefined.any(), name
        if score.interval is not None:
            low, high = score.interval.T
            defined = ~score.undefined
            assert (low[defined] <= score.values[defined]).all(), name
            assert (score.values[defined] <= high[defined]).all(), name
            assert np.isnan(low[~defined]).all(), name
        if score.range == "from -1 to 1":
            assert (np.abs(score.values[~score.undefined]) <= 1).all()
        if score.range.startswith("from 0"):
            assert (score.values[~score.undefined] >= 0).all()


def test_scores_are_the_same_in_any_order_and_alone(explained):
    kind, model, e, names, scores = explained
    ordered = [n for n in NAMES if n in names]
    for rows in (slice(None, None, -1), slice(1, 2)):
        part = e[rows]
        options = maskers(kind, e)
        found = scored(part, model, ordered, **options)
        for name in ordered:
            expected = scores[name].values[rows]
            scale = np.abs(expected[np.isfinite(expected)]).max(initial=1e-3)
            np.testing.assert_allclose(found[name].values, expected, rtol=2e-3, atol=2e-5 * scale, err_msg=name)


def test_scores_do_not_depend_on_the_batch_size():
    model, e, names = case("RGB")
    ordered = [n for n in NAMES if n in names]
    one, other = (scored(e, model, ordered, batch_size=size) for size in (1, 64))
    for name in ordered:
        np.testing.assert_allclose(one[name].values, other[name].values, rtol=1e-3, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("name", NAMES)
def test_values_that_are_constant_zero_or_not_finite_have_no_score(name):
    model, e, _ = case("RGB")
    values = e.values.copy()
    values[0], values[1] = 0.0, 1.0
    values[2, 0, 0, 0] = np.nan
    e = dataclasses.replace(e, values=values)
    score = scored(e, model, [name])[name]
    assert score.undefined.all()
    assert score.interval is None or np.isnan(score.interval).all()


@pytest.mark.parametrize("name", sorted(IMAGES))
def test_scores_of_images_refuse_tables_in_words(name):
    model, e, _ = case("table")
    with pytest.raises(pl.InputError, match="is for images"):
        scored(e, model, [name])


@pytest.mark.parametrize("kind", ["text", "frame"])
@pytest.mark.parametrize("name", sorted(NUMBERS))
def test_scores_of_numbers_refuse_words_and_categories_and_say_what_to_use(name, kind):
    model, e, _ = case(kind)
    with pytest.raises(pl.InputError, match=f"{name} .* words, whole numbers or categories; use "):
        scored(e, model, [name], **maskers(kind, e))


def test_players_of_ones_own_are_scored():
    model, e, _ = case("RGB")
    quarters = pl.Features.grid((3, 8, 8), cell=4)
    score = scored(e, model, ["normalised-aopc"], features=quarters)["normalised-aopc"]
    assert score.details["exact"].all()
    assert score.curve.y.shape == (3, 5)


def test_what_metrics_share_is_run_once():
    model, e, _ = case("RGB")
    alone = sum(scored(e, model, [name])[name].cost.forward_rows for name in ("deletion", "aopc", "srg", "insertion"))
    together = scored(e, model, ["deletion", "aopc", "srg", "insertion"])
    assert sum(score.cost.forward_rows for score in together.values()) < 0.5 * alone
    assert together["aopc"].cost.forward_rows == 0


def test_a_budget_is_kept():
    model, e, _ = case("RGB")
    with pytest.raises(pl.BudgetError, match="too small"):
        scored(e, model, ["pixel-flipping"], budget=20)


@pytest.mark.parametrize("name", NAMES)
def test_ranges_of_parameters_are_checked(name):
    (metric,) = (each for each in catalog.METRICS if each.name == name)
    for field in dataclasses.fields(metric):
        with pytest.raises(pl.InputError, match=field.name):
            evaluate(*reversed(case("table")[:2]), metric(**{field.name: -1}))
