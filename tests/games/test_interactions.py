"""Interactions of bare functions: what they must be, what is estimated, and what is refused."""

import numpy as np
import pytest

import pellucid.games.surrounding
from pellucid.core.errors import BudgetError, InputError, NonFiniteError
from pellucid.games.indices import INDICES
from pellucid.games.interactions import interactions
from pellucid.games.joint import joint

CODE = 1 << np.arange(20)


class Counted:
    """A game that knows which coalitions it was asked."""

    def __init__(self, function):
        self.function, self.asked = function, []

    def __call__(self, coalitions):
        self.asked += [row.tobytes() for row in coalitions]
        return self.function(coalitions)


def smooth(players, seed=0):
    rng = np.random.default_rng(seed)
    one, two = rng.normal(size=players), rng.normal(size=(players, players)) / players
    return lambda coalitions: np.tanh(coalitions @ one / 2 + np.einsum("ci,ij,cj->c", coalitions, two, coalitions))


def flat(found):
    return np.concatenate([each.values for each in found._orders], axis=-1)


def spread(found):
    return np.concatenate([each.standard_errors for each in found._orders], axis=-1)


@pytest.mark.parametrize("index", INDICES)
@pytest.mark.parametrize("budget", [60, 1024])
def test_an_additive_game_has_no_interactions(index, budget):
    worth = np.arange(10) - 3.0
    found = interactions(lambda coalitions: coalitions @ worth + 2, 10, order=3, index=index, budget=budget)
    np.testing.assert_allclose(found.order(1).values, worth, atol=1e-9)
    np.testing.assert_allclose(flat(found)[10:], 0, atol=1e-9)
    assert spread(found).max() < 1e-6


def test_majority():
    found = interactions(lambda coalitions: coalitions.sum(axis=1) >= 3, 5, index="sii")
    np.testing.assert_allclose(found.order(1).values, 1 / 5)
    # i and j change the derivative's sign between 1 other (+) and 2 others (-): 3 / (4 * 3) - 3 / (4 * 3)
    np.testing.assert_allclose(found.order(2).values, 0, atol=1e-15)
    banzhaf = interactions(lambda coalitions: coalitions.sum(axis=1) >= 3, 5, index="banzhaf")
    np.testing.assert_allclose(banzhaf.order(1).values, 6 / 16)


@pytest.mark.parametrize("index", INDICES)
def test_players_who_are_alike_get_alike(index):
    found = interactions(lambda coalitions: coalitions.sum(axis=1) ** 3.0, 6, order=3, index=index)
    for size in (1, 2, 3):
        assert np.ptp(found.order(size).values) < 1e-9


def test_a_player_who_changes_nothing_gets_nothing():
    game = smooth(6)
    found = interactions(lambda coalitions: game(coalitions[:, 1:]), 7, order=3)
    for size in (1, 2, 3):
        sets = found.order(size)
        assert not sets.values[(sets.players == 0).any(axis=1)].any()


@pytest.mark.parametrize("game", [smooth(12), lambda c: c[:, 0] * c[:, 3] * c[:, 5] * 2.0 + c[:, 1] * c[:, 2] - 1.0 * c[:, 4]])
def test_estimates_against_exact_values(game):
    exact = interactions(game, 12, order=2, budget=4096)
    errors = []
    for budget in (200, 400, 1000):
        found = interactions(game, 12, order=2, budget=budget)
        assert found.calls <= budget
        errors.append(((flat(found) - flat(exact)) ** 2).sum() / (flat(exact) ** 2).sum())
    assert errors[0] < 0.1
    assert errors[2] < errors[0] / 5


@pytest.mark.parametrize("index", ["k-sii", "stii", "banzhaf"])
def test_error_bars_hold_over_seeds(index):
    covered = []
    for seed in range(40):
        game = smooth(10, seed)
        exact = flat(interactions(game, 10, index=index))
        found = interactions(game, 10, index=index, budget=240, seed=seed)
        covered.append(np.abs(flat(found) - exact) <= 1.96 * spread(found))
    assert 0.9 <= np.mean(covered) <= 0.995


