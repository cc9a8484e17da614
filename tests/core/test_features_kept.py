"""Explanations over players: slices, spreads, tables, shap's record, and files, hostile ones too."""

import dataclasses
import json

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

import networks
import pellucid as pl
from pellucid.core import tree
from pellucid.core.features import Features


def explanation(features, inputs, over="players"):
    """An explanation of two samples with values over the players; where one has fewer, the rest is 0."""
    rng = np.random.default_rng(0)
    base = pl.explain(networks.mlp(), networks.rows(2, 6), method="smoothgrad", samples=4)
    each = features if isinstance(features, tuple) else (features,) * 2
    most = max(map(len, each))
    shape = (2, most) if over == "players" else (2, most, most)
    values = rng.normal(size=shape)
    for row, one in enumerate(each):
        values[row, len(one) :] = 0
        if over == "interactions":
            values[row, :, len(one) :] = 0
    return dataclasses.replace(
        base,
        values=values,
        inputs=inputs,
        features=features,
        over=over,
        standard_errors=np.abs(values) / 10,
        base_value=np.zeros(2),
        details={},
    )


def table():
    features = Features.from_arrays(
        ["age", "town", "u", "v"], levels={"town": ["Bonn", "Ulm"]}, one_hot={"hot": ["u", "v"]}, missing=["town"]
    )
    return explanation(features, features.encode([[30.5, 0, 1, 0], [40, np.nan, 0, 1]]))


def images():
    inputs = np.random.default_rng(1).normal(size=(2, 3, 8, 8)).astype(np.float32)
    return explanation((Features.grid((3, 8, 8), 4), Features.grid((3, 8, 8), 3)), inputs)


def texts():
    given = np.array(["a good film", "我喜欢 电影 😀 really"])
    return explanation(tuple(Features.words(list(given))), given)


def test_slices():
    e = images()
    assert e[1].features == (e.features[1],)
    assert e[1].players == (e.features[1],)
    assert table()[0].features == table().features
    assert len(table().players) == 2
    assert [len(part.features[0]) for part in e] == [4, 9]
    assert pl.explain(networks.mlp(), networks.rows(2, 6), method="saliency").players == ()


def test_spread_over_the_input():
    e = images()
    spread = e.to_input()
    assert spread.shape == e.inputs.shape
    for sample, features in enumerate(e.features):
        np.testing.assert_allclose(features.total(spread[sample : sample + 1])[0], e.values[sample, : len(features)])
    rows = table()
    np.testing.assert_allclose(rows.to_input()[:, 2:].sum(1), rows.values[:, 2])
    several = dataclasses.replace(rows, inputs={"note": np.zeros((2, 3)), "table": rows.inputs})
    np.testing.assert_array_equal(several.to_input()["table"], rows.to_input())
    named = dataclasses.replace(rows.features, leaf="table")
    both = dataclasses.replace(rows, features=named, inputs={"other": rows.inputs, "table": rows.inputs})
    assert list(both.to_input()) == ["table"]
    with pytest.raises(pl.InputError, match="no leaf of the input has the shape"):
        dataclasses.replace(rows, inputs=np.zeros((2, 9))).to_input()
    with pytest.raises(pl.InputError, match="words have no place in an array"):
        texts().to_input()
    with pytest.raises(pl.InputError, match="pairs of players have no place in the input"):
        explanation(rows.features, rows.inputs, "interactions").to_input()


def test_frames_name_the_features():
    frame = table().to_frame()
    assert list(frame.columns) == ["sample", "leaf", "index", "feature", "value", "standard_error", "input"]
    assert frame.feature.tolist() == ["age", "town", "hot"] * 2
    assert frame.input.tolist() == [30.5, "Bonn", "u", 40.0, None, "v"]
    np.testing.assert_array_equal(frame.value.to_numpy().reshape(2, 3), table().values)
    ragged = images().to_frame()
    assert len(ragged) == 4 + 9
    assert ragged.feature.tolist()[:4] == ["cell 0, 0", "cell 0, 1", "cell 1, 0", "cell 1, 1"]
    np.testing.assert_array_equal(ragged.value[4:], images().values[1])
    np.testing.assert_array_equal(ragged.standard_error[:4], images().standard_errors[0, :4])
    assert texts().to_frame().feature.tolist()[:3] == ["a", "good", "film"]
    pairs = explanation(table().features, table().inputs, "interactions")
    told = pairs.to_frame()
    assert len(told) == 18
    assert (told.feature[1], told.other[1], told["index"][1]) == ("age", "town", (0, 1))
    assert told.value[1] == pairs.values[0, 0, 1]


