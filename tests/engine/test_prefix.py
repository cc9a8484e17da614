"""Replaced layers: what lies before them is computed for one row of each sample, where the model takes that."""

import numpy as np
import pytest
import torch

import networks
import pellucid as pl


class Joins(torch.nn.Module):
    """Joins the input itself to the output of a layer, and uses one module before and after it."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.act = torch.nn.Conv2d(3, 3, 3, padding=1), torch.nn.Tanh()
        self.more, self.out = torch.nn.Conv2d(3, 4, 3, padding=1), torch.nn.Linear(7 * 64, 3)

    def forward(self, x):
        rows = x.size(0)
        hidden = self.act(self.conv(x))
        return self.out(torch.cat([self.act(self.more(hidden)), x], dim=1).view(rows, -1))


class MixesRows(Joins):
    """Numbers its batches: no two passes give the same, so nothing may be kept."""

    def forward(self, x):
        self.more.extra = getattr(self.more, "extra", 0) + 1
        return super().forward(x) + self.conv(x).sum()


class InPlace(Joins):
    """Writes into what a module returned."""

    def forward(self, x):
        return torch.relu_(self.conv(x)).mean((1, 2, 3))[:, None] + super().forward(x)


def test_what_lies_before_the_layer_runs_once_for_each_sample():
    net, x = networks.cnn(), networks.rows(3, 3, 8, 8)
    computed = []

    class Watched(torch.nn.Conv2d):
        def forward(self, given):
            computed.append(len(given))
            return super().forward(given)

    net[0].__class__ = Watched
    e = pl.explain(net, x, target=0, method="ablation-cam", at="4", batch_size=4)
    assert e.cost.forward_rows == 3 + 3 * 5
    assert sum(computed) < 3 + 3 * 5
    plain = pl.explain(net, x, target=0, method="ablation-cam", at="4", batch_size=1)
    np.testing.assert_allclose(e.values, plain.values, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", [Joins, MixesRows, InPlace])
@pytest.mark.parametrize("at", ["more", pl.Layer("act", 2)])
def test_whatever_the_model_does_the_numbers_are_those_of_whole_batches(kind, at):
    net, x = kind().eval(), networks.rows(2, 3, 8, 8)
    if kind is MixesRows and isinstance(at, pl.Layer):
        pytest.skip("one network that mixes rows is enough")
    options = {"target": 0, "method": "ablation-cam", "at": at}
    before = {name: sorted(vars(m)) for name, m in net.named_modules()}
    together, single = pl.explain(net, x[:1], **options), pl.explain(net, x[:1], batch_size=1, **options)
    if kind is not MixesRows:
        np.testing.assert_allclose(together.values, single.values, rtol=1e-4, atol=1e-6)
        assert {name: sorted(vars(m)) for name, m in net.named_modules()} == before
