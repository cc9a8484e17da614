"""Plain functions as models: what they may take and give, and what is refused."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse

import pellucid as pl


def test_a_function_of_arrays():
    e = pl.explain(pl.wrap(lambda x: x @ np.array([[1.0], [-2.0]])), np.ones((3, 2)), method="leave-one-out")
    np.testing.assert_allclose(e.values, [[1, -2]] * 3)
    assert e.plan.adapter == "function"


@pytest.mark.parametrize(
    "outputs",
    [
        lambda x: [float(row.sum()) for row in x],
        lambda x: x.sum(axis=1),
        lambda x: torch.tensor(x).sum(dim=1, keepdim=True).requires_grad_(),
        lambda x: pd.Series(x.sum(axis=1)),
        lambda x: {"score": x.sum(axis=1)},
        lambda x: x.sum(axis=1).astype(np.float16),
        lambda x: x.sum(axis=1).astype(int),
        lambda x: [np.float64(row.sum()) for row in x],
        lambda x: [torch.tensor(row.sum(), requires_grad=True) for row in x],
        lambda x: [[row.sum()] for row in x],
        lambda x: sparse.csr_array(x.sum(axis=1, keepdims=True)),
    ],
)
def test_outputs_of_any_kind(outputs):
    e = pl.explain(pl.wrap(outputs), np.array([[1.0, 2.0], [3.0, 4.0]]), method="leave-one-out")
    np.testing.assert_allclose(e.values, [[1, 2], [3, 4]])


def test_two_inputs_need_a_name_for_the_one_whose_features_are_removed():
    model = pl.wrap(lambda a, b: a.sum(axis=1) * b.sum(axis=1))
    x = (np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]]))
    with pytest.raises(pl.InputError, match="wrt="):
        pl.explain(model, x, method="leave-one-out")
    e = pl.explain(model, x, method="leave-one-out", wrt="1")
    np.testing.assert_allclose(e.values, [[9, 12]])


def test_strings_and_what_is_not_a_batch_of_them():
    model = pl.wrap(lambda texts: np.array([len(text) for text in texts]))
    assert pl.explain(model, np.array(["ab cd", "e"]), method="leave-one-out").values.shape == (2, 2)
    assert pl.explain(model, pd.Series(["ab cd", "e"]), method="leave-one-out").values.shape == (2, 2)
    with pytest.raises(pl.InputError, match=r"\[x\]"):
        pl.explain(model, "ab cd", method="leave-one-out")
    for missing in (["ab", None], pd.Series(["ab", np.nan]), np.array(["ab", 3], object)):
        with pytest.raises(pl.InputError, match=r"x holds strings, and .* at 1"):
            pl.explain(model, missing, method="leave-one-out")


def test_saved_and_loaded(tmp_path):
    e = pl.explain(pl.wrap(lambda texts: np.array([len(text) for text in texts])), ["ab cd", "ef"], method="shapley")
    e.save(tmp_path / "words.pellucid")
    back = pl.load(tmp_path / "words.pellucid")
    np.testing.assert_array_equal(back.values, e.values)
    assert back.features == e.features
    assert list(back.inputs) == ["ab cd", "ef"]


def test_a_function_has_no_gradient_and_no_layers():
    model = pl.wrap(lambda x: x.sum(axis=1))
    with pytest.raises(pl.CapabilityError, match="shapley"):
        pl.explain(model, np.ones((1, 2)), method="saliency")
    with pytest.raises(pl.CapabilityError, match="grad-cam"):
        pl.explain(model, np.ones((1, 2)), method="grad-cam")


def test_what_it_returns_is_checked():
    with pytest.raises(pl.InputError, match="not numbers"):
        pl.explain(pl.wrap(lambda x: np.array(["spam"] * len(x))), np.ones((2, 2)), method="shapley")
    with pytest.raises(pl.InputError, match="returned nothing"):
        pl.explain(pl.wrap(lambda x: None), np.ones((2, 2)), method="shapley")
    with pytest.raises(pl.InputError, match=r"one array for each row; join them: np\.stack"):
        pl.explain(pl.wrap(lambda x: [row[:3] for row in x]), np.ones((2, 4)), method="shapley")
    with pytest.raises(pl.InputError, match="not numbers"):
        pl.explain(pl.wrap(lambda x: [{"label": "spam"} for _ in x]), np.ones((2, 2)), method="shapley")
    with pytest.raises(pl.InputError, match="first axis"):
        pl.explain(pl.wrap(lambda x: np.ones(3)), np.ones((2, 2)), method="shapley")
    with pytest.raises(pl.NonFiniteError, match="sample"):
        pl.explain(pl.wrap(lambda x: np.where(x[:, 0] == 0, np.nan, 1.0)), np.ones((2, 2)), method="shapley")
    with pytest.raises(pl.InputError, match=r"ZeroDivisionError|division"):
        pl.explain(pl.wrap(lambda x: 1 / 0), np.ones((2, 2)), method="shapley")


def test_numbers_are_not_wrapped():
    with pytest.raises(pl.CapabilityError, match="no framework"):
        pl.explain(pl.wrap(3), np.ones((2, 2)), method="shapley")
    with pytest.raises(pl.CapabilityError, match=r"pl\.wrap\(fn\)"):
        pl.explain(lambda x: x, np.ones((2, 2)), method="shapley")


def test_the_global_generator_is_where_it_was():
    model = pl.wrap(lambda x: x.sum(axis=1) + 0 * np.random.rand())  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    pl.explain(model, np.ones((1, 2)), method="shapley")
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_what_an_adapter_has_no_use_for_is_refused():
    x = np.ones((2, 3), np.float32)
    net = torch.nn.Linear(3, 2)
    for model in (pl.wrap(net, gradient=lambda x: x), pl.wrap(lambda x: x, adapter="jax", gradient=lambda x: x)):
        with pytest.raises(pl.InputError, match=r"gradient= is that of a plain function; the adapter '(torch|jax)' takes"):
            pl.explain(model, x, target=0, method="saliency")
    for model in (pl.wrap(net, {"w": x}), pl.wrap(lambda x: x, {"w": x}, adapter="function")):
        with pytest.raises(pl.InputError, match=r"params, .* the adapter '(torch|function)' has no use for it"):
            pl.explain(model, x, target=0, method="leave-one-out")
