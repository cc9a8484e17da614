"""``compare_models``: what is equal is called equal, a planted difference is found in its samples and its place."""

import copy
import json
import re

import numpy as np
import pytest
import torch

import pellucid as pl
from pellucid.attribution.path.smoothgrad import SmoothGrad
from verdict import planted

X = np.random.default_rng(0).random((4, 3, 16, 16), np.float32)
ROWS = np.random.default_rng(1).normal(size=(5, 6)).astype(np.float32)


def test_a_model_agrees_with_itself_number_by_number():
    net = planted.convolutional()
    found = pl.compare_models(net, net, X)
    assert found.verdict == "predictions agree on all 4 samples; explanations are equal, number by number."
    assert found.identical.all()
    assert found.flips == ()
    assert found.where == ("",) * 4
    assert (found.outputs.largest == 0).all()
    np.testing.assert_allclose(found.agreement.rank_correlation, 1)
    np.testing.assert_array_equal(found.trained.values, pl.explain(net, X).values)
    assert "equal, number by number" in str(found)


def test_a_lost_channel_is_found_in_its_samples_and_its_place():
    found = pl.compare_models(planted.network(), planted.without_blue(), planted.pictures(), labels=[0, 1, 0, 1, 0])
    assert found.flips == planted.BLUE
    assert np.flatnonzero(~found.identical).tolist() == list(planted.BLUE)
    for sample in planted.BLUE:
        at = int(found.common.at()[sample])
        cell = found.common.features[sample].labels[0] == at
        assert cell[planted.ROWS, planted.COLUMNS].sum() == cell.sum(), found.where[sample]
        np.testing.assert_allclose(found.common.one[sample][at], cell.sum(), rtol=1e-5)  # a weight of 1 at each pixel
        assert found.common.other[sample][at] == 0
        change = found.change.values[sample]
        assert (change[2, planted.ROWS, planted.COLUMNS] < 0).all()
        assert np.count_nonzero(change) == 16
    assert found.order[:2] == planted.BLUE
    assert "predictions agree on 3 of 5 samples (sample 1: class 1 (16) became class 0 (" in found.verdict
    assert "Of 5 samples trained on 5 and deployed on 3 are predicted rightly (lost: sample 1, sample 3)" in str(found)
    assert [flags.tolist() for flags in found.correct] == [[True] * 5, [True, False, True, False, True]]


def test_where_the_maps_stay_the_same_the_class_is_the_trained_ones():
    found = pl.compare_models(planted.network(), planted.without_blue(), planted.pictures())
    assert found.trained.target.indices[:, 0].tolist() == [0, 1, 0, 1, 0]
    assert found.deployed.target.indices[:, 0].tolist() == [0, 1, 0, 1, 0]
    np.testing.assert_array_equal(found.deployed.value[list(planted.BLUE)], 0)
    fixed = pl.compare_models(planted.network(), planted.without_blue(), planted.pictures(), target=0)
    assert fixed.identical.all()
    assert fixed.flips == planted.BLUE


def test_a_bfloat16_copy_agrees_within_the_estimates_own_error():
    net = planted.convolutional()
    found = pl.compare_models(net, copy.deepcopy(net).to(torch.bfloat16), X)
    assert found.noise_from == "errors"
    assert found.within_noise.all()
    assert not found.identical.any()
    assert (found.agreement.rank_correlation > 0.98).all()
    assert (found.agreement.difference > 1e-4).all()
    assert "within the estimates' own error on all 4 samples" in found.verdict
    lengths = [np.linalg.norm(each.values.reshape(4, -1), axis=1) for each in (found.trained, found.deployed)]
    expected = found.trained.error + found.deployed.error * lengths[1] / lengths[0]
    np.testing.assert_allclose(found.noise, expected, rtol=1e-6)
    float16 = pl.compare_models(net, copy.deepcopy(net).half(), X)
    assert (float16.agreement.difference < found.agreement.difference).all()


def test_a_function_of_the_same_weights_is_compared_by_removing_features():
    net = planted.convolutional()
    found = pl.compare_models(net, pl.wrap(planted.as_function(net)), X, budget=100)
    assert found.trained.method == found.deployed.method == "shapley"
    assert found.reasons[0].startswith("shapley was chosen: deployed (function adapter) without gradients")
    assert found.equal.all()
    assert found.deployed.plan.adapter == "function"
    assert found.trained.features == found.deployed.features


