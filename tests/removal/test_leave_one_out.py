"""Leave-one-out against the definition."""

import numpy as np
import pytest
import torch

import networks
import pellucid as pl
import slow_removal


def test_each_player_alone_is_removed():
    net, x = networks.cnn().double(), networks.rows(2, 3, 8, 8).double()
    features = pl.Features.grid((3, 8, 8), cell=4)
    e = pl.explain(net, x, target=2, method="leave-one-out", features=features, masker=pl.maskers.Constant(0.2))
    labels = np.broadcast_to(features.labels, (3, 8, 8))
    for sample in range(2):
        whole = slow_removal.value(net.eval(), x[sample], 2)
        for player in range(4):
            present = set(range(4)) - {player}
            rest = slow_removal.coalition_value(net, x[sample].numpy(), labels, present, [0.2], 2)
            np.testing.assert_allclose(e.values[sample, player], whole - rest, rtol=1e-9, atol=1e-12)


def test_two_copies_of_one_signal_hide_each_other():
    class Either(torch.nn.Module):
        def forward(self, x):
            return torch.maximum(x[:, :1], x[:, 1:2])

    e = pl.explain(Either(), torch.tensor([[1.0, 1.0]]), method="leave-one-out")
    np.testing.assert_array_equal(e.values, 0)


def test_background_rows_are_averaged_over_and_counted():
    net = networks.Counting(networks.mlp())
    rows = networks.rows(7, 6).numpy()
    e = pl.explain(net, networks.rows(2, 6), target=0, method="leave-one-out", masker=pl.maskers.Background(rows))
    assert sum(net.rows) == 2 * (1 + 6 * 7)
    slow = networks.mlp().double()
    x = networks.rows(2, 6).double().numpy()
    for player in range(6):
        rest = slow_removal.coalition_value(slow, x[0], np.arange(6), set(range(6)) - {player}, rows.astype(float), 0)
        np.testing.assert_allclose(e.values[0, player], slow_removal.value(slow, x[0], 0) - rest, rtol=1e-4, atol=1e-6)


def test_the_budget_is_asked_first():
    with pytest.raises(pl.BudgetError, match="at least 7"):
        pl.explain(networks.mlp(), networks.rows(2, 6), method="leave-one-out", budget=6)
