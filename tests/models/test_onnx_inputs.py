"""What ONNX graphs take of a user's data, and which of their outputs are explained."""

import sys

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
import torch

import onnx_graphs as graphs
import pellucid as pl
from onnx_graphs import FLOAT, INT64, STRING, UINT8, close, node, value
from twins import onnx_nets
from twins.weights import inputs


@pytest.fixture(autouse=True)
def without_onnx2torch(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx2torch", None)


def test_types_are_those_of_the_graph():
    model, x = onnx_nets.build("cnn"), inputs("cnn")
    expected = pl.explain(model, x, method="leave-one-out", features=pl.Features.grid((3, 16, 16), cell=8)).values
    for given in (x.astype(np.float64), torch.from_numpy(x), x.tolist()):
        found = pl.explain(model, given, method="leave-one-out", features=pl.Features.grid((3, 16, 16), cell=8))
        np.testing.assert_allclose(found.values, expected, atol=1e-5)
        assert found.inputs.dtype == np.float32
    ids = inputs("embedding")
    expected = pl.explain(onnx_nets.build("embedding"), ids, method="leave-one-out", target=1).values
    for given in (ids.astype(np.int64), ids.astype(np.uint8), ids.astype(float)):
        found = pl.explain(onnx_nets.build("embedding"), given, method="leave-one-out", target=1)
        np.testing.assert_array_equal(found.values, expected)
        assert found.inputs.dtype == np.int32


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda x: np.moveaxis(x, 1, -1), r"Channels come first in this model.*transpose\(0, 3, 1, 2\)"),
        (lambda x: x[0], r"batch axis is missing: pass x\[None\]"),
        (lambda x: x[:, :, :8], r"shape \(4, 3, 8, 16\); the graph takes 'x': float32, \(samples, 3, 16, 16\)"),
        (lambda x: x.reshape(4, -1), "reshape it"),
        (lambda x: x.astype(complex), "complex128"),
        (lambda x: ["a text"], "strings were given"),
        (lambda x: {"X": x}, "no input 'X'. Did you mean 'x'"),
        (lambda x: (x, x), "takes 1 inputs, and 2 were given"),
        (lambda x: {}, "holds no arrays"),
    ],
)
def test_what_does_not_fit_is_said(change, said):
    with pytest.raises(pl.InputError, match=said):
        pl.explain(onnx_nets.build("cnn"), change(inputs("cnn")), method="occlusion")


def test_ids_are_whole():
    with pytest.raises(pl.InputError, match=r"'x' is float64; the graph takes 'x': int32, \(samples, 6\)"):
        pl.explain(onnx_nets.build("embedding"), inputs("embedding") + 0.5, method="leave-one-out")


def several():
    """Two batched inputs and a number; outputs of integers and of floats."""
    nodes = [
        node("MatMul", "a w", "h"),
        node("Add", "h b", "sum"),
        node("Mul", "sum t", "scaled"),
        node("ArgMax", "scaled", "label", axis=1, keepdims=0),
    ]
    taken = [value("a", ["n", 3]), value("b", ["n", 4]), value("t", [])]
    given = [value("label", ["n"], INT64), value("scaled", ["n", 4]), value("sum", ["n", 4])]
    weight = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    return graphs.model(nodes, taken, given, {"w": weight}), weight


def test_several_inputs_and_outputs():
    model, weight = several()
    draw = np.random.default_rng(1)
    a, b = draw.normal(size=(5, 3)), draw.normal(size=(5, 4))
    for given in ({"a": a, "b": b, "t": 2.0}, {"t": np.float32(2), "b": b, "a": a}):
        e = pl.explain(model, given, wrt="a", target=1, method="leave-one-out")
        close(e.values["a"] if isinstance(e.values, dict) else e.values, 2 * a * weight[:, 1], 1e-5)
        assert e.target.leaf == "scaled"  # floats come before labels
        assert e.static == ("t",)
    e = pl.explain(model, (a, b, 2.0), wrt="0", target=("sum", 1), method="leave-one-out")
    close(e.values[0] if isinstance(e.values, tuple) else e.values, a * weight[:, 1], 1e-5)
    for given, said in (
        ({"a": a, "b": b}, r"input 't' is missing.*'t': float32, a single number"),
        ({"a": a, "bb": b, "t": 2.0}, "no input 'bb'. Did you mean 'b'"),
        (a, "takes 3 inputs, and one array was given"),
    ):
        with pytest.raises(pl.InputError, match=said):
            pl.explain(model, given, wrt="a", method="leave-one-out")


