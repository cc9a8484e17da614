"""Cases that once went wrong in silence."""

import numpy as np
import pytest
import torch
from torch import nn

import networks
import pellucid as pl
from pellucid.attribution.path import integration


def test_a_budget_is_each_samples_own_also_in_the_next_window(monkeypatch):
    net, x = networks.breast_cancer()
    whole = pl.explain(net, x[:12], target=0, budget=40, tolerance=0.002)
    monkeypatch.setattr(integration, "MEMORY", 1)  # a window for each sample
    alone = pl.explain(net, x[:12], target=0, budget=40, tolerance=0.002)
    np.testing.assert_allclose(alone.error, whole.error, rtol=1e-6)


def test_a_sample_at_its_baseline_is_exact():
    x = networks.rows(8, 6)
    x[3] = 0
    e = pl.explain(networks.mlp(), x, target=0)
    assert e.error[3] == 0
    assert e.residual[3] == 0
    assert not e.evidence or all(3 not in finding.samples for finding in e.evidence if finding.kind == "tolerance-not-reached")


def test_draws_that_missed_the_rare_rows_of_a_background_do_not_claim_to_be_exact():
    net, background = nn.Linear(4, 1, bias=False), torch.zeros(20, 4)
    background[:2] = 10.0
    for seed in range(4):
        e = pl.explain(net, 3 * torch.ones(1, 4), target=0, method="expected-gradients", baseline=background, seed=seed)
        truth = ((3 - background.mean(0)) * net.weight[0]).detach().numpy()
        assert np.linalg.norm(e.values[0] - truth) <= 3 * max(e.error[0], 0.02) * np.linalg.norm(truth)


def test_vargrad_does_not_depend_on_the_units_of_the_target():
    net, x = networks.breast_cancer(torch.nn.Tanh)
    runs = [
        pl.explain(net, x[:3], target=pl.Target(lambda o, s=s: o[:, 0] * s), method="vargrad", sigma=0.2, samples=32)
        for s in (1.0, 1e-7)
    ]
    np.testing.assert_allclose(runs[0].error, runs[1].error, rtol=1e-4)


def test_conductance_where_the_points_themselves_move_is_integrated_gradients():
    net = networks.Tokens().double()
    inputs = (torch.tensor([[3, 4, 5, 6, 7]]), torch.ones(1, 5, dtype=torch.long))
    flow = pl.explain(net, inputs, target=0, method="conductance", at="embedding", tolerance=0.01)
    plain = pl.explain(net, inputs, target=0, tolerance=0.01)
    np.testing.assert_allclose(flow.values.sum(-1), plain.values[0], rtol=0.05, atol=1e-4)


def test_ids_are_not_blurred():
    inputs = (torch.tensor([[3, 4, 5, 6, 7]]), torch.ones(1, 5, dtype=torch.long))
    with pytest.raises(pl.CapabilityError, match="nothing to blur in ids"):
        pl.explain(networks.Tokens(), inputs, target=0, method="blur-ig")


def test_a_feature_map_that_was_pooled_along_one_axis_keeps_its_channels():
    layers = [nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d((8, 1)), nn.Conv2d(8, 8, 3, padding=1), nn.ReLU()]
    net = nn.Sequential(*layers, nn.Flatten(), nn.Linear(4096, 2))
    for at in ("2", "3", "4"):
        e = pl.explain(net, networks.rows(2, 1, 64, 64), target=0, method="grad-cam", at=at, upsample="none")
        assert e.values.shape == (2, 8, 64)


def test_several_targets_of_guided_ig_are_each_differentiated_on_their_own_path_only():
    e = pl.explain(networks.mlp(), networks.rows(2, 6), targets=[0, 1, 2], method="guided-ig", steps=50)[0]
    assert e.cost.backward_rows == 2 * 3 * (50 + 1)


def test_a_plan_for_many_nodes_takes_no_memory_that_the_budget_forbids():
    net = nn.Sequential(nn.Conv2d(3, 1, 32, 32), nn.Flatten(), nn.LazyLinear(2))
    e = pl.explain(net, torch.rand(1, 3, 224, 224), target=0, tolerance=1e-4, budget=8)
    assert e.cost.forward_rows <= 8


def test_too_many_baselines_are_sent_to_sampling():
    net, x = networks.breast_cancer()
    with pytest.raises(pl.InputError, match="expected-gradients"):
        pl.explain(net, x[:1], baseline=torch.randn(600, 30).double())


def test_saliency_behind_ids_needs_no_baseline():
    inputs = (torch.tensor([[3, 4, 5, 6, 7]]), torch.ones(1, 5, dtype=torch.long))
    assert pl.explain(networks.Tokens(), inputs, target=0, method="saliency", at="lstm").values.shape == (1, 5, 7)
