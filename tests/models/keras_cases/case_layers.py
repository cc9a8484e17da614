"""Layers are seen, differentiated and exchanged where they are, in models of every kind."""

from typing import Any

import keras
import numpy as np
import pytest
from by_hand import close, gradient, outputs, to_numpy
from keras import layers, ops
from kinds import Subclassed, attention, cnn, ids, mlp, nested, pictures, recurrent, rows, series, settled, shared, text

import pellucid as pl
from pellucid.models.lookup import view_of


def seen(model: Any, x: Any) -> list[tuple[str, int, int, tuple[int, ...]]]:
    """Name, call, calls and shape of everything that ran."""
    view = view_of(model)
    with view.session(0):
        inputs = view.inputs(x)
        infos, _ = view.inside.layers(view.take(inputs, np.arange(1), "as-is"))
    return [(info.name, info.call, info.calls, info.shape) for info in infos]


def after_conv1(model: Any) -> Any:
    """The rest of ``cnn`` from its first layer on, by its layers."""
    get = model.get_layer
    return lambda first: get("head")(get("average")(get("add")([get("relu")(get("norm")(get("conv2")(first))), first])))


@pytest.mark.parametrize("squashed", [False, True])
def test_grad_cam_across_a_skip_connection(squashed: bool) -> None:
    model, x = cnn(activation="softmax" if squashed else None), pictures()
    first = to_numpy(model.get_layer("conv1")(x))
    rest = after_conv1(cnn())
    wanted = gradient(lambda a: rest(a)[:, 3], first)[0]
    e = pl.explain(model, x, target=3, method="grad-cam", at="conv1")
    cam = np.maximum((first * wanted.mean((1, 2), keepdims=True)).sum(-1), 0)
    close(e.values, cam)
    close(e.prediction, outputs(cnn(), x))
    close(pl.explain(model, x, target=3, method="layer-cam", at="conv1").values, (first * np.maximum(wanted, 0)).sum(-1).clip(0))


def test_the_default_layer_of_a_map_is_the_last_with_positions() -> None:
    model, x = cnn(), pictures()
    e = pl.explain(model, x, target=3, method="grad-cam")
    assert e.layer == "dropout"
    assert e.values.shape == (3, 8, 8)
    rest = lambda y: model.get_layer("head")(model.get_layer("average")(y))
    added = to_numpy(keras.Model(model.input, model.get_layer("add").output)(x))
    slope = gradient(lambda y: rest(y)[:, 3], added)[0]
    close(e.values, np.maximum((added * slope.mean((1, 2), keepdims=True)).sum(-1), 0))


def test_attribution_at_a_layer_is_that_of_the_rest_of_the_network() -> None:
    model, x = cnn(), pictures()
    first, rest = to_numpy(model.get_layer("conv1")(x)), after_conv1(model)
    e = pl.explain(model, x, target=3, method="saliency", absolute=False, at="conv1")
    close(e.values, gradient(lambda a: rest(a)[:, 3], first)[0])
    e = pl.explain(model, x, target=3, method="integrated-gradients", steps=3, at="conv1", baseline=0)
    base = to_numpy(model.get_layer("conv1")(0 * x))
    nodes, weights = np.polynomial.legendre.leggauss(3)
    points = [base + (first - base) * np.float32((node + 1) / 2) for node in nodes]
    slopes = [gradient(lambda a: rest(a)[:, 3], point)[0] for point in points]
    close(e.values, (first - base) * sum(w / 2 * slope for w, slope in zip(weights, slopes, strict=True)))


def test_conductance_is_the_change_that_goes_through_a_layer() -> None:
    model, x = mlp(), rows()
    e = pl.explain(model, x, target=1, method="conductance", at="hidden", steps=64)
    change = outputs(model, x)[:, 1] - outputs(model, 0 * x)[:, 1]
    np.testing.assert_allclose(e.values.sum(1), change, atol=1e-4)


