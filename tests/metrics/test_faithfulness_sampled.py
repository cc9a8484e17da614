"""Scores over random subsets: against all subsets, the papers written as loops, and whether their intervals hold the truth."""

from itertools import combinations
from math import comb

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr

from pellucid.metrics import intervals
from pellucid.metrics.faithfulness.faithfulness_correlation import FaithfulnessCorrelation
from pellucid.metrics.faithfulness.faithfulness_estimate import FaithfulnessEstimate
from pellucid.metrics.faithfulness.infidelity import Infidelity
from pellucid.metrics.faithfulness.mu_fidelity import MuFidelity
from pellucid.metrics.faithfulness.scaled_infidelity import ScaledInfidelity
from pellucid.metrics.faithfulness.sensitivity_n import SensitivityN
from pellucid.metrics.faithfulness.subsets import subsets
from played import Played, additive, network

OVER_SUBSETS = [FaithfulnessCorrelation, MuFidelity, Infidelity, ScaledInfidelity]
SAMPLED = [*OVER_SUBSETS, SensitivityN]


def noisy(game, players, seed=0):
    """An explanation that is partly right."""
    rng, whole = np.random.default_rng(seed), np.ones(players, bool)
    falls = np.array([game(0, whole) - game(0, whole & (np.arange(players) != p)) for p in range(players)])
    return (falls + rng.normal(size=players) * falls.std())[None]


def pairs(m, size):
    """Sums of values and falls of the target for all subsets of a size."""
    sums, falls = [], []
    for chosen in combinations(range(m.players), size):
        present = np.ones(m.players, bool)
        present[list(chosen)] = False
        sums.append(sum(m.values[0, player] for player in chosen))
        falls.append(m.game(0, np.ones(m.players, bool)) - m.game(0, present))
    return np.array(sums), np.array(falls)


@pytest.fixture
def played():
    game = network(9, 4)
    return Played(noisy(game, 9), game)


def test_over_all_subsets_a_score_is_that_of_the_paper_and_has_no_interval(played):
    sums, falls = pairs(played, 3)  # 84 subsets
    scale = (sums * falls).mean() / (sums**2).mean()
    truth = {
        FaithfulnessCorrelation: pearsonr(sums, falls).statistic,
        MuFidelity: spearmanr(sums, falls).statistic,
        Infidelity: ((sums - falls) ** 2).mean(),
        ScaledInfidelity: min(((b * sums - falls) ** 2).mean() for b in np.linspace(scale - 0.1, scale + 0.1, 201)),
    }
    for metric, expected in truth.items():
        found = metric(share=1 / 3).measure(played)
        assert found.values[0] == pytest.approx(expected), metric.name
        np.testing.assert_allclose(found.interval[0], expected, atol=1e-12)
        assert found.details["subsets"] == 84


def test_faithfulness_estimate_is_the_correlation_over_single_players(played):
    sums, falls = pairs(played, 1)
    assert FaithfulnessEstimate().measure(played).values[0] == pytest.approx(np.corrcoef(sums, falls)[0, 1])
    assert FaithfulnessEstimate(ranked=True).measure(played).values[0] == pytest.approx(spearmanr(sums, falls).statistic)
    assert played.asked == 9


def test_sensitivity_n_is_the_mean_over_sizes(played):
    found = SensitivityN(sizes=3, subsets=1000).measure(played)  # of 1, 3 and 7 players: the last is 7.2
    expected = [pearsonr(*pairs(played, size)).statistic for size in (1, 3, 7)]
    np.testing.assert_allclose(found.curve.y[0], expected)
    assert found.values[0] == pytest.approx(np.mean(expected))


@pytest.mark.parametrize("metric", SAMPLED, ids=lambda each: each.name)
def test_a_linear_model_is_explained_by_its_weights(metric):
    weights = np.random.default_rng(0).normal(size=(2, 20))
    m = Played(weights, additive(weights, base=3.0))
    found = metric().measure(m)
    best = {"higher": 1.0, "lower": 0.0}[metric.direction]
    np.testing.assert_allclose(found.values, best, atol=1e-12)
    np.testing.assert_allclose(found.interval, best, atol=1e-6)
    scaled = metric().measure(Played(-2 * weights, additive(weights, base=3.0)))
    if metric is ScaledInfidelity:
        np.testing.assert_allclose(scaled.values, 0, atol=1e-12)
        np.testing.assert_allclose(scaled.details["scale"], -0.5)
    elif metric is Infidelity:
        assert (scaled.values > 1).all()
    else:
        np.testing.assert_allclose(scaled.values, -1)


