"""Accuracy where numbers are summed before they are judged: embedded ids, and means over baselines."""

import numpy as np
import pytest
import torch
from torch import nn

import networks
import pellucid as pl


class Words(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.table = nn.Embedding(50, 32)
        self.net = nn.Sequential(nn.Linear(6 * 32, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 2))

    def forward(self, ids):
        return self.net(self.table(ids).flatten(1))


@pytest.fixture(scope="module")
def words():
    generator = torch.Generator().manual_seed(0)
    return Words().double(), torch.randint(50, (100, 6), generator=generator)


@pytest.mark.parametrize("tolerance", [0.05, 0.01])
def test_the_map_over_ids_is_as_accurate_as_it_says(words, tolerance):
    net, ids = words
    vectors, mean = net.table(ids).detach(), net.table.weight.detach().mean(0)
    delta = vectors - mean
    nodes = (torch.arange(2000, dtype=torch.float64) + 0.5) / 2000
    reference = []
    for d in delta:
        points = (mean + nodes[:, None, None] * d).requires_grad_()
        (g,) = torch.autograd.grad(net.net(points.flatten(1))[:, 1].sum(), points)
        reference.append((d * g.mean(0)).sum(-1).numpy())
    reference = np.stack(reference)
    e = pl.explain(net, ids, target=1, tolerance=tolerance)
    true = np.linalg.norm(e.values - reference, axis=1) / np.linalg.norm(reference, axis=1)
    assert (e.error <= tolerance).all()
    assert np.mean(true <= tolerance) >= 0.95


def test_standard_errors_over_ids_are_those_of_the_sums(words):
    net, ids = words
    runs = [pl.explain(net, ids[:5], target=1, method="smoothgrad", samples=16, seed=seed) for seed in range(60)]
    empirical = np.std([e.values for e in runs], axis=0, ddof=1)
    said = np.sqrt(np.mean([e.standard_errors**2 for e in runs], axis=0))
    assert np.median(said / empirical) == pytest.approx(1, rel=0.15)


def test_magnitudes_over_ids_are_magnitudes_of_what_is_signed(words):
    net, ids = words
    signed = pl.explain(net, ids[:5], target=1, method="saliency")
    np.testing.assert_allclose(pl.explain(net, ids[:5], target=1, method="saliency", absolute=True).values, np.abs(signed.values))


@pytest.mark.parametrize("tolerance", [0.05, 0.01])
def test_the_mean_over_baselines_is_as_accurate_as_it_says_and_not_much_more(tolerance):
    net, x = networks.breast_cancer()
    bases = x[200:220].numpy()
    reference = pl.explain(net, x[:40], target=0, baseline=bases, steps=1500).values
    e = pl.explain(net, x[:40], target=0, baseline=bases, tolerance=tolerance)
    true = np.linalg.norm(e.values - reference, axis=1) / np.linalg.norm(reference, axis=1)
    assert not e.evidence
    assert np.mean(true <= tolerance) >= 0.95
    assert np.median(e.error / true) < 8
