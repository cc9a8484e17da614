"""Banzhaf values: against the definition, within their error bars, and from many players."""

import numpy as np
import pytest

import slow_games
import slow_interactions
from pellucid.games import banzhaf
from pellucid.games.banzhaf import Banzhaf, nearest_additive
from pellucid.games.game import Function
from pellucid.games.play import play

CODE = 1 << np.arange(20)


def random_game(players, seed):
    worth = np.random.default_rng(seed).normal(size=(1 << players, 2))
    return lambda coalitions: worth[coalitions @ CODE[:players]]


def bent(players, seed):
    one = np.random.default_rng(seed).normal(size=players)
    return lambda coalitions: 1 / (1 + np.exp(-2 * coalitions @ one)) + coalitions[:, 0] * coalitions[:, 1]


def exact(game, players):
    return play(Function(game, players), Banzhaf(), budget=1 << players).values[0]


@pytest.mark.parametrize("players", [1, 2, 3, 5, 7])
def test_against_the_definition(players):
    game = random_game(players, players)
    found = play(Function(game, players), Banzhaf(), budget=1 << players)
    worth = slow_games.table(game, players)
    told = [slow_interactions.banzhaf(worth, players, (player,)) for player in range(players)]
    np.testing.assert_allclose(found.values[0].T, told, atol=1e-12)
    assert not found.standard_errors.any()
    assert found.calls[0] == 1 << players


def test_majority_and_dictator():
    np.testing.assert_allclose(exact(lambda coalitions: coalitions.sum(axis=1) >= 3, 5), 6 / 16)
    assert exact(lambda coalitions: coalitions[:, 1] * 2.0, 4).tolist() == [[0, 2, 0, 0]]


@pytest.mark.parametrize("players", [10, 11])
def test_error_bars_hold_over_seeds(players):
    covered, missed = [], []
    for seed in range(60):
        game = bent(players, seed)
        told = exact(game, players)
        found = play(Function(game, players), Banzhaf(), budget=120, seed=seed)
        assert found.calls[0] <= 120
        covered.append(np.abs(found.values[0] - told) <= 1.96 * found.standard_errors[0])
        missed.append(np.linalg.norm(found.values[0] - told) / np.linalg.norm(told))
    assert 0.9 <= np.mean(covered) <= 0.99
    assert np.median(missed) < 0.08


@pytest.mark.parametrize("players", [10, 11])
def test_error_bars_of_the_nearest_additive_game_hold_too(players, monkeypatch):
    monkeypatch.setattr(banzhaf, "FITTED", 0)
    covered = []
    for seed in range(60):
        game = bent(players, seed)
        found = play(Function(game, players), Banzhaf(), budget=300, seed=seed)
        covered.append(np.abs(found.values[0] - exact(game, players)) <= 1.96 * found.standard_errors[0])
    assert 0.9 <= np.mean(covered) <= 0.99


@pytest.mark.parametrize("players", [4, 5])
def test_the_nearest_additive_game_of_all_coalitions_has_the_banzhaf_values(players):
    game = random_game(players, 1)
    pairs = banzhaf.design(players, (1 << players - 1) - 1, 0)
    first, ends = pairs.first(), np.array([np.zeros(players, bool), np.ones(players, bool)])
    odd, total = (game(first) - game(~first)) / 2, np.diff(game(ends), axis=0)[0]
    found = nearest_additive(pairs, odd, total)
    np.testing.assert_allclose(found.values, exact(game, players), atol=1e-12)
    np.testing.assert_allclose(found.standard_errors, 0, atol=1e-12)


def test_too_few_coalitions_are_said():
    found = play(Function(bent(12, 0), 12), Banzhaf(), budget=12)
    assert "do not tell 12 players apart" in found.notes[0]
    assert np.isfinite(found.values).all()


def test_many_players_and_coalitions(monkeypatch):
    monkeypatch.setattr(banzhaf, "FITTED", 500)
    worth = np.random.default_rng(0).normal(size=300)
    found = play(Function(lambda coalitions: coalitions @ worth, 300), Banzhaf(), budget=3000)
    np.testing.assert_allclose(found.values[0, 0], worth, atol=1e-9)


def test_the_same_seed_gives_the_same_bytes():
    one, two = (play(Function(bent(12, 0), 12), Banzhaf(), budget=100, seed=4) for _ in range(2))
    assert one.values.tobytes() == two.values.tobytes()
