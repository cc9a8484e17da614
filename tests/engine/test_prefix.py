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


class WritesLater(torch.nn.Module):
    """Reads what a module returned, and lets the next one write into it."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.act = torch.nn.Conv2d(3, 4, 3, padding=1), torch.nn.ReLU(inplace=True)
        self.more, self.out = torch.nn.Conv2d(4, 8, 3, padding=1), torch.nn.Linear(8 * 64, 3)
        self.conv.bias.data.fill_(0.3)

    def forward(self, x):
        hidden = self.conv(x)
        lowest = hidden.amin((1, 2, 3)).clamp(max=0)
        return self.out(self.more(self.act(hidden)).flatten(1)) * (1 + lowest[:, None])


class WritesForSome(WritesLater):
    """Writes into what a module returned, for some samples only."""

    def forward(self, x):
        hidden = self.conv(x)
        some = hidden.amin((1, 2, 3)) < -0.5
        if some.any():
            hidden[some] = 0.9 * hidden[some]
        return self.out(self.more(self.act(hidden)).flatten(1))


class InPlace(Joins):
    """Writes into what a module returned."""

    def forward(self, x):
        return torch.relu_(self.conv(x)).mean((1, 2, 3))[:, None] + super().forward(x)


def test_what_lies_before_the_layer_runs_once_for_each_sample():
    net, x = networks.cnn(), networks.rows(1, 3, 8, 8)
    computed = []

    class Watched(torch.nn.Conv2d):
        def forward(self, given):
            computed.append(len(given))
            return super().forward(given)

    net[0].__class__ = Watched
    e = pl.explain(net, x, target=0, method="ablation-cam", at="4", batch_size=2)
    assert e.cost.forward_rows == 1 + 5
    assert sum(computed) < 1 + 5
    plain = pl.explain(net, x, target=0, method="ablation-cam", at="4", batch_size=1)
    np.testing.assert_allclose(e.values, plain.values, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", [Joins, InPlace, WritesLater, WritesForSome])
def test_whatever_the_model_does_the_numbers_are_those_of_whole_batches(kind):
    net = kind().eval()
    x = torch.stack([torch.zeros(3, 8, 8), 3 * networks.rows(1, 3, 8, 8)[0]])
    before = {name: sorted(vars(m)) for name, m in net.named_modules()}
    options = {"target": 0, "method": "ablation-cam"}
    for at in ("more", pl.Layer("act", 2)) if kind in (Joins, InPlace) else ("more",):
        together, single = (pl.explain(net, x, at=at, batch_size=size, **options) for size in (3, 1))
        np.testing.assert_allclose(together.details["weights"], single.details["weights"], rtol=1e-4, atol=1e-5)
    assert {name: sorted(vars(m)) for name, m in net.named_modules()} == before
