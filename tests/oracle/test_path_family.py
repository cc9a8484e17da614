"""The rest of the path engine beside its slow twins, closed forms, and captum-independent facts."""

import numpy as np
import pytest
import torch

import networks
import pellucid as pl
import slow
from pellucid.arrays import quadrature
from pellucid.arrays.blur import Blur


def relative(values, expected):
    return np.linalg.norm(values - expected) / np.linalg.norm(expected)


def smooth_cnn():
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Conv2d(2, 4, 3, padding=1), torch.nn.Tanh(), torch.nn.Flatten(), torch.nn.Linear(4 * 30, 3)
    ).double()


# -- blur-ig


def test_blur_is_diffusion_on_the_grid():
    image = networks.rows(1, 2, 5, 6).double()
    blur = Blur(image, (2, 3))
    for sigma in (0.0, 0.3, 1.0, 4.0, 50.0):
        np.testing.assert_allclose(blur(np.array([0]), np.array([sigma]))[0], slow.diffused(image[0].numpy(), sigma), atol=1e-12)


def test_blur_is_close_to_scipys_gaussian_filter():
    from scipy.ndimage import gaussian_filter
    from skimage import data

    image = data.camera()[:128, :160] / 255
    ours = Blur(torch.tensor(image)[None, None], (2, 3))(np.array([0]), np.array([5.0]))[0, 0].numpy()
    theirs = gaussian_filter(image, 5.0, mode="reflect")
    assert np.abs(ours - theirs).max() < 0.01


@pytest.mark.parametrize("options", [{"tolerance": 0.002}, {"steps": 400}])
def test_blur_ig_is_the_integral_from_blurred_to_sharp(options):
    net, x = smooth_cnn(), networks.rows(2, 2, 5, 6).double()
    e = pl.explain(net, x, target=1, method="blur-ig", sigma=2.0, **options)
    for i in range(2):
        assert relative(e.values[i], slow.blur_ig(net, x[i], 2.0, 1)) < 0.002
    assert e.residual.max() < 0.01
    blurred = np.stack([slow.diffused(row.numpy(), 2.0) for row in x])
    np.testing.assert_allclose(e.base_value, net(torch.tensor(blurred))[:, 1].detach().numpy(), rtol=1e-9)
    assert e.baselines == "the input blurred with sigma 2"


def test_blur_ig_refuses_what_has_no_space():
    with pytest.raises(pl.CapabilityError, match="integrated-gradients with baseline"):
        pl.explain(networks.mlp(), networks.rows(2, 6), method="blur-ig")


def test_blur_ig_of_a_series():
    e = pl.explain(networks.Series(), networks.rows(2, 2, 9), method="blur-ig", tolerance=0.01)
    assert e.values.shape == (2, 2, 9)
    assert (e.error <= 0.01).all()
    assert e.residual.max() < 0.05


# -- conductance and internal influence


@pytest.mark.parametrize("options", [{"tolerance": 0.005}, {"steps": 300}])
def test_conductance_is_the_integral_along_the_layers_own_way(options):
    net, x = networks.mlp(activation=torch.nn.Tanh).double(), networks.rows(3, 6).double()
    e = pl.explain(net, x, target=1, method="conductance", at="1", baseline=0.3, **options)
    assert (e.over, e.layer, e.values.shape) == ("layer", "1", (3, 16))
    base = torch.full((6,), 0.3, dtype=torch.float64)
    for i in range(3):
        assert relative(e.values[i], slow.conductance(net, 1, x[i], base, 1)) < 0.005
    np.testing.assert_allclose(e.values.sum(1), e.value - e.base_value, rtol=0.02)


