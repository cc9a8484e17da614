"""Interactions against their definitions and closed forms, and the Gaussian process against one over all coalitions."""

from itertools import combinations
from math import comb

import numpy as np
import pytest
from scipy.stats import t as student

import slow_interactions
from pellucid.games import surrounding
from pellucid.games.indices import INDICES, weights
from pellucid.games.interactions import interactions

CODE = 1 << np.arange(20)


def random_game(players, seed, outputs=None):
    rng = np.random.default_rng(seed)
    worth = rng.normal(size=1 << players if outputs is None else (1 << players, outputs))
    return lambda coalitions: worth[coalitions @ CODE[:players]]


def flat(found):
    return np.concatenate([each.values for each in found._orders], axis=-1)


@pytest.mark.parametrize("index", INDICES)
@pytest.mark.parametrize(("players", "order"), [(1, 1), (2, 1), (2, 2), (3, 3), (4, 2), (5, 3), (6, 2), (7, 3)])
def test_against_the_definition(index, players, order):
    game = random_game(players, players)
    found = interactions(game, players, order=order, index=index)
    assert found.calls == 1 << players
    assert found.estimator == "exact"
    np.testing.assert_allclose(flat(found), slow_interactions.interactions(game, players, index, order), atol=1e-10)
    assert not found.standard_errors.any()


def of_unanimity(index, order, inside, union):
    """What sets of ``inside`` players get in a game that is worth 1 where all of ``union`` players are there."""
    if index == "banzhaf":
        return 0.5 ** (union - inside)
    if index == "sii":
        return 1 / (union - inside + 1)
    if union <= order:
        return float(inside == union)
    if index == "stii":
        return 1 / comb(union, order) if inside == order else 0.0
    if index == "fsii":
        share = comb(union - 1, order) / comb(union + order - 1, order + inside)
        return (-1) ** (order - inside) * inside / (order + inside) * comb(order, inside) * share
    more = union - inside  # k-SII: 1, -1/2, 1/6 of the interactions of sets that are larger by 0, 1, 2
    return sum(b * comb(more, j) / (more - j + 1) for j, b in enumerate([1, -1 / 2, 1 / 6]) if j <= order - inside)


@pytest.mark.parametrize("index", INDICES)
@pytest.mark.parametrize("order", [1, 2, 3])
def test_sums_of_unanimity_games(index, order):
    players, rng = 9, np.random.default_rng(order)
    worth = [(float(rng.normal()), tuple(rng.choice(players, size, replace=False))) for size in (1, 2, 3, 4, 5, 9)]

    def game(coalitions):
        return sum(value * coalitions[:, who].all(axis=1) for value, who in worth) + 0.7

    found = interactions(game, players, order=order, index=index)
    for size in range(1, order + 1):
        for who in combinations(range(players), size):
            told = sum(value * of_unanimity(index, order, size, len(all_)) for value, all_ in worth if set(who) <= set(all_))
            assert found.of(*who) == pytest.approx(told, abs=1e-12)


@pytest.mark.parametrize("index", ["k-sii", "stii", "fsii"])
@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("budget", [40, 100, 256])
def test_values_of_all_orders_sum_to_the_total(index, order, budget):
    game = random_game(8, 3, outputs=2)
    found = interactions(game, 8, order=order, index=index, budget=budget)
    np.testing.assert_allclose(flat(found).sum(axis=-1), found.total - found.base_value, rtol=1e-9)
    if order == 2:
        np.testing.assert_allclose(found.values.sum(axis=(1, 2)), found.total - found.base_value, rtol=1e-9)


def test_rows_of_k_sii_are_shapley_values():
    from pellucid.games.shapley import shapley

    game = random_game(7, 1)
    np.testing.assert_allclose(interactions(game, 7).values.sum(axis=1), shapley(game, 7).values, atol=1e-12)


@pytest.mark.parametrize("index", INDICES)
def test_weights_of_many_players_stay_numbers(index):
    for size in (1, 2):
        share = weights(index, 2, size, 120)
        assert np.isfinite(share).all()
        ways = np.array([comb(120 - size, others) for others in range(121 - size)], float)
        assert (share * ways).sum() == pytest.approx(1)
        assert np.abs(share * ways).sum() < 130


@pytest.mark.parametrize("index", INDICES)
@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("players", [4, 5])
def test_process_against_one_over_all_coalitions(index, sign, players):
    rng = np.random.default_rng(0)
    members = np.ones((players + 3, players), bool)
    members[1:] = (1 + rng.permutation((1 << players - 1) - 1)[: players + 2])[:, None] >> np.arange(players) & 1
    values = rng.normal(size=(len(members), 2))
    order, t, scale, alone = 3, 0.6, 0.8, 0.3
    seen = surrounding._Seen(members)
    fixed = seen.additive(sign)
    assert fixed.shape[1] == (players if sign < 0 else 1)
    by_size = [weights(index, order, size, players) for size in (1, 2, 3)]
    mean, variance = surrounding._posterior(seen, fixed, values, by_size, sign, surrounding._Law(t, scale, alone))
    told, spread, length = slow_interactions.process(members, values, players, index, order, t, alone * scale, sign)
    np.testing.assert_allclose(mean, told, atol=3e-3)
    level = length / (len(values) - fixed.shape[1])  # how large the game's deviations are is told by the values
    np.testing.assert_allclose(variance, spread[:, None] * level, atol=3e-3)


def test_standard_errors_are_widened_by_few_rows():
    members = np.array([[1, 1, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1]], bool)
    assert student.ppf(0.975, 1) > 12
    odd = np.random.default_rng(0).normal(size=(4, 1))
    found = surrounding.estimate(members, odd, odd, [weights("sii", 1, 1, 3)])
    assert found.enough
    assert np.isfinite(found.standard_errors).all()
