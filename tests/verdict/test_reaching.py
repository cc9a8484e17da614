"""From one model's samples to another's: layouts, names, and what a user does in between."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from PIL import Image

import pellucid as pl
from verdict import planted

X = np.random.default_rng(0).random((3, 3, 16, 16), np.float32)


def in_jax(net, layout="NHWC"):
    """The convolutional network with its weights, as a jitted function of pictures with the channels last."""
    kernels = [jnp.asarray(net[at].weight.detach().numpy()) for at in (0, 2)]
    biases = [jnp.asarray(net[at].bias.detach().numpy()) for at in (0, 2)]
    weight, bias = (jnp.asarray(each.detach().numpy()) for each in (net[6].weight, net[6].bias))

    def run(x):
        x = jnp.moveaxis(x, -1, 1)
        for kernel, add in zip(kernels, biases, strict=True):
            x = jax.nn.relu(jax.lax.conv(x, kernel, (1, 1), "SAME") + add[:, None, None])
        x = x.reshape(len(x), 8, 4, 4, 4, 4).mean((3, 5)).reshape(len(x), -1)
        return x @ weight.T + bias

    return pl.wrap(jax.jit(run), layout=layout)


@pytest.mark.parametrize("method", [None, "saliency", "shapley"])
def test_torch_and_jax_agree_across_layouts(method):
    net = planted.convolutional()
    options = {"budget": 60} if method == "shapley" else {}
    found = pl.compare_models(net, in_jax(net), X, method=method, **options)
    assert found.equal.all()
    assert found.flips == ()
    assert "trained takes NCHW and deployed NHWC: the channel axis is moved for deployed" in found.reasons
    assert (found.trained.plan.adapter, found.deployed.plan.adapter) == ("torch", "jax")
    if method is None:
        assert found.deployed.values.shape == (3, 16, 16, 3)
        assert found.deployed.layout == "NHWC"
    back = pl.compare_models(in_jax(net), net, np.moveaxis(X, 1, -1), method=method, **options)
    assert back.equal.all()
    assert back.change.leaves["input"].shape == (found.trained.leaves["input"].shape if method == "shapley" else (3, 16, 16, 3))


def test_noise_falls_on_other_entries_where_axes_differ_and_that_is_said():
    net = planted.convolutional()
    alike = pl.compare_models(net, net, X, method="smoothgrad", samples=4)
    assert alike.identical.all()
    found = pl.compare_models(net, in_jax(net), X, method="smoothgrad", samples=4)
    assert found.noise_from == "seed"
    assert (found.agreement.difference < 2 * found.noise).all()
    assert any("it is other noise" in reason for reason in found.reasons)


def test_arrays_in_parameters_are_moved_along():
    net = planted.convolutional()
    one = np.random.default_rng(1).random((3, 16, 16), np.float32)
    for baseline in (0.3, one, one[None].repeat(2, 0), lambda samples: samples * 0.5 + one.mean()):
        found = pl.compare_models(net, in_jax(net), X, baseline=baseline, steps=6)
        assert found.equal.all()
    for masker in (pl.maskers.Background(X), pl.maskers.Blur(sigma=2.0)):
        found = pl.compare_models(net, in_jax(net), X, method="shapley", budget=120, masker=masker)
        assert found.equal.all()
    grid = pl.Features.grid((3, 16, 16), cell=8)
    for method in ("integrated-gradients", "shapley"):
        found = pl.compare_models(net, in_jax(net), X, method=method, features=grid)
        assert found.equal.all()
        assert found.common.what == "4 regions"
    each = pl.Features.superpixels(X, n=5)
    assert pl.compare_models(net, in_jax(net), X, features=each).equal.all()


def test_shapes_say_where_channels_are_before_layouts_do():
    net = planted.convolutional()
    last = pl.wrap(planted.channels_last(net), inputs=(16, 16, 3))
    found = pl.compare_models(net, last, X, method="leave-one-out")
    assert found.equal.all()
    assert found.deployed.layout == "NCHW"  # as a function of the first model's samples
    turned = pl.compare_models(net, pl.wrap(in_jax(net).model, inputs=(16, 16, 3)), X)
    assert turned.equal.all()
    assert turned.deployed.layout == "NHWC"


def test_another_name_for_the_input_keeps_gradients():
    class Named(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.net = planted.convolutional()

        def forward(self, pixels):
            return self.net(pixels)

    found = pl.compare_models(planted.convolutional(), Named(), X, to_deployed=lambda x: {"pixels": x}, wrt="input")
    assert found.trained.method == "integrated-gradients"
    assert found.equal.all()
    assert "to_deployed= changes no number of the samples" in found.reasons
    net = planted.convolutional()
    moved = pl.compare_models(net, in_jax(net), X, to_deployed=lambda x: np.moveaxis(x, 1, -1))
    assert moved.trained.method == "integrated-gradients"
    assert moved.equal.all()


def test_other_numbers_are_a_function_of_the_first_models_samples():
    net = planted.convolutional()
    seen = []

    def quantised(batch):
        seen.append(batch.dtype)
        return planted.as_function(net)(batch.astype(np.float32) / 255)

    x = np.rint(X * 255).astype(np.float32) / 255
    options = {"budget": 80, "masker": pl.maskers.Constant(0.5)}
    found = pl.compare_models(net, pl.wrap(quantised), x, to_deployed=lambda x: np.rint(x * 255).astype(np.uint8), **options)
    assert set(seen) == {np.dtype(np.uint8)}
    assert found.trained.method == "shapley"
    assert found.deployed.removal == found.trained.removal  # 0.5 for both, and not 0.5 of 255 for one
    assert (found.agreement.difference < 0.02).all()
    assert any("explained as a function of the samples of trained" in reason for reason in found.reasons)
    with pytest.raises(pl.CapabilityError, match="needs 'gradient', which deployed"):
        pl.compare_models(net, net, X, to_deployed=lambda x: x / 2, method="saliency")


def test_pictures_go_through_each_models_own_preparation():
    rng = np.random.default_rng(0)
    pictures = [Image.fromarray(rng.integers(0, 256, (20, 24, 3), dtype=np.uint8)) for _ in range(2)]
    net = planted.convolutional()
    same = [pl.wrap(net, inputs=pl.ImageInput(size=16, mean=127, std=128)) for _ in range(2)]
    found = pl.compare_models(*same, pictures)
    assert found.identical.all()
    assert found.evidence == ()
    other = pl.wrap(net, inputs=pl.ImageInput(size=16, mean=120, std=128))
    skewed = pl.compare_models(same[0], other, pictures)
    assert skewed.evidence[0].kind == "inputs-differ"
    assert "their inputs are up to 0.0547 apart" in skewed.evidence[0].sentence
    small = pl.wrap(net, inputs=pl.ImageInput(size=12))
    with pytest.raises(pl.InputError, match=r"values of trained have the shape \(3, 16, 16\) and .* \(3, 12, 12\)"):
        pl.compare_models(same[0], small, pictures)
    without = pl.compare_models(same[0], net, pictures)  # gets the numbers that the first model makes of the pictures
    assert without.identical.all()
    assert without.deployed.pixel_scale == (127, 128)


def test_a_tuple_of_one_stays_a_tuple():
    net = planted.convolutional()
    found = pl.compare_models(net, pl.wrap(planted.as_function(net)), (X,), to_deployed=lambda x: x[0] + 0, budget=60)
    assert found.equal.all()
