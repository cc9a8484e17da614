"""What the PyTorch adapter must withstand."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import networks
import pellucid as pl
import slow
import slow_cam
from pellucid.models.lookup import view_of

METHODS = ("saliency", "integrated-gradients", "grad-cam")


def test_reused_modules():
    net, x = networks.Reused(), networks.rows(3, 6)
    e = pl.explain(net, x, target=1, method="saliency")
    for i in range(3):
        np.testing.assert_allclose(e.values[i], slow.autograd(net, x[i], 1), rtol=1e-4, atol=1e-6)


def test_a_reused_layer_needs_its_call_named():
    net, x = networks.Reused(), networks.rows(2, 6)
    with pytest.raises(pl.LayerError, match=r"'act' is called 3 times.*pl\.Layer\('act', call=1\)"):
        pl.explain(net, x, method="saliency", at="act")
    with pytest.raises(pl.LayerError, match="3 times in one pass, not 4"):
        pl.explain(net, x, method="saliency", at=pl.Layer("act", call=4))
    with pytest.raises(pl.LayerError, match="call=0 is not a call"):
        pl.explain(net, x, method="saliency", at=pl.Layer("act", call=0))
    values = [pl.explain(net, x, target=0, method="saliency", at=pl.Layer("act", call=call)).values for call in (1, 2, 3)]
    np.testing.assert_allclose(values[2], np.tile(net.last.weight[0].detach().numpy(), (2, 1)), rtol=1e-6)
    second = net.shared(torch.relu(net.first(x)))
    hidden = torch.relu(second).detach().requires_grad_()
    (g,) = torch.autograd.grad(net.last(torch.relu(net.shared(hidden)))[:, 0].sum(), hidden)
    np.testing.assert_allclose(values[1], g.numpy(), rtol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_in_place_operations_leave_the_users_input_alone(method):
    net, x = networks.InPlace(), networks.rows(2, 3, 8, 8)
    given = x.clone()
    e = pl.explain(net, x, target=0, method=method, at="conv" if method == "grad-cam" else None)
    assert torch.equal(x, given)
    if method == "saliency":
        leaf = x.clone().requires_grad_()
        (g,) = torch.autograd.grad(net(leaf * 1)[:, 0].sum(), leaf)
        np.testing.assert_allclose(e.values, g.numpy(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("method", ["saliency", "integrated-gradients", "expected-gradients", "shapley", "occlusion"])
@pytest.mark.parametrize("kind", [np.asarray, torch.as_tensor])
def test_a_first_layer_in_place_leaves_samples_and_baselines_alone(method, kind):
    net = nn.Sequential(nn.ReLU(inplace=True), nn.Linear(6, 3))
    x, baseline = kind(networks.rows(4, 6)), kind(networks.rows(4, 6, seed=1))
    given = np.asarray(x).copy(), np.asarray(baseline).copy()
    e = pl.explain(net, x, target=0, method=method, **({"baseline": baseline} if "gradients" in method else {}))
    np.testing.assert_array_equal(np.asarray(x), given[0])
    np.testing.assert_array_equal(np.asarray(baseline), given[1])
    np.testing.assert_array_equal(e.inputs, given[0])


def test_packed_rows_are_copies_of_the_parts_that_the_caller_keeps():
    net = nn.Sequential(nn.ReLU(inplace=True), nn.Linear(6, 3))
    view = view_of(net)
    inputs, kept = view.inputs(networks.rows(4, 6)), networks.rows(8, 6, seed=1)
    before = kept.clone()
    for part in (kept[2:6], kept.view(4, 2, 6)[:, 0], kept[:1].expand(4, 6)):
        outputs, _ = view.predict(view.take(inputs, np.arange(4), "as-is", {"input": part}))
        assert torch.equal(kept, before)
        assert torch.equal(outputs, net[1](torch.relu(part)))


def test_the_activation_before_an_in_place_relu_is_the_one_of_the_layer():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(144, 2)).double()
    x = networks.rows(1, 3, 8, 8)
    e = pl.explain(net, x, target=1, method="grad-cam", at="0")
    plain = nn.Sequential(net[0], nn.ReLU(), *net[2:])
    heat = slow_cam.grad_cam(*slow.layer_pass(plain, 0, x[0], 1))
    np.testing.assert_allclose(e.values[0], slow.bilinear(heat, 8, 8), atol=1e-12)


def test_train_mode_is_explained_in_eval_mode():
    net, x = networks.cnn().train(), networks.rows(2, 3, 8, 8)
    training = pl.explain(net, x, method="saliency", target=0).values
    np.testing.assert_array_equal(training, pl.explain(net.eval(), x, method="saliency", target=0).values)


def test_frozen_parameters_and_existing_gradients():
    net, x = networks.mlp(), networks.rows(2, 6)
    expected = pl.explain(net, x, method="saliency").values
    for p in net.parameters():
        p.requires_grad_(False)
    np.testing.assert_array_equal(pl.explain(net, x, method="saliency").values, expected)
    cam = networks.cnn().requires_grad_(False)
    assert pl.explain(cam, networks.rows(1, 3, 8, 8), method="grad-cam").values.shape == (1, 8, 8)


def test_several_inputs_with_one_unused():
    net = networks.TwoInputs()
    a, b, unused = networks.rows(3, 4), networks.rows(3, 3, seed=1), networks.rows(3, 2, seed=2)
    e = pl.explain(net, (a, b, unused), method="integrated-gradients", target=0, tolerance=1e-3)
    assert isinstance(e.values, tuple)
    assert [leaf.shape for leaf in e.values] == [(3, 4), (3, 3), (3, 2)]
    assert not e.values[2].any()
    np.testing.assert_allclose(sum(leaf.sum(1) for leaf in e.values), e.value - e.base_value, rtol=1e-2, atol=1e-4)
    named = pl.explain(net, {"a": a, "b": b, "unused": unused}, method="saliency", target=0, wrt="b")
    assert list(named.values) == ["b"]
    with pytest.raises(pl.InputError, match="wrt='c' is not among the inputs"):
        pl.explain(net, (a, b, unused), wrt="c")
    with pytest.raises(pl.InputError, match="different numbers of samples"):
        pl.explain(net, (a, b[:2], unused))


def test_static_leaves_have_no_batch_axis():
    x, adjacency = networks.rows(4, 3), networks.rows(3, 3)

    class PerRow(nn.Module):
        def forward(self, x, adjacency):
            return x @ adjacency.T

    e = pl.explain(pl.wrap(PerRow(), static="adjacency"), {"x": x, "adjacency": adjacency}, target=0, method="saliency")
    np.testing.assert_allclose(e.values["x"], np.tile(adjacency[0].numpy(), (4, 1)))
    assert e[1].inputs["adjacency"].shape == (3, 3)
    with pytest.raises(pl.InputError, match="static='weights'"):
        pl.explain(pl.wrap(PerRow(), static=["weights"]), {"x": x, "adjacency": adjacency})


def test_tuple_and_dict_outputs():
    x = networks.rows(2, 6)
    plain = pl.explain(networks.mlp(), x, target=1, method="saliency")
    for net in (networks.DictOutput(), networks.TupleOutput()):
        np.testing.assert_array_equal(pl.explain(net, x, target=1, method="saliency").values, plain.values)
    hidden = pl.explain(networks.DictOutput(), x, target=("hidden", 3), method="saliency")
    np.testing.assert_array_equal(hidden.values, np.tile(2 * np.eye(6)[3], (2, 1)))
    with pytest.raises(pl.TargetError, match=r"no output named 'logit'.*Did you mean 'logits'"):
        pl.explain(networks.DictOutput(), x, target=("logit", 3), method="saliency")


@pytest.mark.parametrize("method", ["saliency", "input-x-gradient", "integrated-gradients", "smoothgrad"])
def test_ids_are_attributed_through_their_embedding(method):
    net = networks.Tokens()
    ids = torch.tensor([[3, 4, 5, 0, 0], [7, 8, 9, 10, 11]])
    x = {"ids": ids, "attention_mask": (ids != 0).long()}
    options = {"samples": 8} if method == "smoothgrad" else {}
    e = pl.explain(net, x, target=1, method=method, **options)
    assert list(e.values) == ["ids"]
    assert e.values["ids"].shape == (2, 5)
    assert e.inputs["ids"].dtype == np.int64
    if method == "saliency":
        vectors = net.embedding(ids).detach().requires_grad_()
        hidden, _ = net.lstm(vectors + net.position)
        mask = x["attention_mask"][..., None].float()
        out = net.out(torch.tanh((hidden * mask).sum(1) / mask.sum(1)))
        (g,) = torch.autograd.grad(out[:, 1].sum(), vectors)
        np.testing.assert_allclose(e.values["ids"], g.sum(-1).numpy(), rtol=1e-4, atol=1e-7)
    if method == "integrated-gradients":
        np.testing.assert_allclose(e.values["ids"].sum(1), e.value - e.base_value, rtol=0.05, atol=0.01)
        assert not e.values["ids"][0, 3:].any()  # the padding id is the baseline itself


def test_the_baseline_of_ids_is_a_real_level_or_the_expected_embedding():
    ids = torch.tensor([[3, 4, 5, 1, 2]])
    x = {"ids": ids, "attention_mask": torch.ones_like(ids)}
    net = networks.Tokens(padding=None)
    by_id = pl.explain(net, x, target=0, baseline=7)
    assert by_id.baselines == "embedding of id 7"
    by_row = pl.explain(net, x, target=0, baseline={"ids": torch.full((5,), 7)})
    np.testing.assert_allclose(by_row.values["ids"], by_id.values["ids"], rtol=1e-5, atol=1e-7)
    assert pl.explain(net, x, target=0).baselines == "mean of the embedding table"
    with pytest.raises(pl.InputError, match="baseline=20 is not an id"):
        pl.explain(net, x, target=0, baseline=20)


def test_integers_without_an_embedding_are_refused():
    class Sums(nn.Module):
        def forward(self, x):
            return x.float().sum(1, keepdim=True)

    with pytest.raises(pl.InputError, match="none of the inputs can be differentiated"):
        pl.explain(Sums(), torch.ones(2, 3, dtype=torch.long))


@pytest.mark.parametrize("method", METHODS)
def test_bfloat16_weights(method):
    net, x = networks.cnn(), networks.rows(2, 3, 8, 8)
    full = pl.explain(net, x, target=0, method=method)
    half = pl.explain(networks.cnn().bfloat16(), x, target=0, method=method, **({"steps": 16} if "int" in method else {}))
    assert half.values.dtype == np.float32
    assert np.corrcoef(half.values.ravel(), full.values.ravel())[0, 1] > 0.97


def test_non_contiguous_and_channels_last_inputs_and_weights():
    net, x = networks.cnn().double(), networks.rows(2, 8, 8, 3).double().permute(0, 3, 1, 2)
    expected = pl.explain(net, x.contiguous(), target=0, method="saliency").values
    np.testing.assert_allclose(pl.explain(net, x, target=0, method="saliency").values, expected, rtol=1e-9)
    last = networks.cnn().double().to(memory_format=torch.channels_last)
    np.testing.assert_allclose(pl.explain(last, x, target=0, method="saliency").values, expected, rtol=1e-9)


def test_numpy_float64_goes_into_a_float32_model():
    x = networks.rows(2, 6).numpy().astype(np.float64)
    assert pl.explain(networks.mlp(), x, method="saliency").values.shape == (2, 6)


@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
def test_recurrent_layers(kind):
    class Recurrent(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.cell, self.out = kind(3, 5, batch_first=True), nn.Linear(5, 2)

        def forward(self, x):
            return self.out(self.cell(x)[0][:, -1])

    net, x = Recurrent(), networks.rows(2, 6, 3)
    e = pl.explain(net, x, target=1, tolerance=0.01)
    np.testing.assert_allclose(e.values.sum((1, 2)), e.value - e.base_value, rtol=0.02, atol=1e-3)
    inner = pl.explain(net, x, target=1, method="saliency", at="cell")
    assert inner.values.shape == (2, 6, 5)


def test_one_sample_and_a_thousand_classes():
    net = networks.mlp(outputs=1000)
    e = pl.explain(net, networks.rows(1, 6), target=999, method="integrated-gradients")
    assert e.prediction.shape == (1, 1000)


@pytest.mark.parametrize("shape", [(), (1,)])
def test_a_model_with_one_output(shape):
    class One(nn.Module):
        def forward(self, x):
            return (x**2).sum(1).reshape(-1, *shape)

    e = pl.explain(One(), networks.rows(3, 4), method="saliency")
    np.testing.assert_allclose(e.values, 2 * networks.rows(3, 4).numpy(), rtol=1e-6)


def test_outputs_with_more_axes_need_an_index_tuple():
    class Pixels(nn.Module):
        def forward(self, x):
            return x * 2

    x = networks.rows(2, 3, 4)
    e = pl.explain(Pixels(), x, target=(1, -1), method="saliency")
    assert e.values[0, 1, 3] == 2
    assert e.values.sum() == 4
    with pytest.raises(pl.TargetError, match="needs 2 indices; the target gives 1"):
        pl.explain(Pixels(), x, target=1, method="saliency")
    with pytest.raises(pl.TargetError, match="'predicted' is not one number"):
        pl.explain(Pixels(), x, method="saliency")


def test_one_target_per_sample():
    net, x = networks.mlp(), networks.rows(3, 6)
    e = pl.explain(net, x, target=np.array([2, 0, 1]), method="saliency")
    for i, target in enumerate((2, 0, 1)):
        np.testing.assert_allclose(
            e.values[i], pl.explain(net, x[i : i + 1], target=target, method="saliency").values[0], rtol=1e-5
        )
    with pytest.raises(pl.TargetError, match="2 entries for 3 samples"):
        pl.explain(net, x, target=np.array([1, 2]), method="saliency")
    with pytest.raises(pl.TargetError, match=r"targets=\[\.\.\.\]"):
        pl.explain(net, x, target=[0, 1, 2], method="saliency")


def test_neurons_as_targets():
    net, x = networks.mlp(), networks.rows(3, 6)
    e = pl.explain(net, x, target=pl.Neuron("2", 5), method="saliency")
    head = nn.Sequential(*net[:3])
    np.testing.assert_allclose(e.values, pl.explain(head, x, target=5, method="saliency").values, rtol=1e-6)
    assert e.target.layer == "2"
    full = pl.explain(net, x, target=pl.Neuron("2", 5), tolerance=0.01)
    np.testing.assert_allclose(full.values.sum(1), full.value - full.base_value, rtol=0.02, atol=1e-3)
    with pytest.raises(pl.TargetError, match="outside 2"):
        pl.explain(net, x, target=pl.Neuron("2", 12), method="saliency")
    with pytest.raises(pl.TargetError, match="needs 3 indices"):
        pl.explain(networks.cnn(), networks.rows(1, 3, 8, 8), target=pl.Neuron("3", 2), method="saliency")


def test_class_names():
    net = pl.wrap(networks.mlp(), classes=["tabby", "tiger", "tabby"])
    x = networks.rows(2, 6)
    assert pl.explain(net, x, target="tiger", method="saliency").target.names == ("tiger", "tiger")
    with pytest.raises(pl.TargetError, match="Did you mean 'tiger'"):
        pl.explain(net, x, target="tigr", method="saliency")
    with pytest.raises(pl.TargetError, match=r"'tabby' stands for several outputs, \[0, 2\]"):
        pl.explain(net, x, target="tabby", method="saliency")
    short = pl.wrap(networks.mlp(), classes=["a", "b"])
    with pytest.raises(pl.TargetError, match="3 outputs but 2 class names"):
        pl.explain(short, x, target="a", method="saliency")
    with pytest.raises(pl.TargetError, match="3 outputs but 2 class names"):
        pl.explain(short, x, method="saliency")


def test_functions_as_targets_follow_their_labels_through_batches():
    net, x = networks.mlp().double(), networks.rows(7, 6)
    labels = torch.tensor([0, 1, 2, 0, 1, 2, 0])
    loss = pl.Target(lambda out, y: nn.functional.cross_entropy(out, y, reduction="none"), labels=labels)
    e = pl.explain(net, x, target=loss, batch_size=2, tolerance=0.01)
    for i in (0, 4):
        alone = pl.Target(loss.function, labels=labels[i : i + 1])
        np.testing.assert_allclose(pl.explain(net, x[i : i + 1], target=alone, tolerance=0.01).values[0], e.values[i], rtol=1e-6)
    mean = pl.Target(lambda out, y: nn.functional.cross_entropy(out, y), labels=labels)
    with pytest.raises(pl.TargetError, match="reduction='none'"):
        pl.explain(net, x, target=mean)
    with pytest.raises(pl.TargetError, match="3 labels for 7 samples"):
        pl.explain(net, x, target=pl.Target(loss.function, labels=labels[:3]))
    with pytest.raises(pl.TargetError, match=r"pl\.Target\(function"):
        pl.explain(net, x, target=lambda out: out[:, 0])


def test_compiled_modules_are_explained_by_their_own_code():
    net, x = networks.mlp(), networks.rows(2, 6)
    expected = pl.explain(net, x, target=0, method="saliency").values
    compiled = torch.compile(net, backend="eager")
    compiled(x)
    np.testing.assert_array_equal(pl.explain(compiled, x, target=0, method="saliency").values, expected)
    inner = networks.mlp()
    inner[2] = torch.compile(inner[2], backend="eager")
    at = pl.explain(inner, x, target=0, method="saliency", at="2")
    np.testing.assert_allclose(at.values, pl.explain(net, x, target=0, method="saliency", at="2").values)


@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode])
def test_inside_no_grad_and_inference_mode(context):
    net, x = networks.mlp(), networks.rows(2, 6)
    expected = pl.explain(net, x, target=0, method="saliency").values
    cam, images = networks.cnn(), networks.rows(2, 3, 8, 8)
    with context():
        np.testing.assert_array_equal(pl.explain(net, x * 1, target=0, method="saliency").values, expected)
        pl.explain(cam, images * 1, method="grad-cam")
        assert not torch.is_grad_enabled()


def test_nan_in_the_forward_pass_names_sample_and_layer():
    class Log(nn.Module):
        def forward(self, x):
            return torch.log(x)

    net = nn.Sequential(nn.Linear(2, 2), Log(), nn.ReLU(), nn.Linear(2, 2))
    with torch.no_grad():
        net[0].weight.copy_(torch.eye(2))
        net[0].bias.zero_()
    x = torch.tensor([[1.0, 2.0], [3.0, -1.0]])
    with pytest.raises(pl.NonFiniteError, match=r"sample 1 is NaN or infinite, first in the output of layer '1'"):
        pl.explain(net, x, target=0, method="saliency")


def test_nan_in_the_backward_pass_names_sample_and_layer():
    class Root(nn.Module):
        def forward(self, x):
            return torch.sqrt(x * x)

    net = nn.Sequential(nn.Linear(2, 2), Root(), nn.Tanh(), nn.Linear(2, 2))
    with torch.no_grad():
        net[0].weight.copy_(torch.eye(2))
        net[0].bias.zero_()
    for p in net.parameters():
        p.grad = torch.ones_like(p)
    x = torch.tensor([[1.0, 2.0], [3.0, 0.0]])
    with pytest.raises(pl.NonFiniteError, match=r"gradient of sample 1 .*first in the gradient that layer '1' passes back"):
        pl.explain(net, x, target=0, method="saliency")
    assert all(torch.equal(p.grad, torch.ones_like(p)) for p in net.parameters())


def test_out_of_memory_halves_the_batch_and_goes_on():
    class Greedy(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = networks.mlp()

        def forward(self, x):
            if len(x) > 3:
                raise torch.OutOfMemoryError("CUDA out of memory (planted)")
            return self.inner(x)

    x = networks.rows(9, 6)
    e = pl.explain(Greedy(), x, target=0, method="integrated-gradients", batch_size=8)
    np.testing.assert_allclose(e.values, pl.explain(networks.mlp(), x, target=0).values, rtol=1e-3, atol=1e-5)
    assert e.plan.batch_size == 2
    assert "memory ran out at 8 rows" in e.plan.notes[0]


def test_models_that_draw_random_numbers_are_repeatable_and_leave_the_generator_alone():
    class Noisy(nn.Module):
        def forward(self, x):
            return x + torch.randn_like(x) * x

    x = networks.rows(2, 3)
    before = torch.get_rng_state()
    a, b = (pl.explain(Noisy(), x, target=0, method="saliency", seed=3).values for _ in range(2))
    np.testing.assert_array_equal(a, b)
    assert torch.equal(before, torch.get_rng_state())


def test_targets_without_a_derivative_are_refused():
    class Classes(nn.Module):
        def forward(self, x):
            return x.detach() * 2

    with pytest.raises(pl.CapabilityError, match="does not depend on the input"):
        pl.explain(Classes(), networks.rows(2, 3), target=0, method="saliency")
    with pytest.raises(pl.CapabilityError, match="has no derivative"):
        pl.explain(networks.mlp(), networks.rows(2, 6), target=pl.Target(lambda out: out.argmax(1)), method="saliency")


def test_pictures():
    pictures = [Image.new("RGB", (20, 10), (255, 0, 0)), Image.new("RGB", (20, 10), (0, 255, 0))]
    e = pl.explain(networks.cnn(), [image.resize((8, 8)) for image in pictures], target=0, method="saliency")
    assert e.inputs.shape == (2, 3, 8, 8)
    assert e.inputs.max() == 1
    assert "RGB from 0 to 1" in e.plan.notes[0]
    declared = pl.wrap(networks.cnn(), inputs=pl.ImageInput(size=8, mean=127, std=128))
    e = pl.explain(declared, pictures[0], target=0, method="saliency")
    assert e.inputs[0, 0, 0, 0] == 1
    assert e.inputs[0, 1, 0, 0] == np.float32(-127 / 128)
    assert not e.plan.notes
    with pytest.raises(pl.InputError, match=r"takes \(samples, 3, 8, 8\).*pass x\[None\]"):
        pl.explain(declared, np.zeros((3, 8, 8), np.float32))


def test_declared_shapes():
    net = pl.wrap(networks.TwoInputs(), inputs={"a": (4,), "b": (3,)})
    ok = {"a": networks.rows(2, 4), "b": networks.rows(2, 3), "unused": networks.rows(2, 2)}
    pl.explain(net, ok, target=0, method="saliency")
    with pytest.raises(pl.InputError, match=r"'b' has shape \(2, 4\); the model takes \(samples, 3\)"):
        pl.explain(net, {**ok, "b": networks.rows(2, 4)}, target=0)


def test_inputs_of_no_use_are_refused():
    for wrong, said in (("text", "str"), (None, "no arrays"), ([["a"]], "not of numbers"), ([[1.0], [1.0, 2.0]], "rectangular")):
        with pytest.raises(pl.InputError, match=said):
            pl.explain(networks.mlp(), wrong)
    with pytest.raises(pl.InputError, match="complex"):
        pl.explain(networks.mlp(), np.ones((1, 6), complex))


def test_a_missing_batch_axis_is_said_with_the_shape_that_was_expected():
    with pytest.raises(pl.InputError, match=r"takes \(samples, 6\)"):
        pl.explain(networks.mlp(), networks.rows(6))
    with pytest.raises(pl.InputError, match=r"takes \(samples, 3, height, width\)"):
        pl.explain(networks.cnn(), networks.rows(3, 8, 8))
    pooled = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(0), nn.Linear(4, 5))
    with pytest.raises(pl.InputError, match=r"x\[None\]"):
        pl.explain(pooled, networks.rows(3, 8, 8), target=0)


def test_baselines():
    net, x = networks.mlp(), networks.rows(3, 6)
    linear = nn.Linear(6, 2)
    weight = linear.weight[0].detach().numpy()
    for baseline in (2.0, np.full(6, 2.0), np.full((1, 6), 2.0), torch.full((6,), 2.0), lambda x: 0 * x + 2):
        e = pl.explain(linear, x, target=0, baseline=baseline)
        np.testing.assert_allclose(e.values, (x.numpy() - 2) * weight, rtol=1e-4, atol=1e-6)
    each = pl.explain(linear, x, target=0, baseline=lambda x: x - 1)
    np.testing.assert_allclose(each.values, np.tile(weight, (3, 1)), rtol=1e-4, atol=1e-6)
    with pytest.raises(pl.InputError, match=r"shape \(5,\).*shape of one sample \(6,\)"):
        pl.explain(net, x, baseline=np.zeros(5))
    with pytest.raises(pl.InputError, match="returned shape"):
        pl.explain(net, x, baseline=lambda x: x[:1])
    with pytest.raises(pl.NonFiniteError, match="baseline"):
        pl.explain(net, x, baseline=float("nan"))
    with pytest.raises(pl.InputError, match="baseline names 'c'"):
        pl.explain(net, x, baseline={"c": 0.0})


def test_path_methods_at_a_reused_layer_of_a_network_without_flat_structure():
    net, x = networks.Reused().double(), networks.rows(3, 6).double()
    e = pl.explain(net, x, target=1, at=pl.Layer("act", call=2), tolerance=1e-3)
    np.testing.assert_allclose(e.values.sum(1), e.value - e.base_value, rtol=1e-2, atol=1e-4)


def test_empty_methods_and_models():
    with pytest.raises(pl.InputError, match="Did you mean 'saliency'"):
        pl.explain(networks.mlp(), networks.rows(1, 6), method="salincy")
    with pytest.raises(
        pl.CapabilityError, match=r"no framework known here \(keras, torch, tensorflow, flax, jax, sklearn, onnx\)"
    ):
        pl.explain(object(), networks.rows(1, 6))
    with pytest.raises(pl.CapabilityError, match="grad-cam needs a layer with channels and spatial extent"):
        pl.explain(networks.mlp(), networks.rows(1, 6), method="grad-cam")
    with pytest.raises(pl.InputError, match="instance of a method"):
        pl.explain(networks.mlp(), networks.rows(1, 6), method=3)


def test_transformer_layers_show_their_inner_layers():
    """In evaluation mode without gradients torch would run one fused kernel that calls none of them."""
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    net = nn.Sequential(nn.TransformerEncoder(layer, 2), nn.Flatten(), nn.Linear(40, 3))
    x = networks.rows(2, 5, 8)
    e = pl.explain(net, x, target=1, tolerance=0.01)
    np.testing.assert_allclose(e.values.sum((1, 2)), e.value - e.base_value, rtol=0.02, atol=2e-3)
    inner = pl.explain(net, x, target=1, method="saliency", at="0.layers.1.linear1")
    assert inner.values.shape == (2, 5, 16)
    assert torch.backends.mha.get_fastpath_enabled()


def test_a_model_that_cannot_read_channels_last_gets_images_as_they_lie():
    class Views(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.out = torch.nn.Conv2d(3, 4, 3), torch.nn.Linear(4 * 36, 2)

        def forward(self, x):
            return self.out(self.conv(x).view(len(x), -1))

    net, x = Views(), networks.rows(2, 3, 8, 8)
    for method in ("saliency", "grad-cam", "integrated-gradients"):
        e = pl.explain(net, x, target=0, method=method)
        assert e.plan.memory_format == "as-is"
        assert any("cannot read channels-last" in note for note in e.plan.notes)
    with pytest.raises(pl.InputError, match="view size"):
        pl.explain(net, x, target=0, method="saliency", memory_format="channels-last")
