"""What the flax adapter must withstand: modes, state, layers, and ways to give a module, beside ``jax.grad`` of it as it is."""

import gc
import threading
import weakref
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import linen, nnx
from flax.core import freeze

import pellucid as pl
from pellucid.models.flax import calls
from pellucid.models.jax import compiled
from twins import linen_nets, nnx_nets, torch_nets
from twins.weights import inputs


def slopes(outputs, x, target=0):
    """Uncompiled."""
    return np.asarray(jax.grad(lambda given: outputs(given)[:, target].sum())(jnp.asarray(x)))


def saliency(model, x, **options):
    return pl.explain(model, x, **{"target": 0, "method": "saliency", **options})


class Block(linen.Module):
    """Dropout and batch statistics; ``train`` has no default, or that of training."""

    @linen.compact
    def __call__(self, x, train):
        x = linen.Dense(8, name="first")(x)
        x = linen.BatchNorm(use_running_average=not train, name="norm")(x)
        x = linen.Dropout(0.5, deterministic=not train, name="drop")(linen.tanh(x))
        return linen.Dense(3, name="last")(x)


class Training(linen.Module):
    @linen.compact
    def __call__(self, x, train=True):
        return Block(name="block")(x, train)


class Flagged(linen.Module):
    train: bool = True

    @linen.compact
    def __call__(self, x):
        return Block(name="block")(x, self.train)


class Deterministic(linen.Module):
    deterministic: bool | None = None

    @linen.compact
    def __call__(self, x, deterministic=None):
        deterministic = linen.merge_param("deterministic", self.deterministic, deterministic)
        return linen.Dense(3)(linen.Dropout(0.5, deterministic=deterministic)(x))


X = np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32)


def started(module, *args, **flags):
    """Variables with statistics that are not the first ones."""
    variables = module.init(jax.random.key(0), *args, **flags)
    stats = jax.tree.map(lambda leaf: leaf + 0.3, variables.get("batch_stats", {}))
    return {**variables, "batch_stats": stats} if stats else variables


MODES = {
    "argument": (Block(), {"train": False}, {}),
    "argument whose default is training": (Training(), {"train": False}, {}),
    "field": (Flagged(train=False), {}, {"module": Flagged()}),
    "argument that a field may replace": (Deterministic(), {"deterministic": True}, {}),
    "field that replaces an argument": (Deterministic(deterministic=True), {}, {}),
}


@pytest.mark.parametrize("mode", MODES)
def test_a_module_is_explained_in_inference(mode):
    module, flags, given = MODES[mode]
    variables = started(module, X, **flags)
    before = jax.tree.map(np.array, variables)
    e = saliency(pl.wrap(given.get("module", module), variables), X)
    np.testing.assert_allclose(e.values, slopes(lambda x: module.apply(variables, x, **flags), X), rtol=1e-5, atol=1e-7)
    jax.tree.map(np.testing.assert_array_equal, variables, before)


def test_every_way_to_give_a_linen_module():
    module, variables = linen_nets.build("mlp")
    x = inputs("mlp")
    expected = slopes(lambda given: module.apply(variables, given), x)
    ways = {
        "wrapped": pl.wrap(module, variables),
        "frozen": pl.wrap(module, freeze(variables)),
        "parameters alone": pl.wrap(module, variables["params"]),
        "bound": module.bind(variables),
        "bound and wrapped": pl.wrap(module.bind(variables), output="logits"),
        "NumPy": pl.wrap(module, jax.tree.map(np.asarray, variables)),
        "apply": pl.wrap(module.apply, variables),
        "boxed": pl.wrap(module, jax.tree.map(lambda leaf: linen.Partitioned(leaf, (None,) * leaf.ndim), variables)),
    }
    for way, model in ways.items():
        np.testing.assert_allclose(saliency(model, x).values, expected, rtol=1e-5, atol=1e-7, err_msg=way)
        if way != "apply":
            assert saliency(model, x, at="tanh1").values.shape == (4, 16)