def test_a_neuron_is_a_target() -> None:
    model, x = cnn(), pictures()
    e = pl.explain(model, x, target=pl.Neuron("conv1", (2, 3, 1)), method="saliency", absolute=False)
    close(e.values, gradient(lambda leaf: model.get_layer("conv1")(leaf)[:, 2, 3, 1], x)[0])


def test_before_its_activation_a_layer_is_a_place_of_its_own() -> None:
    model, x = cnn(), pictures()
    conv = model.get_layer("conv1")
    linear = to_numpy(ops.conv(x, conv.kernel, padding="same") + conv.bias)
    rest = after_conv1(model)
    e = pl.explain(model, x, target=3, method="saliency", absolute=False, at="conv1:pre_activation")
    close(e.values, gradient(lambda a: rest(ops.relu(a))[:, 3], linear)[0])


def test_full_grad_sees_every_bias_also_of_layers_with_an_activation() -> None:
    model, x = cnn(), pictures()
    e = pl.explain(model, x, target=3, method="full-grad")
    assert (e.details["completeness_residual"] < 1e-5).all()
    convolutions = keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(4, 3, activation="relu"), layers.Flatten()])
    convolutions.add(layers.Dense(4, activation="relu"))
    convolutions.add(layers.Dense(2, use_bias=False))
    e = pl.explain(settled(convolutions), x, target=1, method="full-grad")
    assert (e.details["completeness_residual"] < 1e-5).all()


def test_names_lead_into_nested_models_and_layers() -> None:
    model, x = nested(), pictures()
    names = [name for name, *_ in seen(model, x)]
    assert names == [
        "stem", "body/features/conv", "body/features/relu", "body/features", "body/pool", "body", "head", "",
    ]  # fmt: skip
    inner = model.get_layer("body").get_layer("features")
    stem = to_numpy(model.get_layer("stem")(x))
    conv = to_numpy(inner.get_layer("conv")(stem))
    rest = lambda a: model.get_layer("head")(model.get_layer("body").get_layer("pool")(inner.get_layer("relu")(a)))
    slope = gradient(lambda a: rest(a)[:, 0], conv)[0]
    close(pl.explain(model, x, target=0, method="saliency", absolute=False, at="body/features/conv").values, slope)
    close(pl.explain(model, x, target=0, method="saliency", absolute=False, at="body/features").values,
          gradient(lambda a: rest(a)[:, 0], to_numpy(inner(stem)))[0])  # fmt: skip
    names = [name for name, *_ in seen(settled(Subclassed(), rows()), rows())]
    assert names == ["first", "second:pre_activation", "second", "scale", "dropout", "head", ""]


def test_a_shared_layer_is_told_by_its_call() -> None:
    model, x, z = shared(), rows(), rows()[::-1].copy()
    counted = [(name, call, calls) for name, call, calls, _ in seen(model, (x, z)) if name in ("dense", "tower")]
    assert counted == [("dense", 1, 3), ("dense", 2, 3), ("dense", 3, 3), ("tower", 1, 2), ("tower", 2, 2)]
    get = model.get_layer
    dense, tower, head = get("dense"), get("tower"), get("head")
    first, other, second = to_numpy(dense(x)), to_numpy(dense(z)), to_numpy(dense(dense(x)))
    rests = {
        1: (first, lambda a: head(tower(dense(a)) - tower(dense(z)))),
        2: (other, lambda a: head(tower(dense(dense(x))) - tower(a))),  # Keras runs z's before the second of x
        3: (second, lambda a: head(tower(a) - tower(dense(z)))),
    }
    for call, (given, rest) in rests.items():
        e = pl.explain(model, (x, z), target=1, method="saliency", absolute=False, at=pl.Layer("dense", call=call))
        close(e.values, gradient(lambda a, rest=rest: rest(a)[:, 1], given)[0])
    with pytest.raises(pl.LayerError, match="called 3 times"):
        pl.explain(model, (x, z), target=1, method="saliency", at="dense")
    with pytest.raises(pl.LayerError, match="called 3 times in one pass, not 4"):
        pl.explain(model, (x, z), target=1, method="saliency", at=pl.Layer("dense", call=4))


