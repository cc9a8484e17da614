"""New weights in every framework: the same ones in the same network, others in no layer that was not asked, and all put back."""

import copy
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from flax import linen, nnx
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

import pellucid as pl
from pellucid.arrays.draws import generator
from pellucid.core.errors import CapabilityError, LayerError
from pellucid.models.lookup import view_of
from pellucid.models.randomise import parameter_layers, randomised
from twins import linen_nets, nnx_nets, onnx_nets, sklearn_nets, torch_nets
from twins.in_process import call
from twins.weights import inputs

SHARED = ("mlp", "mlp_tanh", "cnn", "embedding")
"""The LSTM has its gates in other orders everywhere."""

MAKERS = {
    "torch": torch_nets.build,
    "linen": lambda network: pl.wrap(*linen_nets.build(network)),
    "nnx": nnx_nets.build,
    "onnx": onnx_nets.build,
    "session": lambda network: onnxruntime.InferenceSession(onnx_nets.build(network).SerializeToString()),
}
LAST = {"linen", "nnx"}


def outputs(model, x):
    """Of a model as the engine runs it."""
    method = "leave-one-out" if np.issubdtype(x.dtype, np.integer) else "occlusion" if x.ndim == 4 else "leave-one-out"
    options = {"window": 16} if method == "occlusion" else {}
    return pl.explain(model, x, target=0, method=method, progress=False, **options).prediction


def given(network, framework):
    return inputs(network, samples=2, channels_last=framework in LAST)


@pytest.mark.parametrize("network", SHARED)
def test_the_same_network_gets_the_same_weights_everywhere(network):
    found, back = {}, {}
    for framework, make in MAKERS.items():
        model, x = make(network), given(network, framework)
        before = outputs(model, x)
        with randomised(model, seed=3, draw=1) as changed:
            found[framework] = outputs(changed, x)
        back[framework] = outputs(model, x)
        np.testing.assert_array_equal(back[framework], before, err_msg=framework)
        assert np.abs(found[framework] - before).max() > 0.1
    for framework, values in found.items():
        np.testing.assert_allclose(values, found["torch"], rtol=1e-4, atol=1e-5, err_msg=framework)


@pytest.mark.parametrize("framework", MAKERS)
def test_some_layers_alone(framework):
    model, x = MAKERS[framework]("cnn"), given("cnn", framework)
    assert set(parameter_layers(model)) == {"conv1", "conv2", "norm", "conv3", "head"}
    reference = torch_nets.build("cnn")
    with torch.no_grad():
        for name, own in (("conv2", "kernel"), ("conv2", "bias"), ("norm", "scale"), ("norm", "bias")):
            parameter = getattr(getattr(reference, name), "bias" if own == "bias" else "weight")
            held = parameter.numpy().astype(float)
            shape = (3, 3, 8, 8) if own == "kernel" else held.shape
            drawn = generator(0, f"weights {name}.{own}", 2).standard_normal(shape)
            drawn = drawn.transpose(3, 2, 0, 1) if own == "kernel" else drawn
            parameter.copy_(torch.tensor(held.mean() + held.std() * drawn))
        expected = reference(torch.tensor(inputs("cnn", samples=2))).numpy()
    with randomised(model, 0, 2, ["conv2", "norm"]) as changed:
        np.testing.assert_allclose(outputs(changed, x), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("framework", MAKERS)
def test_layers_are_named_as_at_takes_them(framework):
    for network in ("mlp", "rnn", "cnn", "embedding"):
        model = MAKERS[framework](network)
        view = view_of(model)
        if framework in ("torch", "nnx", "linen"):
            x = given(network, framework)
            seen = {info.name for info in view.inside.layers(view.inputs(x))[0]}
            assert set(parameter_layers(model)) <= seen | {"lstm.cell.dense_h", "lstm.cell.dense_i"} | {
                name for name in parameter_layers(model) if name.startswith("lstm/cell/")
            }


def test_an_error_puts_weights_back():
    for framework, make in MAKERS.items():
        model, x = make("mlp"), given("mlp", framework)
        before = outputs(model, x)
        with pytest.raises(ZeroDivisionError), randomised(model, 0):
            raise ZeroDivisionError
        np.testing.assert_array_equal(outputs(model, x), before)


def test_draws_and_seeds_are_different_and_stay():
    net, x = torch_nets.build("mlp"), inputs("mlp")

    def of(seed, draw):
        with randomised(net, seed, draw) as changed:
            return outputs(changed, x)

    np.testing.assert_array_equal(of(0, 1), of(0, 1))
    for other in ((0, 2), (1, 1)):
        assert np.abs(of(*other) - of(0, 1)).max() > 0.01


def test_each_parameter_keeps_its_scale():
    torch.manual_seed(0)
    net = torch.nn.Linear(400, 50)
    net.weight.data += 0.2
    before = net.weight.detach().clone()
    with randomised(net, 0):
        now = net.weight.detach()
        assert now.mean().item() == pytest.approx(before.mean().item(), abs=1e-3)
        assert now.std().item() == pytest.approx(before.std().item(), rel=0.02)
        assert abs(np.corrcoef(now.flatten(), before.flatten())[0, 1]) < 0.03


def test_tied_and_half_weights_of_torch():
    net = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.ReLU(), torch.nn.Linear(4, 4)).bfloat16()
    net[2].weight = net[0].weight
    before = net[0].weight.detach().clone()
    assert parameter_layers(net) == ("0", "2")
    with randomised(net, 0, 0, ["0"]):
        assert net[2].weight is net[0].weight
        assert net[0].weight.dtype == torch.bfloat16
        assert not torch.equal(net[0].weight, before)
    assert torch.equal(net[0].weight, before)


