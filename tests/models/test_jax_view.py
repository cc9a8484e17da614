"""What the JAX view must withstand, beside plain ``jax.grad`` of the function as it is."""

import gc
import os
import subprocess
import sys
import textwrap
import weakref
from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import networks
import pellucid as pl
from pellucid.models.jax import compiled

W = [np.asarray(p.detach().numpy().T) for p in networks.mlp(activation=networks.nn.Tanh).parameters()]
X = networks.rows(5, 6).numpy()


def net(params, x):
    for i in range(0, len(params) - 2, 2):
        x = jnp.tanh(x @ params[i] + params[i + 1])
    return x @ params[-2] + params[-1]


def plain(x):
    return net(W, x)


@jax.tree_util.register_dataclass
@dataclass
class Carried:
    """Parameters and what is done with them, as equinox has it."""

    weights: list[jax.Array]

    def __call__(self, x):
        return net(self.weights, x)


def slopes(function, x, target=0):
    """Uncompiled, one row after the other."""
    return np.stack([jax.grad(lambda row: function(row[None])[0, target])(jnp.asarray(row)) for row in x])


def saliency(model, x=X, **options):
    return pl.explain(model, x, **{"target": 0, "method": "saliency", **options})


WAYS = {
    "function": lambda: pl.wrap(plain, adapter="jax"),
    "jitted": lambda: jax.jit(plain),
    "parameters": lambda: pl.wrap(net, [jnp.asarray(w) for w in W]),
    "parameters in NumPy": lambda: pl.wrap(net, W),
    "partial": lambda: pl.wrap(partial(net, W), adapter="jax"),
    "tree partial": lambda: jax.tree_util.Partial(net, [jnp.asarray(w) for w in W]),
    "jitted with parameters": lambda: pl.wrap(jax.jit(net), W),
    "pytree that is called": lambda: pl.wrap(Carried([jnp.asarray(w) for w in W]), adapter="jax"),
    "checkpointed": lambda: pl.wrap(jax.checkpoint(plain), adapter="jax"),
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_give_a_function_gives_its_gradient(way):
    np.testing.assert_allclose(saliency(WAYS[way]()).values, slopes(plain, X), rtol=1e-5, atol=1e-7)


def test_parameters_may_hold_what_is_no_array():
    params = {"weights": W, "layers": 3, "activation": jnp.tanh, "name": "net"}

    def f(params, x):
        for i in range(0, 2 * params["layers"] - 2, 2):
            x = params["activation"](x @ params["weights"][i] + params["weights"][i + 1])
        return x @ params["weights"][-2] + params["weights"][-1]

    np.testing.assert_allclose(saliency(pl.wrap(f, params)).values, slopes(plain, X), rtol=1e-5, atol=1e-7)


def test_other_parameters_of_the_same_function_are_others():
    first, second = saliency(pl.wrap(net, W)).values, saliency(pl.wrap(net, [2 * w for w in W])).values
    np.testing.assert_allclose(first, slopes(plain, X), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(second, slopes(lambda x: net([2 * w for w in W], x), X), rtol=1e-5, atol=1e-7)
    leaner = pl.wrap(net, [*W[:2], *W[4:]])  # another tree
    with pytest.raises(pl.InputError, match="the model failed on these inputs"):
        saliency(leaner)


def test_what_a_function_reads_around_itself_is_read_anew():
    held = {"scale": 1.0}
    f = pl.wrap(lambda x: held["scale"] * plain(x), adapter="jax")
    np.testing.assert_allclose(saliency(f).values, slopes(plain, X), rtol=1e-5, atol=1e-7)
    held["scale"] = 3.0
    np.testing.assert_allclose(saliency(f).values, 3 * slopes(plain, X), rtol=1e-5, atol=1e-7)


def test_what_a_function_reads_beside_its_parameters_is_read_anew():
    class Settings:
        scale = 1.0

    settings, factor, shift = Settings(), np.ones(3, np.float32), 0.0

    def f(params, x):
        return settings.scale * factor * net(params, x) + shift * x[:, :3]

    model, expected = pl.wrap(f, W), slopes(plain, X)
    np.testing.assert_allclose(saliency(model).values, expected, rtol=1e-5, atol=1e-7)
    settings.scale = 3.0
    np.testing.assert_allclose(saliency(model).values, 3 * expected, rtol=1e-5, atol=1e-7)
    factor *= 2
    np.testing.assert_allclose(saliency(model).values, 6 * expected, rtol=1e-5, atol=1e-7)
    shift = 1.0
    np.testing.assert_allclose(saliency(model).values, slopes(lambda x: f(W, x), X), rtol=1e-5, atol=1e-7)


def test_nothing_is_compiled_twice_where_a_function_reads_the_same():
    def f(params, x):
        return net(params, x) + len(W)

    first = saliency(pl.wrap(f, W)).values
    made = compilations(f)
    assert made
    np.testing.assert_array_equal(saliency(pl.wrap(f, [w.copy() for w in W])).values, first)
    assert compilations(f) == made


def test_an_object_that_is_called_with_its_parameters():
    class Net:
        def __call__(self, params, x):
            return net(params, x)

    np.testing.assert_allclose(saliency(pl.wrap(Net(), W)).values, slopes(plain, X), rtol=1e-5, atol=1e-7)


def compilations(model):
    """By pass and way of running it: the sizes of batches for which it was compiled."""
    return {
        (run, way): count
        for (_, run), made in compiled.memory_of(model).functions.items()
        for way in ("forward", "linear", "back", "curved", "rates")
        if (count := getattr(made, way)._cache_size())
    }


ASKED = {
    "integrated-gradients": {"tolerance": 0.005},
    "smoothgrad": {},
    "shapley": {"budget": 60},
    "integrated-hessians": {"steps": 8},
    "expected-gradients": {"samples": 30, "baseline": 0.25},
}


@pytest.mark.parametrize("method", ASKED)
def test_at_most_two_recompilations_and_none_the_second_time(method):
    f = jax.jit(lambda params, x: net(params, x))
    model = pl.wrap(f, W)
    first = pl.explain(model, X, method=method, **ASKED[method])
    made = compilations(f)
    assert made
    assert max(made.values()) <= 3
    second = pl.explain(model, X, method=method, **ASKED[method])
    assert compilations(f) == made
    np.testing.assert_array_equal(first.values, second.values)


def test_forgotten_with_the_function():
    gc.collect()

    def build():
        weights = [jnp.asarray(w) for w in W]
        return jax.jit(lambda x: net(weights, x))

    f = build()
    pl.explain(f, X, method="integrated-gradients", tolerance=0.01)
    pl.explain(f, X, method="integrated-hessians", steps=4)
    held = [weakref.ref(made) for made in compiled.memory_of(f).functions.values()]
    gone, before = weakref.ref(f), len(compiled._MEMORIES)
    assert held
    del f
    gc.collect()
    assert gone() is None
    assert not [made for made in held if made() is not None]
    assert len(compiled._MEMORIES) == before - 1


def test_several_inputs_in_a_tuple_or_a_mapping():
    a, b = X[:, :3], X[:, 3:]

    def two(a, b):
        return plain(jnp.concatenate([a, b], axis=1))

    expected = slopes(plain, X)
    found = saliency(pl.wrap(two, adapter="jax"), (a, b)).values
    np.testing.assert_allclose(np.concatenate(found, axis=1), expected, rtol=1e-5, atol=1e-7)
    found = saliency(pl.wrap(lambda given: two(given["a"], given["b"]), adapter="jax"), {"b": b, "a": a})
    np.testing.assert_allclose(np.concatenate([found.values["a"], found.values["b"]], axis=1), expected, rtol=1e-5, atol=1e-7)
    scale = np.asarray([1.0, 2.0, 3.0], np.float32)
    (values, _), _ = saliency(
        pl.wrap(lambda pair, scale: two(*pair) * scale, adapter="jax", static=("1",)), ((a, b), scale), target=1
    ).values
    np.testing.assert_allclose(values, 2 * slopes(plain, X, 1)[:, :3], rtol=1e-5, atol=1e-7)


PACKS = {
    "dict": lambda scores, aux: {"scores": scores, "aux": aux},
    "ordered": lambda scores, aux: OrderedDict(scores=scores, aux=aux),
    "tuple": lambda scores, aux: (scores, aux),
    "list": lambda scores, aux: [scores, aux],
    "named": namedtuple("Out", "scores aux"),
    "with a scalar": lambda scores, aux: {"scores": scores, "loss": aux.sum(), "aux": aux},
    "with integers": lambda scores, aux: {"scores": scores, "best": scores.argmax(1), "aux": aux},
    "with nothing": lambda scores, aux: {"scores": scores, "cache": None, "aux": aux},
    "nested": lambda scores, aux: {"scores": scores, "rest": {"z": aux, "aux": aux}},
}


@pytest.mark.parametrize("pack", PACKS)
def test_the_first_output_is_explained_in_the_order_of_the_function(pack):
    f = pl.wrap(lambda x: PACKS[pack](plain(x), x[:, :2]), adapter="jax")
    for method in ("saliency", "output-gradient", "leave-one-out"):
        e = pl.explain(f, X, target=2, method=method)
        np.testing.assert_allclose(e.prediction, plain(X), rtol=1e-5, atol=1e-6)
        if method == "saliency":
            np.testing.assert_allclose(e.values, slopes(plain, X, 2), rtol=1e-5, atol=1e-7)
        if method == "output-gradient":
            np.testing.assert_array_equal(e.details["output_gradient"], np.tile([0.0, 0.0, 1.0], (5, 1)))


def test_a_function_of_the_outputs_gets_them_as_they_were_returned():
    f = pl.wrap(lambda x: PACKS["named"](plain(x), x[:, :2] ** 2), adapter="jax")
    target = pl.Target(lambda out: out.aux[:, 1] * out.scores[:, 0])
    for method in ("saliency", "integrated-gradients", "integrated-hessians", "leave-one-out"):
        e = pl.explain(f, X, target=target, method=method, **({"feature": 1} if method == "integrated-hessians" else {}))
        np.testing.assert_allclose(e.value, X[:, 1] ** 2 * plain(X)[:, 0], rtol=1e-4, atol=1e-6)
        if method == "saliency":
            expected = jax.vmap(jax.grad(lambda row: row[1] ** 2 * plain(row[None])[0, 0]))(jnp.asarray(X))
            np.testing.assert_allclose(e.values, expected, rtol=1e-4, atol=1e-6)
    with pytest.raises(pl.CapabilityError, match=r"the target reads 2: 0, 1|the target reads 2: scores, aux"):
        pl.explain(f, X, target=target, method="output-gradient")


def test_labels_follow_the_rows():
    labels = np.array([0, 2, 1, 1, 0])
    loss = pl.Target(lambda out, y: -jax.nn.log_softmax(out)[jnp.arange(len(y)), y], labels=labels)
    e = pl.explain(pl.wrap(net, W), X, target=loss, method="smoothgrad", samples=3, sigma=1e-6, batch_size=2)
    expected = np.stack(
        [
            jax.grad(lambda row, y=y: -jax.nn.log_softmax(plain(row[None]))[0, y])(jnp.asarray(row))
            for row, y in zip(X, labels, strict=True)
        ]
    )
    np.testing.assert_allclose(e.values, expected, rtol=1e-4, atol=1e-6)


def test_second_derivatives_of_entries_and_of_functions_of_the_outputs():
    f, nodes = pl.wrap(net, W), (np.arange(1000, dtype=np.float32) + 0.5) / 1000
    log = pl.Target(lambda out: jax.nn.log_softmax(out)[:, 1])
    for target, value in ((1, lambda row: plain(row[None])[0, 1]), (log, lambda row: jax.nn.log_softmax(plain(row[None]))[0, 1])):
        e = pl.explain(f, X[:2], target=target, method="integrated-hessians", feature=2, steps=24)
        derivatives = jax.jit(jax.vmap(lambda point, value=value: (jax.grad(value)(point)[2], jax.hessian(value)(point)[2])))
        for row, found in zip(X, e.values, strict=False):
            first, bends = map(np.asarray, derivatives(nodes[:, None] * row))
            expected = row[2] * row * np.mean(-nodes[:, None] * np.log(nodes)[:, None] * bends, axis=0)
            expected[2] += row[2] * np.mean(-np.log(nodes) * first)
            np.testing.assert_allclose(found, expected, rtol=5e-3, atol=3e-4)


def test_integers_without_an_embedding_are_refused_and_can_be_removed():
    table = jnp.asarray(np.random.default_rng(0).normal(size=(9, 2)), jnp.float32)
    f = pl.wrap(lambda table, ids: table[ids].mean(1), table)
    ids = np.array([[1, 2, 3], [4, 5, 8]])
    with pytest.raises(pl.InputError, match="none of the inputs can be differentiated"):
        pl.explain(f, ids, method="saliency")
    e = pl.explain(f, ids, target=0, method="leave-one-out", masker=pl.maskers.Constant(0))
    expected = (table[ids][..., 0] - table[0, 0]) / 3
    np.testing.assert_allclose(e.values, expected, rtol=1e-4, atol=1e-6)


def test_own_random_numbers_are_part_of_the_function():
    key = jax.random.key(3)
    f = pl.wrap(lambda key, x: plain(x) + jax.random.normal(key, (1, 3)), key)
    np.testing.assert_allclose(saliency(f).values, slopes(plain, X), rtol=1e-5, atol=1e-7)


def test_values_that_are_read_while_it_runs_are_read_uncompiled_and_that_is_said():
    def f(x):
        return plain(x) if x.sum() < 1e6 else -plain(x)

    e = saliency(pl.wrap(f, adapter="jax"))
    np.testing.assert_allclose(e.values, slopes(f, X), rtol=1e-5, atol=1e-7)
    assert any("reads values while it runs (TracerBoolConversionError)" in note for note in e.plan.notes)
    assert not any("reads values" in note for note in saliency(pl.wrap(plain, adapter="jax")).plan.notes)


@pytest.mark.parametrize("method", ["saliency", "shapley"])
def test_uncompiled_functions_get_arrays_of_jax_and_cannot_write_into_the_users(method):
    def f(x):
        if isinstance(x, np.ndarray):
            x *= 0
        return plain(x.at[:, 0].set(0.0)) if x.sum() < 1e6 else plain(x)

    x = X.copy()
    e = pl.explain(pl.wrap(f, adapter="jax"), x, target=0, method=method)
    np.testing.assert_array_equal(x, X)
    np.testing.assert_allclose(e.values[:, 0], 0, atol=1e-6)


def test_numbers_of_python_inside_have_outputs_and_no_gradient():
    f = pl.wrap(lambda x: plain(x) * (1 + float(x.sum())), adapter="jax")
    assert pl.explain(f, X, target=0, method="leave-one-out").values.any()
    with pytest.raises(pl.CapabilityError, match="turns JAX arrays into numbers of Python, where derivatives end"):
        saliency(f)


def test_numpy_inside_has_outputs_and_no_gradient():
    f = pl.wrap(lambda x: np.tanh(np.asarray(x)) @ np.ones((6, 2), np.float32), adapter="jax")
    e = pl.explain(f, X, target=0, method="leave-one-out")
    np.testing.assert_allclose(e.values, np.tanh(X), rtol=1e-4, atol=1e-6)
    with pytest.raises(pl.CapabilityError, match="turns JAX arrays into NumPy arrays, where derivatives end"):
        saliency(f)


def test_a_derivative_that_is_zero_by_construction_is_refused():
    for f in (lambda x: jax.lax.stop_gradient(plain(x)), lambda x: jnp.ones((len(x), 3)), lambda x: jnp.round(plain(x))):
        with pytest.raises(
            pl.CapabilityError, match="does not depend on the input through operations that JAX can differentiate"
        ):
            saliency(pl.wrap(f, adapter="jax"))
    e = saliency(pl.wrap(lambda x: jax.nn.relu(plain(x) - 1e3), adapter="jax"))  # a zero that depends on the input
    assert not e.values.any()
    with pytest.raises(pl.CapabilityError, match="the target is of dtype int32 and has no derivative"):
        saliency(pl.wrap(lambda x: plain(x).astype(int), adapter="jax"))


def test_derivatives_of_its_own_can_be_pulled_back():
    @jax.custom_vjp
    def doubled(x):
        return 2 * x

    doubled.defvjp(lambda x: (2 * x, None), lambda _, g: (3 * g,))  # not what it is, so that it can be told
    f = pl.wrap(lambda params, x: doubled(net(params, x)), W)
    np.testing.assert_allclose(saliency(f).values, 3 * slopes(plain, X), rtol=1e-5, atol=1e-7)
    bends = pl.explain(f, X, method="integrated-hessians", target=0, feature=1).values
    np.testing.assert_allclose(
        bends, 3 * pl.explain(pl.wrap(net, W), X, method="integrated-hessians", target=0, feature=1).values, rtol=1e-4, atol=1e-6
    )


def test_errors_of_the_function_arrive_in_words():
    with pytest.raises(pl.InputError, match=r"the model failed on these inputs \(input \(5, 6\)\).*dot_general"):
        saliency(pl.wrap(lambda x: x @ jnp.ones((4, 2)), adapter="jax"))
    with pytest.raises(pl.InputError, match="complex inputs cannot be attributed"):
        saliency(pl.wrap(plain, adapter="jax"), X.astype(np.complex64))
    with pytest.raises(pl.CapabilityError, match="explains functions of arrays; got dict"):
        saliency(pl.wrap({}, adapter="jax"))
    with pytest.raises(pl.InputError, match="the first axis must be the samples"):
        saliency(pl.wrap(lambda x: plain(x).sum(), adapter="jax"))


def test_nan_is_named():
    f = pl.wrap(lambda x: jnp.log(plain(x)), adapter="jax")
    with pytest.raises(pl.NonFiniteError, match=r"of sample \d is NaN or infinite, inside a JAX function"):
        saliency(f)


def test_batches_of_any_size_give_the_same():
    whole = pl.explain(pl.wrap(net, W), X, method="integrated-gradients", steps=7, target=1)
    for size in (1, 2, 3, 4):
        parts = pl.explain(pl.wrap(net, W), X, method="integrated-gradients", steps=7, target=1, batch_size=size)
        np.testing.assert_allclose(parts.values, whole.values, rtol=1e-4, atol=1e-6)


def test_batches_are_halved_when_memory_runs_out():
    def f(params, x):
        if len(x) > 4:
            raise RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 1 bytes.")
        return net(params, x)

    e = pl.explain(pl.wrap(f, W), X[:4], method="smoothgrad", samples=7, target=0)
    assert any("memory ran out at 28 rows a batch" in note for note in e.plan.notes)
    np.testing.assert_allclose(
        e.values, pl.explain(pl.wrap(net, W), X[:4], method="smoothgrad", samples=7, target=0).values, rtol=1e-4, atol=1e-6
    )


def test_a_function_of_few_axes_and_scalars_of_no_sample():
    f = pl.wrap(lambda x: (x**2).sum(1), adapter="jax")
    np.testing.assert_allclose(saliency(f).values, 2 * X, rtol=1e-6)
    squeezed = pl.wrap(lambda x: jnp.squeeze((x**2).sum(1)), adapter="jax")
    np.testing.assert_allclose(saliency(squeezed, X[:1]).values, 2 * X[:1], rtol=1e-6)


def test_half_precision_is_computed_by_the_model_and_explained_in_single():
    low = [jnp.asarray(w, jnp.bfloat16) for w in W]
    seen = []

    def f(params, x):
        seen.append(x.dtype)
        return net(params, x)

    e = saliency(pl.wrap(f, low))
    assert set(seen) == {jnp.dtype(jnp.bfloat16)}
    assert e.values.dtype == e.value.dtype == e.prediction.dtype == np.float32 or e.value.dtype == np.float64
    np.testing.assert_allclose(e.values, slopes(plain, X), atol=0.05)
    half = saliency(pl.wrap(net, W), X.astype(np.float16))
    assert half.values.dtype == np.float32


def test_double_precision_where_jax_has_it():
    with jax.enable_x64(True):
        double = [np.asarray(w, np.float64) for w in W]
        e = saliency(pl.wrap(net, double), X)
        assert e.values.dtype == np.float64
        np.testing.assert_allclose(e.values, slopes(lambda x: net(double, x), X.astype(np.float64)), rtol=1e-12)
        e = saliency(pl.wrap(lambda x: jnp.tanh(x).sum(1), adapter="jax"), X.astype(np.float64))
        np.testing.assert_allclose(e.values, 1 - np.tanh(X.astype(np.float64)) ** 2, rtol=1e-12)
    assert saliency(pl.wrap(net, double), X.astype(np.float64)).values.dtype == np.float32


SHARDED = """
    import sys, warnings
    warnings.simplefilter("error")
    import jax, jax.numpy as jnp, numpy as np
    from jax.sharding import Mesh, NamedSharding, PartitionSpec
    import pellucid as pl
    from pellucid.models.lookup import view_of

    mesh = Mesh(np.array(jax.devices()), ("rows",))
    split, everywhere = NamedSharding(mesh, PartitionSpec("rows")), NamedSharding(mesh, PartitionSpec())
    draw = np.random.default_rng(0)
    w, x = draw.normal(size=(6, 3)).astype(np.float32), draw.normal(size=(8, 6)).astype(np.float32)
    seen = []

    def f(w, x):
        jax.debug.inspect_array_sharding(x, callback=lambda sharding: seen.append(len(sharding.device_set)))
        return jnp.tanh(x @ w)

    model = pl.wrap(f, jax.device_put(w, everywhere))
    view = view_of(model)
    view.inputs(jax.device_put(x, split))
    assert view.device == "cpu (4 devices)", view.device
    for method in ("saliency", "integrated-gradients", "shapley", "integrated-hessians"):
        e = pl.explain(model, jax.device_put(x, split), method=method, target=1)
        alone = pl.explain(pl.wrap(lambda w, x: jnp.tanh(x @ w), w), x, method=method, target=1)
        np.testing.assert_allclose(e.values, alone.values, rtol=1e-4, atol=1e-6)
    assert 4 in seen, seen
    there = jax.device_put(w, jax.devices()[2])
    e = pl.explain(pl.wrap(lambda w, x: jnp.tanh(x @ w), there), jax.device_put(x, jax.devices()[1]), method="saliency", target=1)
    assert any("moved to the model's device" in note for note in e.plan.notes), e.plan.notes
    np.testing.assert_allclose(e.values, (1 - np.tanh(x @ w)[:, 1:2] ** 2) * w[:, 1], rtol=1e-4, atol=1e-6)
"""


def test_sharded_arrays_stay_where_they_are():
    env = {**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=4", "JAX_PLATFORMS": "cpu"}
    ran = subprocess.run([sys.executable, "-c", textwrap.dedent(SHARDED)], env=env, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
