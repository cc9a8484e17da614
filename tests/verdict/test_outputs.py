"""Logits beside probabilities: on one scale, and explained on it."""

import numpy as np
import pytest
import torch

import pellucid as pl
from verdict import planted

ROWS = np.random.default_rng(1).normal(size=(5, 6)).astype(np.float32)


def with_softmax():
    return torch.nn.Sequential(planted.table(), torch.nn.Softmax(dim=1)).eval()


def expected_probabilities():
    return with_softmax()(torch.from_numpy(ROWS)).detach().numpy()


@pytest.mark.parametrize("first", ["logits", "probabilities"])
@pytest.mark.parametrize("stated", [True, False])
@pytest.mark.parametrize("method", [None, "shapley"])
def test_logits_and_probabilities_are_compared_and_explained_as_probabilities(first, stated, method):
    models = {"logits": planted.table(), "probabilities": with_softmax()}
    order = [first, *({"logits", "probabilities"} - {first})]
    given = [pl.wrap(models[kind], output=kind) if stated else models[kind] for kind in order]
    options = {"steps": 16} if method is None else {}
    found = pl.compare_models(*given, ROWS, method=method, **options)
    assert found.outputs.kind == "probabilities"
    for each in (found.outputs.one, found.outputs.other):
        np.testing.assert_allclose(each, expected_probabilities(), rtol=1e-5)
    assert found.equal.all()
    np.testing.assert_allclose(found.trained.value, expected_probabilities().max(axis=1), rtol=1e-5)
    said = [reason for reason in found.reasons if "are compared, and explained, as probabilities" in reason]
    assert len(said) == 1
    assert any("was taken to give" in reason for reason in found.reasons) is not stated
    assert found.trained.target.names == found.deployed.target.names
    assert found.trained.target.indices is not None


def test_two_models_of_probabilities_are_compared_as_they_are():
    found = pl.compare_models(with_softmax(), pl.wrap(with_softmax(), output="probabilities"), ROWS)
    assert found.outputs.kind == "probabilities"
    assert found.identical.all()
    assert len(found.reasons) == 1


def test_single_logits_become_probabilities_by_the_sigmoid():
    torch.manual_seed(0)
    net = torch.nn.Linear(6, 1)
    given = pl.wrap(net, output="logits"), pl.wrap(torch.nn.Sequential(net, torch.nn.Sigmoid()), output="probabilities")
    found = pl.compare_models(*given, ROWS, steps=8)
    assert found.equal.all()
    assert found.flips == ()
    np.testing.assert_allclose(found.outputs.one, torch.sigmoid(net(torch.from_numpy(ROWS))).detach().numpy(), rtol=1e-5)


def test_a_function_of_the_outputs_cannot_be_brought_to_one_scale():
    margin = pl.Target(lambda outputs: outputs[:, 0] - outputs[:, 1], name="margin")
    given = pl.wrap(planted.table(), output="logits"), pl.wrap(with_softmax(), output="probabilities")
    with pytest.raises(pl.InputError, match="the target, margin, is no class"):
        pl.compare_models(*given, ROWS, target=margin)
    same = pl.compare_models(planted.table(), planted.table(), ROWS, target=margin)
    assert same.identical.all()
    assert same.trained.target.names == ("margin",) * 5


def test_outputs_with_more_axes_and_by_name():
    class Many(torch.nn.Module):
        def __init__(self, weight):
            super().__init__()
            self.weight = weight

        def forward(self, x):
            return {"scores": torch.stack([x, self.weight * x], 2), "sum": x.sum(1, keepdim=True)}

    found = pl.compare_models(Many(1.0), Many(2.0), ROWS, target=(3, 1))
    assert found.trained.target.indices.tolist() == [[3, 1]] * 5
    np.testing.assert_allclose(found.deployed.value, 2 * found.trained.value)
    assert found.outputs.predicted is None
    assert set(found.where) == {"entry 3"}
    other = pl.compare_models(Many(1.0), Many(2.0), ROWS, target=("sum", 0))
    assert other.identical.all()
    assert other.outputs.one.shape == (5, 1)
