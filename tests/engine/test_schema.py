"""Features in the engine: gradients summed over them, what is refused, and what is taken where nothing was said."""

import numpy as np
import pytest
import torch

import networks
import pellucid as pl


def test_gradients_are_summed_signed_over_each_feature():
    net, x = networks.mlp().double(), networks.rows(3, 6).double()
    features = pl.Features.from_groups([[0, 3], [1], [2, 5]], names=["a", "b", "c"], columns=6)
    whole = pl.explain(net, x, method="integrated-gradients", tolerance=0.001)
    e = pl.explain(net, x, method="integrated-gradients", tolerance=0.001, features=features)
    assert e.over == "players"
    assert e.features == features
    summed = np.stack([whole.values[:, [0, 3]].sum(1), whole.values[:, 1], whole.values[:, [2, 5]].sum(1)], axis=1)
    np.testing.assert_allclose(e.values, summed, rtol=1e-9, atol=1e-12)
    assert e.standard_errors is None
    assert e.error is None  # that of the entries says nothing of the sums


def test_images_by_region():
    net, x = networks.cnn().double(), networks.rows(2, 3, 8, 8).double()
    features = pl.Features.grid((3, 8, 8), cell=4)
    e = pl.explain(net, x, method="saliency", features=features)
    whole = pl.explain(net, x, method="saliency").values
    np.testing.assert_allclose(e.values[:, 0], whole[:, :, :4, :4].sum((1, 2, 3)), rtol=1e-9)


def test_a_one_hot_group_is_one_feature_and_its_baseline_is_a_real_level():
    net, x = networks.mlp(4).double(), torch.tensor([[0.3, 1.0, 0.0, 0.0], [0.7, 0.0, 0.0, 1.0]], dtype=torch.float64)
    features = pl.Features.from_arrays(["age", "red", "green", "blue"], one_hot={"colour": ["red", "green", "blue"]})
    rows = np.array([[0.1, 0.0, 1.0, 0.0], [0.5, 0.0, 1.0, 0.0], [0.3, 1.0, 0.0, 0.0]])
    e = pl.explain(net, x, target=0, method="integrated-gradients", features=features, baseline=features.baseline(rows))
    assert e.features.names == ("age", "colour")
    at_baseline = net(torch.tensor([[0.3, 0.0, 1.0, 0.0]], dtype=torch.float64))[0, 0].item()
    np.testing.assert_allclose(e.base_value, at_baseline, rtol=1e-9)


def test_ids_are_attributed_through_their_embedding():
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Embedding(10, 4), torch.nn.Flatten(), torch.nn.Linear(12, 2)).double()
    ids = torch.tensor([[1, 2, 3], [4, 5, 6]])
    features = pl.Features.from_arrays(["a", "b", "c"], levels={"b": list(range(10))})
    e = pl.explain(net, ids, target=0, method="integrated-gradients", features=features)
    np.testing.assert_allclose(e.values, pl.explain(net, ids, target=0, method="integrated-gradients").values, rtol=1e-6)


def test_the_gradient_of_a_code_is_refused():
    features = pl.Features.from_arrays(["age", "town"], levels={"town": ["Bonn", "Ulm", "Kiel"]})
    with pytest.raises(pl.CapabilityError, match=r"'town' holds codes.*shapley"):
        pl.explain(networks.mlp(2), torch.tensor([[0.3, 2.0]]), method="saliency", features=features)


@pytest.mark.parametrize(
    ("features", "said"),
    [
        (3, "pl.Features"),
        ([], "pl.Features"),
        ([pl.Features.from_groups([[0], [1]])] * 3, "3 for 2 samples"),
        (pl.Features.from_groups([[0], [1]]), r"expected \(samples, 2\)"),
        (pl.Features.grid((3, 8, 8)), "samples of shape"),
    ],
)
def test_features_that_do_not_fit_are_refused(features, said):
    with pytest.raises(pl.InputError, match=said):
        pl.explain(networks.mlp(), networks.rows(2, 6), method="shapley", features=features)


def test_maps_have_no_features():
    with pytest.raises(pl.InputError, match="positions"):
        pl.explain(networks.cnn(), networks.rows(1, 3, 8, 8), method="grad-cam", features=pl.Features.grid((3, 8, 8), cell=4))


@pytest.mark.parametrize(
    ("net", "shape", "names"),
    [
        (torch.nn.Linear(3, 1), (3,), ("x0", "x1", "x2")),
        (torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(60, 1)), (2, 30), None),
        (torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 14 * 21, 1)), (3, 14, 21), None),
    ],
)
def test_features_where_nothing_was_said(net, shape, names):
    e = pl.explain(net, torch.rand(1, *shape), target=0, method="leave-one-out")
    if names:
        assert e.features.names == names
    else:
        assert len(e.features) == {2: 20, 3: 35}[len(shape)]