def test_what_is_no_module_with_variables_is_refused_in_words():
    module, variables = linen_nets.build("mlp")
    x = inputs("mlp")
    with pytest.raises(pl.CapabilityError, match=r"has no weights of its own.*pl\.wrap\(MLP\(\.\.\.\), variables\)"):
        saliency(module, x)
    with pytest.raises(pl.InputError, match=r"variables of a linen module are a mapping.*got list"):
        saliency(pl.wrap(module, [1]), x)
    with pytest.raises(pl.InputError, match="an nnx module holds its own variables"):
        saliency(pl.wrap(nnx_nets.build("mlp"), variables), x)
    with pytest.raises(pl.InputError, match="Could not find parameter"):
        saliency(pl.wrap(module, {"params": {"hidden1": variables["params"]["hidden1"]}}), x)
    with pytest.raises(pl.CapabilityError, match="neither a linen nor an nnx module"):
        saliency(nnx.state(nnx_nets.build("mlp")), x)

    class Quiet(linen.Module):
        def encode(self, x):
            return x

    with pytest.raises(pl.CapabilityError, match="Quiet has no __call__; wrap the method"):
        saliency(pl.wrap(Quiet(), {}), x)


BUILT = {"linen": lambda net: pl.wrap(*linen_nets.build(net)), "nnx": nnx_nets.build}


@pytest.mark.parametrize("library", BUILT)
def test_wrong_inputs_are_told_what_is_expected(library):
    with pytest.raises(pl.InputError, match=r"Its first layer with weights, 'hidden1', takes \(samples, 6\)"):
        saliency(BUILT[library]("mlp"), np.ones((2, 7), np.float32))
    with pytest.raises(pl.InputError, match=r"'conv1', takes \(samples, height, width, 3\)"):
        saliency(BUILT[library]("cnn"), np.ones((2, 3, 16, 16), np.float32))
    with pytest.raises(pl.InputError, match=r"'hidden1', takes \(samples, 6\)"):
        saliency(BUILT[library]("mlp"), np.ones((2, 7), np.float32), at="head")
    with pytest.raises(pl.LayerError, match=r"the model has no layer 'hiden1'. Did you mean 'hidden1'"):
        saliency(BUILT[library]("mlp"), inputs("mlp"), at="hiden1")


class Reused(linen.Module):
    """One layer twice, one of several inputs by name, a layer of layers."""

    def setup(self):
        self.shared, self.last = linen.Dense(6), linen.Dense(3)

    def __call__(self, a, b):
        hidden = linen.tanh(self.shared(a))
        return self.last(linen.tanh(self.shared(hidden)) * b)


class ReusedToo(nnx.Module):
    def __init__(self, rngs):
        self.shared, self.last = nnx.Linear(6, 6, rngs=rngs), nnx.Linear(6, 3, rngs=rngs)

    def __call__(self, a, b):
        hidden = nnx.tanh(self.shared(a))
        return self.last(nnx.tanh(self.shared(hidden)) * b)


def reused():
    variables = Reused().init(jax.random.key(1), X, X)
    return {"linen": pl.wrap(Reused(), variables), "nnx": ReusedToo(nnx.Rngs(1))}


@pytest.mark.parametrize("library", BUILT)
def test_reused_layers_and_inputs_by_position_or_name(library):
    model = reused()[library]
    by_position = saliency(model, (X, 2 * X)).values
    by_name = saliency(model, {"b": 2 * X, "a": X}).values
    np.testing.assert_array_equal(by_position[0], by_name["a"])
    np.testing.assert_array_equal(by_position[1], by_name["b"])
    with pytest.raises(
        pl.LayerError, match=r"'shared' is called 2 times in one pass; say which with pl\.Layer\('shared', call=1\)"
    ):
        saliency(model, (X, X), at="shared")
    with pytest.raises(pl.LayerError, match="2 times in one pass, not 3"):
        saliency(model, (X, X), at=pl.Layer("shared", call=3))
    second = saliency(model, (X, X), at=pl.Layer("shared", call=2)).values
    assert second.shape == (4, 6)
    kernel = model.params["params"]["last"]["kernel"] if library == "linen" else model.last.kernel[...]
    hidden = saliency(model, (X, np.ones_like(X)), at=pl.Layer("shared", call=2)).values
    assert np.abs(hidden).max() <= np.abs(np.asarray(kernel)[:, 0]).max() + 1e-6


