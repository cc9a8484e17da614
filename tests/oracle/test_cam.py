"""Class activation maps beside their slow twins, and exact facts about them."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

import networks
import pellucid as pl
import slow
import slow_cam

NETS = {
    "image": (networks.cnn, (3, 8, 8), 4),
    "image, before the activation": (networks.cnn, (3, 8, 8), 1),
    "image, not square": (lambda: nn.Sequential(*networks.cnn(pooled=True), nn.Tanh()), (3, 6, 9), 5),
    "series": (networks.series, (2, 10), 4),
    "volume": (networks.volume, (2, 4, 6, 5), 5),
}
"""Network, shape of a sample, and the layer that is read."""


def planned(kind):
    make, shape, at = NETS[kind]
    return make().double().eval(), networks.rows(2, *shape).double(), at


def value_of(net, target):
    """The target of one sample, NumPy in and out."""

    def value(x):
        with torch.no_grad():
            return net(torch.tensor(x)[None])[0, target].item()

    return value


@pytest.mark.parametrize("kind", NETS)
@pytest.mark.parametrize("method", slow_cam.TWINS)
def test_maps_are_those_of_the_formula(method, kind):
    net, x, at = planned(kind)
    e = pl.explain(net, x, target=2, method=method, at=str(at))
    assert e.values.shape == (2, *x.shape[2:])
    for i in range(2):
        heat = slow_cam.TWINS[method](*slow.layer_pass(net, at, x[i], 2))
        np.testing.assert_allclose(e.values[i], slow_cam.resized(heat, x.shape[2:]), atol=1e-10)


@pytest.mark.parametrize("method", ["eigen-cam", "eigen-grad-cam"])
def test_centred_directions(method):
    net, x, at = planned("image, before the activation")
    e = pl.explain(net, x, target=2, method=method, at=str(at), center=True, upsample="none")
    for i in range(2):
        heat = slow_cam.TWINS[method](*slow.layer_pass(net, at, x[i], 2), center=True)
        np.testing.assert_allclose(e.values[i], heat, atol=1e-10)
    if method == "eigen-cam":
        np.testing.assert_allclose(e.values.sum((1, 2)), 0, atol=1e-10)


@pytest.mark.parametrize("kind", NETS)
@pytest.mark.parametrize("weights", ["softmax", "increase"])
@pytest.mark.parametrize("memory_format", ["as-is", "channels-last"])
def test_score_cam(kind, weights, memory_format):
    net, x, at = planned(kind)
    e = pl.explain(net, x, target=1, method="score-cam", at=str(at), weights=weights, memory_format=memory_format, batch_size=3)
    for i in range(2):
        activation, _ = slow.layer_pass(net, at, x[i], 1)
        expected = slow_cam.score_weights(value_of(net, 1), x[i].numpy(), activation, weights == "softmax")
        np.testing.assert_allclose(e.details["weights"][i], expected, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(e.values[i], slow_cam.resized(slow_cam.summed(activation, expected), x.shape[2:]), atol=1e-10)


@pytest.mark.parametrize("kind", NETS)
@pytest.mark.parametrize("batch_size", [2, 64])
def test_ablation_cam(kind, batch_size):
    net, x, at = planned(kind)
    e = pl.explain(net, x, target=1, method="ablation-cam", at=str(at), batch_size=batch_size)
    for i in range(2):
        activation, _ = slow.layer_pass(net, at, x[i], 1)
        expected = slow_cam.ablation_weights(value_of(net[at + 1 :], 1), activation, 0)
        np.testing.assert_allclose(e.details["weights"][i], expected, rtol=1e-8, atol=1e-12)
        np.testing.assert_allclose(e.values[i], slow_cam.resized(slow_cam.summed(activation, expected), x.shape[2:]), atol=1e-10)


@pytest.mark.parametrize("kind", ["image", "series", "volume"])
@pytest.mark.parametrize("rescale", ["channel", "layer", "none"])
def test_full_grad(kind, rescale):
    net, x, _ = planned(kind)
    untrained(net)
    e = pl.explain(net, x, target=1, method="full-grad", rescale=rescale)
    for i in range(2):
        heat, residual = slow_cam.full_grad(net, x[i], 1, rescale)
        np.testing.assert_allclose(e.values[i], heat, rtol=1e-8, atol=1e-12)
        assert e.details["completeness_residual"][i] == pytest.approx(residual, abs=1e-9)
    assert (e.details["completeness_residual"] < 1e-10).all()
    assert not e.evidence


def untrained(net):
    """Batch norms with statistics and weights of their own."""
    for module in net.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            for seed, array in enumerate((module.running_mean, module.running_var, module.weight.data, module.bias.data)):
                array.copy_(networks.rows(len(array), seed=seed).abs() + 0.1)


def test_the_layer_is_found_by_running():
    e = pl.explain(networks.cnn(), networks.rows(2, 3, 8, 8), target=0, method="grad-cam")
    assert e.layer == "6"  # dropout after the last pooling still has extent
    assert pl.explain(networks.Series(), networks.rows(2, 2, 9), target=0, method="grad-cam").values.shape == (2, 9)


def test_without_relu_the_map_is_signed_and_without_upsampling_small():
    net, x = networks.cnn(), networks.rows(2, 3, 8, 8)
    signed = pl.explain(net, x, target=0, method="grad-cam", relu=False, upsample="none")
    assert signed.values.shape == (2, 4, 4)
    clipped = pl.explain(net, x, target=0, method="grad-cam", upsample="none")
    np.testing.assert_array_equal(clipped.values, np.maximum(signed.values, 0))
    spread = signed.to_input()
    assert spread.shape == (2, 3, 8, 8)
    np.testing.assert_allclose(spread.sum((1, 2, 3)), signed.values.sum((1, 2)), rtol=1e-5)


# Networks that end in global pooling and one linear layer.


def test_cam_sums_to_the_logit_less_the_bias():
    net, x = networks.cnn(pooled=True).double(), networks.rows(3, 3, 8, 8).double()
    e = pl.explain(net, x, targets=[1, 3], method="cam", upsample="none")
    for explained, target in zip(e, (1, 3), strict=True):
        np.testing.assert_allclose(explained.details["bias"], net[8].bias[target].item())
        np.testing.assert_allclose(explained.values.sum((1, 2)), explained.value - net[8].bias[target].item(), rtol=1e-10)
        for i in range(3):
            twin = slow_cam.cam(*slow.layer_pass(net, 6, x[i], target))
            np.testing.assert_allclose(explained.values[i], twin, atol=1e-12)


@pytest.mark.parametrize("method", ["hires-cam", "grad-cam"])
def test_where_cam_is_defined_these_are_the_same_map(method):
    net, x = networks.cnn(pooled=True).double(), networks.rows(3, 3, 8, 8).double()
    cam = pl.explain(net, x, target=1, method="cam", upsample="none")
    other = pl.explain(net, x, target=1, method=method, upsample="none", relu=False)
    np.testing.assert_allclose(other.values, cam.values, atol=1e-12)


@pytest.mark.parametrize(
    ("head", "why"),
    [
        ((nn.Flatten(), nn.Linear(80, 4)), "positions of a channel count differently"),
        ((nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 4), nn.Softmax(1)), "what follows is not linear"),
        ((nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 8), nn.SiLU(), nn.Linear(8, 4)), "what follows is not linear"),
        ((nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(5, 4)), "positions of a channel count differently"),
    ],
)
def test_cam_refuses_other_networks_and_says_what_works(head, why):
    torch.manual_seed(0)
    with pytest.raises(pl.CapabilityError, match=f"{why}.*hires-cam, grad-cam"):
        pl.explain(nn.Sequential(*networks.cnn()[:7], *head), networks.rows(2, 3, 8, 8), target=1, method="cam", at="6")


def test_cam_knows_rounding_from_what_is_not_linear():
    for dtype in (torch.bfloat16, torch.float32, torch.float64):
        net = networks.cnn(pooled=True).to(dtype)
        e = pl.explain(net, networks.rows(3, 3, 8, 8), target=1, method="cam", upsample="none")
        np.testing.assert_allclose(e.values.sum((1, 2)), e.value - e.details["bias"], rtol=0.1, atol=0.01)


def test_hires_cam_sums_to_the_target_of_a_linear_rest():
    net, x = networks.cnn().double(), networks.rows(3, 3, 8, 8).double()
    e = pl.explain(net, x, target=2, method="hires-cam", relu=False, upsample="none")
    np.testing.assert_allclose(e.values.sum((1, 2)), e.value - net[8].bias[2].item(), rtol=1e-10)


# Facts about single methods.


def test_eigen_cam_of_activations_that_are_not_negative_is_not_negative():
    e = pl.explain(networks.cnn(), networks.rows(3, 3, 8, 8), method="eigen-cam", at="4")
    assert (e.values > -1e-6).all()
    assert e.values.max() > 0
    assert e.cost.backward_rows == 0
    one, other = pl.explain(networks.cnn(), networks.rows(3, 3, 8, 8), method="eigen-cam", targets=[0, 1])
    np.testing.assert_array_equal(one.values, other.values)


def test_the_weights_of_score_cam_sum_to_one_and_constant_channels_cost_nothing():
    net, x = networks.cnn(), networks.rows(3, 3, 8, 8)
    with torch.no_grad():
        net[3].weight[1] = 0
    e = pl.explain(net, x, target=0, method="score-cam", at="3")
    np.testing.assert_allclose(e.details["weights"].sum(1), 1)
    assert (e.details["weights"][:, 1] == 0).all()
    assert e.cost.forward_rows == 3 * (1 + 4)
    with torch.no_grad():
        net[3].weight[:] = 0
    blind = pl.explain(net, x, target=0, method="score-cam", at="3")
    assert (blind.values == 0).all()
    assert blind.cost.forward_rows == 3


def test_a_channel_that_is_not_used_has_no_weight_in_ablation_cam():
    net, x = networks.cnn().double(), networks.rows(3, 3, 8, 8).double()
    with torch.no_grad():
        net[8].weight.reshape(4, 5, 16)[:, 2] = 0
    e = pl.explain(net, x, target=0, method="ablation-cam", at="6")
    assert np.abs(e.details["weights"][:, 2]).max() < 1e-12
    assert np.abs(e.details["weights"]).max() > 1e-3


@pytest.mark.parametrize("method", ["score-cam", "ablation-cam"])
def test_every_row_of_masked_inputs_and_replaced_layers_is_counted(method):
    net = networks.Counting(networks.cnn())
    e = pl.explain(net, networks.rows(2, 3, 8, 8), target=0, method=method, at="inner.1", batch_size=3)
    assert e.cost.forward_rows == 2 * (1 + 6)
    assert sum(net.rows) == e.cost.forward_rows + e.cost.other_rows


def test_what_speaks_for_a_negative_or_zero_target_has_a_positive_weight():
    class Sum(nn.Module):
        def __init__(self, constant):
            super().__init__()
            self.conv, self.constant = nn.Conv2d(2, 2, 1, groups=2, bias=False), constant
            self.conv.weight.data.fill_(1)

        def forward(self, x):
            pooled = self.conv(x).mean((2, 3))
            return pooled[:, :1] - pooled[:, 1:] + self.constant

    x = torch.ones(1, 2, 4, 4)
    for constant, scale in ((-5.0, 5.0), (0.0, 1.0), (5.0, 5.0)):
        e = pl.explain(Sum(constant), x, target=0, method="ablation-cam", relu=False)
        np.testing.assert_allclose(e.details["weights"], [[1 / scale, -1 / scale]], rtol=1e-6)


def test_full_grad_says_when_a_network_is_not_what_it_assumes():
    class Shifted(nn.Sequential):
        def forward(self, x):
            return super().forward(x) + 3

    net, x = Shifted(*networks.cnn()).double(), networks.rows(4, 3, 8, 8).double()
    e = pl.explain(net, x, target=1, method="full-grad")
    (finding,) = e.evidence
    assert finding.kind == "incomplete-decomposition"
    assert finding.samples == (0, 1, 2, 3)
    np.testing.assert_allclose(e.details["completeness_residual"], np.abs(3 / e.value))
    assert finding.numbers["completeness_residual"] == pytest.approx(tuple(e.details["completeness_residual"]))


def test_full_grad_from_a_layer_on_is_full_grad_of_the_rest():
    net, x = networks.cnn().double().eval(), networks.rows(2, 3, 8, 8).double()
    untrained(net)
    e = pl.explain(net, x, target=1, method="full-grad", at="2")
    rest = pl.explain(net[3:], net[:3](x).detach(), target=1, method="full-grad")
    np.testing.assert_allclose(e.values, rest.values, rtol=1e-9)
    assert (e.details["completeness_residual"] < 1e-10).all()


class Joined(nn.Module):
    """Two pictures of different sizes and a row of numbers; ``mask`` says which positions count."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.a, self.b, self.row = nn.Conv2d(2, 4, 3, padding=1), nn.Conv2d(1, 4, 2, 2), nn.Linear(5, 4)
        self.act, self.pool, self.last = nn.ReLU(), nn.Flatten(), nn.Linear(4 * 4 * 6, 3)

    def forward(self, a, b, row, mask=None):
        joined = self.act(self.a(a) + self.b(b) + self.row(row)[:, :, None, None])
        return self.last(self.pool(joined if mask is None else joined * mask[:, None]))


