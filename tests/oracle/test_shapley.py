"""Shapley values beside brute force and closed forms."""

import numpy as np
import pytest

import slow_games
from pellucid.arrays import odd_kernels
from pellucid.games.estimators import ESTIMATORS, estimator
from pellucid.games.estimators.owen import Owen
from pellucid.games.game import Function
from pellucid.games.play import play
from pellucid.games.proxies import shapley_of
from pellucid.games.shapley import shapley

SAMPLED = ["auto", "permutation", "kernel", "leverage", "gaussian-process", "odd-regression"]


def random_game(players, seed):
    values = np.random.default_rng(seed).normal(size=1 << players)
    return lambda rows: values[rows @ (1 << np.arange(players))]


def unanimity(players, count, seed, orders=(1, 2, 3, 4)):
    """A sum of unanimity games: values, and the Shapley values by definition."""
    rng = np.random.default_rng(seed)
    members = [rng.choice(players, rng.choice(orders), replace=False) for _ in range(count)]
    weights = rng.normal(size=count)
    truth = np.zeros(players)
    for each, weight in zip(members, weights, strict=True):
        truth[each] += weight / len(each)
    return lambda rows: sum(weight * rows[:, each].all(axis=1) for each, weight in zip(members, weights, strict=True)), truth


@pytest.mark.parametrize("players", range(1, 11))
def test_exact_is_brute_force(players):
    game = random_game(players, players)
    found = shapley(game, players, estimator="exact")
    np.testing.assert_allclose(found.values, slow_games.shapley(game, players), atol=1e-12)
    assert found.calls == 1 << players
    assert not found.standard_errors.any()


@pytest.mark.parametrize("name", [*SAMPLED, "regression-msr"])
def test_all_coalitions_give_exact_values(name):
    game = random_game(6, 3)
    found = shapley(game, 6, estimator=name, budget=64)
    np.testing.assert_allclose(found.values, slow_games.shapley(game, 6), atol=1e-9)


def test_outputs_side_by_side():
    one, two = random_game(5, 1), random_game(5, 2)
    found = shapley(lambda rows: np.stack([one(rows), two(rows)], axis=1), 5)
    truth = np.stack([slow_games.shapley(one, 5), slow_games.shapley(two, 5)])
    np.testing.assert_allclose(found.values, truth, atol=1e-12)
    assert found.base_value.shape == found.total.shape == found.error.shape == (2,)


def test_unanimity():
    found = shapley(lambda rows: rows[:, [1, 3, 4]].all(axis=1), 5)
    np.testing.assert_allclose(found.values, [0, 1 / 3, 0, 1 / 3, 1 / 3], atol=1e-15)
    assert not found.values[[0, 2]].any()


def test_glove_game():
    """Two left gloves, three right ones: a pair is worth 1."""
    found = shapley(lambda rows: np.minimum(rows[:, :2].sum(axis=1), rows[:, 2:].sum(axis=1)), 5)
    np.testing.assert_allclose(found.values[:2], 0.65, atol=1e-12)
    np.testing.assert_allclose(found.values[2:], 7 / 30, atol=1e-12)


def test_airport_game():
    """Who needs the longer runway pays for what only such planes need."""
    costs = np.array([1.0, 2.0, 2.0, 5.0, 7.0, 11.0])
    parts = np.diff(costs, prepend=0) / (len(costs) - np.arange(len(costs)))
    found = shapley(lambda rows: np.where(rows, costs, 0).max(axis=1), 6)
    np.testing.assert_allclose(found.values, np.cumsum(parts), atol=1e-12)


def test_weighted_majority():
    """[51; 40, 30, 20, 10]: by hand, from the 24 orders."""
    found = shapley(lambda rows: rows @ np.array([40, 30, 20, 10]) >= 51, 4)
    np.testing.assert_allclose(found.values * 12, [5, 3, 3, 1], atol=1e-12)


@pytest.mark.parametrize("name", SAMPLED)
def test_sums_of_unanimity_games_within_error_bars(name):
    game, truth = unanimity(14, 20, seed=5)
    found = shapley(game, 14, estimator=name, budget=400)
    miss = np.abs(found.values - truth)
    assert (miss <= 5 * found.standard_errors + 1e-9).all()
    assert np.linalg.norm(miss) < 0.25 * np.linalg.norm(truth)


@pytest.mark.parametrize("name", SAMPLED)
def test_additive_games_are_found_exactly(name):
    truth = np.random.default_rng(0).normal(size=20)
    found = shapley(lambda rows: rows @ truth + 3, 20, estimator=name, budget=120)
    np.testing.assert_allclose(found.values, truth, atol=1e-8)
    assert (found.standard_errors < 1e-6).all()
    assert found.base_value == pytest.approx(3)


