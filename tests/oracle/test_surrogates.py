"""Surrogates beside scikit-learn's regressions on everything there is, and how far their errors can be trusted."""

import itertools

import numpy as np
import pytest
import torch
from sklearn.linear_model import LinearRegression, Ridge

import networks
import pellucid as pl
import slow_surrogates
from pellucid.arrays.balanced_pairs import balanced_pairs, generators, third_order
from pellucid.arrays.subset_selection import WAYS, select
from pellucid.arrays.weighted_fit import Moments, Rows, fit
from pellucid.attribution.removal.lime import LIME
from pellucid.attribution.removal.linear_surrogate import LinearSurrogate
from pellucid.games.nearness import coins, design, nearness
from pellucid.games.surrogate import Wishes, surrogate


def tangled(players, seed=0):
    """A game with interactions of two, three and more players."""
    rng = np.random.default_rng(seed)
    one, two = rng.normal(size=players), rng.normal(size=(players, players)) / np.sqrt(players)
    three = rng.normal(size=(players, players, players)) / players
    inner, outer = rng.normal(size=(players, 12)), rng.normal(size=12)

    def game(rows):
        signs = 2.0 * np.asarray(rows, float) - 1
        curved = np.maximum(signs @ inner, 0) @ outer
        return (
            signs @ one
            + np.einsum("ri,ij,rj->r", signs, two, signs)
            + np.einsum("ri,rj,rk,ijk->r", signs, signs, signs, three, optimize=True)
            + 0.3 * curved
        )

    return game


def fitted(players, most, game, seed, wishes=None, width=None):
    coalitions = design(players, most, nearness(players, "cosine", width), seed)
    return surrogate(coalitions, game(coalitions.rows(slice(None)))[:, None], wishes or Wishes(), seed)