@pytest.mark.parametrize("rescale", ["channel", "layer", "none"])
def test_full_grad_of_several_inputs(rescale):
    net = Joined().double()
    xs = networks.rows(2, 2, 4, 6), networks.rows(2, 1, 8, 12, seed=1), networks.rows(2, 5, seed=2)
    xs = tuple(x.double() for x in xs)
    e = pl.explain(net, xs, target=1, method="full-grad", rescale=rescale, batch_size=1)
    for i in range(2):
        heat, residual = slow_cam.full_grad(net, tuple(x[i] for x in xs), 1, rescale)
        np.testing.assert_allclose(e.values[i], heat, rtol=1e-8, atol=1e-12)
        assert residual < 1e-10
    assert (e.details["completeness_residual"] < 1e-10).all()
    assert not e.evidence
    first_only = pl.explain(lambda_of(net, *xs[1:]), xs[0], target=1, method="full-grad")
    assert (first_only.details["completeness_residual"] > 0.01).all()  # what was an input is a constant there


def lambda_of(net, *rest):
    """The network as one of its first input."""

    class Of(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = net

        def forward(self, x):
            return self.net(x, *(r[: len(x)] for r in rest))

    return Of()


def test_full_grad_takes_a_mask_for_a_constant():
    net = Joined().double()
    xs = {"a": networks.rows(2, 2, 4, 6), "b": networks.rows(2, 1, 8, 12, seed=1), "row": networks.rows(2, 5, seed=2)}
    xs = {name: x.double() for name, x in xs.items()}
    mask = (networks.rows(2, 4, 6, seed=3) > 0).double()
    e = pl.explain(net, {**xs, "mask": mask}, target=1, method="full-grad")
    assert (e.details["completeness_residual"] < 1e-10).all()


def test_full_grad_counts_what_ids_contribute():
    class Captioned(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.conv, self.embedding, self.last = nn.Conv2d(1, 4, 3), nn.Embedding(9, 4), nn.Linear(4, 2)

        def forward(self, image, ids):
            return self.last(torch.relu(self.conv(image).mean((2, 3)) + self.embedding(ids).mean(1)))

    net, image = Captioned().double(), networks.rows(2, 1, 6, 6).double()
    e = pl.explain(net, {"image": image, "ids": torch.tensor([[1, 2, 3], [4, 5, 6]])}, target=0, method="full-grad")
    assert (e.details["completeness_residual"] < 1e-10).all()
    assert e.values.shape == (2, 6, 6)
    assert e.cost.forward_rows == 2


# Layers that say nothing of the target.


@pytest.mark.parametrize("neuron", [pl.Neuron("2", (3, 1, 1)), pl.Neuron("0", (3, 1, 1))])
def test_a_layer_after_the_target_says_nothing(neuron):
    """The pass with all samples and those without a channel are other batches: the target is the same up to rounding."""
    net, x = networks.cnn(), networks.rows(3, 3, 8, 8)
    e = pl.explain(net, x, target=neuron, method="ablation-cam", at="4", batch_size=7)
    (finding,) = e.evidence
    assert finding.kind == "no-effect"
    assert finding.samples == (0, 1, 2)
    assert "without any channel of 4" in finding.sentence
    assert "at=" in finding.sentence
    assert np.abs(e.details["weights"]).max() < 1e-5
    with pytest.raises(pl.LayerError, match=r"does not depend on the output of 4 .* it comes before"):
        pl.explain(net, x, target=neuron, method="grad-cam", at="4")
    with pytest.raises(pl.LayerError, match="the output of 4 or 5 through"):
        pl.explain(net, x, target=neuron, method="grad-cam", at=["4", "5"])
    with pytest.raises(pl.LayerError, match="the output of any layer from 3 to 6 through"):
        pl.explain(net, x, target=neuron, method="grad-cam", at=["3", "4", "5", "6"])


def test_of_several_layers_the_one_that_says_nothing_is_named():
    net, x = networks.cnn(), networks.rows(3, 3, 8, 8)
    e = pl.explain(net, x, target=pl.Neuron("3", (2, 1, 1)), method="ablation-cam", at=["1", "4"])
    assert [("4" in f.sentence, f.samples) for f in e.evidence] == [(True, (0, 1, 2))]
    assert not pl.explain(net, x, target=0, method="ablation-cam", at=["1", "4"]).evidence


def test_masks_that_change_nothing_are_said():
    net, x = networks.cnn(), networks.rows(3, 3, 8, 8)
    x[1] = 0.5
    with torch.no_grad():
        net[0].padding_mode, net[0].padding = "zeros", (0, 0)  # a picture of one colour stays one
        net[8] = nn.Linear(5 * 9, 4)
    seen = pl.explain(net, x, target=0, method="score-cam", at="0")
    assert [(f.kind, f.samples) for f in seen.evidence] == [("no-effect", (1,))]
    assert (seen.values[1] == 0).all()

    def constant(outputs):
        return outputs[:, 0] * 0 + 3

    for weights in ("softmax", "increase"):
        e = pl.explain(net, x, target=pl.Target(constant), method="score-cam", at="0", weights=weights)
        assert [(f.kind, f.samples) for f in e.evidence] == [("no-effect", (0, 1, 2))]
        assert not pl.explain(net, x[::2], target=0, method="score-cam", at="0", weights=weights).evidence


# Several layers, and layouts.


@pytest.mark.parametrize("method", [*slow_cam.TWINS, "score-cam", "ablation-cam"])
def test_several_layers_are_scaled_and_averaged(method):
    net, x = networks.cnn().double(), networks.rows(2, 3, 8, 8).double()
    e = pl.explain(net, x, target=2, method=method, at=["1", pl.Layer("5")])
    assert e.layer == "1, 5"
    apart = [pl.explain(net, x, target=2, method=method, at=at).values for at in ("1", "5")]
    scaled = [heat / np.maximum(np.abs(heat).max((1, 2), keepdims=True), 1e-300) for heat in apart]
    np.testing.assert_allclose(e.values, sum(scaled) / 2, atol=1e-12)
    if method in ("score-cam", "ablation-cam"):
        assert e.details["weights of 1"].shape == (2, 6)
        assert e.details["weights of 5"].shape == (2, 5)
    with pytest.raises(pl.InputError, match="4 x 4, 8 x 8, so they cannot be joined"):
        pl.explain(net, x, target=2, method=method, at=["1", "5"], upsample="none")


class ChannelsLast(nn.Module):
    """A network whose images and feature maps have their channels last, as in Keras."""

    def __init__(self, net: nn.Sequential) -> None:
        super().__init__()
        self.layers = nn.ModuleList(map(Turned, net[:-2]))
        self.net = net

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return self.net[-1](x.movedim(-1, 1).flatten(1))


class Turned(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return self.inner(x.movedim(-1, 1)).movedim(1, -1)


@pytest.mark.parametrize("method", [*slow_cam.TWINS, "score-cam", "ablation-cam"])
def test_channels_last_is_the_same_map(method):
    net, x = networks.cnn().double(), networks.rows(2, 3, 8, 8).double()
    turned = pl.wrap(ChannelsLast(copy.deepcopy(net)), layout="NHWC")
    last = pl.explain(turned, x.movedim(1, -1), target=2, method=method, at="layers.5")
    np.testing.assert_allclose(last.values, pl.explain(net, x, target=2, method=method, at="5").values, atol=1e-12)


def test_layers_that_no_map_can_be_made_of_are_refused_in_words():
    net, x = networks.cnn(), networks.rows(2, 3, 8, 8)
    for method in ("grad-cam", "score-cam"):
        with pytest.raises(pl.LayerError, match="no channels with spatial extent"):
            pl.explain(net, x, method=method, at="8")
        with pytest.raises(pl.CapabilityError, match="no convolution"):
            pl.explain(networks.mlp(), networks.rows(2, 6), method=method)
    with pytest.raises(pl.CapabilityError, match="this input has none"):
        pl.explain(networks.mlp(), networks.rows(2, 6), method="full-grad")
    with pytest.raises(pl.BudgetError, match="needs at least 6"):
        pl.explain(net, x, method="ablation-cam", at="4", budget=3)