def test_noise_is_how_far_another_seed_is_away():
    net, other = planted.convolutional(), planted.convolutional(1)
    found = pl.compare_models(net, pl.wrap(planted.as_function(other)), X, budget=100, seed=3)
    assert found.noise_from == "seed"
    one, again = (pl.explain(net, X, method="shapley", budget=100, seed=seed) for seed in (3, 4))
    np.testing.assert_array_equal(found.trained.values, one.values)
    expected = np.linalg.norm(again.values - one.values, axis=1) / np.linalg.norm(one.values, axis=1)
    np.testing.assert_allclose(found.noise, expected)
    assert (found.within_noise == (found.agreement.difference <= expected)).all()
    assert "Under another seed, trained agrees with itself to rank correlation" in str(found)
    alone = pl.compare_models(net, pl.wrap(planted.as_function(other)), X, budget=100, seed=3, repeat=False)
    assert alone.self_agreement is None
    assert alone.noise_from == "errors"


def test_exact_methods_have_no_noise():
    net, other = planted.table(), planted.table(1)
    found = pl.compare_models(net, other, ROWS, method="shapley")
    assert found.noise_from == "exact"
    assert (found.noise == 0).all()
    assert found.within_noise.tolist() == [False] * 5
    assert "shapley is exact here: every difference is one of the models" in str(found).lower()
    maps = pl.compare_models(planted.convolutional(), planted.convolutional(1), X, method="grad-cam")
    assert maps.noise_from == "unknown"
    assert maps.noise is None
    assert maps.within_noise is None
    assert "Grad-cam does not estimate its error" in str(maps)


def test_the_explanations_are_those_of_explain():
    net, other = planted.table(), planted.table(1)
    found = pl.compare_models(net, other, ROWS, method="smoothgrad", samples=20, target=2, seed=5)
    for model, each in ((net, found.trained), (other, found.deployed)):
        expected = pl.explain(model, ROWS, method="smoothgrad", samples=20, target=2, seed=5)
        np.testing.assert_array_equal(each.values, expected.values)
        np.testing.assert_array_equal(each.standard_errors, expected.standard_errors)
    np.testing.assert_allclose(found.outputs.largest, np.abs(found.deployed.prediction - found.trained.prediction).max(axis=1))


def test_the_same_seed_gives_the_same_bytes():
    net, other = planted.convolutional(), pl.wrap(planted.as_function(planted.convolutional(1)))
    one, again = (pl.compare_models(net, other, X, budget=60, seed=2) for _ in range(2))
    for name in ("trained", "deployed", "change"):
        assert getattr(one, name).values.tobytes() == getattr(again, name).values.tobytes()
    assert one.verdict == again.verdict


def test_a_map_without_structure_is_undefined_and_not_zero():
    net, flat = planted.table(), planted.table()
    with torch.no_grad():
        flat[2].weight.zero_()
    found = pl.compare_models(net, flat, ROWS)
    assert np.isnan(found.agreement.rank_correlation).all()
    assert np.isnan(found.agreement.cosine).all()
    np.testing.assert_allclose(found.agreement.difference, 1)
    assert "their rank correlation is undefined, because one of them is the same everywhere" in found.verdict


def test_methods_layers_and_parameters_reach_both():
    net, other = planted.convolutional(), torch.nn.Sequential(planted.convolutional(1))
    found = pl.compare_models(net, other, X, method="grad-cam", at="2", at_deployed="0.2")
    assert (found.trained.layer, found.deployed.layer) == ("2", "0.2")
    assert found.common.what == "64 cells of 2 × 2 pixels"
    instance = pl.compare_models(net, net, X, method=SmoothGrad(samples=8))
    assert instance.trained.parameters["samples"] == 8
    inner = pl.compare_models(net, net, X, at="2", method="integrated-gradients")
    assert inner.trained.over == "layer"
    assert inner.common.what == f"{8 * 256} entries"


def test_features_are_the_same_for_both():
    grid = pl.Features.grid((3, 16, 16), cell=4)
    for method in ("shapley", "integrated-gradients"):
        found = pl.compare_models(planted.network(), planted.without_blue(), planted.pictures(), features=grid, method=method)
        assert found.common.what == "16 regions"
        assert found.where[1] == "rows 8 to 11, columns 4 to 7"
        assert found.where[0] == ""