def test_bytes_of_pictures():
    inner = onnx_nets.build("cnn")
    nodes = [node("Cast", "image", "floats", to=FLOAT), node("Mul", "floats scale", "x"), *inner.graph.node]
    model = graphs.model(
        nodes, [value("image", ["n", 3, 16, 16], UINT8)], list(inner.graph.output), {"scale": np.float32(1 / 255)}
    )
    model.graph.initializer.extend(inner.graph.initializer)
    pixels = np.random.default_rng(0).integers(0, 256, (2, 3, 16, 16), dtype=np.uint8)
    scaled = (pixels / 255).astype(np.float32)
    for name in ("occlusion", "rise", "eigen-cam"):
        close(
            pl.explain(model, pixels, target=1, method=name).values, pl.explain(inner, scaled, target=1, method=name).values, 1e-3
        )


def texts(shape):
    encoder = node("LabelEncoder", "x", "score", domain="ai.onnx.ml")
    encoder.attribute.extend(
        [
            onnx.helper.make_attribute("keys_strings", ["good", "bad", "so so"]),
            onnx.helper.make_attribute("values_floats", [1.0, -1.0, 0.5]),
            onnx.helper.make_attribute("default_float", 0.0),
        ]
    )
    made = graphs.model([encoder], [value("x", shape, STRING)], [value("score", shape)])
    made.opset_import.append(onnx.helper.make_opsetid("ai.onnx.ml", 3))
    return made


@pytest.mark.parametrize("shape", [["n"], ["n", 1]])
def test_strings(shape):
    e = pl.explain(texts(shape), ["good", "so so", "good bad"], method="leave-one-out")
    np.testing.assert_array_equal(e.prediction.reshape(-1), [1, 0.5, 0])
    np.testing.assert_array_equal(e.values[:2], [[1, 0], [0.5, 0.5]])
    np.testing.assert_array_equal(e.values[2], [0 - (-1), 0 - 1])  # "bad" and "good" are left
    with pytest.raises(pl.InputError, match=r"numbers.*the graph takes 'x': strings"):
        pl.explain(texts(shape), np.zeros((2, 3)), method="leave-one-out")


def columns():
    """As skl2onnx writes a pipeline over columns: one input for each."""
    encoder = node("LabelEncoder", "city", "code", domain="ai.onnx.ml")
    encoder.attribute.extend(
        [
            onnx.helper.make_attribute("keys_strings", ["Rome", "Oslo"]),
            onnx.helper.make_attribute("values_floats", [2.0, -1.0]),
            onnx.helper.make_attribute("default_float", 0.0),
        ]
    )
    nodes = [encoder, node("Cast", "rooms", "count", to=FLOAT), node("Mul", "count code", "y")]
    taken = [value("rooms", ["n", 1], INT64), value("city", ["n", 1], STRING)]
    made = graphs.model(nodes, taken, [value("y", ["n", 1])])
    made.opset_import.append(onnx.helper.make_opsetid("ai.onnx.ml", 3))
    return made


def test_a_frame_gives_each_column_to_its_input():
    frame = pd.DataFrame({"city": ["Rome", "Oslo", "Bonn"], "rooms": [3, 2, 4]})
    e = pl.explain(columns(), frame, method="shapley")
    by_function = pl.wrap(lambda rows: rows["rooms"] * rows["city"].map({"Rome": 2.0, "Oslo": -1.0}).fillna(0))
    np.testing.assert_allclose(e.values, pl.explain(by_function, frame, method="shapley").values, atol=1e-6)
    np.testing.assert_array_equal(e.prediction.reshape(-1), [6, -2, 0])
    with pytest.raises(pl.InputError, match="takes the column 'city', which the frame lacks"):
        pl.explain(columns(), frame.rename(columns={"city": "town"}), method="shapley")


def test_a_table_whose_columns_are_inputs():
    nodes = [node("Sub", "left right", "y")]
    model = graphs.model(nodes, [value("left", ["n", 1]), value("right", ["n", 1])], [value("y", ["n", 1])])
    np.testing.assert_allclose(pl.explain(model, np.array([[3.0, 1.0]]), method="shapley").values, [[3, -1]], atol=1e-6)


# What a graph gives