def test_a_compiled_module_is_the_one_within():
    net = torch_nets.build("mlp")
    with randomised(net, 0) as changed:
        expected = outputs(changed, inputs("mlp"))
    with randomised(torch.compile(net, backend="eager"), 0) as changed:
        np.testing.assert_array_equal(outputs(changed, inputs("mlp")), expected)


def params():
    draw = np.random.default_rng(0)
    return {
        "first": {"kernel": jnp.asarray(draw.normal(size=(6, 5)), jnp.float32), "bias": jnp.zeros(5) + 0.1},
        "second": [jnp.asarray(draw.normal(size=(5, 2)), jnp.float32), jnp.asarray([0.3, -0.2])],
        "scale": jnp.asarray([1.0, 3.0]),
        "steps": 2,
    }


def run(params, x):
    hidden = jnp.tanh(x @ params["first"]["kernel"] + params["first"]["bias"])
    return (hidden @ params["second"][0] + params["second"][1]) * params["scale"] * params["steps"]


def test_parameters_of_a_jax_function():
    counter = SimpleNamespace(traces=0)

    def counted(params, x):
        counter.traces += 1
        return run(params, x)

    held = params()
    model, x = pl.wrap(counted, held), inputs("mlp")
    assert set(parameter_layers(model)) == {"first", "second", "scale"}
    before = outputs(model, x)
    traces = counter.traces
    with randomised(model, 0, 0, ["second", "scale"]) as changed:
        found = outputs(changed, x)
        own = changed.params
    assert counter.traces == traces  # what is compiled takes parameters as arguments
    expected = np.asarray(run(own, x))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    assert own["first"]["kernel"] is held["first"]["kernel"]
    assert not np.array_equal(own["second"][0], held["second"][0])
    np.testing.assert_array_equal(outputs(model, x), before)
    assert jax.tree.structure(own) == jax.tree.structure(held)
    with pytest.raises(CapabilityError, match=r"without parameters .* pl.wrap\(lambda params, x"):
        parameter_layers(pl.wrap(lambda x: x.sum(1), adapter="jax"))


def test_collections_of_flax_that_are_no_parameters_stay():
    module, variables = linen_nets.build("cnn")
    function = pl.wrap(lambda variables, x: module.apply(variables, x), variables)
    with randomised(pl.wrap(module, variables), 0) as one, randomised(function, 0) as other:
        assert parameter_layers(one) == parameter_layers(other)
        for changed in (one.params, other.params):
            stays = jax.tree.map(np.array_equal, changed["batch_stats"], variables["batch_stats"])
            assert all(jax.tree.leaves(stays))
        same = jax.tree.map(np.array_equal, one.params["params"], other.params["params"])
        assert all(jax.tree.leaves(same))
    bound = module.bind(variables)
    with randomised(bound, 0) as third:
        x = inputs("cnn", channels_last=True)
        np.testing.assert_allclose(outputs(third, x), outputs(one, x), rtol=1e-5)


