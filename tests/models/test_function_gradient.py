"""Functions with gradients of their own: ``pl.wrap(fn, gradient=)`` in both forms, beside what JAX derives."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pellucid as pl

DRAW = np.random.default_rng(0)
W, V = DRAW.normal(size=(4, 6)), DRAW.normal(size=(6, 3))
X = DRAW.normal(size=(5, 4))


def scores(x):
    return np.tanh(x @ W) @ V


def jacobian(x):
    """``(rows, outputs, inputs)``."""
    return np.einsum("nh,ih,ho->noi", 1 - np.tanh(x @ W) ** 2, W, V)


def pulled(x, weights):
    return ((weights @ V.T) * (1 - np.tanh(x @ W) ** 2)) @ W.T


FORMS = {"jacobian": jacobian, "weights": pulled}
NAMED = {form: pl.wrap(scores, gradient=gradient, classes=["a", "b", "c"]) for form, gradient in FORMS.items()}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("target", "which"),
    [(1, [1] * 5), (-1, [2] * 5), ("c", [2] * 5), (np.array([0, 1, 2, 1, 0]), [0, 1, 2, 1, 0]), ("predicted", None)],
)
def test_targets_of_every_kind(form, target, which):
    which = scores(X).argmax(axis=1) if which is None else which
    e = pl.explain(NAMED[form], X, target=target, method="saliency")
    np.testing.assert_allclose(e.values, jacobian(X)[np.arange(5), which], rtol=1e-12)
    np.testing.assert_allclose(e.value, scores(X)[np.arange(5), which], rtol=1e-12)
    several = pl.explain(NAMED[form], X, targets=[2, target], method="saliency", batch_size=2)
    np.testing.assert_allclose(several[1].values, e.values, rtol=1e-12)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("integrated-gradients", {"tolerance": 0.01}),
        ("integrated-gradients", {"steps": 20, "baseline": X[:3]}),
        ("smoothgrad", {"samples": 8}),
        ("expected-gradients", {"baseline": X, "samples": 12}),
        ("guided-ig", {"steps": 10}),
        ("shapley", {"budget": 30}),
    ],
)
def test_the_same_as_a_function_of_jax(form, method, options):
    with jax.enable_x64(True):
        function = pl.wrap(lambda x: jnp.tanh(x @ W) @ V, adapter="jax")
        theirs = pl.explain(function, X, method=method, target=1, seed=2, **options)
    ours = pl.explain(NAMED[form], X, method=method, target=1, seed=2, **options)
    np.testing.assert_allclose(ours.values, theirs.values, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(ours.value, theirs.value, rtol=1e-9)
    assert ours.cost.forward_rows == theirs.cost.forward_rows


def test_a_jacobian_of_jax_itself():
    """Arrays of another framework go in and out; a tuple of one, as ``vjp`` returns it, too."""
    with jax.enable_x64(True):
        model = lambda x: jnp.tanh(x @ W) @ V
        whole = jax.vmap(jax.jacrev(lambda row: model(row[None])[0]))
        for gradient in (whole, lambda x, weights: jax.vjp(model, x)[1](weights)):
            e = pl.explain(pl.wrap(model, gradient=gradient), X, target=2, method="saliency")
            np.testing.assert_allclose(e.values, jacobian(X)[:, 2], rtol=1e-9)


@pytest.mark.parametrize("outputs", [lambda x: (x**2).sum(axis=1), lambda x: (x**2).sum(axis=1, keepdims=True)])
@pytest.mark.parametrize("gradient", [lambda x: 2 * x, lambda x, w: 2 * x * w.reshape(-1, 1), lambda x: (2 * x).tolist()])
def test_one_output_needs_no_axis(outputs, gradient):
    e = pl.explain(pl.wrap(outputs, gradient=gradient), X)
    np.testing.assert_allclose(e.values.sum(axis=1), (X**2).sum(axis=1), rtol=0.05)
    np.testing.assert_allclose(pl.explain(pl.wrap(outputs, gradient=gradient), X, method="saliency").values, 2 * X)


@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 2, 3)])
@pytest.mark.parametrize("outputs", [(), (2,), (2, 4)])
def test_axes_of_any_number(shape, outputs):
    """A random linear map from samples of one shape to outputs of another."""
    slopes = DRAW.normal(size=(*outputs, *shape))
    function = lambda x: np.tensordot(x, slopes, [range(1, x.ndim), range(len(outputs), slopes.ndim)])
    whole = lambda x: np.broadcast_to(slopes, (len(x), *slopes.shape))
    back = lambda x, weights: np.tensordot(weights, slopes, [range(1, weights.ndim), range(len(outputs))])
    x, target = DRAW.normal(size=(4, *shape)), tuple(size - 1 for size in outputs) or 0
    expected = slopes[target] if outputs else slopes
    for gradient in (whole, back):
        e = pl.explain(pl.wrap(function, gradient=gradient), x, target=target, method="saliency")
        np.testing.assert_allclose(e.values, np.broadcast_to(expected, x.shape), rtol=1e-12)


def product(a, b):
    return (a * b[:, :1]).sum(axis=1)


A, B = DRAW.normal(size=(3, 4)), DRAW.normal(size=(3, 2))


def slope_of_product(a, b):
    return np.repeat(b[:, :1], 4, axis=1), np.c_[a.sum(axis=1), np.zeros(len(a))]


def weighted_slope(a, b, weights):
    return tuple(slope * weights[:, None] for slope in slope_of_product(a, b))


@pytest.mark.parametrize("gradient", [slope_of_product, weighted_slope])
def test_several_inputs_as_the_function_takes_them(gradient):
    e = pl.explain(pl.wrap(product, gradient=gradient), (A, B), method="saliency")
    np.testing.assert_allclose(e.values[0], slope_of_product(A, B)[0])
    np.testing.assert_allclose(e.values[1], slope_of_product(A, B)[1])
    whole = pl.explain(pl.wrap(product, gradient=gradient), (A, B), tolerance=0.001)
    np.testing.assert_allclose(sum(v.sum(axis=1) for v in whole.values), product(A, B), rtol=1e-3)


def test_several_inputs_by_name():
    model = pl.wrap(
        lambda given: product(given["a"], given["b"]),
        gradient=lambda given: dict(zip("ab", slope_of_product(given["a"], given["b"]), strict=True)),
    )
    e = pl.explain(model, {"a": A, "b": B}, method="saliency")
    np.testing.assert_allclose(e.values["a"], slope_of_product(A, B)[0])
    alone = pl.wrap(lambda given: given["a"].sum(axis=1), gradient=lambda given: {"a": np.ones_like(given["a"])})
    np.testing.assert_array_equal(pl.explain(alone, {"a": A}, method="saliency").values["a"], 1)


def test_inputs_without_a_slope_are_left_out():
    """Whole numbers have none; a static input is no part of the batch."""
    whole = np.array([[1], [2], [0]])
    model = pl.wrap(lambda a, k, s: (a * k * s).sum(axis=1), gradient=lambda a, k, s: (np.ones_like(a) * k * s, None, None))
    e = pl.explain(
        pl.wrap(model.model, gradient=model.gradient, static=["2"]), (A, whole, np.array(3.0)), wrt="0", method="saliency"
    )
    np.testing.assert_array_equal(e.values[0], np.ones((3, 4)) * whole * 3)
    with pytest.raises(pl.InputError, match="holds nothing for input '1'"):
        pl.explain(pl.wrap(product, gradient=lambda a, b: (slope_of_product(a, b)[0], None)), (A, B), method="saliency")


@pytest.mark.parametrize("method", ["saliency", "integrated-gradients"])
def test_several_outputs_have_weights_by_name(method):
    two = lambda x: {"sum": x.sum(axis=1), "squares": x**2}

    def back(x, weights):
        assert set(weights) == {"sum", "squares"}
        return weights["sum"][:, None] + 2 * x * weights["squares"]

    e = pl.explain(pl.wrap(two, gradient=back), X, target=("squares", 2), method=method)
    expected = np.zeros_like(X)
    expected[:, 2] = 2 * X[:, 2] if method == "saliency" else X[:, 2] ** 2
    np.testing.assert_allclose(e.values, expected, rtol=0.05, atol=1e-9)
    with pytest.raises(pl.InputError, match=r"2 outputs \(sum, squares\).*a mapping by output"):
        pl.explain(pl.wrap(two, gradient=lambda x: x), X, target=("squares", 2), method="saliency")


@pytest.mark.parametrize(
    ("gradient", "said"),
    [
        (lambda x: jacobian(x)[:, :2], r"shape \(5, 2, 4\) for input 'input'; it must be \(5, 3, 4\): rows, outputs"),
        (lambda x: np.moveaxis(jacobian(x), 1, 2), r"shape \(5, 4, 3\).*\(5, 3, 4\)"),
        (lambda x: jacobian(x).sum(axis=1), r"shape \(5, 4\).*\(5, 3, 4\)"),
        (lambda x, w: jacobian(x), r"shape \(5, 3, 4\) for input 'input', whose shape is \(5, 4\)"),
        (lambda x, w: {"other": x}, "returned other; the inputs are input"),
        (lambda x, w: None, "not numbers"),
        (lambda x, w: np.array(["a"]), "not numbers"),
        (lambda: X, r"takes 0 arguments; it must take what the function takes, here 1"),
        (lambda x, w, v: X, "takes 3 arguments"),
    ],
)
def test_what_is_no_gradient_is_refused(gradient, said):
    with pytest.raises(pl.InputError, match=said):
        pl.explain(pl.wrap(scores, gradient=gradient), X, target=1, method="saliency")


def test_what_a_gradient_raises_is_said():
    def broken(x, weights):
        raise RuntimeError("the server is away")

    with pytest.raises(pl.InputError, match="the server is away"):
        pl.explain(pl.wrap(scores, gradient=broken), X, method="saliency")
    with pytest.raises(pl.NonFiniteError, match=r"gradient of sample 0.*inside a function"):
        pl.explain(pl.wrap(scores, gradient=lambda x, w: x * np.nan), X, method="saliency")
    with pytest.raises(pl.InputError, match="function of the batch"):
        pl.wrap(scores, gradient=3)


def test_arguments_are_counted_as_they_must_be_given():
    for gradient in (
        lambda x, weights=None: jacobian(x),
        lambda *given: pulled(*given),
        functools.partial(lambda scale, x, weights: scale * pulled(x, weights), 1.0),
    ):
        e = pl.explain(pl.wrap(scores, gradient=gradient), X, target=0, method="saliency")
        np.testing.assert_allclose(e.values, jacobian(X)[:, 0], rtol=1e-12)


def test_only_outputs_are_differentiated():
    with pytest.raises(pl.CapabilityError, match="a function is differentiated at its outputs, and margin is not one of them"):
        pl.explain(NAMED["weights"], X, target=pl.Target(lambda s: s[:, 0] - s[:, 1], name="margin"), method="saliency")
    for inside in ({"target": pl.Neuron("layer", 0)}, {"at": "layer"}):
        with pytest.raises(pl.CapabilityError, match=r"neuron|layers|'layer' cannot be reached"):
            pl.explain(NAMED["weights"], X, method="saliency", **inside)
    with pytest.raises(pl.CapabilityError, match=r"needs 'gradient'.*pl\.wrap\(fn, gradient=\) gives it one.*shapley"):
        pl.explain(pl.wrap(scores), X, method="saliency")


def test_functions_that_write_into_their_batch():
    def careless(x):
        x *= 2
        return (x**2).sum(axis=1)

    def careless_slope(x, weights):
        x *= 8
        return x * weights[:, None]

    given, x = X.copy(), X.copy()
    model = pl.wrap(careless, gradient=careless_slope)
    for options in ({"method": "saliency"}, {"steps": 8, "baseline": X[:2]}, {"method": "shapley"}):
        careful = pl.wrap(lambda x: (4 * x**2).sum(axis=1), gradient=lambda x: 8 * x)
        ours = pl.explain(model, given, targets=[0, 0], **options)
        for e in ours:
            np.testing.assert_allclose(e.values, pl.explain(careful, X, **options).values, rtol=1e-9)
        np.testing.assert_array_equal(given, x)


def test_a_gradient_of_a_frame():
    import pandas as pd

    frame = pd.DataFrame({"a": [1.0, 2.0], "n": [3, 5]})
    slopes = lambda rows: np.c_[rows["n"] ** 2, 2 * rows["a"] * rows["n"]]
    e = pl.explain(pl.wrap(lambda rows: rows["a"] * rows["n"] ** 2, gradient=slopes), frame, steps=5)
    np.testing.assert_allclose(e.values, np.c_[[3, 50 / 3], [6, 100 / 3]], rtol=1e-9)  # one share for a, two for n squared
