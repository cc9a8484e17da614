"""Removal methods ask for outputs alone: torch, JAX and NumPy give the same numbers from the same weights."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

import networks
import pellucid as pl

OPTIONS = {
    "shapley": {"budget": 60},
    "leave-one-out": {},
    "occlusion": {"window": (2, 3, 3), "stride": (1, 2, 2)},
    "rise": {"samples": 40, "cells": 3},
}


def three(net):
    """One linear-tanh-linear network in three frameworks."""
    first, last = (part.weight.detach().numpy() for part in (net[1], net[3]))
    biases = [part.bias.detach().numpy() for part in (net[1], net[3])]

    def of(xp):
        return lambda x: xp.tanh(x.reshape(len(x), -1) @ first.T + biases[0]) @ last.T + biases[1]

    return {"torch": net, "jax": pl.wrap(jax.jit(of(jnp)), adapter="jax"), "numpy": pl.wrap(of(np))}


@pytest.mark.parametrize("method", list(OPTIONS))
@pytest.mark.parametrize("masker", [pl.maskers.Constant(0.25), pl.maskers.Background(networks.rows(3, 2, 6, 6).numpy())])
def test_the_same_numbers(method, masker):
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(72, 8), torch.nn.Tanh(), torch.nn.Linear(8, 3))
    x = networks.rows(2, 2, 6, 6)
    given = {"torch": x, "jax": jnp.asarray(x.numpy()), "numpy": x.numpy()}
    found = {
        name: pl.explain(model, given[name], target=1, method=method, masker=masker, **OPTIONS[method])
        for name, model in three(net).items()
    }
    for name in ("jax", "numpy"):
        np.testing.assert_allclose(found[name].values, found["torch"].values, rtol=1e-4, atol=1e-5)
        assert found[name].cost.forward_rows == found["torch"].cost.forward_rows