@pytest.mark.parametrize(("ridge", "width"), [(0.0, None), (3.0, None), (0.0, 0.1)])
def test_lime_over_all_coalitions_is_the_weighted_regression(ridge, width):
    net, x = networks.mlp(activation=torch.nn.Tanh).double(), networks.rows(2, 6).double()
    e = pl.explain(net, x, target=1, method=LIME(ridge=ridge, kernel_width=width))
    for i, row in enumerate(x.numpy()):

        def game(present, row=row):
            return net(torch.as_tensor(row * present)[None])[0, 1].item()

        beta, intercept, r2 = slow_surrogates.lime(game, 6, width or 0.25, ridge)
        np.testing.assert_allclose(e.values[i], beta, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(e.details["intercept"][i], intercept, rtol=1e-9)
        np.testing.assert_allclose(e.details["weighted_r2"][i], r2, rtol=1e-9)
        np.testing.assert_allclose(e.details["prediction"][i], intercept + beta.sum(), rtol=1e-9)
    assert not e.standard_errors.any()
    np.testing.assert_array_equal(e.details["stability"], 1.0)


def test_lime_estimates_the_regression_over_all_coalitions():
    game = tangled(10)
    truth = fitted(10, 1 << 10, game, 0).coefficients[0]
    misses = [fitted(10, 240, game, seed).coefficients[0] - truth for seed in range(40)]
    drawn = _plain_lime(game, 10, 240)
    assert np.mean(np.square(misses)) < 0.4 * np.mean(np.square(drawn - truth))
    assert np.abs(np.mean(misses, axis=0)).max() < 4 * np.std(misses, axis=0).max() / np.sqrt(40)


def _plain_lime(game, players, rows, seeds=40):
    """What independent coalitions give, one after the other."""
    found = []
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        z = (rng.random((rows, players)) < 0.5).astype(float)
        weights = [slow_surrogates.kernel(int(row.sum()), players) for row in z]
        found.append(LinearRegression().fit(z, game(z), sample_weight=weights).coef_)
    return np.array(found)


@pytest.mark.parametrize(("players", "most"), [(8, 160), (10, 200), (14, 280)])
def test_intervals_of_lime_cover_the_regression_over_all_coalitions(players, most):
    game = tangled(players, seed=3)
    truth = fitted(players, 1 << players, game, 0).coefficients[0]
    inside = []
    for seed in range(200):
        found = fitted(players, most, game, seed + 1)
        inside.append(np.abs(found.coefficients[0] - truth) <= 1.96 * found.standard_errors[0])
    assert 0.90 <= np.mean(inside) <= 0.985


def test_stability_is_the_rank_correlation_between_seeds():
    from scipy.stats import spearmanr

    game = tangled(20, seed=3)
    found = [fitted(20, 240, game, seed) for seed in range(40)]
    actual = np.mean([spearmanr(a.coefficients[0], b.coefficients[0])[0] for a, b in itertools.pairwise(found)])
    assert abs(np.mean([each.stability[0] for each in found]) - actual) < 0.06


def test_design_holds_no_coalition_twice_and_every_size_at_its_share():
    for players, most, width in (
        (5, 20, None),
        (12, 500, None),
        (12, 500, 0.05),
        (36, 1000, None),
        (36, 3000, None),
        (300, 64, None),
    ):
        coalitions = design(players, most, nearness(players, "cosine", width), 1)
        rows = coalitions.rows(slice(None))
        assert len(rows) <= most
        assert len(np.unique(rows, axis=0)) == len(rows)
        assert rows[0].all()
        assert not rows[1].any()
        np.testing.assert_array_equal(rows[coalitions.single :: 2], ~rows[coalitions.single + 1 :: 2])
        np.testing.assert_allclose(coalitions.weights.sum(), 1)
        law = coins(players) * nearness(players, "cosine", width)
        size = np.bincount(rows.sum(axis=1), weights=coalitions.weights, minlength=players + 1)
        assert np.abs(size - law / law.sum()).max() < (0.05 if coalitions.balanced else 0.03 if players == 300 else 1e-3)


def test_balanced_pairs_mix_up_less_than_drawn_ones():
    rng = np.random.default_rng(0)
    rows = balanced_pairs(36, 499, rng)
    assert len(np.unique(np.concatenate([rows, ~rows]), axis=0)) == 2 * 499

    def mixed(rows):
        signs = 2.0 * rows - 1
        lever = np.linalg.inv(signs.T @ signs) @ signs.T
        return np.trace(lever @ third_order(rows) @ lever.T)

    assert mixed(rows) < 0.6 * mixed(rng.random((499, 36)) < 0.5)
    assert balanced_pairs(8, 80, rng) is None
    assert balanced_pairs(400, 400, rng) is None


def test_generators_have_few_sums_of_four():
    def sums(numbers):
        return sum(a ^ b ^ c ^ d == 0 for a, b, c, d in itertools.combinations(numbers, 4))

    rng = np.random.default_rng(1)
    chosen = generators(14, 6, rng).tolist()
    drawn = np.mean([sums(rng.permutation(64)[:14].tolist()) for _ in range(20)])
    assert len(set(chosen)) == 14
    assert sums(chosen) < 0.7 * drawn


def test_third_order_counts_sets_of_three():
    rng = np.random.default_rng(0)
    rows = rng.random((5, 7)) < 0.5
    signs = 2.0 * rows - 1
    sets = [signs[:, list(each)].prod(axis=1) for each in itertools.combinations(range(7), 3)]
    np.testing.assert_allclose(third_order(rows), np.mean([np.outer(each, each) for each in sets], axis=0), atol=1e-12)


def test_weighted_fit_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    x, y, weights = rng.normal(size=(41, 4)), rng.normal(size=(41, 3)), rng.random(41) / 20
    rows = Rows(lambda part: x[part], 4, weights, np.ones(41), 1)
    for penalty in (0.0, 0.3):
        found = fit(rows, y, penalty=penalty)
        model = (Ridge(penalty, solver="cholesky") if penalty else LinearRegression()).fit(x, y, sample_weight=weights)
        np.testing.assert_allclose(found.coefficients.T, model.coef_, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(found.intercept, model.intercept_, rtol=1e-9, atol=1e-12)
        for column in range(3):
            one = type(model)(**model.get_params()).fit(x, y[:, column], sample_weight=weights)
            np.testing.assert_allclose(found.r2[column], one.score(x, y[:, column], sample_weight=weights), rtol=1e-9)
    one = Moments.of(rows.without(np.arange(41) % 2 == 0), y)
    rest = Moments.of(rows, y) - one
    odd = Moments.of(rows.without(np.arange(41) % 2 == 1), y)
    np.testing.assert_allclose(rest.gram, odd.gram, atol=1e-12)
    np.testing.assert_allclose(rest.right, odd.right, atol=1e-12)


def test_standard_errors_are_the_jackknife_over_pairs():
    rng = np.random.default_rng(0)
    x, y, weights = rng.normal(size=(21, 2)), rng.normal(size=21), rng.random(21) / 10
    found = fit(Rows(lambda part: x[part], 2, weights, np.ones(21), 1), y[:, None])
    whole = LinearRegression().fit(x, y, sample_weight=weights).coef_
    wanted = np.zeros(2)
    for left_out in [[0], *([row, row + 1] for row in range(1, 21, 2))]:
        rest = np.setdiff1d(np.arange(21), left_out)
        wanted += (whole - LinearRegression().fit(x[rest], y[rest], sample_weight=weights[rest]).coef_) ** 2
    np.testing.assert_allclose(found.standard_errors[:, 0], np.sqrt(wanted), rtol=1e-9)


@pytest.mark.parametrize("way", WAYS)
def test_selection_against_all_subsets(way):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 6)) @ (np.eye(6) + 0.2 * rng.normal(size=(6, 6)))
    y = x[:, 1] * 3 - x[:, 4] * 2 + 0.1 * rng.normal(size=60)
    x, y = x - x.mean(axis=0), y - y.mean()
    best = min(
        itertools.combinations(range(6), 2),
        key=lambda at: np.square(y - x[:, at] @ np.linalg.lstsq(x[:, at], y)[0]).sum(),
    )
    assert select(x.T @ x, x.T @ y, 2, way).tolist() == list(best) == [1, 4]