@pytest.mark.parametrize("players", [2, 3, 5, 12])
@pytest.mark.parametrize("budget", [4, 5, 7, 26, 101, 400])
def test_the_budget_is_never_exceeded_and_no_coalition_asked_twice(players, budget):
    game = Counted(smooth(players))
    found = interactions(game, players, budget=budget)
    assert len(game.asked) == len(set(game.asked)) == found.calls <= min(budget, 1 << players)
    assert np.isfinite(flat(found)).all()
    np.testing.assert_allclose(flat(found).sum(), found.total - found.base_value)


def test_the_same_seed_gives_the_same_bytes_and_the_global_state_is_left_alone():
    before = np.random.get_state()[1].tobytes()  # noqa: NPY002
    one, two, other = (interactions(smooth(12), 12, budget=200, seed=seed) for seed in (1, 1, 2))
    assert one.values.tobytes() == two.values.tobytes()
    assert one.standard_errors.tobytes() == two.standard_errors.tobytes()
    assert one.values.tobytes() != other.values.tobytes()
    assert np.random.get_state()[1].tobytes() == before  # noqa: NPY002


def test_one_player_and_two():
    one = interactions(lambda coalitions: 3.0 * coalitions[:, 0] + 1, 1, order=1)
    assert one.values.tolist() == [[3.0]]
    assert (one.calls, one.base_value, one.total) == (2, 1, 4)
    two = interactions(lambda coalitions: coalitions.all(axis=1) * 4.0, 2)
    assert two.values.tolist() == [[0, 2], [2, 0]]
    assert two.of(0, 1) == two.of(1, 0) == two[0, 1] == 4


def test_several_outputs_at_once_are_the_same_as_each_alone():
    games = [smooth(10, seed) for seed in range(3)]
    both = interactions(lambda coalitions: np.stack([game(coalitions) for game in games], axis=1), 10, budget=150)
    for at, game in enumerate(games):
        alone = interactions(game, 10, budget=150)
        np.testing.assert_allclose(both.values[at], alone.values, atol=1e-9)
        np.testing.assert_allclose(both.standard_errors[at], alone.standard_errors, atol=1e-9)
    assert both.of(0, 1).shape == (3,)


@pytest.mark.parametrize("factor", [1e-200, 1e-8, 1e8, 1e150])
def test_units_do_not_matter(factor):
    one = interactions(smooth(10), 10, budget=150)
    other = interactions(lambda coalitions: factor * smooth(10)(coalitions), 10, budget=150)
    np.testing.assert_allclose(other.values / factor, one.values, atol=1e-9)
    np.testing.assert_allclose(other.standard_errors / factor, one.standard_errors, atol=1e-9)


def test_a_constant_game():
    found = interactions(lambda coalitions: np.full(len(coalitions), 7.0), 12, budget=100, tolerance=0.01)
    np.testing.assert_allclose(found.values, 0, atol=1e-9)
    assert found.calls < 100
    assert found.error == 0


def test_a_tolerance_ends_the_play():
    found = interactions(smooth(12), 12, tolerance=0.1)
    assert found.error <= 0.1
    assert found.calls < 2072
    exact = interactions(smooth(12), 12, budget=4096)
    assert np.linalg.norm(flat(found) - flat(exact)) < 0.2 * np.linalg.norm(flat(exact))


def test_samples_stop_one_by_one_and_do_not_touch_each_other():
    class Games:
        players, samples, outputs = 10, 2, 1

        def __call__(self, coalitions, samples):
            both = [coalitions @ np.arange(10.0), smooth(10, 3)(coalitions)]
            return np.stack([both[sample] for sample in samples])[..., None]

    found = joint(Games(), "k-sii", 2, budget=400, tolerance=0.02)
    assert found.calls[0] < found.calls[1]
    np.testing.assert_allclose(found.values[0, 0, :10], np.arange(10.0), atol=1e-6)


@pytest.mark.parametrize("budget", [4, 10, 20])
def test_too_few_coalitions_are_said(budget):
    worth = np.arange(12.0)
    found = interactions(lambda coalitions: coalitions @ worth, 12, budget=budget)
    assert "do not tell 78 values apart" in found.notes[0]
    assert np.isfinite(found.values).all()
    assert spread(found).max() > 0


