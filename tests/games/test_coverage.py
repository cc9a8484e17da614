"""Intervals of values give or take 1.96 standard errors hold the truth about 95 times in 100."""

import numpy as np
import pytest

from pellucid.games.estimators import estimator
from pellucid.games.play import play

PLAYERS, SEEDS = 12, 40
ROWS = (np.arange(1 << PLAYERS)[:, None] >> np.arange(PLAYERS) & 1).astype(bool)


class Tabled:
    """Games whose values are known for every coalition."""

    players, outputs = PLAYERS, 1

    def __init__(self, tables):
        self.tables, self.samples = tables, len(tables)

    def __call__(self, coalitions, samples):
        return self.tables[samples][:, coalitions @ (1 << np.arange(PLAYERS))][..., None]


def network(seed):
    """A small random network with interactions of all orders."""
    rng = np.random.default_rng(seed)
    hidden = np.maximum(ROWS @ rng.normal(size=(PLAYERS, 24)) + 0.3 * rng.normal(size=24), 0)
    hidden = np.tanh(hidden @ rng.normal(size=(24, 12)) / 5)
    return 1 / (1 + np.exp(-2 * hidden @ rng.normal(size=12)))


def unanimity(seed):
    rng = np.random.default_rng(seed)
    value = np.zeros(len(ROWS))
    for _ in range(60):
        value += rng.normal() * ROWS[:, rng.choice(PLAYERS, rng.integers(1, 6), replace=False)].all(axis=1)
    return value


@pytest.fixture(scope="module", params=[network, unanimity], ids=lambda each: each.__name__)
def played(request):
    game = Tabled(np.stack([request.param(seed) for seed in range(6)]))
    return game, play(game, estimator("exact"), budget=1 << PLAYERS).values


@pytest.mark.parametrize("times", [20, 50])
@pytest.mark.parametrize("name", ["auto", "permutation", "kernel", "leverage", "odd-regression"])
def test_intervals_cover(played, name, times):
    game, truth = played
    inside, squares, said = [], 0.0, 0.0
    for seed in range(SEEDS if name != "odd-regression" else 10):
        found = play(game, estimator(name), budget=times * PLAYERS, seed=seed)
        inside.append(np.abs(found.values - truth) <= 1.96 * found.standard_errors)
        squares += ((found.values - truth) ** 2).sum()
        said += (found.standard_errors**2).sum()
    assert 0.90 <= np.mean(inside) <= 0.98
    assert 0.6 <= said / squares <= 1.6


def test_more_coalitions_and_interactions_help(played):
    """``auto`` is more accurate than plain regression on the same coalitions, and knows it."""
    game, truth = played
    errors = {}
    for name in ("auto", "leverage"):
        found = [play(game, estimator(name), budget=40 * PLAYERS, seed=seed) for seed in range(5)]
        errors[name] = (
            np.mean([((each.values - truth) ** 2).sum() for each in found]),
            np.mean([(each.standard_errors**2).sum() for each in found]),
        )
    assert errors["auto"][0] < errors["leverage"][0] / 1.4
    assert errors["auto"][1] < errors["leverage"][1] / 1.4
