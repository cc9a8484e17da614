"""Scores of localisation beside the definitions of their papers, written as loops; bounds, ties, and empty masks."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from pellucid.metrics.localisation.focus import Focus
from pellucid.metrics.localisation.localisation_auc import LocalisationAUC
from pellucid.metrics.localisation.pointing_game import PointingGame
from pellucid.metrics.localisation.relevance_mass import RelevanceMass
from pellucid.metrics.localisation.relevance_rank import RelevanceRank
from pellucid.metrics.localisation.top_k import TopK
from played import Played

METRICS = [PointingGame, RelevanceMass, RelevanceRank, TopK, LocalisationAUC, Focus]


def hit(values, inside):
    best = None
    for player, value in enumerate(values):
        if best is None or value > values[best]:
            best = player
    return float(inside[best])


def mass(values, inside):
    within = whole = 0.0
    for value, found in zip(values, inside, strict=True):
        if value > 0:
            whole += value
            within += value * found
    return within / whole


def rank(values, inside):
    strongest = sorted(range(len(values)), key=lambda player: -values[player])[: sum(inside)]
    return sum(bool(inside[player]) for player in strongest) / sum(inside)


def top(values, inside, k=2):
    strongest = sorted(range(len(values)), key=lambda player: -values[player])[:k]
    return len({player for player in strongest if inside[player]}) / k


def area(values, inside):
    """By the curve itself: thresholds from above, trapezoids between."""
    points = [(0.0, 0.0)]
    for threshold in sorted(values, reverse=True):
        named = [value >= threshold for value in values]
        hits = sum(n and i for n, i in zip(named, inside, strict=True)) / sum(inside)
        alarms = sum(n and not i for n, i in zip(named, inside, strict=True)) / sum(not i for i in inside)
        points.append((alarms, hits))
    return sum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in pairwise(points))


ORACLES = {PointingGame: hit, RelevanceMass: mass, RelevanceRank: rank, TopK: top, LocalisationAUC: area, Focus: mass}


def drawn(samples=6, players=12, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.random((samples, players)) < 0.4
    truth[:, 0], truth[:, 1] = True, False
    return rng.normal(size=(samples, players)), truth


@pytest.mark.parametrize("metric", METRICS, ids=lambda each: each.name)
def test_a_score_is_that_of_its_paper(metric):
    values, truth = drawn()
    made = metric(k=2) if metric is TopK else metric()
    found = made.measure(Played(values, truth=truth))
    expected = [ORACLES[metric](list(row), list(inside)) for row, inside in zip(values, truth, strict=True)]
    np.testing.assert_allclose(found.values, expected)
    np.testing.assert_allclose(found.details["sought"], truth.mean(axis=1))


def test_the_area_is_that_of_scikit_learn_also_with_ties():
    values, truth = drawn(20, 15, 3)
    values = np.rint(values * 2)
    found = LocalisationAUC().measure(Played(values, truth=truth)).values
    np.testing.assert_allclose(found, [roc_auc_score(t, v) for v, t in zip(values, truth, strict=True)])


@pytest.mark.parametrize("metric", METRICS, ids=lambda each: each.name)
def test_the_mask_itself_is_the_best_explanation_and_its_opposite_the_worst(metric):
    truth = np.random.default_rng(0).permuted(np.tile(np.arange(20) < 6, (5, 1)), axis=1)
    np.testing.assert_allclose(metric().measure(Played(truth, truth=truth)).values, 1)
    np.testing.assert_allclose(metric().measure(Played(~truth, truth=truth)).values, 0, atol=1e-12)


@pytest.mark.parametrize("metric", [RelevanceMass, RelevanceRank, TopK, PointingGame])
def test_maps_without_knowledge_score_the_share_that_is_sought(metric):
    values = np.random.default_rng(0).random((4000, 10))
    truth = np.arange(10) < 3
    found = metric().measure(Played(values, truth=np.tile(truth, (4000, 1))))
    assert found.values.mean() == pytest.approx(0.3, abs=0.03)
    np.testing.assert_allclose(found.details["sought"], 0.3)


@pytest.mark.parametrize("metric", METRICS, ids=lambda each: each.name)
def test_an_empty_mask_has_no_score_and_others_keep_theirs(metric):
    values, truth = drawn(3)
    whole = metric().measure(Played(values, truth=truth)).values
    truth[1] = False
    found = metric().measure(Played(values, truth=truth)).values
    assert np.isnan(found[1])
    np.testing.assert_array_equal(found[[0, 2]], whole[[0, 2]])


@pytest.mark.parametrize("metric", [PointingGame, RelevanceMass, Focus])
def test_where_nothing_is_positive_nothing_is_pointed_at(metric):
    values, truth = drawn(2)
    values[0] = -np.abs(values[0])
    found = metric().measure(Played(values, truth=truth)).values
    assert np.isnan(found[0])
    assert np.isfinite(found[1])


def test_a_mask_of_all_players_has_no_area_and_leaves_nothing_to_miss():
    values, _ = drawn(2)
    m = Played(values, truth=np.ones((2, 12), bool))
    assert np.isnan(LocalisationAUC().measure(m).values).all()
    for metric in (PointingGame, RelevanceMass, RelevanceRank, TopK):
        np.testing.assert_allclose(metric().measure(m).values, 1)


def test_ties_share_their_places():
    values, truth = [[2.0, 2.0, 2.0, 1.0]], [[True, False, False, True]]
    assert PointingGame().measure(Played(values, truth=truth)).values[0] == pytest.approx(1 / 3)
    assert RelevanceRank().measure(Played(values, truth=truth)).values[0] == pytest.approx(1 / 3)  # 2 of 3 equal ones, 1 sought
    assert TopK(k=1).measure(Played(values, truth=truth)).values[0] == pytest.approx(1 / 3)
    assert TopK(k=3).measure(Played(values, truth=truth)).values[0] == pytest.approx(1 / 3)
    assert TopK(k=9).measure(Played(values, truth=truth)).values[0] == pytest.approx(1 / 2)
    nearly = [[2.0, 2.0 + 1e-9, 2.0, 1.0]]
    assert PointingGame().measure(Played(nearly, truth=truth)).values[0] == pytest.approx(1 / 3)


@pytest.mark.parametrize("metric", [m for m in METRICS if m is not Focus], ids=lambda each: each.name)
def test_magnitudes_are_scored_where_they_are_asked_for(metric):
    values, truth = drawn(4)
    found = metric(magnitudes=True).measure(Played(values, truth=truth)).values
    np.testing.assert_allclose(found, metric().measure(Played(np.abs(values), truth=truth)).values)


@pytest.mark.parametrize("metric", METRICS, ids=lambda each: each.name)
def test_players_beyond_the_number_of_a_sample_do_not_count(metric):
    values, truth = drawn(2, 12, 5)
    values[1] -= 3  # zeros beyond would be the largest
    values[1, :2] = 1, 0.5
    alone = metric(k=1) if metric is TopK else metric()
    padded = Played(values, counts=[12, 7], truth=truth)
    short = Played(values[1:, :7], truth=truth[1:, :7])
    np.testing.assert_array_equal(alone.measure(padded).values[1:], alone.measure(short).values)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(3, 30), st.floats(1e-150, 1e150))
def test_scores_do_not_change_with_scale_or_the_order_of_players_and_samples(seed, players, factor):
    values, truth = drawn(4, players, seed)
    rng = np.random.default_rng(seed)
    mixed, shuffled = rng.permutation(players), rng.permutation(4)
    for metric in METRICS:
        found = metric().measure(Played(values, truth=truth)).values
        moved = metric().measure(Played(values[:, mixed] * factor, truth=truth[:, mixed])).values
        np.testing.assert_allclose(moved, found, atol=1e-9)
        np.testing.assert_array_equal(metric().measure(Played(values[shuffled], truth=truth[shuffled])).values, found[shuffled])
        assert ((found[~np.isnan(found)] >= 0) & (found[~np.isnan(found)] <= 1 + 1e-12)).all()


def test_focus_on_a_mosaic_is_the_share_of_its_cells():
    relevance = np.random.default_rng(2).normal(size=(3, 2, 2, 4))  # of 2 x 2 images with 4 players each
    target = np.zeros((3, 2, 2, 4), bool)
    target[:, 0, 0], target[:, 1, 1] = True, True
    expected = []
    for mosaic in relevance:
        cell = [[sum(max(value, 0) for value in mosaic[row, column]) for column in (0, 1)] for row in (0, 1)]
        expected.append((cell[0][0] + cell[1][1]) / (cell[0][0] + cell[0][1] + cell[1][0] + cell[1][1]))
    m = Played(relevance.reshape(3, 16), truth=target.reshape(3, 16))
    np.testing.assert_allclose(Focus().measure(m).values, expected)
    np.testing.assert_array_equal(Focus().measure(m).values, RelevanceMass().measure(m).values)
    np.testing.assert_allclose(Focus().measure(m).details["sought"], 0.5)
