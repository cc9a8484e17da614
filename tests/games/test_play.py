"""What every estimator of Shapley values keeps to: budget, seed, tolerance, sums, words."""

import tracemalloc

import numpy as np
import pytest

from pellucid.core.errors import BudgetError, CapabilityError, InputError, NonFiniteError
from pellucid.games.estimators import ESTIMATORS, estimator
from pellucid.games.estimators.owen import Owen
from pellucid.games.estimators.regression_msr import RegressionMSR
from pellucid.games.play import play
from pellucid.games.shapley import shapley

NAMES = sorted(ESTIMATORS)
FAST = [name for name in NAMES if name != "regression-msr"]
SAMPLED = [name for name in FAST if name != "exact"]


class Counted:
    """Samples of a smooth game with interactions; says which coalitions were asked of which sample."""

    def __init__(self, players=12, samples=3, outputs=2, seed=0):
        rng = np.random.default_rng(seed)
        self.players, self.samples, self.outputs = players, samples, outputs
        self.linear = rng.normal(size=(samples, players, outputs))
        self.mixed = rng.normal(size=(samples, players, outputs)) * 0.5
        self.asked = [[] for _ in range(samples)]

    def __call__(self, coalitions, samples):
        for sample in samples:
            self.asked[sample] += [row.tobytes() for row in coalitions]
        found = np.einsum("np,spo->sno", coalitions, self.linear[samples])
        return found + np.tanh(np.einsum("np,spo->sno", coalitions, self.mixed[samples]))


def budget_of(name, players):
    return 1 << players if name == "exact" else 10 * players


@pytest.mark.parametrize("name", NAMES)
def test_within_budget_never_twice_and_complete(name):
    game = Counted(players=8)
    budget = budget_of(name, 8)
    found = play(game, estimator(name), budget=budget)
    for sample, asked in enumerate(game.asked):
        assert len(asked) == len(set(asked)) == found.calls[sample] <= budget
    assert found.values.shape == found.standard_errors.shape == (3, 2, 8)
    np.testing.assert_allclose(found.values.sum(axis=2), found.total - found.empty, rtol=1e-9, atol=1e-12)
    assert found.error.shape == (3, 2)


@pytest.mark.parametrize("name", SAMPLED)
def test_odd_budgets_and_the_least_one(name):
    for players in (2, 3, 4, 7):
        least = min(estimator(name).least(players), 1 << players)
        for budget in (least, least + 1, least + 2, 3 * players + 1):
            if budget >= least:
                game = Counted(players=players)
                found = play(game, estimator(name), budget=budget)
                assert (found.calls <= budget).all()
                assert np.isfinite(found.values).all()
                np.testing.assert_allclose(found.values.sum(axis=2), found.total - found.empty, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ["auto", "kernel", "leverage", "gaussian-process", "odd-regression"])
def test_too_few_pairs_say_what_is_missing(name):
    found = play(Counted(), estimator(name), budget=12)
    assert np.isinf(found.standard_errors).all()
    assert np.isinf(found.error).all()
    (note,) = [note for note in found.notes if "missing" in note]
    assert "6 of 11 directions are missing" in note
    assert "24 coalitions" in note


@pytest.mark.parametrize("name", FAST)
@pytest.mark.parametrize("players", [1, 2])
def test_few_players(name, players):
    game = Counted(players=players)
    found = play(game, estimator(name), budget=4)
    np.testing.assert_allclose(found.values.sum(axis=2), found.total - found.empty, atol=1e-12)
    assert not found.standard_errors.any()
    assert (found.calls == 1 << players).all()


@pytest.mark.parametrize("name", SAMPLED)
@pytest.mark.parametrize("tolerance", [None, 0.01])
def test_a_constant_game(name, tolerance):
    found = shapley(lambda rows: np.full(len(rows), 0.3), 15, estimator=name, budget=400, tolerance=tolerance)
    np.testing.assert_allclose(found.values, 0, atol=1e-12)
    assert found.error == 0
    assert found.calls < 160 or tolerance is None


@pytest.mark.parametrize("name", FAST)
def test_same_seed_same_bytes_and_the_global_state_untouched(name):
    budget = budget_of(name, 9)
    np.random.seed(3)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    one, two, other = (play(Counted(players=9), estimator(name), budget=budget, seed=seed) for seed in (4, 4, 5))
    assert one.values.tobytes() == two.values.tobytes()
    assert one.standard_errors.tobytes() == two.standard_errors.tobytes()
    assert name in ("exact", "owen") or one.values.tobytes() != other.values.tobytes()
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002


