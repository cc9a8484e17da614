"""The same games give the same exact values in shap and in shapiq."""

import itertools

import numpy as np
import pytest
import torch

import networks
import pellucid as pl

pytestmark = pytest.mark.filterwarnings("ignore")  # the peers' own


def random_game(players, outputs=None, seed=0):
    table = np.random.default_rng(seed).normal(size=(1 << players, *(() if outputs is None else (outputs,))))
    return lambda coalitions: table[np.atleast_2d(coalitions).astype(bool) @ (1 << np.arange(players))]


def test_shap_exact_on_a_model_with_background_rows():
    import shap

    net, x, rows = networks.mlp(7).double(), networks.rows(3, 7).double(), networks.rows(5, 7).double().numpy() - 0.4

    def model(batch):
        with torch.no_grad():
            return net(torch.tensor(batch)).numpy()

    theirs = shap.ExactExplainer(model, shap.maskers.Independent(rows))(x.numpy())
    ours = pl.explain(net, x, targets=[0, 1, 2], method="shapley", masker=pl.maskers.Background(rows))
    for target, e in enumerate(ours):
        np.testing.assert_allclose(e.values, theirs.values[:, :, target], rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(e.base_value, theirs.base_values[:, target], rtol=1e-9)


@pytest.mark.parametrize("players", [3, 6, 9])
def test_shapiq_on_bare_games(players):
    import shapiq

    game = random_game(players, seed=players)
    exact = shapiq.ExactComputer(game, n_players=players)
    theirs = exact("SV", order=1)
    ours = pl.shapley(game, players, estimator="exact").values
    np.testing.assert_allclose(ours, [theirs[(player,)] for player in range(players)], rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("index", ["k-SII", "SII", "STII"])
@pytest.mark.parametrize("order", [2, 3])
def test_shapiq_interactions(index, order):
    import shapiq

    players, game = 6, random_game(6, seed=order)
    theirs = shapiq.ExactComputer(game, n_players=players)(index, order=order)
    ours = pl.interactions(game, players, order=order, index=index.lower())
    for size in range(1, order + 1):
        for members in itertools.combinations(range(players), size):
            np.testing.assert_allclose(ours.of(*members), theirs[members], rtol=1e-8, atol=1e-10)
