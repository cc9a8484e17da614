"""Path methods beside their slow twins, and the calibration of integrated gradients."""

import numpy as np
import pytest
import torch

import networks
import pellucid as pl
import slow


@pytest.mark.parametrize("activation", [torch.nn.Tanh, torch.nn.GELU])
def test_saliency_is_the_finite_difference(activation):
    net, x = networks.mlp(activation=activation).double(), networks.rows(3, 6)
    e = pl.explain(net, x, target=1, method="saliency")
    for i in range(3):
        np.testing.assert_allclose(e.values[i], slow.gradient(net, x[i], 1), atol=1e-7)


def test_input_x_gradient_multiplies():
    net, x = networks.mlp().double(), networks.rows(3, 6)
    e = pl.explain(net, x, target=2, method="input-x-gradient")
    for i in range(3):
        np.testing.assert_allclose(e.values[i], x[i].numpy() * slow.autograd(net, x[i], 2), rtol=1e-9)


def test_output_gradient_of_cross_entropy_is_softmax_minus_one_hot():
    net, x, y = networks.mlp().double(), networks.rows(4, 6), torch.tensor([0, 2, 1, 1])
    loss = pl.Target(lambda f, labels: torch.nn.functional.cross_entropy(f, labels, reduction="none"), labels=y)
    e = pl.explain(net, x, target=loss, method="output-gradient")
    expected = torch.softmax(net(x.double()), 1).detach().numpy() - np.eye(3)[y]
    np.testing.assert_allclose(e.details["output_gradient"], expected, atol=1e-12)
    for i in range(4):  # the chain: dL/dx is the sum over outputs of dL/df times df/dx
        chained = sum(expected[i, c] * slow.autograd(net, x[i], c) for c in range(3))
        np.testing.assert_allclose(e.values[i], chained, atol=1e-12)


def test_smoothgrad_is_the_mean_over_its_draws():
    from pellucid.arrays import draws

    net, x = networks.mlp().double(), networks.rows(2, 6)
    e = pl.explain(net, x, target=0, method="smoothgrad", samples=11, noise=0.2, seed=5)
    for i in range(2):
        sigma = 0.2 * float(x[i].max() - x[i].min())
        noisy = [x[i].double() + sigma * torch.tensor(draws.normal((6,), 5, "smoothgrad 0", k)).double() for k in range(11)]
        gradients = np.stack([slow.autograd(net, point, 0) for point in noisy])
        np.testing.assert_allclose(e.values[i], gradients.mean(0), rtol=1e-9)
        np.testing.assert_allclose(e.standard_errors[i], gradients.std(0, ddof=1) / np.sqrt(11), rtol=1e-6, atol=1e-12)


def test_smoothgrad_stops_when_its_standard_error_is_small_enough():
    net, x = networks.breast_cancer(torch.nn.Tanh)
    e = pl.explain(net, x[:20], method="smoothgrad", tolerance=0.1, most=4096)
    assert (e.error <= 0.1).all()
    assert e.cost.forward_rows < 20 * 4096 / 4
    reached = np.linalg.norm(e.standard_errors, axis=1) / np.linalg.norm(e.values, axis=1)
    np.testing.assert_allclose(e.error, reached, rtol=1e-6)
    longer = pl.explain(net, x[:20], method="smoothgrad", samples=20_000, seed=77)
    true = np.linalg.norm(e.values - longer.values, axis=1) / np.linalg.norm(longer.values, axis=1)
    assert np.mean(true) == pytest.approx(np.mean(e.error), rel=0.35)


def test_integrated_gradients_of_a_linear_model_is_exact():
    net, x = torch.nn.Linear(5, 2).double(), networks.rows(3, 5).double()
    e = pl.explain(net, x, target=1, method="integrated-gradients", baseline=0.5)
    np.testing.assert_allclose(e.values, (x.numpy() - 0.5) * net.weight[1].detach().numpy(), rtol=1e-9)
    assert e.residual.max() < 1e-12
    assert e.error.max() < 1e-12


