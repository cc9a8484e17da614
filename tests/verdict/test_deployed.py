"""The model that was trained beside the same one in other frameworks and formats, and quantised."""

import numpy as np
import onnx
import pytest
from onnxruntime.quantization import QuantType, quantize_dynamic

import pellucid as pl
from twins import efficientnet, efficientnet_onnx, in_process, onnx_nets, torch_nets
from twins.weights import inputs


@pytest.mark.parametrize("backend", ["torch", "jax", "tensorflow"])
def test_torch_and_keras_agree_in_both_directions(backend):
    found = in_process.call("verdict.in_keras:compared", backend=backend)
    for method, most in (("integrated-gradients", 1e-3), ("shapley", 1e-4)):
        assert (found[f"{method}/difference"] < most).all()
        assert (found[f"{method}/outputs"] < 1e-5).all()
        assert (
            "trained takes NCHW and deployed NHWC: the channel axis is moved for deployed" in found[f"{method}/reasons"].tolist()
        )
    assert found["integrated-gradients/shapes"].tolist() == [[4, 16, 16, 3], [4, 3, 16, 16]]
    assert found["shapley/shapes"].tolist() == [[4, 36]] * 2  # cells of 3 x 3 pixels


@pytest.mark.parametrize("network", ["cnn", "mlp", "rnn"])
def test_torch_and_onnx_agree(network):
    x = inputs(network)
    found = pl.compare_models(torch_nets.build(network), onnx_nets.build(network), x, budget=120)
    assert found.trained.method == "shapley"
    assert (found.trained.plan.adapter, found.deployed.plan.adapter) == ("torch", "onnx")
    assert found.equal.all()
    assert "explanations are equal up to rounding" in found.verdict or found.identical.all()


def test_an_int8_copy_is_near_and_its_difference_is_shown(tmp_path):
    trained, x = torch_nets.build("cnn"), inputs("cnn")
    onnx.save(onnx_nets.build("cnn"), tmp_path / "cnn.onnx")
    quantize_dynamic(tmp_path / "cnn.onnx", tmp_path / "int8.onnx", weight_type=QuantType.QUInt8)
    int8 = onnx.load(tmp_path / "int8.onnx")
    found = pl.compare_models(trained, int8, x, budget=300, names=("torch", "int8"))
    assert not found.equal.any()
    assert (found.outputs.largest > 1e-4).all()
    expected = onnx_nets.run(int8, x)
    np.testing.assert_allclose(found.deployed.prediction, expected, rtol=1e-5, atol=1e-6)
    own = pl.explain(int8, x, method="shapley", budget=300, target=found.trained.target.indices[:, 0])
    np.testing.assert_array_equal(found.deployed.values, own.values)
    assert (found.agreement.rank_correlation > 0.7).all()
    assert found.where != ("",) * len(x)


def test_a_graph_that_ends_in_a_softmax_is_warned_of_once():
    graph = onnx_nets.Graph(onnx_nets.weights("mlp"))
    x = graph.node("Tanh", "tanh1", graph.dense("hidden1", "x"))
    graph.dense("head", graph.node("Relu", "relu2", graph.dense("hidden2", x)), "scores")
    graph.node("Softmax", "logits", "scores", axis=1)
    model = graph.model("mlp", (6,), onnx.TensorProto.FLOAT, 3)
    with pytest.warns(pl.PellucidWarning, match="the graph ends in") as told:
        found = pl.compare_models(torch_nets.build("mlp"), model, inputs("mlp"))
    assert len(told) == 1
    assert found.equal.all()
    assert found.outputs.kind == "probabilities"


def test_a_real_network_and_its_int8_copy_look_at_the_same_places(tmp_path):
    exported = efficientnet_onnx.write(tmp_path)
    deployed, x = onnx.load(efficientnet_onnx.write_int8(tmp_path, exported)), efficientnet.pictures()
    options = {
        "method": "leave-one-out",
        "features": pl.Features.grid((3, 224, 224), cell=56),
        "masker": pl.maskers.Blur(sigma=10.0),
    }
    network = efficientnet.trained()
    same = pl.compare_models(network, onnx.load(exported), x, **options)
    assert same.equal.all()
    found = pl.compare_models(network, deployed, x, **options)
    assert found.flips == ()
    assert (found.agreement.rank_correlation > 0.8).all()
    assert (found.agreement.difference > 0.05).all()
    assert (found.agreement.cosine > 0.9).all()