def test_beyond_what_can_be_fitted_nothing_is_spent(monkeypatch):
    monkeypatch.setattr("pellucid.games.joint.MOST_PAIRS", 50)
    game = Counted(smooth(10))
    found = interactions(game, 10, budget=1000)
    assert len(game.asked) == found.calls == 102
    assert "2**10" in found.notes[0]
    assert interactions(smooth(10), 10, budget=1024).estimator == "exact"


def test_more_pairs_than_smoothness_is_told_from(monkeypatch):
    whole = interactions(smooth(10), 10, budget=600)
    monkeypatch.setattr(pellucid.games.surrounding, "JUDGED", 60)
    part = interactions(smooth(10), 10, budget=600)
    exact = interactions(smooth(10), 10)
    for found in (whole, part):
        assert np.linalg.norm(flat(found) - flat(exact)) < 0.05 * np.linalg.norm(flat(exact))


def test_the_record_reads_well():
    game = lambda coalitions: coalitions @ [1.0, 0.0, 0.0] + 3.0 * coalitions[:, 0] * coalitions[:, 1]
    found = interactions(game, 3)
    assert repr(found).splitlines()[0] == "k-SII interactions of up to 2 of 3 players, exact, from 8 coalitions"
    assert "0 x 1" in repr(found).splitlines()[2]
    assert "and" not in repr(interactions(game, 3, order=1)).splitlines()[-1]
    assert found.top(1) == [((0, 1), pytest.approx(3), 0)]
    assert found.order(2).players.tolist() == [[0, 1], [0, 2], [1, 2]]
    assert found.standard_error(0, 1) == 0
    several = interactions(lambda coalitions: np.stack([game(coalitions)] * 2, axis=1), 3)
    assert "output 1" in repr(several)
    with pytest.raises(InputError, match="say which one"):
        several.top(3)
    with pytest.raises(InputError, match="up to 2 players"):
        found.order(3)
    with pytest.raises(InputError, match="different players from 0 to 2"):
        found.of(0, 3)


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"order": 3, "players": 2}, InputError, "interactions of 3 players; the game has 2"),
        ({"order": 0}, InputError, "order must be 1, 2 or 3"),
        ({"order": 4}, InputError, "order must be 1, 2 or 3"),
        ({"index": "ksii"}, InputError, "Did you mean 'k-sii'"),
        ({"estimator": "exakt"}, InputError, "exact"),
        ({"estimator": "exact", "players": 21}, InputError, "20 players are the most"),
        ({"estimator": "exact", "budget": 15}, BudgetError, "exact looks at 16"),
        ({"budget": 3}, BudgetError, "at least 4"),
        ({"budget": 1.5}, InputError, "budget"),
        ({"tolerance": 0}, InputError, "tolerance"),
        ({"seed": -1}, InputError, "seed"),
        ({"players": None}, InputError, "how many players"),
        ({"players": 0}, InputError, "players"),
    ],
)
def test_what_is_refused(given, error, words):
    with pytest.raises(error, match=words):
        interactions(lambda coalitions: coalitions.sum(axis=1), **{"players": 4, **given})


def test_games_that_are_refused():
    with pytest.raises(NonFiniteError, match=r"\[0, 1\]"):
        interactions(lambda coalitions: np.where(coalitions[:, 0], np.nan, 1.0), 2)
    with pytest.raises(InputError, match="too large"):
        interactions(lambda coalitions: np.where(coalitions[:, 0], 1e308, -1e308), 3)


def test_many_players():
    rng = np.random.default_rng(0)
    worth = rng.normal(size=60)
    found = interactions(lambda coalitions: coalitions @ worth + 5.0 * coalitions[:, 3] * coalitions[:, 7], 60, budget=500)
    pairs = found.order(2)
    assert pairs.players[np.abs(pairs.values).argmax()].tolist() == [3, 7]
    np.testing.assert_allclose(flat(found).sum(), found.total - found.base_value)
