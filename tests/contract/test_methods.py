"""The one suite that every declaration in the catalog runs through."""

import copy
import dataclasses

import numpy as np
import pytest
import torch

import networks
import pellucid as pl
from pellucid import catalog
from pellucid.core import declare

NAMES = [method.name for method in catalog.METHODS]
FAST = {
    **{name: {"samples": 6} for name in ("smoothgrad", "smoothgrad-squared", "vargrad", "expected-gradients")},
    "guided-ig": {"steps": 8},
    "integrated-hessians": {"steps": 8},
    "rise": {"samples": 8, "cells": 2},
    "occlusion": {"window": 4},
    "lime": {"samples": 100},
    "linear-surrogate": {"samples": 100},
}
BY_NAME = {method.name: method for method in catalog.METHODS}
READS_LAYER = [name for name in NAMES if getattr(BY_NAME[name], "reads_layer", False)]
PATH = [method.name for method in catalog.METHODS if method.engine == "path" and method.name not in READS_LAYER]
GAMES = [method.name for method in catalog.METHODS if method.engine == "game"]
PLAYERS = [name for name in GAMES if getattr(BY_NAME[name], "takes_features", True)]
SPATIAL_ONLY = ["rise", *(name for name in PATH if "any" not in BY_NAME[name].modalities)]


def needed(net, method):
    """What a method cannot do without."""
    if method == "expected-gradients":
        return {"baseline": 0.25}
    if method == "linear-surrogate":
        return {"sigma": 0.2}
    if method in READS_LAYER:
        module = getattr(net, "model", net)
        inner = "inner." if isinstance(module, networks.Counting) else ""
        return {"at": inner + ("4" if any(isinstance(m, torch.nn.Conv2d) for m in module.modules()) else "1")}
    return {}


def cnn(method):
    """The network that methods for images explain; with global pooling for the one that is defined there only."""
    return networks.cnn(pooled=method == "cam")


def explain(net, x, method, **options):
    if method == "integrated-hessians":
        options = {"feature": (0,) * (x.ndim - 1), **options}  # by default it depends on the first target
    return pl.explain(net, x, method=method, **{**FAST.get(method, {}), **needed(net, method), **quarters(method, x), **options})


def quarters(method, x):
    """Four players where a method removes features of an image."""
    return {"features": pl.Features.grid(x.shape[1:], cell=4)} if method in PLAYERS and x.ndim == 4 else {}


def state_of(net):
    """Everything about a module that must come back as it was."""
    return {
        "tensors": {name: value.clone() for name, value in net.state_dict().items()},
        "modes": [m.training for m in net.modules()],
        "requires": [p.requires_grad for p in net.parameters()],
        "gradients": [None if p.grad is None else p.grad.clone() for p in net.parameters()],
        "hooks": [(len(m._forward_hooks), len(m._forward_pre_hooks), len(m._backward_hooks)) for m in net.modules()],
        "attributes": [sorted(vars(m)) for m in net.modules()],
        "random": torch.get_rng_state(),
        "numpy": np.random.get_state()[1].copy(),  # noqa: NPY002 - the global state is what must not move
        "grad mode": torch.is_grad_enabled(),
    }


def assert_same_state(before, after):
    for name, value in before["tensors"].items():
        assert torch.equal(value, after["tensors"][name]), name
    for g, h in zip(before["gradients"], after["gradients"], strict=True):
        assert (g is None) == (h is None)
        assert g is None or torch.equal(g, h)
    for key in ("modes", "requires", "hooks", "attributes", "grad mode"):
        assert before[key] == after[key], key
    assert torch.equal(before["random"], after["random"])
    np.testing.assert_array_equal(before["numpy"], after["numpy"])