def test_pairs_of_features_are_found_and_weighed_as_by_scikit_learn():
    def game(rows):
        return 2 * rows[:, 0] + 3 * rows[:, 1] * rows[:, 4] - 1.5 * rows[:, 2] * rows[:, 3] + 0.5

    found = fitted(6, 64, lambda rows: game(rows.astype(float)), 0, Wishes(pairs=None))
    assert sorted(map(tuple, found.pairs[0].tolist())) == [(1, 4), (2, 3)]
    beta, intercept, _ = slow_surrogates.lime(
        lambda row: game(row[None])[0],
        6,
        columns=lambda rows: np.column_stack([rows, rows[:, 1] * rows[:, 4], rows[:, 2] * rows[:, 3]]),
    )
    np.testing.assert_allclose(found.coefficients[0], beta[:6], atol=1e-9)
    order = np.argsort([pair[0] for pair in found.pairs[0].tolist()])
    np.testing.assert_allclose(found.pair_coefficients[0][order], [3, -1.5], atol=1e-9)
    np.testing.assert_allclose([found.intercept[0], found.r2[0]], [intercept, 1], atol=1e-9)
    np.testing.assert_allclose(found.prediction[0], game(np.ones((1, 6)))[0], atol=1e-9)


def test_noise_makes_no_pairs():
    rng = np.random.default_rng(0)
    noise = dict[bytes, float]()

    def game(rows):
        return rows[:, 0] + np.array([noise.setdefault(row.tobytes(), rng.normal()) for row in rows])

    assert fitted(12, 500, game, 0, Wishes(pairs=None)).pairs.shape[1] <= 1


def test_linear_surrogate_is_the_regression_of_many_rows():
    net, x = networks.mlp(4, activation=torch.nn.Tanh).double(), networks.rows(1, 4).double()
    spread = np.array([0.5, 1.0, 0.1, 2.0])

    def function(row):
        return net(torch.as_tensor(row)[None])[0, 0].item()

    width = 0.75 * 2
    narrowed = spread / np.sqrt(1 + 1 / width**2)
    slopes, intercept, r2 = slow_surrogates.linear(function, x[0].numpy(), narrowed, 20_000, np.random.default_rng(0))
    e = pl.explain(net, x, target=0, method=LinearSurrogate(sigma=spread, samples=20_000))
    np.testing.assert_allclose(e.details["coefficients"][0], slopes, atol=6 * e.details["coefficient_standard_errors"].max())
    np.testing.assert_allclose(e.details["weighted_r2"][0], r2, atol=0.02)
    np.testing.assert_allclose(e.details["intercept"][0], intercept, atol=0.02)


def test_the_kernel_of_linear_surrogate_is_folded_into_its_draws():
    rng = np.random.default_rng(0)
    moves = rng.normal(size=200_000)
    y = np.tanh(moves) + moves**2
    weights = np.exp(-(moves**2) / (2 * 0.5**2))
    weighted = LinearRegression().fit(moves[:, None], y, sample_weight=weights)
    e = pl.explain(
        pl.wrap(lambda x: np.tanh(x[:, 0]) + x[:, 0] ** 2),
        np.zeros((1, 1)),
        method=LinearSurrogate(sigma=1.0, kernel_width=0.5, samples=100_000),
    )
    np.testing.assert_allclose(e.details["coefficients"][0], weighted.coef_, atol=0.01)
    np.testing.assert_allclose(e.details["intercept"][0], weighted.intercept_, atol=0.01)


def test_intervals_of_linear_surrogate_cover():
    net, x = networks.mlp(5, activation=torch.nn.Tanh).double(), networks.rows(1, 5).double()
    many = LinearSurrogate(sigma=0.7, samples=400_000)
    truth = pl.explain(net, x, target=0, method=many, seed=10_000, batch_size=50_000).details["coefficients"][0]
    inside = []
    for seed in range(200):
        e = pl.explain(net, x, target=0, method=LinearSurrogate(sigma=0.7, samples=100), seed=seed)
        inside.append(np.abs(e.details["coefficients"][0] - truth) <= 1.96 * e.details["coefficient_standard_errors"][0])
    assert 0.90 <= np.mean(inside) <= 0.98