def test_nothing_is_traced_again_for_nnx_and_linen():
    counter = SimpleNamespace(traces=0)

    class Own(nnx.Module):
        def __init__(self, rngs):
            self.first = nnx.Linear(6, 3, rngs=rngs)
            self.norm = nnx.BatchNorm(3, rngs=rngs)

        def __call__(self, x):
            counter.traces += 1
            return self.norm(self.first(x))

    class OwnLinen(linen.Module):
        @linen.compact
        def __call__(self, x):
            counter.traces += 1
            return linen.Dense(3)(x)

    module = OwnLinen()
    for model in (Own(nnx.Rngs(0)), pl.wrap(module, module.init(jax.random.key(0), inputs("mlp")))):
        before = outputs(model, inputs("mlp"))
        count = counter.traces
        with randomised(model, 0) as changed:
            assert np.abs(outputs(changed, inputs("mlp")) - before).max() > 0.01
        np.testing.assert_array_equal(outputs(model, inputs("mlp")), before)
        assert counter.traces == count


def test_estimators_of_scikit_learn():
    draw = np.random.default_rng(0)
    x, y = draw.normal(size=(60, 4)), draw.integers(0, 3, 60)
    pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(x, y)
    kept = copy.deepcopy(pipeline[-1].coef_)
    assert parameter_layers(pipeline) == ("linear",)
    with randomised(pipeline, 0) as changed:
        new = changed.model[-1]
        scores = changed.model[0].transform(x) @ new.coef_.T + new.intercept_
        np.testing.assert_allclose(changed.model.decision_function(x), scores)
        drawn = generator(0, "weights linear.kernel", 0).standard_normal((4, 3)).T
        np.testing.assert_allclose(new.coef_, kept.mean() + kept.std() * drawn)
    np.testing.assert_array_equal(pipeline[-1].coef_, kept)
    line = LinearRegression().fit(x, y)
    with randomised(line, 0) as changed:
        assert changed.model.coef_.shape == (4,)
        assert not np.allclose(changed.model.coef_, line.coef_)
    network = sklearn_nets.regressor()
    assert parameter_layers(network) == ("layer1", "layer2", "layer3")
    with randomised(network, 0, 0, ["layer2"]) as changed:
        for layer in (0, 2):
            np.testing.assert_array_equal(changed.model.coefs_[layer], network.coefs_[layer])
        assert not np.allclose(changed.model.coefs_[1], network.coefs_[1])
        assert not np.allclose(changed.model.intercepts_[1], network.intercepts_[1])
    for other in (RandomForestRegressor(3).fit(x, y), SVC(kernel="linear").fit(x, y)):
        with pytest.raises(CapabilityError, match=f"{type(other).__name__} has no weights"):
            parameter_layers(other)


def test_graphs_name_what_they_learn():
    net = torch_nets.build("rnn")
    assert parameter_layers(net) == ("lstm", "head")
    model = onnx_nets.build("rnn")
    kept = model.SerializeToString()
    with randomised(model, 0) as changed:
        ours = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in changed.model.graph.initializer}
    for tensor in model.graph.initializer:
        learned = tensor.name.rpartition(".")[2] in ("kernel", "bias", "recurrent")
        assert np.array_equal(ours[tensor.name], onnx.numpy_helper.to_array(tensor)) != learned, tensor.name
    assert model.SerializeToString() == kept


def test_what_is_wrong_is_said_in_words():
    net = torch_nets.build("mlp")
    with (
        pytest.raises(LayerError, match=r"no layer 'hiden1' with weights\. Did you mean 'hidden1'"),
        randomised(net, 0, 0, ["hiden1"]),
    ):
        pass
    with pytest.raises(CapabilityError, match="function adapter shows no weights"):
        parameter_layers(pl.wrap(lambda x: x))
    with pytest.raises(CapabilityError, match="no framework known here"):
        parameter_layers(lambda x: x)


def test_modules_of_tensorflow():
    call("models.in_tensorflow_weights:modules")