class Recurrent(linen.Module):
    @linen.compact
    def __call__(self, x):
        steps = linen.RNN(linen.SimpleCell(5), name="steps")(x)
        return linen.remat(linen.Dense)(2, name="head")(linen.LayerNorm(name="norm")(steps[:, -1]))


@pytest.mark.parametrize("library", BUILT)
def test_what_runs_inside_of_a_transformation_is_no_layer(library):
    x = np.random.default_rng(1).normal(size=(3, 7, 4)).astype(np.float32)
    if library == "linen":
        model = pl.wrap(Recurrent(), Recurrent().init(jax.random.key(0), x))
        inner, outer = "steps/cell", "steps"
    else:
        model, inner, outer = nnx_nets.build("rnn"), "lstm.cell", "lstm"
    assert saliency(model, x, at=outer).values.shape[:2] == (3, 7)
    with pytest.raises(pl.LayerError, match=r"was not called when the model ran|has no layer"):
        saliency(model, x, at=inner)


def test_nan_names_the_layer_forward_and_backward():
    class Roots(linen.Module):
        @linen.compact
        def __call__(self, x):
            x = linen.Dense(6, name="first")(x)
            x = linen_nets.Activation(lambda a: jnp.sqrt(a - a), name="root")(x)
            return linen.Dense(2, name="last")(x)

    variables = Roots().init(jax.random.key(0), X)
    with pytest.raises(pl.NonFiniteError, match="first in the gradient that layer 'root' passes back"):
        saliency(pl.wrap(Roots(), variables), X)
    broken = jax.tree.map(lambda leaf: leaf, variables)
    broken["params"]["last"]["kernel"] = variables["params"]["last"]["kernel"].at[0, 0].set(jnp.inf)
    with pytest.raises(pl.NonFiniteError, match="first in the output of layer 'last'"):
        saliency(pl.wrap(Roots(), broken), X)
    net = nnx_nets.build("mlp")
    net.hidden2.bias[...] = net.hidden2.bias[...].at[3].set(jnp.nan)
    with pytest.raises(pl.NonFiniteError, match="first in the output of layer 'hidden2'"):
        saliency(net, inputs("mlp"))


class Noisy(nnx.Module):
    """Everything that a pass may write: statistics, counts of random numbers, attributes."""

    def __init__(self, rngs):
        self.first, self.norm = nnx.Linear(6, 8, rngs=rngs), nnx.BatchNorm(8, rngs=rngs)
        self.drop, self.parts = nnx.Dropout(0.5, rngs=rngs), nnx.List([nnx.Linear(8, 8, rngs=rngs), nnx.Linear(8, 3, rngs=rngs)])
        self.calls = nnx.Variable(jnp.zeros((), jnp.int32))

    def __call__(self, x):
        self.calls[...] = self.calls[...] + 1
        x = self.drop(self.norm(nnx.tanh(self.first(x))))
        self.last = nnx.Intermediate(x)
        return self.parts[1](nnx.tanh(self.parts[0](x)))


def bits(model):
    """Every array of a model, random numbers as their data, and every flag."""
    raw = jax.tree.map(
        lambda leaf: np.array(jax.random.key_data(leaf) if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) else leaf),
        nnx.to_pure_dict(nnx.state(model)),
    )
    flags = [
        (path, getattr(m, "deterministic", None), getattr(m, "use_running_average", None)) for path, m in nnx.iter_modules(model)
    ]
    return raw, flags


@pytest.mark.parametrize("method", ["saliency", "integrated-gradients", "conductance", "shapley", "integrated-hessians"])
def test_the_users_module_stays_as_it_is(method):
    net = Noisy(nnx.Rngs(0))
    net(jnp.asarray(X))  # in training: statistics move
    del net.last
    flags, (raw, said) = {"at": "parts.0"} if method == "conductance" else {}, bits(net)
    known = {kind: vars(kind)["__call__"] for kind in (nnx.Linear, nnx.BatchNorm, nnx.Dropout, Noisy)}
    e = pl.explain(net, X, target=1, method=method, **flags)
    after, now = bits(net)
    jax.tree.map(np.testing.assert_array_equal, raw, after)
    assert said == now
    assert not hasattr(net, "last")
    assert known == {kind: vars(kind)["__call__"] for kind in known}
    twin = nnx.clone(net)
    twin.eval()
    np.testing.assert_allclose(e.prediction, twin(jnp.asarray(X)), rtol=1e-5, atol=1e-6)
    if method == "saliency":
        np.testing.assert_allclose(
            e.values, slopes(lambda given: nnx.merge(*nnx.split(twin), copy=True)(given), X, 1), rtol=1e-4, atol=1e-6
        )


