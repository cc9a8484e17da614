"""Replaced layers: what lies before them runs once a batch, where the model takes that."""

import numpy as np
import torch

import networks
import pellucid as pl


class Concatenates(torch.nn.Module):
    """Joins the rows of the input to the rows of a layer: it does not broadcast."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.out = torch.nn.Conv2d(3, 4, 3, padding=1), torch.nn.Linear(7 * 64, 3)

    def forward(self, x):
        return self.out(torch.cat([self.conv(x), x], dim=1).flatten(1))


def ablated(net, x):
    """Ablation-CAM's weights with every batch in full: one row a batch is never shortened."""
    options = {"target": 0, "method": "ablation-cam", "at": "conv" if hasattr(net, "conv") else "0"}
    return pl.explain(net, x, **options), pl.explain(net, x, batch_size=1, **options)


def test_rows_before_the_layer_are_saved():
    net = networks.Counting(networks.cnn())
    x = networks.rows(1, 3, 8, 8)
    e = pl.explain(net, x, target=0, method="ablation-cam", at="inner.4", batch_size=2)
    assert sum(net.rows) < e.cost.forward_rows + e.cost.other_rows
    plain = pl.explain(net, x, target=0, method="ablation-cam", at="inner.4", batch_size=1)
    np.testing.assert_allclose(e.values, plain.values, rtol=1e-4, atol=1e-6)


def test_a_model_that_joins_rows_gets_whole_batches():
    whole, single = ablated(Concatenates(), networks.rows(2, 3, 8, 8))
    np.testing.assert_allclose(whole.values, single.values, rtol=1e-4, atol=1e-6)