@pytest.mark.parametrize("name", FAST)
def test_a_sample_alone_equals_itself_among_others(name):
    game = Counted(players=9)
    found = play(game, estimator(name), budget=budget_of(name, 9))
    alone = Counted(players=9)
    alone.linear, alone.mixed, alone.samples = alone.linear[1:2], alone.mixed[1:2], 1
    single = play(alone, estimator(name), budget=budget_of(name, 9))
    np.testing.assert_allclose(single.values[0], found.values[1], rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(single.standard_errors[0], found.standard_errors[1], rtol=1e-5, atol=1e-10)


@pytest.mark.parametrize("name", ["exact", "permutation"])
def test_a_player_who_changes_nothing_gets_exactly_nothing(name):
    rng = np.random.default_rng(0)
    table = rng.normal(size=256)
    found = shapley(lambda rows: table[rows[:, :8] @ (1 << np.arange(8))], 9, estimator=name, budget=512)
    assert found.values[8] == 0
    assert found.values[:8].all()


@pytest.mark.parametrize("name", SAMPLED)
def test_a_player_who_changes_nothing_is_within_the_error(name):
    game = Counted(players=13, samples=8)
    game.linear[:, 5] = game.mixed[:, 5] = 0
    found = play(game, estimator(name), budget=200)
    assert (np.abs(found.values[..., 5]) <= 4.5 * found.standard_errors[..., 5] + 1e-12).all()


def test_symmetric_players_get_the_same():
    found = shapley(lambda rows: (rows[:, 0].astype(float) + rows[:, 1] + 2 * rows[:, 2]) ** 2, 3)
    np.testing.assert_allclose(found.values[0], found.values[1], rtol=1e-14)


@pytest.mark.parametrize("name", ["exact", "permutation", "kernel", "leverage"])
def test_linear_in_the_game(name):
    one, two = Counted(players=9, samples=1, outputs=1, seed=1), Counted(players=9, samples=1, outputs=1, seed=2)
    nobody = np.arange(1)

    def values(game):
        return shapley(game, 9, estimator=name, budget=budget_of(name, 9)).values

    both = values(lambda rows: 2 * one(rows, nobody)[0, :, 0] - two(rows, nobody)[0, :, 0])
    parts = 2 * values(lambda rows: one(rows, nobody)[0, :, 0]) - values(lambda rows: two(rows, nobody)[0, :, 0])
    np.testing.assert_allclose(both, parts, atol=1e-10)


@pytest.mark.parametrize("name", ["auto", "permutation", "leverage", "odd-regression"])
def test_a_scaled_game_has_scaled_values(name):
    game = Counted(players=10, samples=1, outputs=1)
    once, thousand = (
        shapley(lambda rows, by=by: by * game(rows, np.arange(1))[0, :, 0] + 7, 10, estimator=name, budget=150) for by in (1, 1e3)
    )
    np.testing.assert_allclose(thousand.values, 1e3 * once.values, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(thousand.standard_errors, 1e3 * once.standard_errors, rtol=1e-4, atol=1e-6)


def test_tolerance_stops_samples_one_by_one():
    game = Counted(players=16, samples=4)
    game.mixed[0] *= 1e-3
    game.mixed[1] *= 4
    found = play(game, estimator("auto"), budget=20_000, tolerance=0.01)
    truth = play(game, estimator("exact"), budget=1 << 16)
    assert (found.error <= 0.01).all()
    miss = np.linalg.norm(found.values - truth.values, axis=2) / np.linalg.norm(truth.values, axis=2)
    assert (miss <= 0.02).all()
    assert found.calls[0] < found.calls[1] < 20_000
    loose = play(game, estimator("auto"), budget=20_000, tolerance=0.2)
    assert (loose.calls <= found.calls).all()


def test_the_budget_prevails_over_the_tolerance():
    found = play(Counted(players=16), estimator("permutation"), budget=200, tolerance=1e-9)
    assert (found.calls <= 200).all()
    assert (found.error > 1e-9).all()


def test_a_watch_ends_the_play():
    told = []

    def watch(calls):
        told.append(calls)
        return len(told) == 3

    found = play(Counted(), estimator("auto"), budget=400, watch=watch)
    assert told == sorted(told)
    assert (found.calls == told[-1]).all()
    assert told[-1] < 400
    np.testing.assert_allclose(found.values.sum(axis=2), found.total - found.empty, rtol=1e-9)


def test_many_pairs_correct_what_was_fitted_to_the_first(monkeypatch):
    from pellucid.games.estimators import gaussian_process

    game = Counted(players=13, samples=3)
    truth = play(game, estimator("exact"), budget=1 << 13).values
    whole = play(game, estimator("auto"), budget=1200)
    monkeypatch.setattr(gaussian_process, "LEARNT", 100)
    refitted = play(game, estimator("auto"), budget=1200)
    monkeypatch.setattr(gaussian_process, "FITTED", 200)
    corrected = play(game, estimator("auto"), budget=1200)
    for found in (whole, refitted, corrected):
        miss = np.abs(found.values - truth)
        assert (miss <= 5 * found.standard_errors + 1e-9).all()
        np.testing.assert_allclose(found.values.sum(axis=2), found.total - found.empty, rtol=1e-9)
    assert any("was added" in note for note in corrected.notes)


@pytest.mark.parametrize(("name", "budget", "room"), [("permutation", 100_000, 150e6), ("leverage", 20_000, 250e6)])
def test_a_thousand_players_in_bounded_memory(name, budget, room):
    """A hundred thousand coalitions would be 100 MB as booleans and 800 MB as floats."""
    truth = np.random.default_rng(0).normal(size=1000)

    def game(rows):
        assert len(rows) <= 1 << 13
        return rows.astype(np.float32) @ truth.astype(np.float32)

    tracemalloc.start()
    found = shapley(game, 1000, estimator=name, budget=budget)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 0.97 * budget <= found.calls <= budget
    assert peak < room
    np.testing.assert_allclose(found.values, truth, atol=1e-3)


@pytest.mark.parametrize("name", ["auto", "kernel", "leverage", "permutation"])
def test_more_players_than_a_float_can_count_coalitions_of(name):
    truth = np.random.default_rng(0).normal(size=1100)
    found = shapley(lambda rows: rows @ truth, 1100, estimator=name, budget=2400)
    np.testing.assert_allclose(found.values, truth, atol=1e-6)


def test_auto_says_why():
    few = play(Counted(players=20), estimator("auto"), budget=30)
    some = play(Counted(players=20), estimator("auto"), budget=300)
    every = play(Counted(players=6), estimator("auto"), budget=300)
    many = shapley(lambda rows: rows.sum(axis=1), 5000, budget=20_000)
    assert "plain regression" in few.notes[0]
    assert "Gaussian process" in some.notes[0]
    assert "149 pairs" in some.notes[0]
    assert "exact" in every.notes[0]
    assert "orders" in many.notes[0]


def test_the_record_reads_well():
    shown = repr(shapley(lambda rows: rows @ np.arange(12.0), 12, budget=100))
    assert "12 players by auto from 100 coalitions" in shown
    assert "player 11   +11 ±" in shown
    assert "and 2 smaller ones" in shown


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        ({"estimator": "kernal"}, InputError, "Did you mean 'kernel'"),
        ({"estimator": 3}, InputError, "name"),
        ({"estimator": "permutation", "budget": 10}, BudgetError, "at least 16 coalitions"),
        ({"estimator": "exact", "budget": 100}, BudgetError, "256"),
        ({"estimator": "exact", "players": 30}, InputError, "20 players are the most"),
        ({"budget": 0}, InputError, "budget"),
        ({"budget": 2.5}, InputError, "budget"),
        ({"tolerance": 0}, InputError, "tolerance"),
        ({"seed": -1}, InputError, "seed"),
        ({"players": 0}, InputError, "players"),
        ({"players": None}, InputError, "how many players"),
        ({"estimator": Owen([[0, 1], [2, 3, 3]])}, InputError, "twice: 3"),
        ({"estimator": Owen([0, 9])}, InputError, "no such player: 9"),
    ],
)
def test_refused_in_words(change, kind, words):
    with pytest.raises(kind, match=words):
        shapley(lambda rows: rows.sum(axis=1), **{"players": 8, **change})


def test_bad_games_are_refused():
    with pytest.raises(NonFiniteError, match=r"\[0, 1, 2, 3, 4\]"):
        shapley(lambda rows: np.where(rows.all(axis=1), np.nan, 1), 5)
    with pytest.raises(InputError, match="one number"):
        shapley(lambda rows: rows.sum(), 5)
    with pytest.raises(InputError, match="player numbers"):
        Owen("ab")


def test_any_proxy_that_knows_its_values():
    class Mean:
        def fit(self, rows, values):
            self.weights = np.linalg.lstsq(rows - 0.5, values, rcond=None)[0]
            return self

        def predict(self, rows):
            return (rows - 0.5) @ self.weights

        def shapley(self, players):
            return self.weights

    game = Counted(players=10)
    found = play(game, RegressionMSR(Mean()), budget=200)
    truth = play(game, estimator("exact"), budget=1024).values
    assert (np.abs(found.values - truth) <= 5 * found.standard_errors).all()

    class Silent:
        fit = Mean.fit
        predict = Mean.predict

    with pytest.raises(CapabilityError, match="Silent"):
        play(game, RegressionMSR(Silent()), budget=200)
