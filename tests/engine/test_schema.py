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


def test_errors_stay_where_each_feature_is_one_entry():
    net, x = networks.mlp().double(), networks.rows(3, 6).double()
    order = [3, 0, 5, 1, 4, 2]
    whole = pl.explain(net, x, method="smoothgrad", samples=8)
    e = pl.explain(net, x, method="smoothgrad", samples=8, features=pl.Features.from_groups([[at] for at in order]))
    np.testing.assert_array_equal(e.values, whole.values[:, order])
    np.testing.assert_array_equal(e.standard_errors, whole.standard_errors[:, order])
    np.testing.assert_array_equal(e.error, whole.error)
    refined = pl.explain(net, x, tolerance=0.01, features=pl.Features.from_arrays(list("abcdef")))
    assert (refined.error <= 0.01).all()


def test_the_error_of_the_map_goes_where_features_are_a_part_of_it():
    net, x = networks.mlp().double(), networks.rows(3, 6).double()
    whole = pl.explain(net, x, method="smoothgrad", samples=8)
    some = pl.Features.from_groups([[4], [1]], columns=6)
    e = pl.explain(net, x, method="smoothgrad", samples=8, features=some)
    np.testing.assert_array_equal(e.standard_errors, whole.standard_errors[:, [4, 1]])
    assert e.error is None
    image = pl.Features.grid((3, 8, 8), cell=1)  # one pixel, three channels
    e = pl.explain(networks.cnn(), networks.rows(1, 3, 8, 8), method="smoothgrad", samples=4, features=image)
    assert e.standard_errors is None
    assert e.error is None


def test_features_of_each_sample_keep_their_own_errors():
    net, x = networks.mlp().double(), networks.rows(2, 6).double()
    whole = pl.explain(net, x, method="smoothgrad", samples=8)
    each = [pl.Features.from_groups([[0], [1]], columns=6), pl.Features.from_groups([[5], [2], [3]], columns=6)]
    e = pl.explain(net, x, method="smoothgrad", samples=8, features=each)
    np.testing.assert_array_equal(e.standard_errors[0], [*whole.standard_errors[0, [0, 1]], 0])
    np.testing.assert_array_equal(e.standard_errors[1], whole.standard_errors[1, [5, 2, 3]])


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


CODED = pl.Features.from_arrays(["a", "b", "c"], levels={"b": ["x", "y", "z"]})


@pytest.mark.parametrize(
    "features",
    [
        pl.Features.from_arrays(["a", "b", "c"], kinds={"b": "nominal"}),
        pl.Features.from_arrays(["a", "b", "c"], levels={"b": ["x", "y", "z"]}, groups={"both": ["a", "b"]}),
        pl.Features.from_arrays(["a", "b", "c"], levels={"b": ["x", "y"]}, missing=["b"]),
        [pl.Features.from_groups([[0], [1, 2]]), CODED],
    ],
)
def test_a_code_is_a_code_in_whatever_it_hides(features):
    x = torch.tensor([[0.5, 1.0, 2.0], [0.5, 1.0, 2.0]])
    with pytest.raises(pl.CapabilityError, match="'b' holds codes"):
        pl.explain(torch.nn.Linear(3, 1), x, method="saliency", features=features)


@pytest.mark.parametrize("method", ["shapley", "leave-one-out", "integrated-gradients"])
def test_every_row_must_be_what_the_features_say(method):
    net, x = torch.nn.Linear(3, 1), torch.tensor([[0.5, 1.0, 0.0], [0.5, 0.0, 1.0], [0.5, 1.0, 1.0]])
    one_hot = pl.Features.from_arrays(["a", "b", "c"], one_hot={"group": ["b", "c"]})
    options = {} if method == "integrated-gradients" else {"masker": pl.maskers.Background(x[:2].numpy())}
    pl.explain(net, x[:2], method=method, features=one_hot, **options)
    with pytest.raises(pl.InputError, match=r"'group' is .* in row 2"):
        pl.explain(net, x, method=method, features=one_hot, **options)
    if method != "integrated-gradients":
        with pytest.raises(pl.InputError, match="'b' is nominal and has 7 in row 1"):
            pl.explain(net, torch.tensor([[0.5, 1.0, 0.0], [0.5, 7.0, 0.0]]), method=method, features=CODED)
        each = [CODED, CODED]
        with pytest.raises(pl.InputError, match="'b' is nominal and has 7"):
            pl.explain(net, torch.tensor([[0.5, 1.0, 0.0], [0.5, 7.0, 0.0]]), method=method, features=each)


def test_the_features_of_a_frame_are_those_of_any_background():
    import pandas

    frame = pandas.DataFrame({"age": range(30), "town": ["Bonn", "Ulm", "Kiel"] * 10})
    model = pl.wrap(lambda rows: rows.age + 10.0 * (rows.town == "Ulm"))
    e = pl.explain(model, frame[:1], method="linear-surrogate", background=frame)
    assert e.features.players[1].levels == ("Bonn", "Kiel", "Ulm")
    assert e.details["weighted_r2"][0] == pytest.approx(1)
    with pytest.raises(pl.InputError, match="background has no column 'town'"):
        pl.explain(model, frame[:1], method="shapley", masker=pl.maskers.Background(frame[["age"]]))


def test_features_of_one_input_are_not_laid_on_another():
    class Both(torch.nn.Module):
        def forward(self, a, b):
            return (a * b).sum(dim=1, keepdim=True)

    features = pl.Features.from_groups([[0, 1], [2]], leaf="0")
    with pytest.raises(pl.InputError, match="those describe '0'"):
        pl.explain(Both(), (torch.rand(2, 3), torch.rand(2, 3)), wrt="1", method="shapley", features=features)


def test_what_a_model_cannot_take_is_said_in_words():
    net = torch.nn.Sequential(torch.nn.Embedding(20, 4), torch.nn.Flatten(), torch.nn.Linear(12, 1))
    with pytest.raises(pl.InputError, match=r"failed on changed copies of the samples.*IndexError"):
        pl.explain(net, torch.tensor([[1, 2, 3]]), method="shapley", masker=pl.maskers.MaskToken(99))
