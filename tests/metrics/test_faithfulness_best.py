"""Best and worst orders: all sets against all orders, the beam search against all sets."""

import numpy as np
import pytest

from pellucid.metrics.faithfulness import best_orderings
from pellucid.metrics.faithfulness.aopc import AOPC
from pellucid.metrics.faithfulness.best_orderings import bounds
from pellucid.metrics.faithfulness.normalised_aopc import NormalisedAOPC
from pellucid.metrics.orderings import steps_along
from played import Played, additive, network, orders


def means(game, players, sizes):
    """The mean target of every order, looked at where so many players are gone."""
    found = []
    for order in orders(players):
        y = []
        for size in sizes:
            present = np.ones(players, bool)
            present[list(order[:size])] = False
            y.append(game(0, present))
        found.append(np.mean(y))
    return found


@pytest.mark.parametrize("steps", [None, 3])
@pytest.mark.parametrize("seed", range(4))
def test_bounds_of_few_players_are_those_of_all_orders(seed, steps):
    game = network(6, seed)
    m = Played(np.random.default_rng(seed).normal(size=(1, 6)), game)
    taken = steps_along(m.counts, steps)
    found = bounds(m, taken, 1, 1)
    every = means(game, 6, taken[0])
    assert found.exact.all()
    assert found.lowest[0] == pytest.approx(min(every))
    assert found.highest[0] == pytest.approx(max(every))
    assert m.asked <= 2**6 - 1
    if steps:
        assert m.asked == 15 + 15 + 1  # sets of two, of four, and all


@pytest.mark.parametrize("seed", range(4))
def test_normalised_aopc_is_that_of_the_paper(seed):
    game = network(5, seed)
    m = Played(np.random.default_rng(seed).normal(size=(1, 5)), game)
    every = [m.value[0] - each for each in means(game, 5, range(6))]
    mine = AOPC().measure(m).values[0]
    found = NormalisedAOPC().measure(m)
    assert found.values[0] == pytest.approx((mine - min(every)) / (max(every) - min(every)))
    assert found.details["best"][0] == pytest.approx(max(every))
    assert found.details["worst"][0] == pytest.approx(min(every))
    assert found.notes == ()


@pytest.mark.parametrize("players", [4, 10, 11, 30, 60])
def test_a_linear_model_has_its_own_values_as_the_best_order(players):
    weights = np.random.default_rng(players).normal(size=(1, players))
    assert NormalisedAOPC().measure(Played(weights, additive(weights))).values == pytest.approx(1)
    assert NormalisedAOPC().measure(Played(-weights, additive(weights))).values == pytest.approx(0)


def test_the_beam_search_comes_near_to_all_sets(monkeypatch):
    gaps = {64: [], 256: [], 1024: []}
    for seed in range(12):
        game = network(10, seed, hidden=12)
        m = Played(np.zeros((1, 10)), game)
        taken = steps_along(m.counts, None)
        truth = bounds(m, taken, 1, 1)
        monkeypatch.setattr(best_orderings, "EXACT", 2)
        for rows in gaps:
            found = bounds(Played(np.zeros((1, 10)), game), taken, rows, 4)
            assert not found.exact.any()
            assert found.lowest[0] >= truth.lowest[0] - 1e-12
            assert found.highest[0] <= truth.highest[0] + 1e-12
            span = truth.highest[0] - truth.lowest[0]
            gaps[rows].append((span - (found.highest[0] - found.lowest[0])) / span)
        monkeypatch.undo()
    assert np.mean(gaps[64]) < 0.15
    assert np.mean(gaps[256]) < 0.04
    assert np.mean(gaps[1024]) < 0.005


@pytest.mark.parametrize("rows", [33, 60, 100, 244, 512, 2000])
@pytest.mark.parametrize("players", [11, 16, 40, 196])
def test_the_search_keeps_to_its_rows(players, rows):
    m = Played(np.random.default_rng(0).normal(size=(1, players)), network(players))
    taken = steps_along(m.counts, 16)
    bounds(m, taken, rows, 3)
    assert m.asked <= max(rows, 2 * 16 + 1)


def test_more_rows_find_more_and_the_plain_beam_search_most():
    game = network(24, 7, hidden=30)
    spans = []
    for rows in (60, 200, 1000, 4000):
        m = Played(np.zeros((1, 24)), game)
        found = bounds(m, steps_along(m.counts, None), rows, 4)
        spans.append(found.highest[0] - found.lowest[0])
    assert spans == sorted(spans)


def test_samples_with_other_numbers_of_players_score_as_if_they_were_alone():
    counts = [14, 3, 25, 10, 11]
    values = np.random.default_rng(0).normal(size=(5, 25))
    games = [network(25, seed) for seed in range(5)]
    metric = NormalisedAOPC(search=300)
    whole = metric.measure(Played(values, lambda s, present: games[s](s, present), counts))
    assert whole.details["exact"].tolist() == [False, True, False, True, False]
    assert len(whole.notes) == 1
    for s, count in enumerate(counts):
        alone = metric.measure(Played(values[s : s + 1, :count], lambda _, present: games[s](s, present)))
        np.testing.assert_allclose(whole.values[s], alone.values[0], rtol=1e-12)


def test_where_no_order_is_better_there_is_no_score():
    m = Played([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]], additive([[1.0, 1.0, 1.0], [1.0, 1.0, 2.0]]))
    found = NormalisedAOPC().measure(m).values
    assert np.isnan(found[0])
    assert found[1] == pytest.approx(1)