@pytest.mark.parametrize("draws", [50, 100])
@pytest.mark.parametrize("metric", SAMPLED, ids=lambda each: each.name)
def test_intervals_hold_what_all_subsets_would_give(metric, draws):
    held = []
    for case in range(2):
        game = network(14, case)
        values, known = noisy(game, 14, case), {}
        settings = {} if metric is SensitivityN else {"share": 0.3}
        truth = metric(subsets=4000, **settings).measure(Played(values, game)).values[0]
        for seed in range(1, 101):
            m = Played(values, game, seed=seed)
            m.known = known  # the same game, run once
            low, high = metric(subsets=draws, **settings).measure(m).interval[0]
            held.append(low <= truth <= high)
    assert 0.9 <= np.mean(held) <= 0.99


@pytest.mark.parametrize("distribution", ["normal", "squares", "few large ones"])
def test_intervals_of_means_hold_the_mean_also_of_skewed_cases(distribution):
    rng = np.random.default_rng(0)
    population = rng.normal(size=3000)
    if distribution != "normal":
        population = population ** {"squares": 2, "few large ones": 4}[distribution]
    held = 0
    for _ in range(500):
        cases = rng.choice(population, 60, replace=False)
        centre, low, high = intervals.mean(cases, 60 / 3000)
        assert low <= centre <= high
        held += low <= population.mean() <= high
    assert 0.9 <= held / 500 <= 0.98


@pytest.mark.parametrize("ranked", [False, True])
def test_the_jackknife_leaves_each_case_out(ranked):
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 6, 30).astype(float), rng.normal(size=30)
    y += x
    slow = spearmanr if ranked else pearsonr
    z = [np.arctanh(slow(np.delete(x, i), np.delete(y, i)).statistic) for i in range(30)]
    error = np.sqrt(29 / 30 * np.sum((np.array(z) - np.mean(z)) ** 2))
    r, low, high = intervals.correlations(x[None], y[None], ranked=ranked)[0]
    assert r == pytest.approx(slow(x, y).statistic)
    assert (np.arctanh(high) - np.arctanh(low)) / 2 == pytest.approx(2.0452296 * error)


@pytest.mark.parametrize(("count", "size", "most"), [(5, 2, 100), (12, 3, 60), (12, 3, 220), (40, 8, 200), (14, 7, 3000)])
def test_subsets_differ_have_their_size_and_are_all_where_there_are_no_more(count, size, most):
    m = Played(np.arange(float(count))[None], lambda s, present: 0.0)
    found = subsets(m, np.array([size]), most)
    assert found.drawn[0] == min(most, comb(count, size)) == len({row.tobytes() for row in found.gone[0]})
    assert (found.gone.sum(axis=2) == size).all()
    assert found.share[0] == pytest.approx(found.drawn[0] / comb(count, size))
    fewer = subsets(m, np.array([size]), max(most // 2, 1))
    np.testing.assert_array_equal(fewer.gone[0], found.gone[0, : fewer.drawn[0]])


def test_scores_share_their_subsets():
    game = network(30, 0)
    m = Played(noisy(game, 30), game)
    for metric in OVER_SUBSETS:
        metric().measure(m)
    assert m.asked == 100


@pytest.mark.parametrize("metric", [*(each() for each in SAMPLED), FaithfulnessEstimate()], ids=lambda each: each.name)
def test_a_sample_with_fewer_players_scores_as_if_it_were_alone(metric):
    values, counts = np.random.default_rng(0).normal(size=(4, 21)), [21, 5, 13, 1]
    games = [network(21, seed) for seed in range(4)]
    whole = metric.measure(Played(values, lambda s, present: games[s](s, present), counts))
    for s, count in enumerate(counts):
        alone = metric.measure(Played(values[s : s + 1, :count], lambda _, present: games[s](s, present)))
        np.testing.assert_allclose(whole.values[s], alone.values[0], rtol=1e-12)
        if whole.interval is not None:
            np.testing.assert_allclose(whole.interval[s], alone.interval[0], rtol=1e-12)


@pytest.mark.parametrize("metric", [*(each() for each in SAMPLED), FaithfulnessEstimate()], ids=lambda each: each.name)
def test_a_target_that_nothing_moves_is_undefined(metric):
    game = network(8, 0)
    m = Played(np.random.default_rng(0).normal(size=(2, 8)), lambda s, present: 7.0 + 1e-14 * present[0] + s * game(s, present))
    found = metric.measure(m).values
    assert np.isnan(found[0])
    assert np.isfinite(found[1])


def test_correlations_need_three_cases():
    m = Played([[1.0, 2.0]], additive([[1.0, 2.0]]))
    for metric in (FaithfulnessCorrelation(), MuFidelity(), FaithfulnessEstimate(), SensitivityN()):
        assert np.isnan(metric.measure(m).values[0])