def test_regression_and_single_outputs_have_no_classes():
    torch.manual_seed(0)
    net, other = torch.nn.Linear(6, 1), torch.nn.Linear(6, 1)
    found = pl.compare_models(pl.wrap(net, output="values"), pl.wrap(other, output="values"), ROWS)
    assert found.outputs.predicted is None
    assert found.flips == ()
    assert found.verdict.startswith("outputs differ by ")
    binary = pl.compare_models(pl.wrap(net, output="logits"), pl.wrap(other, output="logits"), ROWS)
    signs = [each(torch.from_numpy(ROWS)).detach().numpy()[:, 0] > 0 for each in (net, other)]
    assert binary.flips == tuple(np.flatnonzero(signs[0] != signs[1]).tolist())
    squeezed = pl.compare_models(net, pl.wrap(lambda rows: planted.as_function(net)(rows)[:, 0]), ROWS)
    assert squeezed.equal.all()


def test_ids_are_compared_through_their_embedding():
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Embedding(20, 8), torch.nn.Flatten(), torch.nn.Linear(40, 3))
    ids = np.random.default_rng(0).integers(0, 20, (3, 5))
    found = pl.compare_models(net, copy.deepcopy(net), ids)
    assert found.trained.method == "integrated-gradients"
    assert found.identical.all()
    assert found.common.what == "5 entries"


def test_several_inputs():
    class Two(torch.nn.Module):
        def __init__(self, weight):
            super().__init__()
            self.weight = weight

        def forward(self, a, b):
            return torch.stack([a.sum(1) * b.sum(1), self.weight * b[:, 2]], 1)

    rng = np.random.default_rng(0)
    x = {"a": rng.random((2, 2), np.float32), "b": rng.random((2, 3), np.float32)}
    found = pl.compare_models(Two(1.0), Two(3.0), x, target=1)
    assert found.where == ("entry 2 of b",) * 2
    assert set(found.change.values) == {"a", "b"}
    np.testing.assert_allclose(found.change.values["b"][:, 2], 2 * x["b"][:, 2], rtol=1e-4)
    only = pl.compare_models(Two(1.0), Two(3.0), x, target=1, wrt="a")
    assert only.identical.all()


def test_frames_and_texts():
    import pandas as pd

    frame = pd.DataFrame({"age": [31.0, 45.0, 60.0], "town": ["Bonn", "Ulm", "Bonn"]})

    def earn(bonus):
        return pl.wrap(lambda rows: np.stack([rows["age"] / 10, bonus * (rows["town"] == "Bonn")], 1).astype(float))

    found = pl.compare_models(earn(1.0), earn(4.0), frame, target=1)
    assert found.where == ("", "town", "")  # a removed town is Bonn, the first of the levels
    assert found.trained.features.names == ("age", "town")

    words = {"good": 2.0, "bad": -2.0}

    def feel(weight):
        return pl.wrap(
            lambda texts: np.array([[sum(words.get(w, 0.0) for w in t.split()) + weight * ("film" in t)] for t in texts]),
            output="values",
        )

    said = pl.compare_models(feel(0.0), feel(3.0), ["a good film", "bad"])
    assert said.where == ("film", "")
    assert said.common.what == "3 words"
    assert said.change.over == "players"


def test_labels_names_and_flips_in_words():
    named = [pl.wrap(net, classes=["red", "blue"], output="logits") for net in (planted.network(), planted.without_blue())]
    names = [f"{at}.png" for at in range(5)]
    found = pl.compare_models(
        *named, planted.pictures(), labels=["red", "blue", "red", "blue", "red"], names=("torch", "phone"), sample_names=names
    )
    assert "1.png: blue (16) became red (" in found.verdict
    assert "torch on 5 and phone on 3" in str(found)
    frame = found.to_frame()
    assert list(frame["sample"]) == names
    assert list(frame["flipped"]) == [False, True, False, True, False]
    assert list(frame["predicted phone"]) == ["red"] * 5
    assert frame["largest output difference"].tolist() == found.outputs.largest.tolist()
    assert frame.loc[0, "where"] == ""
    assert np.isnan(frame.loc[0, "there torch"])


def test_labels_of_what_is_no_class_are_refused():
    with pytest.raises(pl.InputError, match="not known to be scores of classes"):
        pl.compare_models(torch.nn.Linear(6, 1), torch.nn.Linear(6, 1), ROWS, labels=[0, 1, 0, 1, 0])
    one, other = (pl.wrap(torch.nn.Linear(6, 1), output="logits") for _ in range(2))
    found = pl.compare_models(one, other, ROWS, labels=[True, False, True, False, True])
    np.testing.assert_array_equal(found.correct[0], (found.outputs.one[:, 0] > 0) == found.labels)


