"""The ONNX adapter: passes, layers, what it takes and gives. Gradients and files have tests of their own."""

import gc
import subprocess
import sys
import warnings

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx.reference import ReferenceEvaluator
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static

import onnx_graphs as graphs
import pellucid as pl
from onnx_graphs import close, node, value
from pellucid.catalog import METHODS
from pellucid.models.lookup import view_of
from pellucid.models.onnx import network
from twins import onnx_nets, torch_nets
from twins.weights import NETWORKS, inputs

WITHOUT_GRADIENTS = {method.name: method for method in METHODS if "gradient" not in method.needs}


@pytest.fixture(autouse=True)
def without_onnx2torch(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx2torch", None)


@pytest.fixture(scope="module")
def exported():
    """The twin CNN as torch exports it, with the exporter's names."""
    with warnings.catch_warnings(action="ignore", category=FutureWarning):
        program = torch.onnx.export(
            torch_nets.build("cnn"),
            (torch.zeros(2, 3, 16, 16),),
            dynamo=True,
            verbose=False,
            dynamic_shapes={"x": {0: torch.export.Dim("samples")}},
        )
    return program.model_proto


def both(model, net, x, **options):
    return pl.explain(model, x, target=1, **options), pl.explain(net, x, target=1, **options)


# Passes and layers


@pytest.mark.parametrize("name", WITHOUT_GRADIENTS)
def test_every_method_without_gradients_agrees_with_torch(name, exported):
    x = inputs("cnn")
    options = {"background": x} if name == "linear-surrogate" else {}
    found, expected = both(exported, torch_nets.build("cnn"), x, method=name, **options)
    close(found.values, expected.values)
    close(found.prediction, expected.prediction)
    assert found.plan.adapter == "onnx"
    assert "gradient" not in view_of(exported).capabilities


@pytest.mark.parametrize("name", ["eigen-cam", "score-cam", "ablation-cam"])
@pytest.mark.parametrize("at", ["relu1", "norm", "conv3"])
def test_maps_of_named_nodes(name, at):
    found, expected = both(onnx_nets.build("cnn"), torch_nets.build("cnn"), inputs("cnn"), method=name, at=at)
    close(found.values, expected.values)
    assert found.layer == at


@pytest.mark.parametrize("kind", NETWORKS)
def test_every_layer_is_what_the_reference_computes(kind):
    model, x = onnx_nets.build(kind), inputs(kind)
    view = view_of(model)
    batch = view.inputs(x)
    infos, _ = view.inside.layers(view.take(batch, np.arange(1), "as-is"))
    shown = graphs.copy(model)
    shown.graph.output.extend(onnx.ValueInfoProto(name=info.name) for info in infos if info.name not in ("", "logits"))
    wanted = [output.name for output in shown.graph.output]
    reference = dict(zip(wanted, ReferenceEvaluator(shown).run(wanted, {"x": x}), strict=True))
    outputs, kept = view.predict(batch, keep=[info.layer for info in infos])
    assert {info.name for info in infos} >= {*wanted}
    for info, array in zip(infos, kept, strict=True):
        expected = reference[info.name or "logits"]
        close(array, expected, 1e-5)
        if len(expected) == len(x):  # an LSTM has its steps first
            assert info.shape == expected.shape[1:]
    close(outputs, reference["logits"], 1e-5)


@pytest.mark.parametrize("at", ["relu1", "relu2", "add", "conv3", "average", "logits", ""])
def test_the_graph_goes_on_from_what_replaces_a_layer(at):
    net, x = torch_nets.build("cnn"), inputs("cnn")
    view = view_of(onnx_nets.build("cnn"))
    batch = view.inputs(x)
    _, (here, first) = view.predict(batch, keep=[pl.Layer(at), pl.Layer("relu1")])
    put = here + np.random.default_rng(0).normal(size=here.shape).astype(np.float32)
    outputs, (there, before) = view.predict(batch, keep=[pl.Layer(at), pl.Layer("relu1")], replace={pl.Layer(at): put})
    np.testing.assert_array_equal(there, put)
    if at != "relu1":  # what comes before is not touched
        close(before, first, 1e-6)
    with torch.no_grad():
        skip = torch.from_numpy(put if at == "relu1" else first)
        y = torch.from_numpy(put)
        steps = {
            "relu1": lambda y: net.relu2(net.conv2(y)),
            "relu2": lambda y: y + skip,
            "add": lambda y: net.conv3(net.pool(net.norm(y))),
            "conv3": lambda y: net.average(net.relu3(y)),
            "average": lambda y: net.head(y.flatten(1)),
        }
        for step in [*steps][[*steps, at].index(at) :]:
            y = steps[step](y)
    close(outputs, y.numpy(), 1e-5)


def test_neurons_and_what_a_node_is_called(exported):
    x = inputs("cnn")
    by_node = pl.explain(exported, x, target=pl.Neuron("node_conv2d_2", (2, 1, 1)), method="occlusion")
    by_tensor = pl.explain(exported, x, target=pl.Neuron("conv2d_2", (2, 1, 1)), method="occlusion")
    by_torch = pl.explain(torch_nets.build("cnn"), x, target=pl.Neuron("conv3", (2, 1, 1)), method="occlusion")
    close(by_node.values, by_torch.values)
    np.testing.assert_array_equal(by_node.values, by_tensor.values)


def test_names_are_unique_and_stable():
    nodes = [
        node("Relu", "x", "a", name="first"),
        node("Neg", "a", "b"),
        node("Abs", "b", "c"),
        node("Exp", "c", "d", name="c"),
        node("Split", "d", "e f", name="parts", axis=1, num_outputs=2),
    ]
    model = graphs.model(nodes, [value("x", ["n", 4])], [value("f", ["n", 2])])
    view = view_of(model)
    batch = view.inputs(np.ones((2, 4), np.float32))
    infos, _ = view.inside.layers(batch)
    names = [info.name for info in infos]
    assert names == ["first", "b", "c", "c (Exp)", "parts", ""]
    assert [info.kind for info in infos] == ["Relu", "Neg", "Abs", "Exp", "Split", "graph"]
    _, (second,) = view.predict(batch, keep=[pl.Layer("f")])  # any tensor can be named
    close(second, np.full((2, 2), np.e), 1e-6)


def test_layers_that_are_not_there():
    model, x = onnx_nets.build("cnn"), inputs("cnn")
    with pytest.raises(pl.LayerError, match=r"no node 'rellu3'.*'relu3'"):
        pl.explain(model, x, method="eigen-cam", at="rellu3")
    with pytest.raises(pl.LayerError, match="is called once"):
        pl.explain(model, x, method="eigen-cam", at=pl.Layer("relu3", call=2))
    with pytest.raises(pl.LayerError, match=r"'conv1\.kernel'"):  # a weight
        pl.explain(model, x, method="eigen-cam", at="conv1.kernel")


def test_bodies_are_not_entered_but_see_what_is_replaced_outside():
    then = onnx.helper.make_graph([node("Relu", "h", "up")], "then", [], [value("up", None)])
    otherwise = onnx.helper.make_graph([node("Neg", "h", "down")], "otherwise", [], [value("down", None)])
    nodes = [
        node("MatMul", "x w", "h", name="product"),
        node("ReduceSum", "x", "total", keepdims=0),
        node("Greater", "total zero", "yes"),
        node("If", "yes", "y", name="branch", then_branch=then, else_branch=otherwise),
    ]
    constants = {"w": np.eye(3, 4, dtype=np.float32), "zero": np.float32(0)}
    view = view_of(graphs.model(nodes, [value("x", ["n", 3])], [value("y", ["n", 4])], constants))
    up, down = (view.inputs(np.full((2, 3), sign, np.float32)) for sign in (1, -1))
    infos, _ = view.inside.layers(up)
    assert [info.name for info in infos] == ["product", "total", "branch", ""]
    put = np.array([[-1, 2, -3, 4]] * 2, np.float32)
    np.testing.assert_array_equal(view.predict(up, replace={pl.Layer("product"): put})[0], np.maximum(put, 0))
    np.testing.assert_array_equal(view.predict(down, replace={pl.Layer("product"): put})[0], -put)


def test_sizes_and_constants_are_no_layers():
    nodes = [
        node("Constant", "", "shift", value=onnx.numpy_helper.from_array(np.ones(3, np.float32))),
        node("Identity", "shift", "moved", name="of constants"),
        node("Shape", "x", "size"),
        node("Expand", "moved size", "all", name="of sizes"),
        node("Add", "x all", "y", name="sum"),
    ]
    view = view_of(graphs.model(nodes, [value("x", ["n", 3])], [value("y", ["n", 3])]))
    assert [info.name for info in view.inside.layers(view.inputs(np.zeros((1, 3))))[0]] == ["sum", ""]


def test_weights_that_are_listed_as_inputs():
    old = onnx_nets.build("mlp")
    for tensor in old.graph.initializer:
        old.graph.input.append(value(tensor.name, list(tensor.dims)))
    close(*(e.values for e in both(old, torch_nets.build("mlp"), inputs("mlp"), method="shapley")))


@pytest.mark.parametrize("rows", [1, 3])
def test_a_graph_of_one_batch_size(rows):
    model, x = graphs.fixed(onnx_nets.build("cnn"), rows), inputs("cnn", samples=7)
    for name in ("occlusion", "ablation-cam"):
        close(*(e.values for e in both(model, torch_nets.build("cnn"), x, method=name)))


def test_images_with_channels_last():
    model, x = graphs.channels_last(onnx_nets.build("cnn")), inputs("cnn")
    last, net = np.moveaxis(x, 1, -1), torch_nets.build("cnn")
    for name in WITHOUT_GRADIENTS:
        if name in ("occlusion", "eigen-cam", "score-cam", "ablation-cam"):
            found, expected = pl.explain(model, last, target=1, method=name), pl.explain(net, x, target=1, method=name)
            wanted = expected.values if expected.values.ndim == 3 else np.moveaxis(expected.values, 1, -1)
            close(found.values, wanted)
            assert found.layout == "NHWC"
    with pytest.raises(pl.InputError, match=r"Channels come last in this model.*transpose\(0, 2, 3, 1\)"):
        pl.explain(model, x, method="occlusion")


def test_half_precision():
    model, x = graphs.half(onnx_nets.build("cnn")), inputs("cnn")
    found, expected = both(model, torch_nets.build("cnn"), x, method="ablation-cam")
    close(found.values, expected.values, 0.02)
    assert found.inputs.dtype == found.prediction.dtype == np.float32


def test_a_quantised_copy(tmp_path):
    class Calibration(CalibrationDataReader):
        def __init__(self):
            self.batches = iter([{"x": inputs("cnn", samples=32)}])

        def get_next(self):
            return next(self.batches, None)

    onnx.save(onnx_nets.build("cnn"), tmp_path / "cnn.onnx")
    quantize_static(tmp_path / "cnn.onnx", tmp_path / "int8.onnx", Calibration(), quant_format=QuantFormat.QDQ)
    deployed, x = onnx.load(tmp_path / "int8.onnx"), inputs("cnn")
    for name in ("eigen-cam", "ablation-cam", "score-cam"):
        found, expected = both(deployed, torch_nets.build("cnn"), x, method=name)
        assert np.corrcoef(found.values.ravel(), expected.values.ravel())[0, 1] > 0.9
        assert "DequantizeLinear" in found.layer


# Sessions, and what is remembered


def test_a_users_session(tmp_path):
    model, x = onnx_nets.build("cnn"), inputs("cnn")
    onnx.save(graphs.copy(model), tmp_path / "cnn.onnx", save_as_external_data=True, location="weights", size_threshold=0)
    expected = pl.explain(model, x, method="ablation-cam").values
    for source in (tmp_path / "cnn.onnx", model.SerializeToString()):
        session = onnxruntime.InferenceSession(source)
        np.testing.assert_array_equal(pl.explain(session, x, method="ablation-cam").values, expected)
        assert session in network._SESSIONS
    del session
    gc.collect()
    assert not [each for each in network._SESSIONS if each.get_inputs()[0].shape[1:] == [3, 16, 16]]


def test_a_session_whose_graph_cannot_be_read(tmp_path):
    onnx.save(onnx_nets.build("cnn"), tmp_path / "cnn.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "cnn.onnx")
    (tmp_path / "cnn.onnx").unlink()
    close(*(e.values for e in both(session, torch_nets.build("cnn"), inputs("cnn"), method="occlusion")))
    with pytest.raises(pl.CapabilityError, match=r"needs 'layers'.*graph of this session cannot be read: there is no file"):
        pl.explain(session, inputs("cnn"), method="eigen-cam")


def test_a_session_keeps_running_while_its_file_changes(tmp_path):
    onnx.save(onnx_nets.build("cnn"), tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    onnx.save(onnx_nets.build("embedding"), tmp_path / "model.onnx")
    with pytest.raises(pl.CapabilityError, match="no longer the one that this session was made of"):
        pl.explain(session, inputs("cnn"), method="eigen-cam")


def test_a_model_that_was_written_to_is_looked_at_anew():
    model, x = onnx_nets.build("mlp"), inputs("mlp")
    before = pl.explain(model, x, target=1, method="leave-one-out").values
    assert pl.explain(model, x, target=1, method="leave-one-out").values.tobytes() == before.tobytes()
    table = next(tensor for tensor in model.graph.initializer if tensor.name == "head.kernel")
    table.CopyFrom(onnx.numpy_helper.from_array(2 * onnx.numpy_helper.to_array(table), table.name))
    close(pl.explain(model, x, target=1, method="leave-one-out").values, 2 * before, 1e-5)


def test_the_model_is_not_written_to_and_little_is_remembered():
    for seed in range(4):
        model = onnx_nets.build("cnn")
        model.producer_name = f"number {seed}"
        before = model.SerializeToString(deterministic=True)
        for name in ("eigen-cam", "ablation-cam"):
            for at in ("relu1", "relu2", "relu3", "norm"):
                pl.explain(model, inputs("cnn", samples=1), method=name, at=at)
        assert model.SerializeToString(deterministic=True) == before
    assert len(network._MODELS) <= network.MOST_REMEMBERED
    assert all(len(each.sessions._made) <= 6 for each in network._MODELS.values())


# What is refused


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        (
            lambda m: m.graph.node[0].MergeFrom(onnx.NodeProto(domain="com.example")),
            pl.CapabilityError,
            "domain 'com.example'.*trust",
        ),
        (lambda m: setattr(m.graph.node[0], "op_type", "Foo"), pl.CapabilityError, "operator 'Foo'.*older set of operators"),
        (lambda m: m.graph.node[1].input.__setitem__(0, "nowhere"), pl.InputError, "cannot run this graph.*nowhere"),
        (lambda m: m.graph.ClearField("node"), pl.CapabilityError, "no nodes"),
        (lambda m: setattr(m.graph.input[0].type.tensor_type, "elem_type", 16), pl.CapabilityError, "bfloat16"),
    ],
)
def test_graphs_that_do_not_run(change, error, said):
    model = onnx_nets.build("cnn")
    model.opset_import.append(onnx.helper.make_opsetid("com.example", 1))
    change(model)
    with pytest.raises(error, match=said):
        pl.explain(model, inputs("cnn"), method="occlusion")


def test_weights_that_were_not_loaded(tmp_path):
    onnx.save(onnx_nets.build("mlp"), tmp_path / "mlp.onnx", save_as_external_data=True, location="weights", size_threshold=0)
    with pytest.raises(pl.InputError, match=r"weights of this model are in other files.*onnx\.load\(path\)"):
        pl.explain(onnx.load(tmp_path / "mlp.onnx", load_external_data=False), inputs("mlp"), method="shapley")


def test_what_onnxruntime_says_while_it_runs():
    nodes = [node("Reshape", "x shape", "y")]
    model = graphs.model(nodes, [value("x", ["n", 3])], [value("y", [2, 3])], {"shape": np.array([2, 3])})
    with pytest.raises(pl.InputError, match=r"the model failed on .*\(3, 3\).*The graph takes 'x': float32, \(samples, 3\)"):
        pl.explain(model, np.ones((3, 3)), method="leave-one-out")


def test_other_objects_of_onnx():
    with pytest.raises(pl.CapabilityError, match=r"onnx\.ModelProto or an onnxruntime\.InferenceSession; got GraphProto"):
        pl.explain(onnx_nets.build("mlp").graph, inputs("mlp"), method="shapley")


def test_no_other_framework_is_imported():
    code = (
        "import sys, numpy, onnx, pellucid as pl; sys.modules['onnx2torch'] = None;"
        "node = onnx.helper.make_node('Relu', ['x'], ['y']);"
        "value = lambda name: onnx.helper.make_tensor_value_info(name, 1, ['n', 3]);"
        "graph = onnx.helper.make_graph([node], 'graph', [value('x')], [value('y')]);"
        "model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid('', 20)], ir_version=10);"
        "pl.explain(model, numpy.ones((2, 3)), method='shapley');"
        "print([name for name in ('torch', 'jax', 'tensorflow', 'keras', 'flax', 'torchvision') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert done.stderr == ""