def test_a_layer_that_is_nowhere_is_answered_with_near_names() -> None:
    with pytest.raises(pl.LayerError, match=r"no layer 'cnv1'.*'conv1'"):
        pl.explain(cnn(), pictures(), method="grad-cam", at="cnv1")


def test_what_is_called_step_by_step_is_not_shown() -> None:
    names = {name for name, *_ in seen(recurrent(), series())}
    assert {"lstm", "both", "both/forward_gru", "both/backward_gru", "steps", "last"} <= names
    assert not any("cell" in name or "step/" in name or name.endswith("/step") for name in names)
    with pytest.raises(pl.LayerError, match="no layer"):
        pl.explain(recurrent(), series(), target=1, method="saliency", at="lstm/lstm_cell")


def test_the_output_of_a_recurrent_layer_is_a_place() -> None:
    model, x = recurrent(), series()
    get = model.get_layer
    given = to_numpy(get("lstm")(x))
    rest = lambda a: get("head")(get("last")(get("steps")(get("both")(a))))
    e = pl.explain(model, x, target=1, method="saliency", absolute=False, at="lstm")
    close(e.values, gradient(lambda a: rest(a)[:, 1], given)[0])


def test_masks_survive_a_layer_that_is_exchanged() -> None:
    model, tokens = text(), ids()
    e = pl.explain(model, tokens, target=1, method="integrated-gradients", steps=4)
    assert not e.values[tokens == 0].any()
    assert e.values[tokens != 0].all()
    embedding, lstm, head = (model.get_layer(name) for name in ("embedding", "lstm", "head"))
    table = to_numpy(embedding.embeddings)
    vectors = table[tokens]
    base = np.broadcast_to(table[0], vectors.shape)
    nodes, weights = np.polynomial.legendre.leggauss(4)
    mask = tokens != 0
    slope = lambda at: gradient(lambda a: head(lstm(a, mask=ops.convert_to_tensor(mask)))[:, 1], at.astype(np.float32))[0]
    mean = sum(w / 2 * slope(base + (vectors - base) * (node + 1) / 2) for node, w in zip(nodes, weights, strict=True))
    close(e.values, ((vectors - base) * mean).sum(-1))
    assert e.baselines == "embedding of id 0"


def test_the_mask_of_a_nested_model_survives() -> None:
    tokens, given = ids(), keras.Input((6,))
    encoder = keras.Sequential([keras.Input((6,)), layers.Embedding(20, 5, mask_zero=True, name="embedding")], name="encoder")
    lstm, head = layers.LSTM(4, name="lstm"), layers.Dense(2, name="head")
    model = settled(keras.Model(given, head(lstm(encoder(given)))))
    vectors = to_numpy(encoder.get_layer("embedding").embeddings)[tokens]
    mask = ops.convert_to_tensor(tokens != 0)
    wanted = gradient(lambda a: head(lstm(a, mask=mask))[:, 1], vectors)[0]
    close(pl.explain(model, tokens, target=1, method="saliency", absolute=False, at="encoder").values, wanted)


def test_the_layers_in_an_attention_are_places() -> None:
    model, x = attention(), series(3, 6, 8)
    assert {"attention", "attention/query", "attention/value"} <= {name for name, *_ in seen(model, x)}
    given = to_numpy(model.get_layer("attention")(x, x))
    get = model.get_layer
    rest = lambda a: get("head")(get("pool")(get("norm")(get("add")([ops.convert_to_tensor(x), a]))))
    e = pl.explain(model, x, target=1, method="saliency", absolute=False, at="attention")
    close(e.values, gradient(lambda a: rest(a)[:, 1], given)[0])