def test_it_stays_as_it_is_uncompiled_and_after_errors():
    class Choosing(Noisy):
        def __call__(self, x):
            return super().__call__(x) if x.sum() < 1e6 else 0 * x

    net = Choosing(nnx.Rngs(0))
    raw, flags = bits(net)
    e = saliency(net, X)
    assert any("an nnx module reads values while it runs" in note for note in e.plan.notes)
    saliency(net, X, at="parts.0")
    with pytest.raises(pl.LayerError, match="no layer"):
        saliency(net, X, at="parts.7")
    with pytest.raises(pl.InputError):
        saliency(net, X[:, :3], at="parts.0")
    after, now = bits(net)
    jax.tree.map(np.testing.assert_array_equal, raw, after)
    assert flags == now
    assert not calls._CHANGED


def test_other_threads_see_the_classes_as_they_are():
    net, other, x = nnx_nets.build("mlp"), nnx_nets.build("mlp_tanh"), inputs("mlp")
    expected, original = np.asarray(other(jnp.asarray(x))), vars(nnx.Linear)["__call__"]
    wrong, stop = [], threading.Event()

    def call():
        while not stop.is_set():
            if not np.array_equal(other(jnp.asarray(x)), expected):
                wrong.append("another output")

    def explain(number):
        values = saliency(net, x, at="tanh1", target=number % 3).values
        if not np.array_equal(values, alone[number % 3]):
            wrong.append("another explanation")

    alone = [saliency(net, x, at="tanh1", target=target).values for target in range(3)]
    threads = [threading.Thread(target=explain, args=(number,)) for number in range(4)]
    caller = threading.Thread(target=call)
    caller.start()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stop.set()
    caller.join()
    assert not wrong
    assert vars(nnx.Linear)["__call__"] is original
    assert not calls._CHANGED


@pytest.mark.parametrize("library", BUILT)
def test_forgotten_with_the_module(library):
    built = linen_nets.build("cnn") if library == "linen" else (nnx_nets.build("cnn"),)
    model, x = built[0], inputs("cnn", channels_last=True)
    for method, options in (
        ("grad-cam", {}),
        ("integrated-gradients", {"steps": 4}),
        ("conductance", {"at": "relu1", "steps": 3}),
    ):
        pl.explain(pl.wrap(*built), x, method=method, target=0, **options)
    held, gone = [weakref.ref(made) for made in compiled.memory_of(model).functions.values()], weakref.ref(model)
    assert held
    del model, built
    gc.collect()
    assert gone() is None
    assert not [made for made in held if made() is not None]


@pytest.mark.parametrize("library", BUILT)
def test_trained_on_and_explained_again(library):
    x = inputs("mlp")
    if library == "linen":
        module, variables = linen_nets.build("mlp")
        doubled = jax.tree.map(lambda leaf: 2 * leaf, variables)
        first, second = saliency(pl.wrap(module, variables), x).values, saliency(pl.wrap(module, doubled), x).values
        np.testing.assert_allclose(second, slopes(lambda given: module.apply(doubled, given), x), rtol=1e-5, atol=1e-6)
        known = compiled.memory_of(module)
    else:
        net = nnx_nets.build("mlp")
        first = saliency(net, x).values
        for layer in (net.hidden1, net.hidden2, net.head):
            layer.kernel[...] = 2 * layer.kernel[...]
        second = saliency(net, x).values
        np.testing.assert_allclose(second, slopes(net, x), rtol=1e-5, atol=1e-6)
        known = compiled.memory_of(net)
    assert np.abs(second - first).max() > 0.1
    assert sum(made.linear._cache_size() for made in known.functions.values()) == 1  # compiled once for both


