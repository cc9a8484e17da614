"""The twins are twins: what each framework's own forward call gives, without us, is the same."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import onnx
import pytest
import torch
from flax import linen
from scipy.special import softmax

from pellucid import Layer
from twins import efficientnet, efficientnet_onnx, linen_nets, nnx_nets, onnx_nets, places, sklearn_nets, torch_nets
from twins.in_process import Arrays, FailedInProcess, call
from twins.weights import NETWORKS, inputs

BACKENDS = ("torch", "jax", "tensorflow")


def agree(found: np.ndarray, expected: np.ndarray, tolerance: float = 1e-5) -> None:
    """Within this share of the largest number."""
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype == np.float32
    scale = np.abs(expected).max()
    assert scale > 0.1
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * scale)


def channels_first(array: Any) -> np.ndarray:
    array = np.asarray(array)
    return np.moveaxis(array, -1, 1) if array.ndim == 4 else array


def of_torch(net: torch.nn.Module, x: np.ndarray, network: str) -> Arrays:
    """Logits as ``""``, and layers by place."""
    calls: dict[str, list[np.ndarray]] = {}

    def keep(name: str) -> Callable[..., None]:
        def hook(module: torch.nn.Module, given: Any, output: Any) -> None:
            calls.setdefault(name, []).append((output[0] if isinstance(output, tuple) else output).numpy())

        return hook

    at = {place: places.layer(network, place, "torch") for place in places.shared(network, "torch")}
    at = {place: name if isinstance(name, Layer) else Layer(name, call=1) for place, name in at.items()}
    for name in {layer.name for layer in at.values()}:
        net.get_submodule(name).register_forward_hook(keep(name))
    with torch.no_grad():
        logits = net(torch.from_numpy(x)).numpy()
    return {"": logits} | {place: calls[layer.name][(layer.call or 1) - 1] for place, layer in at.items()}


def of_linen(network: str) -> Arrays:
    module, variables = linen_nets.build(network)
    at = {places.layer(network, place, "linen"): place for place in places.shared(network, "linen")}
    found: Arrays = {}

    def keep(following: Callable[..., Any], given: Any, named: Any, context: linen.module.InterceptorContext) -> Any:
        output = following(*given, **named)
        if context.method_name == "__call__" and context.module.path and context.module.path[-1] in at:
            found[at[context.module.path[-1]]] = channels_first(output)
        return output

    with linen.intercept_methods(keep):
        logits = module.apply(variables, jnp.asarray(inputs(network, channels_last=True)))
    return {"": np.asarray(logits)} | found


def of_nnx(network: str) -> Arrays:
    model = nnx_nets.build(network)
    found: Arrays = {}

    def keep(place: str, inner: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def kept(x: Any) -> Any:
            output = inner(x)
            found[place] = channels_first(output)
            return output

        return kept

    for place in places.shared(network, "nnx"):
        name = str(places.layer(network, place, "nnx"))
        setattr(model, name, keep(place, getattr(model, name)))
    logits = model(jnp.asarray(inputs(network, channels_last=True)))
    return {"": np.asarray(logits)} | found


def of_onnx(model: onnx.ModelProto, x: np.ndarray, network: str, framework: places.Framework = "onnx") -> Arrays:
    names = {place: str(places.layer(network, place, framework)) for place in places.shared(network, framework)}
    shown = onnx.ModelProto()
    shown.CopyFrom(model)
    logits = shown.graph.output[0].name
    shown.graph.output.extend(onnx.ValueInfoProto(name=name) for name in {*names.values()} - {logits})
    found = onnx_nets.run_all(shown, x)
    return {"": found[logits]} | {place: found[name] for place, name in names.items()}


@pytest.fixture(scope="module")
def small() -> dict[str, Arrays]:
    found = {network: of_torch(torch_nets.build(network), inputs(network), network) for network in NETWORKS}
    first, second = (found["cnn"][f"{which} convolution's activation"] for which in ("first", "second"))
    found["cnn"]["sum of the skip connection"] = first + second  # no layer of torch's
    return found


@pytest.fixture(scope="module")
def large() -> Arrays:
    return of_torch(efficientnet.trained(), efficientnet.pictures(), "efficientnet")


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The exported EfficientNet and its int8 copy."""
    folder = tmp_path_factory.mktemp("deployed")
    exported = efficientnet_onnx.write(folder)
    return exported, efficientnet_onnx.write_int8(folder, exported)


def all_agree(found: Arrays, expected: Arrays, tolerance: float = 1e-5) -> None:
    assert set(found) <= set(expected)
    for place, array in found.items():
        agree(array, expected[place], tolerance)


@pytest.mark.parametrize("network", NETWORKS)
def test_flax_is_torch(network, small):
    all_agree(of_linen(network), small[network])
    all_agree(of_nnx(network), small[network])


@pytest.mark.parametrize("network", NETWORKS)
def test_onnx_is_torch(network, small):
    all_agree(of_onnx(onnx_nets.build(network), inputs(network), network), small[network])
    agree(onnx_nets.outputs(network, inputs(network)[:1]), small[network][""][:1])


def test_scikit_learn_is_torch(small):
    x, logits = inputs("mlp_tanh"), small["mlp_tanh"][""]
    agree(sklearn_nets.outputs(x), logits)
    agree(sklearn_nets.classifier().predict_proba(x), softmax(logits, axis=1))
    np.testing.assert_array_equal(sklearn_nets.classifier().predict(x), logits.argmax(1))


@pytest.mark.parametrize("backend", BACKENDS)
def test_keras_is_torch(backend, small, large):
    found = call("twins.keras_run:outputs", backend=backend, arrays=efficientnet.weights())
    expected = {variant: small[network] for variant, network in places.KERAS_VARIANTS.items()} | {"efficientnet": large}
    if backend == "tensorflow":
        del expected["cnn_channels_first"]
    assert {key.partition("/")[0] for key in found} == set(expected)
    for key, array in found.items():
        variant, _, place = key.partition("/")
        agree(array, expected[variant][place], 1e-4 if variant == "efficientnet" else 1e-5)


def test_exported_is_trained(deployed, large):
    model = onnx.load(deployed[0])
    all_agree(of_onnx(model, efficientnet.pictures(), "efficientnet"), large, 1e-4)
    agree(onnx_nets.run(model, efficientnet.pictures()[1:2]), large[""][1:2], 1e-4)


def test_int8_is_nearly_the_trained_one(deployed, large):
    found = of_onnx(onnx.load(deployed[1]), efficientnet.pictures(), "efficientnet", "onnx_int8")
    np.testing.assert_array_equal(found[""].argmax(1), large[""].argmax(1))
    assert not np.allclose(found[""], large[""], atol=0.05)
    for place, array in found.items():
        assert np.corrcoef(array.ravel(), large[place].ravel())[0, 1] > 0.9, place
    kinds = {constant.data_type for constant in onnx.load(deployed[1]).graph.initializer if len(constant.dims) == 4}
    assert kinds == {onnx.TensorProto.INT8}


def test_an_error_in_the_other_process_is_told_in_full():
    with pytest.raises(FailedInProcess, match=r"(?s)twins\.weights:weights under jax.*Traceback.*unhashable type: 'dict'"):
        call("twins.weights:weights", backend="jax")