def test_xarray():
    data = table().to_xarray()
    assert data.value.dims == ("sample", "feature")
    assert float(data.value.sel(sample=1, feature="town")) == table().values[1, 1]
    np.testing.assert_array_equal(data.standard_error, table().standard_errors)
    pairs = explanation(table().features, table().inputs, "interactions").to_xarray()
    assert pairs.value.sel(feature="age", other="town").shape == (2,)
    plain = pl.explain(networks.mlp(), networks.rows(2, 6), method="saliency").to_xarray()
    assert plain.value.dims == ("sample", "axis_1")
    assert plain.prediction.dims == ("sample", "output_1")
    several = pl.explain(
        networks.TwoInputs(), (networks.rows(2, 4), networks.rows(2, 3), networks.rows(2, 2)), target=0
    ).to_xarray()
    assert {"value_0", "value_1", "value_2"} <= set(several)
    assert "feature" not in images().to_xarray().coords


def test_shap():
    e = table()
    told = e.to_shap()
    np.testing.assert_array_equal(told.values, e.values)
    assert told.feature_names == ["age", "town", "hot"]
    np.testing.assert_array_equal(told.base_values, e.base_value)
    assert told.data.tolist() == [[30.5, 0, 0], [40, 2, 1]]
    assert told.display_data.tolist() == [[30.5, "Bonn", "u"], [40.0, None, "v"]]
    assert told[1].values.shape == (3,)
    plain = pl.explain(networks.mlp(), networks.rows(2, 6), method="saliency")
    told = plain.to_shap()
    np.testing.assert_array_equal(told.data, plain.inputs)
    assert told.base_values is None
    assert told.feature_names[5] == "feature 5"
    picture = pl.explain(networks.cnn(), networks.rows(2, 3, 8, 8), method="saliency")
    np.testing.assert_array_equal(np.moveaxis(picture.to_shap().values, -1, 1), picture.values)
    ragged = images().to_shap()
    assert [len(row) for row in ragged.values] == [4, 9]
    assert ragged[1].values.shape == (9,)
    one = texts()[1].to_shap()
    assert one.data.tolist() == [list(texts().features[1].names)]
    pairs = explanation(e.features, e.inputs, "interactions").to_shap()
    assert pairs.values.shape == (2, 3, 3)
    several = pl.explain(networks.TwoInputs(), (networks.rows(2, 4), networks.rows(2, 3), networks.rows(2, 2)), target=0)
    with pytest.raises(pl.InputError, match=r"values for 3 leaves; name one: to_shap\(leaf='0'\)"):
        several.to_shap()
    with pytest.raises(pl.InputError, match="no values for a leaf named '5'"):
        several.to_shap(leaf="5")
    assert several.to_shap(leaf="1").values.shape == (2, 3)


@pytest.mark.filterwarnings("ignore")  # shap's and matplotlib's own
def test_shaps_own_plots_work():
    import matplotlib.pyplot as plt
    import shap

    told = table().to_shap()
    for draw, given in (
        (shap.plots.bar, told),
        (shap.plots.beeswarm, told),
        (shap.plots.heatmap, told),
        (shap.plots.waterfall, told[0]),
        (shap.plots.bar, told[0]),
    ):
        draw(given, show=False)
        written = " ".join(text.get_text() for axes in plt.gcf().axes for text in axes.get_yticklabels())
        assert any(name in written for name in told.feature_names), draw.__name__
        plt.close("all")


def test_without_shap(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "shap", None)
    with pytest.raises(pl.MissingExtraError, match=r"to_shap\(\) needs 'shap'.*pellucid\[shap\]"):
        table().to_shap()


def test_it_says_what_the_players_are():
    assert "features  3 features of 4 columns: age (continuous), town (nominal of Bonn, Ulm, or missing)" in repr(table())
    assert "over the players" in repr(table())
    assert "(sample 0 of 2, each with its own)" in repr(texts())
    assert "over the pairs of players" in repr(explanation(table().features, table().inputs, "interactions"))


def framed():
    import pandas as pd

    frame = pd.DataFrame(
        {
            "a": pd.Categorical(["x", None], categories=["x", "y"], ordered=True),
            "b": pd.array([1, None], "Int64"),
            "c": [True, False],
            "d": [0.5, 1.5],
            "e": pd.Categorical([3, 1]),
        }
    )
    features = Features.from_frame(frame, missing=["b"], leaf="table")
    return explanation(features, {"table": np.nan_to_num(features.encode(frame))}), frame