def ending(kind, **options):
    nodes = [node("MatMul", "x w", "scores"), node(kind, "scores", "p", **options), node("Identity", "p", "answer")]
    weight = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    return graphs.model(nodes, [value("x", ["n", 3])], [value("answer", ["n", 4])], {"w": weight}), weight


@pytest.mark.parametrize("kind", ["Softmax", "Sigmoid"])
def test_probabilities_and_the_logits_before_them(kind):
    model, weight = ending(kind)
    x = np.random.default_rng(1).normal(size=(5, 3)).astype(np.float32)
    with pytest.warns(pl.PellucidWarning, match=rf"ends in {kind} \('answer'\)") as caught:
        e = pl.explain(model, x, target=1, method="leave-one-out")
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert e.output == "probabilities"
    said = pl.explain(pl.wrap(model, output="probabilities"), x, target=1, method="leave-one-out")
    np.testing.assert_array_equal(said.values, e.values)
    logits = pl.explain(pl.wrap(model, output="logits"), x, target=1, method="leave-one-out")
    close(logits.values, x * weight[:, 1], 1e-5)
    assert f"last {kind}" in logits.plan.notes[0]


def test_an_output_beside_probabilities_is_not_called_one():
    nodes = [node("MatMul", "x w", "scores"), node("Softmax", "scores", "p"), node("ReduceSum", "scores axes", "size")]
    weight = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    given = [value("p", ["n", 4]), value("size", ["n", 1])]
    model = graphs.model(nodes, [value("x", ["n", 3])], given, {"w": weight, "axes": np.array([1])})
    x = np.random.default_rng(1).normal(size=(5, 3)).astype(np.float32)
    e = pl.explain(model, x, target=("size", 0), method="leave-one-out")
    close(e.values, x * weight.sum(axis=1), 1e-5)
    assert e.output == "unknown"
    assert any("probabilities are those of Softmax ('p')" in note for note in e.plan.notes)
    logits = pl.explain(pl.wrap(model, output="logits"), x, target=("p", 2), method="leave-one-out")
    close(logits.values, x * weight[:, 2], 1e-5)


def classifier(labels):
    """As skl2onnx writes one: a label, and a map of class to probability for each row."""
    nodes = [
        node("MatMul", "x w", "scores"),
        node("Softmax", "scores", "p"),
        node("ArgMax", "p", "label", axis=1, keepdims=0),
        node("ZipMap", "p", "maps", domain="ai.onnx.ml", **labels),
    ]
    maps = onnx.helper.make_tensor_sequence_value_info("maps", FLOAT, None)
    key = STRING if "classlabels_strings" in labels else INT64
    of = onnx.helper.make_map_type_proto(key, onnx.helper.make_tensor_type_proto(FLOAT, None))
    maps.type.CopyFrom(onnx.helper.make_sequence_type_proto(of))
    weight = np.random.default_rng(0).normal(size=(3, 2)).astype(np.float32)
    return graphs.model(nodes, [value("x", ["n", 3])], [value("label", ["n"], INT64), maps], {"w": weight}, ["ai.onnx.ml"])


@pytest.mark.parametrize(("labels", "names"), [(["cat", "dog"], ("cat", "dog")), ([7, 9], ("7", "9"))])
@pytest.mark.parametrize("as_session", [False, True])
def test_maps_of_class_to_probability(labels, names, as_session):
    model = classifier({f"classlabels_{'strings' if names[0] == 'cat' else 'int64s'}": labels})
    given = onnxruntime.InferenceSession(model.SerializeToString()) if as_session else model
    x = np.random.default_rng(1).normal(size=(5, 3)).astype(np.float32)
    e = pl.explain(pl.wrap(given, output="probabilities"), x, target=names[1], method="leave-one-out")
    expected = onnxruntime.InferenceSession(model.SerializeToString()).run(["maps"], {"x": x})[0]
    np.testing.assert_allclose(e.prediction, [list(row.values()) for row in expected], rtol=1e-6)
    assert e.classes == names
    assert e.target.names == (names[1],) * 5


def test_nothing_to_explain():
    made = graphs.model([node("Identity", "x", "y")], [value("x", ["n", 1], STRING)], [value("y", ["n", 1], STRING)])
    with pytest.raises(pl.CapabilityError, match=r"no tensor of numbers: y \(tensor\(string\)\)"):
        pl.explain(made, ["a"], method="leave-one-out")