@pytest.mark.parametrize("method", NAMES)
def test_shapes_and_record(method):
    net, x = cnn(method), networks.rows(3, 3, 8, 8)
    e = explain(net, x, method)
    assert len(e) == 3
    shapes = {"input": (3, 3, 8, 8), "spatial": (3, 8, 8), "layer": (3, 5, 8, 8), "players": (3, 4), "interactions": (3, 4, 4)}
    assert e.values.shape == shapes[e.over]
    assert e.values.dtype == (np.float64 if method in GAMES else np.float32)
    assert (e.removal is not None) == (method in GAMES)
    if e.over not in ("layer", "interactions"):
        assert e.to_input().shape == (3, 3, 8, 8)
        np.testing.assert_allclose(e.to_input().sum((1, 2, 3)), e.values.reshape(3, -1).sum(1), rtol=1e-3, atol=1e-4)
    net.eval()
    np.testing.assert_allclose(e.prediction, net(x).detach().numpy(), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(e.value, e.prediction.max(1), rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(e.target.indices[:, 0], e.prediction.argmax(1))
    assert (e.standard_errors is None) or e.standard_errors.shape == e.values.shape
    assert e.cost.forward_rows >= 3
    assert e.citations
    assert repr(e).startswith("Explanation of 3 samples by " + method)


@pytest.mark.parametrize("method", NAMES)
def test_same_seed_same_bytes(method):
    net, x = cnn(method), networks.rows(3, 3, 8, 8)
    first, second = (explain(net, x, method, seed=7) for _ in range(2))
    assert first.values.tobytes() == second.values.tobytes()


def test_another_seed_draws_otherwise():
    net, x = networks.cnn(), networks.rows(3, 3, 8, 8)
    assert not np.array_equal(explain(net, x, "smoothgrad", seed=1).values, explain(net, x, "smoothgrad", seed=2).values)


@pytest.mark.parametrize("method", NAMES)
def test_a_sample_alone_equals_the_same_sample_in_a_batch(method):
    net, x = cnn(method).double(), networks.rows(5, 3, 8, 8).double()
    together = explain(net, x, method)
    for i in (0, 3):
        alone = explain(net, x[i : i + 1], method)
        np.testing.assert_allclose(alone.values[0], together.values[i], rtol=1e-9, atol=1e-12)
        if together.error is not None:
            np.testing.assert_allclose(alone.error[0], together.error[i], rtol=1e-6)


@pytest.mark.parametrize("method", NAMES)
@pytest.mark.parametrize("batch_size", [1, 2, 7])
def test_the_batch_size_does_not_matter(method, batch_size):
    net, x = cnn(method).double(), networks.rows(5, 3, 8, 8).double()
    small, usual = explain(net, x, method, batch_size=batch_size), explain(net, x, method)
    np.testing.assert_allclose(small.values, usual.values, rtol=1e-9, atol=1e-12)
    assert small.plan.batch_size == batch_size


@pytest.mark.parametrize("method", NAMES)
def test_memory_format_does_not_matter(method):
    net, x = cnn(method).double(), networks.rows(2, 3, 8, 8).double()
    formats = [explain(net, x, method, memory_format=name).values for name in ("as-is", "channels-last")]
    np.testing.assert_allclose(*formats, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("method", NAMES)
@pytest.mark.parametrize("training", [True, False])
def test_the_model_comes_back_as_it_was(method, training):
    net, x = cnn(method).train(training), networks.rows(3, 3, 8, 8)
    net[3].eval()  # a mixture of modes
    net[0].weight.requires_grad_(False)
    net[8](torch.ones(2, net[8].in_features)).sum().backward()
    before, given = state_of(net), x.clone()
    explain(net, x, method)
    assert_same_state(before, state_of(net))
    assert torch.equal(x, given)


@pytest.mark.parametrize("method", NAMES)
@pytest.mark.parametrize("error", [RuntimeError("planted"), KeyboardInterrupt(), MemoryError()])
def test_the_model_comes_back_as_it_was_after_an_error(method, error):
    class Fails(torch.nn.Module):
        def forward(self, x):
            raise error

    net, x = cnn(method).train(), networks.rows(3, 3, 8, 8)
    net.append(Fails())
    before = state_of(net)
    with pytest.raises((pl.InputError, KeyboardInterrupt, MemoryError)):
        explain(net, x, method)
    assert_same_state(before, state_of(net))


@pytest.mark.parametrize("method", NAMES)
def test_interrupted_midway(method):
    """Ctrl-C in the second batch."""
    calls = []

    class Stops(torch.nn.Module):
        def forward(self, x):
            calls.append(len(x))
            if len(calls) > 1:
                raise KeyboardInterrupt
            return x

    net, x = cnn(method).train(), networks.rows(6, 3, 8, 8)
    net.append(Stops())
    before = state_of(net)
    with pytest.raises(KeyboardInterrupt):
        explain(net, x, method, batch_size=2, at=None if method in PATH + GAMES else "4")
    assert_same_state(before, state_of(net))


def few(method):
    """A number of nodes that 10 rows hold, where it cannot be found from the budget."""
    return {"integrated-hessians": {"steps": 8}, "occlusion": {"window": 4, "stride": 4}}.get(method, {})


@pytest.mark.parametrize("method", NAMES)
@pytest.mark.parametrize("budget", [1, 2, 6, 9, 40])
def test_the_budget_is_never_exceeded(method, budget):
    net = networks.Counting(cnn(method))
    x = networks.rows(2, 3, 8, 8)
    try:
        options = needed(net, method) | few(method) | quarters(method, x)
        e = pl.explain(net, x, target=0, method=method, budget=budget, batch_size=3, **options)
        assert e.cost.forward_rows + e.cost.other_rows >= sum(net.rows)
    except pl.BudgetError:
        assert budget < 10, "every method has an answer for 10 rows per sample"
    assert sum(net.rows) <= budget * 2


@pytest.mark.parametrize("method", NAMES)
def test_rows_are_counted(method):
    net = networks.Counting(cnn(method))
    e = explain(net, networks.rows(3, 3, 8, 8), method)
    assert e.cost.forward_rows + e.cost.other_rows == sum(net.rows)
    if method == "integrated-hessians":  # differentiated twice at every node but the sample
        assert e.cost.backward_rows == 2 * e.cost.forward_rows - 3
    elif method == "cam":  # forward once more, with the layer at zero
        assert e.cost.forward_rows == 2 * e.cost.backward_rows
    elif method == "conductance":  # two more, up to the layer, for the speed of its output, at every node but the sample
        assert e.cost.backward_rows == 3 * e.cost.forward_rows - 6
    elif "gradient" in BY_NAME[method].needs:
        assert e.cost.backward_rows == e.cost.forward_rows
    else:
        assert e.cost.backward_rows == 0


@pytest.mark.parametrize("method", NAMES)
def test_several_targets_share_the_forward_passes(method):
    net, x = cnn(method).double(), networks.rows(3, 3, 8, 8).double()
    together = explain(net, x, method, targets=[0, 2, "predicted"])
    assert isinstance(together, tuple)
    assert len(together) == 3
    for wish, e in zip([0, 2, "predicted"], together, strict=True):
        alone = explain(net, x, method, target=wish)
        close = {"rtol": 0.2, "atol": 0.05 * np.abs(alone.values).max()} if e.error is not None else {"rtol": 1e-9, "atol": 1e-12}
        np.testing.assert_allclose(e.values, alone.values, **close)
        np.testing.assert_allclose(e.value, alone.value)
        if method not in ("guided-ig", "integrated-hessians", "conductance", "cam") and "gradient" in BY_NAME[method].needs:
            assert e.cost.backward_rows == 3 * e.cost.forward_rows


@pytest.mark.parametrize("method", [m.name for m in catalog.METHODS if "dummy" in m.axioms])
def test_dummy_an_input_that_is_not_used_gets_nothing(method):
    net, x = networks.mlp().double(), networks.rows(4, 6).double()
    with torch.no_grad():
        net[0].weight[:, 2] = 0
    assert np.all(explain(net, x, method).values[:, 2] == 0)


@pytest.mark.parametrize("method", [m.name for m in catalog.METHODS if "completeness" in m.axioms])
def test_completeness_values_sum_to_the_change(method):
    net, x = networks.breast_cancer(torch.nn.Tanh)
    e = explain(net, x[:10], method, tolerance=1e-4)
    np.testing.assert_allclose(e.values.sum(1), e.value - e.base_value, rtol=1e-3)
    missed = np.abs(e.values.sum(1) - (e.value - e.base_value)) / np.abs(e.value - e.base_value)
    np.testing.assert_allclose(e.residual, missed, atol=1e-9)


@pytest.mark.parametrize("method", [m.name for m in catalog.METHODS if "linearity" in m.axioms])
def test_linearity_of_the_target(method):
    net, x = networks.mlp(activation=torch.nn.Tanh).double(), networks.rows(4, 6).double()
    if method in SPATIAL_ONLY:
        net, x = torch.nn.Sequential(torch.nn.Flatten(), net), x[:, None]
    options = {"tolerance": 1e-5} if {"tolerance", "steps"} <= {p.name for p in declare.parameters(BY_NAME[method])} else {}
    a, b = (explain(net, x, method, target=t, **options) for t in (0, 1))
    both = explain(net, x, method, target=pl.Target(lambda out: 2 * out[:, 0] - 3 * out[:, 1]), **options)
    np.testing.assert_allclose(both.values, 2 * a.values - 3 * b.values, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("method", [m.name for m in catalog.METHODS if "symmetry" in m.axioms])
def test_symmetry_equal_inputs_in_symmetric_places_get_the_same(method):
    class Symmetric(torch.nn.Module):
        def forward(self, x):
            return torch.relu(x[:, :1] + x[:, 1:2] - 0.3) * x[:, 2:3]

    x = torch.tensor([[0.7, 0.7, 1.5], [0.2, 0.2, -1.0]], dtype=torch.float64)
    e = explain(Symmetric(), x, method)
    swapped = e.values[:, [1, 0, 2]]
    swapped = swapped[:, :, [1, 0, 2]] if e.over == "interactions" else swapped
    np.testing.assert_allclose(swapped, e.values, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("method", [m.name for m in catalog.METHODS if "implementation-invariance" in m.axioms])
def test_implementation_invariance(method):
    """relu(a) written as a module, in place, and as max(a, 0)."""

    class Other(torch.nn.Module):
        def __init__(self, net):
            super().__init__()
            self.net = net

        def forward(self, x):
            x = self.net[0](x)
            x = self.net[2](torch.maximum(x, torch.zeros_like(x)))
            return self.net[4](x * (x > 0))

    net, x = networks.mlp().double(), networks.rows(4, 6).double()
    other = Other(net)
    if method in SPATIAL_ONLY:
        x = x[:, None]
        net, other = torch.nn.Sequential(torch.nn.Flatten(), net), torch.nn.Sequential(torch.nn.Flatten(), other)
    np.testing.assert_allclose(explain(net, x, method).values, explain(other, x, method).values, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("method", [name for name in PATH if name not in SPATIAL_ONLY])
def test_at_a_layer_explains_the_rest_of_the_network(method):
    net, x = networks.mlp(activation=torch.nn.Tanh).double(), networks.rows(3, 6).double()
    e = explain(net, x, method, target=1, at="1")
    assert e.over == "layer"
    assert e.layer == "1"
    rest = explain(net[2:], net[:2](x).detach(), method, target=1, **_baseline(method, net))
    np.testing.assert_allclose(e.values, rest.values, rtol=1e-6, atol=1e-9)


def _baseline(method, net):
    """The layer's output at the baseline."""
    if "baseline" not in {p.name for p in declare.parameters(BY_NAME[method])}:
        return {}
    start = needed(net, method).get("baseline", 0.0)
    return {"baseline": net[:2](torch.full((1, 6), start).double()).detach().numpy()}


@pytest.mark.parametrize("method", NAMES)
def test_bad_input_is_refused_in_words(method):
    net, x = cnn(method), networks.rows(2, 3, 8, 8)
    with pytest.raises(pl.InputError, match="batch is empty"):
        explain(net, x[:0], method)
    with pytest.raises(pl.InputError, match=r"\(samples, 3, height, width\)"):
        explain(net, x[:, :2], method)
    with pytest.raises(pl.InputError, match=r"\(samples, 3, height, width\)"):
        explain(net, x[0], method)
    with pytest.raises(pl.TargetError, match="outside"):
        explain(net, x, method, target=4)
    with pytest.raises(pl.TargetError, match="outside"):
        explain(net, x, method, target=-5)
    with pytest.raises(pl.TargetError, match="class name"):
        explain(net, x, method, target="cat")
    error, match = (pl.InputError, "at=") if method in GAMES else (pl.LayerError, "no layer 'convolution'")
    with pytest.raises(error, match=match):
        explain(net, x, method, at="convolution")
    broken = x.clone()
    broken[1, 2, 3, 4] = float("nan")
    with pytest.raises(pl.NonFiniteError, match=r"sample 1, first at index \(2, 3, 4\)"):
        explain(net, broken, method)
    with pytest.raises(pl.InputError, match="no parameter 'tolerence'"):
        pl.explain(net, x, method=method, tolerence=1)


@pytest.mark.parametrize("method", catalog.METHODS, ids=NAMES)
def test_declared_ranges_are_held(method):
    for parameter in dataclasses.fields(method):
        rule = parameter.metadata
        for bound, wrong in (("above", 0), ("least", -1), ("most", 1)):
            if rule.get(bound) is not None:
                with pytest.raises(pl.InputError, match=parameter.name):
                    declare.build(method, {parameter.name: rule[bound] + wrong})
        if rule["choices"]:
            with pytest.raises(pl.InputError, match="must be one of"):
                declare.build(method, {parameter.name: "no such choice"})
        if any(rule.get(bound) is not None for bound in ("above", "least", "most")):
            for value in (float("nan"), "text", True):
                with pytest.raises(pl.InputError, match=parameter.name):
                    declare.build(method, {parameter.name: value})


@pytest.mark.parametrize("method", NAMES)
def test_saving_and_loading_gives_the_same_record(method, tmp_path):
    net = pl.wrap(cnn(method), output="logits", classes=["猫", "<b>", "c", "d"])
    e = explain(net, networks.rows(3, 3, 8, 8), method)
    e.save(tmp_path / "e.pellucid")
    back = pl.load(tmp_path / "e.pellucid")
    for name in ("values", "standard_errors", "inputs", "prediction", "value", "base_value", "residual", "error"):
        a, b = getattr(e, name), getattr(back, name)
        assert (a is None) == (b is None), name
        if a is not None:
            np.testing.assert_array_equal(a, b)
    assert repr(back) == repr(e)
    assert back.target.names == e.target.names
    assert back.plan == e.plan
    assert back.evidence == e.evidence


def test_a_method_of_a_users_own_needs_no_registration():
    from dataclasses import dataclass
    from typing import ClassVar

    @dataclass(frozen=True)
    class Doubled:
        name: ClassVar[str] = "doubled"
        engine: ClassVar[str] = "path"
        summary: ClassVar[str] = "twice the gradient"
        needs: ClassVar[frozenset] = frozenset({"gradient"})
        modalities: ClassVar[tuple] = ("any",)
        axioms: ClassVar[tuple] = ()
        cite: ClassVar[tuple] = ()

        def attribute(self, passes):
            return [declare.Attribution([2 * g for g in places]) for places in passes.at_input().gradients]

    net, x = networks.mlp(), networks.rows(2, 6)
    e = pl.explain(net, x, method=Doubled())
    np.testing.assert_allclose(e.values, 2 * pl.explain(net, x, method="saliency").values)
    assert copy.copy(e).method == "doubled"