@pytest.mark.parametrize("make", [table, images, texts, lambda: framed()[0]])
def test_files_keep_features(tmp_path, make):
    e = make()
    e.save(tmp_path / "e")
    back = pl.load(tmp_path / "e")
    assert back.features == e.features
    assert type(back.features) is type(e.features)
    assert back.over == "players"
    np.testing.assert_array_equal(back.values, e.values)
    for mine, theirs in zip(tree.flatten(e.inputs).values(), tree.flatten(back.inputs).values(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    pl.load(tmp_path / "e").save(tmp_path / "f")
    assert (tmp_path / "e").read_bytes() == (tmp_path / "f").read_bytes()


def test_a_frame_comes_back_by_features_that_were_kept(tmp_path):
    import pandas as pd

    e, frame = framed()
    e.save(tmp_path / "e")
    features = pl.load(tmp_path / "e").features
    pd.testing.assert_frame_equal(features.decode(features.encode(frame)), frame)


def test_files_from_before_there_were_features(tmp_path):
    path = tmp_path / "e"
    pl.explain(networks.mlp(), networks.rows(2, 6), method="saliency").save(path)
    _rewrite(path, lambda header, arrays: (header.pop("texts", None), header.pop("features", None)))
    assert pl.load(path).features is None


def _rewrite(path, change):
    with safe_open(path, framework="numpy") as file:
        header = json.loads(file.metadata()["pellucid-explanation"])
    arrays = load_file(path)
    change(header, arrays)
    save_file(arrays, path, {"pellucid-explanation": json.dumps(header)})


def _player(header):
    return header["features"]["each"][0]["players"][0]


def _column(header):
    return header["features"]["each"][0]["columns"][0]


@pytest.mark.parametrize(
    "change",
    [
        lambda h, a: h.update(features=3),
        lambda h, a: h.update(features={"each": []}),
        lambda h, a: h["features"].update(shared=False),
        lambda h, a: h["features"].update(each=[]),
        lambda h, a: h["features"].update(each="x"),
        lambda h, a: _player(h).update(kind="evil"),
        lambda h, a: _player(h).update(name=3),
        lambda h, a: _player(h).update(missing="yes"),
        lambda h, a: _player(h).update(levels=[["x"]]),
        lambda h, a: _player(h).update(levels={"a": 1}),
        lambda h, a: _player(h).update(__class__="os.system"),
        lambda h, a: h["features"]["each"][0]["players"].append(dict(_player(h))),
        lambda h, a: h["features"]["each"][0]["players"].clear(),
        lambda h, a: _column(h).update(dtype="object[<script>]"),
        lambda h, a: _column(h).update(dtype="V8"),
        lambda h, a: _column(h).update(categories="evil"),
        lambda h, a: _column(h).update(kind="region"),
        lambda h, a: h["features"]["each"][0]["players"][2].update(levels=["u"]),
        lambda h, a: h["features"]["each"][0]["columns"].pop(),
        lambda h, a: h["features"]["each"][0].update(leaf=["x"]),
        lambda h, a: h["features"]["each"][0].update(text="x"),
        lambda h, a: a.pop("features/0/labels"),
        lambda h, a: a.update({"features/0/labels": np.array([0, 1, 2, 99])}),
        lambda h, a: a.update({"features/0/labels": np.array([0, 1, 2, -2])}),
        lambda h, a: a.update({"features/0/labels": np.array([0.0, 1, 2, 2])}),
        lambda h, a: a.update({"features/0/labels": np.array([0, 1, 2])}),
        lambda h, a: a.update({"values/input": np.zeros((2, 5))}),
        lambda h, a: a.update({"standard_errors/input": np.zeros((2, 3, 3))}),
        lambda h, a: h.update(over="interactions"),
        lambda h, a: h.update(texts={"inputs/input": [1, 2]}),
        lambda h, a: h.update(texts={"inputs/input": "ab"}),
        lambda h, a: h.update(texts=["x"]),
    ],
)
def test_hostile_features_are_refused_in_words(tmp_path, change):
    path = tmp_path / "e"
    table().save(path)
    pl.load(path)
    _rewrite(path, change)
    with pytest.raises(pl.InputError, match="incomplete or damaged"):
        pl.load(path)


@pytest.mark.parametrize(
    "spans",
    [
        np.array([[0, 1], [2, 6], [7, 99]]),
        np.array([[0, 1], [7, 11], [2, 6]]),
        np.array([[-1, 1], [2, 6], [7, 11]]),
        np.zeros((3, 3), int),
    ],
)
def test_hostile_spans_are_refused_in_words(tmp_path, spans):
    path = tmp_path / "e"
    texts().save(path)
    _rewrite(path, lambda header, arrays: arrays.update({"features/0/spans": spans}))
    with pytest.raises(pl.InputError, match="incomplete or damaged"):
        pl.load(path)


def test_what_cannot_be_kept(tmp_path):
    e = texts()
    with pytest.raises(pl.InputError, match="inputs/input cannot be kept in a file"):
        dataclasses.replace(e, inputs=np.array([["a"], ["b"]])).save(tmp_path / "e")
    objects = dataclasses.replace(e, inputs=np.array(["a", "b"], object))
    objects.save(tmp_path / "e")
    assert pl.load(tmp_path / "e").inputs.tolist() == ["a", "b"]
