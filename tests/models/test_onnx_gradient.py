"""Gradients of ONNX graphs: through a converted network, or not at all, and then with the reason."""

import sys

import numpy as np
import pytest
import torch

import onnx2torch_stand_in as stand_in
import onnx_graphs as graphs
import pellucid as pl
from onnx_graphs import FLOAT, UINT8, close, node, value
from pellucid.catalog import METHODS
from pellucid.models.lookup import view_of
from pellucid.models.onnx import network
from twins import onnx_nets, torch_nets
from twins.weights import inputs

WITH_GRADIENTS = [method.name for method in METHODS if "gradient" in method.needs]


@pytest.fixture(autouse=True)
def anew():
    """Nothing is known of these models."""
    network._MODELS.clear()
    yield
    network._MODELS.clear()


@pytest.fixture
def converted(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx2torch", stand_in.module())


def both(kind, **options):
    options = {"target": 1, **options}
    x = inputs(kind)
    return pl.explain(onnx_nets.build(kind), x, **options), pl.explain(torch_nets.build(kind), x, **options)


@pytest.mark.usefixtures("converted")
@pytest.mark.parametrize("name", WITH_GRADIENTS)
def test_every_method_with_gradients_agrees_with_torch(name):
    method = next(method for method in METHODS if method.name == name)
    options = {"at": "relu3"} if getattr(method, "reads_layer", False) else {}
    if name == "expected-gradients":
        options["baseline"] = inputs("cnn", seed=5)
    if method.engine == "path" and hasattr(method, "tolerance"):
        options["budget"] = 600
    found, expected = both("cnn", method=name, **options)
    close(found.values, expected.values)
    assert found.plan.adapter == "onnx"
    (note,) = found.plan.notes
    assert note.startswith("gradients are those of the network that onnx2torch made of the graph; its outputs differ")


@pytest.mark.usefixtures("converted")
@pytest.mark.parametrize("at", ["relu1", "norm", "conv3", "pool"])
def test_integrated_gradients_at_layers(at):
    found, expected = both("cnn", method="integrated-gradients", at=at, steps=16)
    close(found.values, expected.values)
    close(found.base_value, expected.base_value)


@pytest.mark.usefixtures("converted")
def test_a_skip_connection_at_once():
    """Against autograd on the two halves of the network."""
    net, x = torch_nets.build("cnn"), torch.from_numpy(inputs("cnn"))
    e = pl.explain(onnx_nets.build("cnn"), x.numpy(), target=1, method="saliency", at="add")
    with torch.no_grad():
        first = net.relu1(net.conv1(x))
        total = net.relu2(net.conv2(first)) + first
    total.requires_grad_()
    (gradient,) = torch.autograd.grad(
        net.head(net.average(net.relu3(net.conv3(net.pool(net.norm(total))))).flatten(1))[:, 1].sum(), total
    )
    close(e.values, gradient.numpy(), 1e-5)


@pytest.mark.usefixtures("converted")
def test_ids_are_differentiated_at_their_embedding():
    """A graph of newer operators is brought to older ones; ``baseline=0`` is the id of padding, which a graph does not name."""
    for name in ("saliency", "input-x-gradient", "smoothgrad"):
        close(*(e.values for e in both("embedding", method=name)))
    for options in ({}, {"at": "tanh"}):
        found, expected = both("embedding", method="integrated-gradients", baseline=0, steps=8, **options)
        close(found.values, expected.values)
    found, expected = both("embedding", method="conductance", at="tanh", baseline=0, steps=8)
    close(found.values, expected.values)


@pytest.mark.usefixtures("converted")
def test_targets_of_every_kind():
    close(*(e.values for e in both("cnn", method="saliency", target=pl.Neuron("conv3", (2, 1, 1)))))
    margin = pl.Target(lambda outputs, labels: outputs.gather(1, labels[:, None])[:, 0].tanh(), labels=np.array([0, 1, 2, 3]))
    close(*(e.values for e in both("cnn", method="integrated-gradients", steps=8, target=margin)))
    found, expected = both("cnn", method="integrated-hessians", target=1, features=pl.Features.grid((3, 16, 16), cell=8))
    close(found.values, expected.values)


@pytest.mark.usefixtures("converted")
@pytest.mark.parametrize("rows", [1, 3])
def test_a_graph_of_one_batch_size(rows):
    model, x = graphs.fixed(onnx_nets.build("cnn"), rows), inputs("cnn", samples=7)
    for name, options in (("saliency", {}), ("grad-cam", {"at": "norm"}), ("conductance", {"at": "relu3", "steps": 8})):
        found, expected = (pl.explain(each, x, target=1, method=name, **options) for each in (model, torch_nets.build("cnn")))
        close(found.values, expected.values)


@pytest.mark.usefixtures("converted")
@pytest.mark.parametrize("name", ["saliency", "grad-cam", "hires-cam", "layer-cam", "full-grad", "integrated-gradients"])
def test_images_with_channels_last(name):
    x = inputs("cnn")
    options = {"at": "norm"} if "cam" in name else {"steps": 8} if "integrated" in name else {}
    found = pl.explain(graphs.channels_last(onnx_nets.build("cnn")), np.moveaxis(x, 1, -1), target=1, method=name, **options)
    expected = pl.explain(torch_nets.build("cnn"), x, target=1, method=name, **options).values
    close(found.values, expected if expected.ndim == 3 else np.moveaxis(expected, 1, -1))


@pytest.mark.usefixtures("converted")
def test_half_precision():
    model, x = graphs.half(onnx_nets.build("cnn")), inputs("cnn")
    found = pl.explain(model, x, target=1, method="saliency")
    expected = pl.explain(torch_nets.build("cnn").half(), x, target=1, method="saliency")
    close(found.values, expected.values, 0.01)


@pytest.mark.usefixtures("converted")
def test_bytes_of_pictures_have_a_derivative():
    inner = onnx_nets.build("cnn")
    nodes = [node("Cast", "image", "floats", to=FLOAT), node("Mul", "floats scale", "x"), *inner.graph.node]
    model = graphs.model(nodes, [value("image", ["n", 3, 16, 16], UINT8)], list(inner.graph.output), {"scale": np.float32(0.01)})
    model.graph.initializer.extend(inner.graph.initializer)
    pixels = np.random.default_rng(0).integers(0, 256, (2, 3, 16, 16), dtype=np.uint8)
    found = pl.explain(model, pixels, target=1, method="saliency")
    expected = pl.explain(torch_nets.build("cnn"), 0.01 * pixels.astype(np.float32), target=1, method="saliency")
    close(found.values, 0.01 * expected.values)


@pytest.mark.usefixtures("converted")
def test_two_inputs_two_outputs_and_logits_before_a_softmax():
    nodes = [node("MatMul", "a w", "h"), node("Add", "h b", "sum"), node("Tanh", "sum", "squashed"), node("Softmax", "sum", "p")]
    weight = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    taken, given = [value("a", ["n", 3]), value("b", ["n", 4])], [value("p", ["n", 4]), value("squashed", ["n", 4])]
    model = pl.wrap(graphs.model(nodes, taken, given, {"w": weight}), output="logits")
    a, b = np.random.default_rng(1).normal(size=(2, 5, 4)).astype(np.float32)
    a = a[:, :3]
    e = pl.explain(model, {"b": b, "a": a}, target=("p", 1), method="input-x-gradient")
    close(e.values["a"], a * weight[:, 1])
    close(e.values["b"], b * np.eye(4)[1])
    e = pl.explain(model, (a, b), target=("squashed", 1), method="input-x-gradient")
    slope = 1 - np.tanh(a @ weight + b)[:, 1:2] ** 2
    close(e.values[0], a * weight[:, 1] * slope)


# No gradients, and why


def test_without_onnx2torch(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx2torch", None)
    with pytest.raises(pl.CapabilityError, match=r"saliency needs 'gradient'.* onnx adapter.*pip install onnx2torch.*shapley"):
        pl.explain(onnx_nets.build("mlp"), inputs("mlp"), method="saliency")


def test_onnx2torch_that_cannot_be_imported(monkeypatch, tmp_path):
    (tmp_path / "onnx2torch.py").write_text("import a_library_that_is_not_there\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(pl.CapabilityError, match="onnx2torch cannot be imported: No module named 'a_library_that_is_not_there'"):
        pl.explain(onnx_nets.build("mlp"), inputs("mlp"), method="saliency")
    assert pl.explain(onnx_nets.build("mlp"), inputs("mlp"), method="shapley").values.shape == (4, 6)


@pytest.mark.usefixtures("converted")
def test_an_operator_that_is_not_converted():
    with pytest.raises(pl.CapabilityError, match=r"saliency needs 'gradient'.*onnx2torch cannot convert LSTM"):
        pl.explain(onnx_nets.build("rnn"), inputs("rnn"), method="saliency")


def test_a_conversion_that_fails_is_told_and_tried_once(monkeypatch):
    tried = []

    def failing(model, attach_onnx_mapping):
        tried.append(model.opset_import[0].version)
        raise RuntimeError("no such luck\nand more")

    monkeypatch.setitem(sys.modules, "onnx2torch", stand_in.module(failing))
    model = onnx_nets.build("mlp")
    for _ in range(2):
        with pytest.raises(pl.CapabilityError, match=r"onnx2torch cannot convert the graph: no such luck\. These"):
            pl.explain(model, inputs("mlp"), method="saliency")
    assert tried == [20, 17]


@pytest.mark.parametrize("off", [0.3, np.nan])
def test_a_network_that_is_another_one_is_refused(monkeypatch, off):
    def wrong(model, attach_onnx_mapping):
        made = stand_in.convert(model, attach_onnx_mapping=attach_onnx_mapping)
        made.register_forward_hook(lambda module, args, output: output + off)
        return made

    monkeypatch.setitem(sys.modules, "onnx2torch", stand_in.module(wrong))
    model, x = onnx_nets.build("cnn"), inputs("cnn")
    for name in ("saliency", "grad-cam", "integrated-gradients"):
        with pytest.raises(pl.CapabilityError, match=r"differs by .* of the largest from onnxruntime's outputs on this batch"):
            pl.explain(model, x, method=name)
    found = pl.explain(model, x, method="eigen-cam", at="relu3")
    close(found.values, pl.explain(torch_nets.build("cnn"), x, method="eigen-cam", at="relu3").values)
    assert found.plan.notes == ()


def test_every_sample_is_compared(monkeypatch):
    """A network that is wrong for one sample alone, which a later batch holds."""
    x = inputs("cnn", samples=6)

    def wrong(model, attach_onnx_mapping):
        made = stand_in.convert(model, attach_onnx_mapping=attach_onnx_mapping)
        last = torch.from_numpy(x[5]).sum()
        made.register_forward_hook(lambda m, args, output: output + 1e-2 * (args[0].sum((1, 2, 3)) == last).float()[:, None])
        return made

    monkeypatch.setitem(sys.modules, "onnx2torch", stand_in.module(wrong))
    pl.explain(onnx_nets.build("cnn"), x[:5], method="saliency", batch_size=2)
    with pytest.raises(pl.CapabilityError, match="differs by"):
        pl.explain(onnx_nets.build("cnn"), x, method="saliency", batch_size=2)


@pytest.mark.usefixtures("converted")
def test_where_a_number_breaks():
    nodes = [node("MatMul", "x w", "h", name="product"), node("Log", "h", "l", name="log"), node("Tanh", "l", "y")]
    model = graphs.model(nodes, [value("x", ["n", 3])], [value("y", ["n", 2])], {"w": -np.ones((3, 2), np.float32)})
    with pytest.raises(pl.NonFiniteError, match="first in the output of layer 'log'"):
        pl.explain(model, np.ones((2, 3)), target=1, method="saliency")


@pytest.mark.usefixtures("converted")
def test_random_numbers_and_gradient_mode_are_as_before():
    state = torch.get_rng_state()
    view = view_of(onnx_nets.build("cnn"))
    assert view.capabilities == {"predict", "gradient", "hessian", "layers", "replace"}
    with torch.no_grad():
        pl.explain(onnx_nets.build("cnn"), inputs("cnn"), method="grad-cam")
        assert not torch.is_grad_enabled()
    assert torch.equal(torch.get_rng_state(), state)