def test_conductance_at_the_input_is_integrated_gradients():
    class Same(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.start, self.net = torch.nn.Identity(), networks.mlp(activation=torch.nn.Tanh)

        def forward(self, x):
            return self.net(self.start(x))

    net, x = Same().double(), networks.rows(3, 6).double()
    flow = pl.explain(net, x, target=1, method="conductance", at="start", tolerance=0.002)
    plain = pl.explain(net, x, target=1, method="integrated-gradients", tolerance=0.002)
    assert relative(flow.values, plain.values) < 0.004


def test_conductance_says_what_goes_around_the_layer():
    class Skips(torch.nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.inner, self.out = torch.nn.Linear(6, 6), torch.nn.Linear(6, 2)

        def forward(self, x):
            return self.out(x + torch.tanh(self.inner(x)))

    e = pl.explain(Skips().double(), networks.rows(3, 6).double(), target=0, method="conductance", at="inner")
    assert (e.error <= 0.05).all()
    assert e.residual.min() > 0.05


def test_internal_influence_is_the_mean_gradient_at_the_layer():
    net, x = networks.mlp(activation=torch.nn.Tanh).double(), networks.rows(2, 6).double()
    e = pl.explain(net, x, target=1, method="internal-influence", at="1", tolerance=0.002)
    for i in range(2):
        assert relative(e.values[i], slow.internal_influence(net, 1, x[i], torch.zeros(6, dtype=torch.float64), 1)) < 0.002
    assert e.residual is None


@pytest.mark.parametrize("method", ["conductance", "internal-influence"])
def test_layer_readers_ask_for_a_layer_and_list_them(method):
    with pytest.raises(pl.InputError, match=r"name it in at=. The layers of this model: 0, 1, 2, 3, 4\."):
        pl.explain(networks.mlp(), networks.rows(2, 6), method=method)
    with pytest.raises(pl.InputError, match="takes one layer"):
        pl.explain(networks.mlp(), networks.rows(2, 6), method=method, at=["0", "1"])


def test_conductance_of_ids_reads_a_layer_behind_the_embedding():
    net = networks.Tokens().double()
    ids, mask = torch.tensor([[3, 4, 5, 6, 0]]), torch.ones(1, 5, dtype=torch.long)
    e = pl.explain(net, (ids, mask), target=0, method="conductance", at="lstm", tolerance=0.01)
    assert e.values.shape == (1, 5, 7)
    np.testing.assert_allclose(e.values.sum(), e.value[0] - e.base_value[0], rtol=0.03)


def test_conductance_of_a_neuron():
    net, x = networks.mlp(activation=torch.nn.Tanh).double(), networks.rows(2, 6).double()
    e = pl.explain(net, x, target=pl.Neuron("3", 5), method="conductance", at="1", tolerance=0.002)
    twin = networks.mlp(activation=torch.nn.Tanh).double()[:4]
    assert relative(e.values[0], slow.conductance(twin, 1, x[0], torch.zeros(6, dtype=torch.float64), 5)) < 0.004


# -- expected gradients


def test_expected_gradients_are_integrated_gradients_averaged_over_the_background():
    net, x = networks.breast_cancer(torch.nn.Tanh)
    background = x[100:130]
    exact = pl.explain(net, x[:3], target=0, baseline=background, tolerance=0.005)
    e = pl.explain(net, x[:3], target=0, method="expected-gradients", baseline=background, samples=4000)
    assert relative(e.values, exact.values) < 0.05
    deviations = (e.values - exact.values) / e.standard_errors
    assert 0.7 < np.sqrt((deviations**2).mean()) < 1.3, "standard errors are calibrated"
    np.testing.assert_allclose(e.base_value, exact.base_value, rtol=1e-9)


def test_expected_gradients_need_a_background():
    with pytest.raises(pl.InputError, match="give baseline="):
        pl.explain(networks.mlp(), networks.rows(2, 6), method="expected-gradients")


def test_expected_gradients_use_background_rows_whole():
    """Two leaves that are always equal in the background: no point that is evaluated tears them apart by more than the sample."""
    seen = []

    class Watches(torch.nn.Module):
        def forward(self, a, b):
            seen.append((a - b).detach())
            return (a * b).sum(1, keepdim=True)

    rows = networks.rows(20, 3).double()
    x = networks.rows(2, 3, seed=1).double()
    pl.explain(Watches().double(), (x, x), method="expected-gradients", baseline=(rows, rows), samples=8)
    assert max(float(gap.abs().max()) for gap in seen) < 1e-12


def test_expected_gradients_of_ids_visit_real_ids_only():
    net = networks.Tokens().double()
    ids, mask = torch.tensor([[3, 4, 5, 6, 7], [8, 9, 1, 2, 3]]), torch.ones(2, 5, dtype=torch.long)
    background = np.random.default_rng(0).integers(1, 20, (12, 5))
    e = pl.explain(net, (ids, mask), target=0, method="expected-gradients", baseline={"0": background}, samples=2000)
    exact = pl.explain(net, (ids, mask), target=0, baseline={"0": background}, tolerance=0.01)
    assert e.values[0].shape == (2, 5)
    assert relative(e.values[0], exact.values[0]) < 0.1


def test_labels_stay_those_of_the_sample():
    net, x = networks.breast_cancer(torch.nn.Tanh)
    loss = lambda out, y: torch.nn.functional.cross_entropy(out, y, reduction="none")
    labels = torch.tensor([0, 1, 1])
    together = pl.explain(
        net, x[:3], target=pl.Target(loss, labels=labels), method="expected-gradients", baseline=x[50:60], samples=16
    )
    for i in range(3):
        alone = pl.explain(
            net,
            x[i : i + 1],
            target=pl.Target(loss, labels=labels[i : i + 1]),
            method="expected-gradients",
            baseline=x[50:60],
            samples=16,
        )
        np.testing.assert_allclose(alone.values[0], together.values[i], rtol=1e-7)


# -- smoothgrad-squared and vargrad


@pytest.mark.parametrize("method", ["smoothgrad", "smoothgrad-squared", "vargrad"])
def test_noise_methods_against_the_closed_form(method):
    """f = sum of x^3 / 3: the gradient at x + s z is (x + s z)^2, whose moments are known."""

    class Cubic(torch.nn.Module):
        def forward(self, x):
            return (x**3 / 3).sum(1, keepdim=True)

    x, s = networks.rows(3, 5).double(), 0.3
    e = pl.explain(Cubic().double(), x, method=method, sigma=s, samples=6000)
    m = x.numpy()
    mean, variance = m**2 + s**2, 4 * m**2 * s**2 + 2 * s**4
    truth = {"smoothgrad": mean, "smoothgrad-squared": variance + mean**2, "vargrad": variance}[method]
    scaled = (e.values - truth) / e.standard_errors
    assert np.abs(scaled).max() < 4.5
    assert 0.5 < np.sqrt((scaled**2).mean()) < 1.6
    assert e.error.max() < 0.1


@pytest.mark.parametrize("method", ["smoothgrad-squared", "vargrad", "expected-gradients"])
def test_standard_errors_are_calibrated(method):
    """Over many seeds, the scatter of the values is what a single run says of itself."""
    net, x = networks.breast_cancer(torch.nn.Tanh)
    options = {"baseline": x[100:140]} if method == "expected-gradients" else {"sigma": 0.2}
    runs = [pl.explain(net, x[:4], target=0, method=method, samples=64, seed=seed, **options) for seed in range(40)]
    scatter = np.stack([run.values for run in runs]).std(axis=0, ddof=1)
    said = np.sqrt(np.mean([run.standard_errors**2 for run in runs], axis=0))
    assert 0.8 < np.median(said / scatter) < 1.25


def test_smoothgrad_squared_stops_when_it_is_accurate():
    net, x = networks.breast_cancer(torch.nn.Tanh)
    e = pl.explain(net, x[:6], target=0, method="smoothgrad-squared", sigma=0.05, tolerance=0.1)
    assert (e.error <= 0.1).all()
    assert e.cost.forward_rows < 6 * 200


def test_ids_are_summed_before_they_are_squared():
    net = networks.Tokens().double()
    ids, mask = torch.tensor([[3, 4, 5, 6, 7]]), torch.ones(1, 5, dtype=torch.long)
    options = {"target": 0, "sigma": 1e-6, "samples": 4}
    plain = pl.explain(net, (ids, mask), method="smoothgrad", **options)
    squared = pl.explain(net, (ids, mask), method="smoothgrad-squared", **options)
    np.testing.assert_allclose(squared.values[0], plain.values[0] ** 2, rtol=1e-4)


# -- guided-ig


@pytest.mark.parametrize("fraction", [0.1, 0.25, 1.0])
def test_guided_ig_follows_the_path_of_its_twin(fraction):
    net, x = networks.mlp(activation=torch.nn.Tanh).double(), networks.rows(2, 6).double()
    e = pl.explain(net, x, target=1, method="guided-ig", steps=40, fraction=fraction, distance=0.1, baseline=0.2)
    for i in range(2):
        twin = slow.guided_ig(net, x[i].numpy(), np.full(6, 0.2), 1, 40, fraction, 0.1)
        np.testing.assert_allclose(e.values[i], twin, rtol=1e-6, atol=1e-9)


def test_guided_ig_is_complete_with_many_steps_and_several_targets_have_their_own_paths():
    net, x = networks.mlp(activation=torch.nn.Tanh).double(), networks.rows(2, 6).double()
    both = pl.explain(net, x, targets=[0, 1], method="guided-ig", steps=2000)
    for e in both:
        assert e.residual.max() < 0.01
    alone = pl.explain(net, x, target=1, method="guided-ig", steps=2000)
    np.testing.assert_allclose(both[1].values, alone.values, rtol=1e-9)


def test_guided_ig_averages_over_baselines_and_takes_what_the_budget_holds():
    net, x = networks.mlp(activation=torch.nn.Tanh).double(), networks.rows(2, 6).double()
    bases = networks.rows(3, 6, seed=4).double()
    together = pl.explain(net, x, target=0, method="guided-ig", steps=30, baseline=bases)
    apart = [pl.explain(net, x, target=0, method="guided-ig", steps=30, baseline=base) for base in bases]
    np.testing.assert_allclose(together.values, np.mean([e.values for e in apart], axis=0), rtol=1e-9)
    e = pl.explain(net, x, target=0, method="guided-ig", budget=20)
    assert e.cost.forward_rows == 2 * 19
    with pytest.raises(pl.BudgetError):
        pl.explain(net, x, target=0, method="guided-ig", steps=30, budget=20)


# -- integrated hessians


def test_gauss_rule_for_the_logarithm():
    for steps in (2, 5, 40):
        nodes, weights = quadrature.gauss_log(steps)
        for degree in range(2 * steps):
            assert (weights * nodes**degree).sum() == pytest.approx(1 / (degree + 1) ** 2, rel=1e-10)


def test_integrated_hessians_of_products_in_closed_form():
    """f = x0 x1 x2 from 0: the interaction of x0 with x1 is 2 x0 x1 x2 times the integral of -log(t) t^2, that is 2/9."""

    class Product(torch.nn.Module):
        def forward(self, x):
            return x.prod(1, keepdim=True) + 3 * x[:, :1]

    x = torch.tensor([[2.0, 3.0, -1.0], [0.5, 1.0, 4.0]], dtype=torch.float64)
    e = pl.explain(Product().double(), x, method="integrated-hessians", feature=0, steps=4)
    product, first = x.prod(1).numpy(), x[:, 0].numpy()
    np.testing.assert_allclose(e.values[:, 1], product / 9, rtol=1e-9)
    np.testing.assert_allclose(e.values[:, 2], product / 9, rtol=1e-9)
    np.testing.assert_allclose(e.values[:, 0], product / 9 + 3 * first, rtol=1e-9)
    np.testing.assert_allclose(e.details["integrated_gradient"], product / 3 + 3 * first, rtol=1e-9)
    assert not [f for f in e.evidence if f.kind == "not-smooth"]


def test_integrated_hessians_are_those_of_the_double_integral():
    net, x = networks.mlp(inputs=3, activation=torch.nn.Tanh).double(), networks.rows(1, 3).double()
    e = pl.explain(net, x, target=1, method="integrated-hessians", feature=2, baseline=0.1, steps=48)
    twin = slow.integrated_hessian(net, x[0], torch.full((3,), 0.1, dtype=torch.float64), 2, 1, nodes=60)
    assert relative(e.values[0], twin) < 2e-3


def test_integrated_hessians_are_symmetric_and_complete():
    net, x = networks.breast_cancer(torch.nn.Tanh)
    x = x[:2]
    rows = [pl.explain(net, x, target=0, method="integrated-hessians", feature=i, steps=64) for i in (0, 7, 21)]
    for i, e in zip((0, 7, 21), rows, strict=True):
        for j, other in zip((0, 7, 21), rows, strict=True):
            np.testing.assert_allclose(e.values[:, j], other.values[:, i], rtol=1e-4, atol=1e-6)
    plain = pl.explain(net, x, target=0, steps=200)
    for i, e in zip((0, 7, 21), rows, strict=True):
        np.testing.assert_allclose(e.values.sum(1), plain.values[:, i], rtol=1e-3, atol=1e-5)


def test_integrated_hessians_of_a_group_are_the_sum_over_its_members():
    net, x = networks.mlp(activation=torch.nn.Tanh).double(), networks.rows(2, 6).double()
    mask = np.array([True, False, True, False, False, False])
    group = pl.explain(net, x, target=0, method="integrated-hessians", feature=mask)
    members = [pl.explain(net, x, target=0, method="integrated-hessians", feature=i) for i in (0, 2)]
    np.testing.assert_allclose(group.values, sum(e.values for e in members), rtol=1e-7, atol=1e-10)


def test_kinks_are_called_out():
    net, x = networks.breast_cancer()
    e = pl.explain(net, x[:5], target=0, method="integrated-hessians")
    found = [f for f in e.evidence if f.kind == "not-smooth"]
    assert found
    assert "Shapley" in found[0].sentence


def test_the_feature_is_checked_in_words():
    net, x = networks.mlp(activation=torch.nn.Tanh), networks.rows(2, 6)
    for wrong in (6, (1, 2), np.ones(5, bool), "age", 1.5):
        with pytest.raises(pl.InputError, match="feature="):
            pl.explain(net, x, method="integrated-hessians", feature=wrong)


def test_integrated_hessians_of_ids():
    net = networks.Tokens().double()
    ids, mask = torch.tensor([[3, 4, 5, 6, 7]]), torch.ones(1, 5, dtype=torch.long)
    e = pl.explain(net, (ids, mask), target=0, method="integrated-hessians", feature=1, steps=64)
    plain = pl.explain(net, (ids, mask), target=0, steps=200)
    np.testing.assert_allclose(e.values[0].sum(1), plain.values[0][:, 1], rtol=1e-3)
