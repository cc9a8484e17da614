"""The model comes back as it was: weights, statistics, random numbers, attributes of layers; also after an error."""

import random
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from by_hand import close, to_numpy
from keras import layers, ops
from kinds import KINDS, cnn, pictures, rows, settled

import pellucid as pl

METHODS = {
    "saliency": {},
    "integrated-gradients": {"steps": 3},
    "grad-cam": {},
    "score-cam": {},
    "conductance": {"at": "conv1", "steps": 3},
    "full-grad": {},
    "occlusion": {"window": 4},
}


def contents(value: Any) -> Any:
    """An attribute as it is kept for comparison: itself, and what is in it where it holds things."""
    if isinstance(value, dict):
        return value, list(value.items())
    if isinstance(value, (list, set)):
        return value, sorted(map(id, value)) if isinstance(value, set) else list(map(id, value))
    return value, None


def state_of(model: Any) -> dict[str, Any]:
    every = model._flatten_layers()
    variables = {v.path: v for v in [*model.variables, *(model.optimizer.variables if model.compiled else ())]}
    return {
        "values": {name: to_numpy(v.value).copy() for name, v in variables.items()},
        "trainable": [layer.trainable for layer in every],
        "attributes": [{name: contents(value) for name, value in vars(layer).items()} for layer in every],
        "calls": ["call" in vars(layer) for layer in every],
        "losses": [len(layer._losses) for layer in every],
        "python": random.getstate(),
        "keras": keras.src.backend.common.global_state.get_global_attribute("global_seed_generator"),
        "scope": keras.src.backend.common.global_state.get_global_attribute("current_call_ctx"),
    }


def assert_same(before: dict[str, Any], after: dict[str, Any]) -> None:
    for name, value in before["values"].items():
        np.testing.assert_array_equal(value, after["values"][name], err_msg=name)
    for one, other in zip(before["attributes"], after["attributes"], strict=True):
        assert list(one) == list(other)
        for name, (value, inner) in one.items():
            assert value is other[name][0], name
            assert inner == other[name][1], name
    for what in ("trainable", "calls", "losses", "python", "scope"):
        assert before[what] == after[what], what
    assert before["keras"] is after["keras"]


@pytest.mark.parametrize("method", METHODS)
def test_nothing_of_a_compiled_and_trained_model_changes(method: str) -> None:
    model, x = cnn(activation="softmax"), pictures()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.train_on_batch(x, np.array([0, 1, 2]))
    before = state_of(model)
    pl.explain(model, x, target=1, method=method, **METHODS[method])
    assert_same(before, state_of(model))
    model.train_on_batch(x, np.array([0, 1, 2]))


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_of_any_kind_of_model_changes(kind: str) -> None:
    made, given = KINDS[kind]
    model, x = made(), given()
    before = state_of(model)
    pl.explain(model, x, target=1, method="smoothgrad", samples=3)
    assert_same(before, state_of(model))


class Bomb(layers.Layer):
    """Fails from a certain call on."""

    def __init__(self, **named: Any) -> None:
        super().__init__(**named)
        self.armed = False

    def call(self, x: Any) -> Any:
        if self.armed:
            raise ValueError("planted")
        return x


@pytest.mark.parametrize("method", METHODS)
def test_nor_after_an_error_in_the_middle(method: str) -> None:
    x = keras.Input((8, 8, 3))
    y = layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same", activation="relu", name="conv1")(x))
    y = layers.GlobalAveragePooling2D()(Bomb(name="bomb")(y))
    model = settled(keras.Model(x, layers.Dense(3, activation="softmax", name="head")(y)))
    given = pictures()
    wanted = to_numpy(model(given))
    model.get_layer("bomb").armed = True
    before = state_of(model)
    with pytest.raises(pl.InputError, match="planted"):
        pl.explain(model, given, target=1, method=method, **METHODS[method])
    assert_same(before, state_of(model))
    model.get_layer("bomb").armed = False
    np.testing.assert_array_equal(to_numpy(model(given)), wanted)
    pl.explain(model, given, target=1, method=method, **METHODS[method])


class Keeps(layers.Layer):
    """Keeps what it sees, counts, and moves an average on: also in inference."""

    def __init__(self, **named: Any) -> None:
        super().__init__(**named)
        self.seen, self.last, self.count, self.table = [], None, 0, {}

    def build(self, shape: Any) -> None:
        self.average = self.add_weight(shape=(shape[-1],), trainable=False, name="average")

    def call(self, x: Any) -> Any:
        self.seen.append(x)
        self.last, self.count = x, self.count + 1
        self.table["x"] = x
        self.average.assign(ops.stop_gradient(ops.mean(x, 0)))
        self.add_loss(ops.sum(x))
        return x * 2.0


def test_what_a_layer_keeps_is_what_it_kept() -> None:
    x = keras.Input((6,))
    dense = layers.Dense(6, activity_regularizer="l2")
    model = settled(keras.Model(x, layers.Dense(2)(ops.tanh(Keeps(name="keeps")(dense(x))))))
    model(rows())
    layer = model.get_layer("keeps")
    kept, count, losses = layer.last, layer.count, len(model.losses)
    before = state_of(model)
    pl.explain(model, rows(), target=1, method="integrated-gradients", steps=4)
    assert_same(before, state_of(model))
    assert layer.last is kept
    assert (layer.count, len(model.losses)) == (count, losses)