@pytest.mark.parametrize("name", ["kernel", "leverage"])
def test_regression_is_the_twins(name):
    game = random_game(9, 4)
    chosen, played = estimator(name), Function(game, 9)
    found = play(played, chosen, budget=90, seed=3)
    design = chosen.design(9, 44, 3)
    rows = design.coalitions(0, 44)
    size, count = np.arange(1, 5), np.bincount(design.size, minlength=5)[1:]
    each = 1 / (size * (9 - size)) / count
    weights = np.repeat(each[design.size - 1], 2)
    truth = slow_games.kernel_regression(rows, game(rows), weights, found.empty[0, 0], found.total[0, 0])
    np.testing.assert_allclose(found.values[0, 0], truth, atol=1e-10)


def test_permutation_is_the_mean_over_its_orders():
    game = random_game(8, 6)
    chosen = estimator("permutation")
    found = play(Function(game, 8), chosen, budget=80, seed=1)
    orders = chosen.design(8, 39, 1).orders
    worth, added = slow_games.table(game, 8), []
    for order in [*orders, *orders[:, ::-1]]:
        values = np.zeros(8)
        for step, player in enumerate(order):
            before = tuple(sorted(order[:step].tolist()))
            values[player] = worth[tuple(sorted((*before, player)))] - worth[before]
        added.append(values)
    np.testing.assert_allclose(found.values[0, 0], np.mean(added, axis=0), atol=1e-12)


@pytest.mark.parametrize("tree", [[[0, 1], [2, [3, 4]]], [[0, 2, 4], [1, 3]], [0, 1, 2, 3, 4], [[[[0, 1], 2], 3], 4]])
def test_owen_is_the_mean_over_orders_that_keep_groups_together(tree):
    game = random_game(5, 9)
    found = shapley(game, 5, estimator=Owen(tree), budget=32)
    np.testing.assert_allclose(found.values, slow_games.owen(game, 5, tree), atol=1e-12)


def test_owen_samples_where_the_budget_is_small():
    game, _ = unanimity(16, 30, 2)
    exact = shapley(game, 16, estimator="owen", budget=2000)
    found = shapley(game, 16, estimator="owen", budget=150)
    assert found.calls < exact.calls < 2000
    assert not exact.standard_errors.any()
    assert (np.abs(found.values - exact.values) <= 6 * found.standard_errors + 1e-12).all()


def test_a_linkage_matrix_is_a_hierarchy():
    from scipy.cluster.hierarchy import linkage

    points = np.array([[0.0], [0.1], [5.0], [5.2], [9.0]])
    game = random_game(5, 1)
    found = shapley(game, 5, estimator=Owen(linkage(points)), budget=32)
    np.testing.assert_allclose(found.values, slow_games.owen(game, 5, [[[2, 3], 4], [0, 1]]), atol=1e-12)


@pytest.mark.parametrize(
    ("kind", "twin"), [(odd_kernels.Stationary(1), slow_games.stationary), (odd_kernels.Joint(2), slow_games.joint)]
)
def test_covariances_are_those_of_a_random_game(kind, twin):
    rows, between, shapley_with, variance = slow_games.odd_covariances(lambda a, b: twin(a, b, kind.order), 5)
    np.testing.assert_allclose(kind.between(rows, rows[:7]), between[:, :7], atol=1e-12)
    np.testing.assert_allclose(kind.shapley(rows[1:]), shapley_with[:, 1:], atol=1e-12)
    np.testing.assert_allclose(kind.variance(5), variance, atol=1e-12)


def test_covariances_of_values_that_have_nothing_to_do_with_each_other():
    rows, _, shapley_with, variance = slow_games.odd_covariances(lambda a, b: 2.0 * (a == b).all(), 5)
    found, spread = odd_kernels.independent(rows[1:])
    np.testing.assert_allclose(found, shapley_with[:, 1:], atol=1e-12)
    np.testing.assert_allclose(spread, variance, atol=1e-12)


def proxies():
    from sklearn.ensemble import ExtraTreesRegressor, GradientBoostingRegressor, RandomForestRegressor
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PolynomialFeatures
    from sklearn.tree import DecisionTreeRegressor

    forest = {"n_estimators": 5, "random_state": 0}
    return [
        Ridge(),
        make_pipeline(PolynomialFeatures(3, interaction_only=True), Ridge()),
        make_pipeline(PolynomialFeatures(2), Ridge()),
        DecisionTreeRegressor(max_depth=5, random_state=0),
        RandomForestRegressor(**forest),
        ExtraTreesRegressor(**forest),
        GradientBoostingRegressor(max_depth=3, **forest),
    ]


@pytest.mark.parametrize("proxy", proxies(), ids=lambda proxy: type(proxy).__name__)
def test_shapley_values_of_proxies(proxy):
    game = random_game(6, 8)
    rows = np.random.default_rng(0).random((50, 6)) < 0.5
    proxy.fit(rows.astype(float), game(rows))
    truth = slow_games.shapley(lambda asked: proxy.predict(asked.astype(float)), 6)
    np.testing.assert_allclose(shapley_of(proxy, 6), truth, atol=1e-10)


def test_every_estimator_is_tested_here():
    assert set(ESTIMATORS) == {*SAMPLED, "exact", "regression-msr", "owen"}
