"""Interactions and Banzhaf values of models: against the definitions, on inputs of all lengths, and what they sum to."""

import numpy as np
import pytest
import torch

import networks
import pellucid as pl
import slow_games
import slow_interactions
from pellucid.attribution.removal.banzhaf import Banzhaf
from pellucid.attribution.removal.shapley_interactions import ShapleyInteractions


def masked_game(net, row, target):
    def game(coalitions):
        with torch.no_grad():
            return net(torch.as_tensor(coalitions) * row)[:, target].numpy()

    return game


@pytest.fixture
def net_and_rows():
    return networks.mlp(activation=torch.nn.Tanh).double(), networks.rows(3, 6).double()


@pytest.mark.parametrize("index", ["k-sii", "sii", "stii", "fsii", "banzhaf"])
@pytest.mark.parametrize("order", [2, 3])
def test_against_the_definition(net_and_rows, index, order):
    net, x = net_and_rows
    both = pl.explain(net, x, targets=[0, 1], method=ShapleyInteractions(order=order, index=index))
    pairs, triples = [(i, j) for i in range(6) for j in range(i + 1, 6)], 20
    for target, e in enumerate(both):
        assert e.over == "interactions"
        assert e.values.shape == e.standard_errors.shape == (3, 6, 6)
        for sample in range(3):
            game = masked_game(net, x[sample], target)
            told = slow_interactions.interactions(game, 6, index, order)
            matrix = e.values[sample]
            np.testing.assert_allclose(np.diag(matrix), told[:6], atol=1e-10)
            np.testing.assert_allclose([2 * matrix[pair] for pair in pairs], told[6:21], atol=1e-10)
            np.testing.assert_array_equal(matrix, matrix.T)
            if order == 3:
                assert e.details["triples"].shape == (3, triples, 3)
                assert e.details["triples"][0, 1].tolist() == [0, 1, 3]
                np.testing.assert_allclose(e.details["triple_values"][sample], told[21:], atol=1e-10)
                assert e.details["triple_errors"].shape == (3, triples)
        if index in ("k-sii", "stii", "fsii"):
            whole = e.values.sum(axis=(1, 2)) + (e.details["triple_values"].sum(axis=1) if order == 3 else 0)
            np.testing.assert_allclose(whole, e.value - e.base_value, atol=1e-9)


def test_estimated_within_the_budget():
    net, x = networks.mlp(14).double(), networks.rows(2, 14).double()
    e = pl.explain(net, x, target=0, method=ShapleyInteractions(), budget=300)
    assert e.cost.forward_rows <= 2 * 300
    exact = pl.explain(net, x, target=0, method=ShapleyInteractions(), budget=1 << 14)
    np.testing.assert_allclose(e.values.sum(axis=(1, 2)), e.value - e.base_value, atol=1e-9)
    assert np.linalg.norm(e.values - exact.values) < 0.2 * np.linalg.norm(exact.values)
    assert (np.abs(e.values - exact.values) <= 1.96 * e.standard_errors).mean() > 0.85
    assert not exact.standard_errors.any()


def test_banzhaf_against_the_definition(net_and_rows):
    net, x = net_and_rows
    e = pl.explain(net, x, target=1, method=Banzhaf())
    assert e.over == "players"
    for sample in range(3):
        worth = slow_games.table(masked_game(net, x[sample], 1), 6)
        told = [slow_interactions.banzhaf(worth, 6, (player,)) for player in range(6)]
        np.testing.assert_allclose(e.values[sample], told, atol=1e-10)


def test_texts_of_different_lengths():
    def model(texts):
        return np.array([[2.0 * ("not" in t.split()) * ("good" in t.split()) + ("good" in t.split())] for t in texts])

    texts = ["good", "not good", "it is not so good"]
    e = pl.explain(pl.wrap(model), texts, target=0, method=ShapleyInteractions(order=3))
    assert e.values.shape == (3, 5, 5)
    assert e.values[0, 0, 0] == 1
    assert e.values[1, 0, 1] == e.values[1, 1, 0] == pytest.approx(1)
    assert e.values[2, 2, 4] == pytest.approx(1)
    assert e.details["triples"][1].tolist() == [[-1, -1, -1]] * 10
    np.testing.assert_allclose(e.values.sum(axis=(1, 2)) + e.details["triple_values"].sum(axis=1), e.value - e.base_value)


@pytest.mark.parametrize("given", [{"order": 4}, {"order": 1}, {"index": "sv"}])
def test_what_is_refused(given):
    with pytest.raises(pl.InputError):
        pl.explain(networks.mlp(), networks.rows(2, 6), target=0, method=ShapleyInteractions(**given))