class Noisy(layers.Layer):
    """Random also in inference."""

    def __init__(self, seeded: bool, **named: Any) -> None:
        super().__init__(**named)
        self.generator = keras.random.SeedGenerator(7) if seeded else None

    def call(self, x: Any) -> Any:
        return x * (1 + keras.random.normal((6,), seed=self.generator))


def noisy(seeded: bool) -> Any:
    x = keras.Input((6,))
    return settled(keras.Model(x, layers.Dense(2)(ops.tanh(Noisy(seeded)(layers.Dense(6)(x))))))


SEEDED = [True, False] if keras.backend.backend() != "jax" else [True]  # JAX forbids random numbers without a generator


@pytest.mark.parametrize("seeded", SEEDED)
def test_random_numbers_start_from_the_seed_and_go_on_afterwards(seeded: bool) -> None:
    model, x = noisy(seeded), rows()
    explained: Callable[..., Any] = lambda seed: pl.explain(model, x, target=1, method="saliency", seed=seed).values
    before = state_of(model)
    first = explained(0)
    assert_same(before, state_of(model))
    model(x)
    np.testing.assert_array_equal(explained(0), first)
    assert np.abs(explained(1) - first).max() > 1e-3


def test_a_change_of_the_model_is_seen() -> None:
    model, x = cnn(), pictures()
    first = pl.explain(model, x, target=1, method="saliency", absolute=False).values
    for variable in model.weights:
        variable.assign(variable.value * 2)
    changed = pl.explain(model, x, target=1, method="saliency", absolute=False).values
    assert np.abs(changed - first).max() > 1e-3
    model.get_layer("conv1").activation = keras.activations.tanh
    again = pl.explain(model, x, target=1, method="saliency", absolute=False).values
    assert np.abs(again - changed).max() > 1e-3
    twin = cnn()
    twin.get_layer("conv1").activation = keras.activations.tanh
    for variable in twin.weights:
        variable.assign(variable.value * 2)
    close(again, pl.explain(twin, x, target=1, method="saliency", absolute=False).values)


def test_a_function_in_the_place_of_one_that_is_gone_is_another() -> None:
    model, x = cnn(), pictures()
    layer = model.get_layer("conv1")
    layer.activation = keras.activations.linear
    plain = pl.explain(model, x, target=1, method="saliency", at="conv1", absolute=False).values
    for factor in range(2, 6):
        layer.activation = keras.activations.linear  # the function before is gone, and Python gives its place to the next
        layer.activation = lambda x, factor=factor: x * factor
        outputs = pl.explain(model, x, target=1, method="saliency", absolute=False)
        layer.activation = keras.activations.linear
        weights = [to_numpy(variable.value).copy() for variable in layer.weights]
        for variable in layer.weights:
            variable.assign(variable.value * factor)
        wanted = pl.explain(model, x, target=1, method="saliency", absolute=False)
        for variable, value in zip(layer.weights, weights, strict=True):
            variable.assign(value)
        close(outputs.values, wanted.values)
    close(pl.explain(model, x, target=1, method="saliency", at="conv1", absolute=False).values, plain)


class Settings(keras.Model):
    """It reads what a dict, a list and an array among its attributes hold."""

    def __init__(self) -> None:
        super().__init__()
        self.head = layers.Dense(2)
        self.by, self.also, self.each = {"scale": 1.0}, [[1.0]], np.ones(2, np.float32)

    def call(self, x: Any) -> Any:
        return self.head(x) * self.by["scale"] * self.also[0][0] * ops.convert_to_tensor(self.each)


@pytest.mark.parametrize("where", ["by", "also", "each"])
def test_a_change_inside_of_an_attribute_is_seen(where: str) -> None:
    model = settled(Settings(), rows())
    before = pl.explain(model, rows(), target=1, method="saliency").values
    if where == "by":
        model.by["scale"] = 3.0
    elif where == "also":
        model.also[0][0] = 3.0
    else:
        model.each *= 3
    close(pl.explain(model, rows(), target=1, method="saliency").values, 3 * before)


CALLS: list[str] = []


class Told(layers.Layer):
    def call(self, x: Any) -> Any:
        CALLS.append(self.name)
        return x * 1.0


def test_what_was_compiled_is_compiled_once() -> None:
    x = keras.Input((6,))
    model = settled(keras.Model(x, layers.Dense(2, name="head")(Told(name="told")(layers.Dense(6, name="first")(x)))))
    explained = lambda **options: pl.explain(model, rows(), target=1, method="saliency", **options)
    first = explained().values
    CALLS.clear()
    again = explained().values
    np.testing.assert_array_equal(first, again)
    compiles = keras.backend.backend() != "torch"
    assert bool(CALLS) is not compiles
    model(rows())  # Keras notes in every layer that it was called; how they compute has not changed
    CALLS.clear()
    explained()
    assert bool(CALLS) is not compiles
    model.get_layer("first").use_bias = True
    explained(at="first")
    assert CALLS


def test_rematerialised_layers_are_computed_once() -> None:
    with keras.RematScope(mode="full"):
        model = cnn()
    twin, x = cnn(), pictures()
    wanted = pl.explain(twin, x, target=1, method="grad-cam", at="conv1").values
    before = state_of(model)
    close(pl.explain(model, x, target=1, method="grad-cam", at="conv1").values, wanted)
    assert_same(before, state_of(model))


def test_a_model_is_forgotten() -> None:
    import gc
    import weakref

    model = cnn()
    pl.explain(model, pictures(), method="grad-cam")
    alive = weakref.ref(model)
    del model
    keras.backend.clear_session(free_memory=False)
    gc.collect()
    assert alive() is None