def test_fixed_steps_are_exact_for_polynomials():
    class Cubic(torch.nn.Module):
        def forward(self, x):
            return (x**3).sum(1, keepdim=True) + x[:, :1] * x[:, 1:2]

    x = networks.rows(2, 3).double()
    e = pl.explain(Cubic().double(), x.numpy(), method="integrated-gradients", steps=2)
    expected = x.numpy() ** 3
    expected[:, 0] += (x[:, 0] * x[:, 1] / 2).numpy()
    expected[:, 1] += (x[:, 0] * x[:, 1] / 2).numpy()
    np.testing.assert_allclose(e.values, expected, rtol=1e-5)
    assert e.error is None


SETS = {
    "breast cancer, ReLU": lambda: networks.breast_cancer(),
    "breast cancer, tanh": lambda: networks.breast_cancer(torch.nn.Tanh),
    "digits CNN": lambda: networks.digits("cnn"),
    "digits MLP": lambda: networks.digits("mlp"),
}


@pytest.mark.parametrize("name", SETS)
def test_the_map_is_as_accurate_as_it_says(name):
    """The true error, against 8,000 nodes, is below the tolerance for at least 95% of samples."""
    net, x = SETS[name]()
    x = x[:60]
    target = net(x).argmax(1).numpy()
    reference = np.stack([slow.integrated_gradients(net, row, 0 * row, int(t)) for row, t in zip(x, target, strict=True)])
    norms = np.linalg.norm(reference.reshape(60, -1), axis=1)
    for tolerance in (0.1, 0.05, 0.02, 0.01):
        e = pl.explain(net, x, target=target, method="integrated-gradients", tolerance=tolerance)
        true = np.linalg.norm((e.values - reference).reshape(60, -1), axis=1) / norms
        assert (e.error <= tolerance).all()
        assert np.mean(true <= tolerance) >= 0.95, (name, tolerance, np.sort(true)[-6:])
        assert np.median(e.error / np.maximum(true, 1e-12)) < 30, "an estimate this far above the truth wastes rows"


def test_each_sample_costs_what_it_needs():
    net, x = networks.breast_cancer()
    few = pl.explain(net, x[:40], tolerance=0.1).cost.forward_rows
    many = pl.explain(net, x[:40], tolerance=0.005).cost.forward_rows
    assert 40 * 3 <= few < many / 2


def test_several_baselines_are_averaged():
    net, x = networks.breast_cancer()
    bases = x[100:103].numpy()
    together = pl.explain(net, x[:5], target=0, baseline=bases, tolerance=0.001)
    apart = [pl.explain(net, x[:5], target=0, baseline=base, tolerance=0.001) for base in bases]
    expected = np.mean([e.values for e in apart], axis=0)
    assert np.linalg.norm(together.values - expected) <= 0.003 * np.linalg.norm(expected)
    np.testing.assert_allclose(together.base_value, np.mean([e.base_value for e in apart], axis=0), rtol=1e-9)


def test_a_saturated_network_is_flagged_and_integrated_gradients_still_rank_the_true_features():
    """The last layer is scaled until the sigmoid's slope underflows: gradients at the inputs are exactly zero."""
    generator = torch.Generator().manual_seed(0)
    weights = torch.zeros(10)
    weights[:3] = torch.tensor([3.0, -2.0, 1.5])
    net = torch.nn.Sequential(torch.nn.Linear(10, 1), torch.nn.Sigmoid())
    with torch.no_grad():
        net[0].weight.copy_(400 * weights[None])
        net[0].bias.zero_()
    x = torch.randn(64, 10, generator=generator)
    gradients = pl.explain(net, x, method="saliency")
    flagged = {i for finding in gradients.evidence if finding.kind == "vanishing-gradient" for i in finding.samples}
    dead = set(np.flatnonzero(np.abs(gradients.values).max(1) == 0).tolist())
    assert len(dead) > 40
    assert dead <= flagged
    assert all("integrated-gradients" in finding.sentence for finding in gradients.evidence)
    e = pl.explain(net, x, method="integrated-gradients")
    true = (x * weights).numpy()
    for i in dead:
        assert set(np.argsort(-np.abs(e.values[i]))[:3]) == {0, 1, 2}
        assert np.argmax(np.abs(e.values[i])) == np.argmax(np.abs(true[i]))


def test_healthy_networks_are_not_flagged():
    for net, x in (networks.breast_cancer(torch.nn.Tanh), networks.digits("cnn")):
        e = pl.explain(net, x[:100], method="saliency")
        touched = {i for finding in e.evidence for i in finding.samples}
        assert len(touched) <= 5