def test_classes_of_other_names_are_told():
    net = planted.network()
    found = pl.compare_models(pl.wrap(net, classes=["red", "blue"]), pl.wrap(net, classes=["blue", "red"]), planted.pictures())
    (finding,) = found.evidence
    assert finding.kind == "class-names-differ"
    assert "output 0 is 'red' to trained and 'blue' to deployed" in str(found)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"names": ("one", "one")}, "both are called 'one'"),
        ({"names": "ab"}, "must be two names"),
        ({"top": 0}, "top= must be at least 1"),
        ({"labels": [1, 2]}, r"one class for each of the 5 samples; got the shape \(2,\)"),
        ({"labels": ["red"] * 5}, "numbers of classes, or names"),
        ({"labels": [1, 2, 3, 1, 2]}, "labels= holds 3; the model's classes are numbered from 0 to 2"),
        ({"top": "all"}, "top= must be at least 1, a whole number; got 'all'"),
        ({"sample_names": ["a"]}, "one name for each of the 5 samples"),
        ({"to_deployed": 3}, "to_deployed= is a function"),
        ({"method": "integrated"}, "there is no method 'integrated'"),
        ({"stepz": 3}, "no parameter 'stepz'"),
    ],
)
def test_wrong_arguments_are_refused_in_words(options, said):
    with pytest.raises(pl.InputError, match=said):
        pl.compare_models(planted.table(), planted.table(1), ROWS, **options)


def test_what_one_model_cannot_do_is_named_with_what_both_can():
    with pytest.raises(pl.CapabilityError, match=r"which deployed \(function adapter\) does not have here.*both: .*shapley"):
        pl.compare_models(planted.table(), pl.wrap(planted.as_function(planted.table())), ROWS, method="saliency")
    with pytest.raises(pl.CapabilityError, match="saliency needs 'gradient', which trained"):
        pl.compare_models(pl.wrap(planted.as_function(planted.table())), planted.table(), ROWS, method="saliency")


def test_errors_say_which_model_they_are_about():
    with pytest.raises(pl.InputError, match=r"^deployed: "):
        pl.compare_models(planted.table(), torch.nn.Linear(5, 3), ROWS)
    with pytest.raises(pl.TargetError, match=r"^trained: no class is named"):
        pl.compare_models(pl.wrap(planted.table(), classes=["a", "b", "c"]), planted.table(), ROWS, target="d")
    with pytest.raises(pl.CapabilityError, match=r"^tflite: builtins.str is of no framework"):
        pl.compare_models(planted.table(), "model", ROWS, names=("torch", "tflite"))


def test_outputs_that_do_not_belong_together_are_refused():
    with pytest.raises(pl.InputError, match=r"outputs of trained have the shape \(3,\) and those of deployed \(4,\)"):
        pl.compare_models(planted.table(), torch.nn.Linear(6, 4), ROWS)
    half = pl.wrap(lambda rows: planted.as_function(planted.table())(rows))
    with pytest.raises(pl.InputError, match=r"^deployed: 5 rows went in and output 'input' came back with shape"):
        pl.compare_models(planted.table(), half, ROWS, to_deployed=lambda rows: rows[:3])


def test_explanations_save_and_the_change_is_drawn(tmp_path):
    found = pl.compare_models(planted.network(), planted.without_blue(), planted.pictures())
    for each in (found.trained, found.deployed, found.change):
        each.save(tmp_path / "one.pellucid")
        np.testing.assert_array_equal(pl.load(tmp_path / "one.pellucid").values, each.values)
    assert found.change.plot(samples=1).axes


def test_a_report_shows_both_models_and_a_sample_once_where_they_agree(tmp_path):
    found = pl.compare_models(planted.network(), planted.without_blue(), planted.pictures(), names=("torch", "phone"))
    page = found.report(tmp_path / "both.html", title="Both").read_text(encoding="utf-8")
    shown = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1])
    assert shown["title"] == "Both"
    entries = {card["name"]: [entry["label"] for entry in card["entries"]] for card in shown["cards"]}
    both = ["integrated-gradients, torch", "integrated-gradients, phone"]
    assert entries == {
        **{f"sample {at}": both for at in (0, 2, 4)},
        **{f"sample {at} (torch)": both[:1] for at in planted.BLUE},
        **{f"sample {at} (phone)": both[1:] for at in planted.BLUE},
    }