def test_on_an_accelerator_arrays_are_those_of_jax(monkeypatch):
    asked = [
        ("mlp", "conductance", {"at": "tanh1", "steps": 2}),
        ("mlp", "integrated-hessians", {"steps": 2}),
        ("mlp", "shapley", {"budget": 20}),
        ("cnn", "grad-cam", {}),
        ("cnn", "full-grad", {}),
    ]

    def answers():
        samples = {net: inputs(net, samples=2, channels_last=True) for net in ("mlp", "cnn")}
        return [pl.explain(nnx_nets.build(net), samples[net], method=method, **options) for net, method, options in asked]

    known = answers()
    monkeypatch.setattr("pellucid.models.jax.arrays.on_host", lambda devices: False)
    for here, there in zip(known, answers(), strict=True):
        np.testing.assert_allclose(there.values, here.values, rtol=1e-4, atol=1e-5 * np.abs(here.values).max())


def test_biases_of_normalisation_and_transposed_convolutions():
    class Net(linen.Module):
        @linen.compact
        def __call__(self, x):
            x = linen.relu(linen.Conv(4, (3, 3), name="conv")(x))
            x = linen.BatchNorm(use_running_average=True, use_scale=False, name="norm")(x)
            x = linen.relu(linen.ConvTranspose(3, (2, 2), strides=(2, 2), name="up")(x))
            return linen.Dense(2, use_bias=False, name="head")(x.reshape(len(x), -1))

    x = np.random.default_rng(0).normal(size=(3, 6, 6, 2)).astype(np.float32)
    variables = jax.tree.map(lambda leaf: leaf + 0.1, Net().init(jax.random.key(0), x))
    e = pl.explain(pl.wrap(Net(), variables), x, method="full-grad", target=0)
    assert e.details["completeness_residual"].max() < 1e-4


def test_layers_after_an_operation_that_can_only_be_pulled_back():
    @jax.custom_vjp
    def cubed(x):
        return x**3

    cubed.defvjp(lambda x: (x**3, x), lambda x, g: (3 * x**2 * g,))

    class Net(linen.Module):
        power: Callable

        @linen.compact
        def __call__(self, x):
            return linen.Dense(2, name="head")(
                linen.tanh(linen.Dense(4, name="hidden")(self.power(linen.Dense(5, name="first")(x))))
            )

    variables = Net(cubed).init(jax.random.key(0), X)
    found, expected = (
        pl.explain(pl.wrap(Net(power), variables), X, method="conductance", at="hidden", target=0, steps=5).values
        for power in (cubed, lambda x: x**3)
    )
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_half_precision_modules():
    class Half(linen.Module):
        @linen.compact
        def __call__(self, x):
            x = linen.relu(linen.Conv(4, (3, 3), dtype=jnp.bfloat16, param_dtype=jnp.bfloat16, name="conv")(x))
            return linen.Dense(2, dtype=jnp.bfloat16, param_dtype=jnp.bfloat16, name="head")(x.mean((1, 2)))

    x = np.random.default_rng(0).normal(size=(3, 6, 6, 2)).astype(np.float32)
    variables = Half().init(jax.random.key(0), x)
    single = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), variables)
    e = pl.explain(pl.wrap(Half(), variables), x, method="grad-cam", target=0)
    assert e.values.dtype == e.prediction.dtype == np.float32
    e = saliency(pl.wrap(Half(), variables), x)
    np.testing.assert_allclose(e.values, saliency(pl.wrap(Half(), single), x).values, atol=0.02)


def test_torch_twin_with_a_padding_id():
    ids = inputs("embedding")
    expected = pl.explain(torch_nets.build("embedding"), torch.from_numpy(ids), method="integrated-gradients", target=1)
    for library, build in BUILT.items():
        found = pl.explain(build("embedding"), ids, method="integrated-gradients", target=1, baseline=0)
        np.testing.assert_allclose(found.values, expected.values, rtol=1e-3, atol=1e-5, err_msg=library)
        mean = pl.explain(build("embedding"), ids, method="integrated-gradients", target=1, steps=4)
        assert mean.baselines == "mean of the embedding table"