def test_two_layers_of_one_name_are_told_apart() -> None:
    class Twice(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two = layers.Dense(6, name="dense"), layers.Dense(3, name="dense")

        def call(self, x: Any) -> Any:
            return self.two(ops.tanh(self.one(x)))

    model = settled(Twice(), rows())
    assert [name for name, *_ in seen(model, rows())] == ["dense", "dense#2", ""]


def test_a_layer_within_itself_and_in_two_places() -> None:
    inner = layers.Dense(6, name="inner")

    class Holder(layers.Layer):
        def __init__(self, layer: Any) -> None:
            super().__init__(name="holder")
            self.layer = layer

        def call(self, x: Any) -> Any:
            return self.layer(x) + x

    x = keras.Input((6,))
    model = settled(keras.Model(x, layers.Dense(2, name="head")(ops.tanh(inner(Holder(inner)(x))))))
    assert [(name, call) for name, call, *_ in seen(model, rows())] == [
        ("holder/inner", 1), ("holder", 1), ("holder/inner", 2), ("head", 1), ("", 1),
    ]  # fmt: skip


def transformer() -> Any:
    """Of patches, with a class token."""

    class ClassToken(layers.Layer):
        def build(self, shape: Any) -> None:
            self.token = self.add_weight(shape=(1, 1, shape[-1]), name="token")

        def call(self, x: Any) -> Any:
            return ops.concatenate([ops.tile(self.token, (ops.shape(x)[0], 1, 1)), x], axis=1)

    x = keras.Input((8, 8, 3))
    y = layers.Reshape((16, 8), name="patches")(layers.Conv2D(8, 2, 2, name="embed")(x))
    y = ClassToken(name="tokens")(y)
    for number in range(2):
        y = layers.Add(name=f"mixed{number}")([y, layers.MultiHeadAttention(2, 4, name=f"attention{number}")(y, y)])
        y = layers.Add(name=f"block{number}")([y, layers.Dense(8, activation="tanh", name=f"mlp{number}")(y)])
    return settled(keras.Model(x, layers.Dense(3, name="head")(y[:, 0])))


def test_tokens_of_a_transformer_are_positions() -> None:
    model, x = transformer(), pictures()
    e = pl.explain(model, x, target=1, method="grad-cam")
    assert e.layer == "block0"  # after it, the class token alone is read; inside an attention, axes are heads
    block = keras.Model(model.input, model.get_layer("block0").output)
    tokens, get = to_numpy(block(x)), model.get_layer
    mixed = lambda a: get("mixed1")([a, get("attention1")(a, a)])
    rest = lambda a: get("head")(get("block1")([mixed(a), get("mlp1")(mixed(a))])[:, 0])
    weights = gradient(lambda a: rest(a)[:, 1], tokens)[0][:, 1:].mean(1, keepdims=True)
    cam = np.maximum((tokens[:, 1:] * weights).sum(-1), 0).reshape(3, 4, 4)
    corners = lambda array: array[:, [0, 0, -1, -1], [0, -1, 0, -1]]  # which are not blended with their neighbours
    close(corners(e.values), corners(cam))
    assert pl.explain(model, x, target=1, method="eigen-cam").layer == "block0"


def test_the_layer_that_makes_the_first_infinity_is_named() -> None:
    x = keras.Input((6,))
    y = layers.Activation(ops.log, name="logarithm")(layers.ReLU(name="relu")(layers.Dense(4, name="first")(x)))
    model = settled(keras.Model(x, layers.Dense(2, name="head")(y)))
    with pytest.raises(pl.NonFiniteError, match="first in the output of layer 'logarithm'"):
        pl.explain(model, rows(), target=1, method="saliency")
    first = layers.Dense(4)(x)
    y = layers.Activation(ops.sqrt, name="root")(layers.Subtract()([first, first]))
    with pytest.raises(pl.NonFiniteError, match="first in the gradient that layer 'root' passes back"):
        pl.explain(settled(keras.Model(x, layers.Dense(2, name="head")(y))), rows(), target=1, method="saliency")
