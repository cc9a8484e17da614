"""The same weights as a torch module and as a JAX function give the same numbers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

import networks
import pellucid as pl

NET = networks.mlp(activation=torch.nn.Tanh)
KINKED = networks.mlp()


def twin(net, activation):
    weights = [p.detach().numpy() for p in net.parameters()]

    def f(x):
        for i in range(0, len(weights) - 2, 2):
            x = activation(x @ weights[i].T + weights[i + 1])
        return x @ weights[-2].T + weights[-1]

    return f


CASES = {
    "saliency": {},
    "input-x-gradient": {},
    "output-gradient": {},
    "integrated-gradients": {"tolerance": 0.01},
    "smoothgrad": {"samples": 16},
    "smoothgrad-squared": {"samples": 16},
    "vargrad": {"samples": 16},
    "expected-gradients": {"samples": 16, "baseline": 0.25},
    "guided-ig": {"steps": 20},
    "integrated-hessians": {"steps": 8, "feature": 2},
}


@pytest.mark.parametrize("method", CASES)
@pytest.mark.parametrize(("net", "activation"), [(NET, jnp.tanh), (KINKED, jax.nn.relu)], ids=["tanh", "relu"])
def test_same_weights_same_numbers(method, net, activation):
    x = networks.rows(5, 6)
    ours = pl.explain(net, x, method=method, seed=3, **CASES[method])
    function = jax.jit(twin(net, activation))
    theirs = pl.explain(function, jnp.asarray(x.numpy()), method=method, seed=3, **CASES[method])
    np.testing.assert_allclose(theirs.values, ours.values, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(theirs.value, ours.value, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(theirs.prediction, ours.prediction, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(theirs.target.indices, ours.target.indices)
    assert theirs.cost.forward_rows == ours.cost.forward_rows
    for name, detail in ours.details.items():
        np.testing.assert_allclose(theirs.details[name], detail, atol=1e-6)


def test_fixed_steps_agree():
    x = networks.rows(3, 6)
    ours = pl.explain(NET, x, target=1, steps=12)
    theirs = pl.explain(pl.wrap(twin(NET, jnp.tanh), adapter="jax"), x.numpy(), target=1, steps=12)
    np.testing.assert_allclose(theirs.values, ours.values, rtol=1e-4, atol=1e-6)


def test_several_inputs_and_a_function_of_the_outputs():
    def f(pair):
        return jnp.tanh(pair["a"]) * pair["b"]

    x = {"a": np.ones((2, 3), np.float32), "b": np.full((2, 3), 2.0, np.float32)}
    e = pl.explain(pl.wrap(f, adapter="jax"), x, target=pl.Target(lambda out: out.sum(1)), method="saliency")
    np.testing.assert_allclose(e.values["b"], np.tanh(x["a"]), rtol=1e-6)


def test_what_a_function_cannot_do_is_refused_in_one_sentence():
    f = pl.wrap(lambda x: x, adapter="jax")
    at_layer = "at a layer needs 'layers', which the jax adapter does not have here: a JAX function shows no layers"
    with pytest.raises(pl.CapabilityError, match=r"grad-cam needs 'layers', which the jax adapter.*These methods work: saliency"):
        pl.explain(f, np.ones((1, 2), np.float32), method="grad-cam")
    with pytest.raises(pl.CapabilityError, match=at_layer):
        pl.explain(f, np.ones((1, 2), np.float32), at="hidden")
    with pytest.raises(pl.CapabilityError, match=at_layer):
        pl.explain(f, np.ones((1, 2), np.float32), target=pl.Neuron("hidden", 0), method="saliency")


def test_a_plain_function_is_not_guessed_at():
    with pytest.raises(pl.CapabilityError, match=r"pl\.wrap\(fn, adapter='jax'\)"):
        pl.explain(lambda x: x, np.ones((1, 2)))


def test_nan_is_named_by_sample():
    x = np.ones((3, 2), np.float32)
    with pytest.raises(pl.NonFiniteError, match="sample 1"):
        pl.explain(
            pl.wrap(lambda x: jnp.sqrt(x - 1 + jnp.array([[0.5], [-1.0], [0.5]])), adapter="jax"), x, target=0, method="saliency"
        )
