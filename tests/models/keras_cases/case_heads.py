"""A last softmax or sigmoid: the logit is explained, it is said, and the probability is explained when it is asked for."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from by_hand import BACKEND, close, gradient, outputs
from keras import layers, ops
from kinds import cnn, pictures, rows, series, settled, several_outputs, with_weights_of

import pellucid as pl
from pellucid.core.errors import PellucidWarning


def body() -> tuple[Any, Any]:
    x = keras.Input((6,), name="x")
    return x, layers.Dense(8, activation="tanh", name="hidden")(x)


def dense(kind: str, units: int) -> Any:
    x, y = body()
    return keras.Model(x, layers.Dense(units, activation=kind, name="head")(y))


def activation(kind: str, units: int) -> Any:
    x, y = body()
    return keras.Model(x, layers.Activation(kind, name="squash")(layers.Dense(units, name="head")(y)))


def operation(kind: str, units: int) -> Any:
    x, y = body()
    return keras.Model(x, getattr(ops, kind)(layers.Dense(units, name="head")(y)))


def sequential(kind: str, units: int) -> Any:
    return keras.Sequential([layers.Dense(8, activation="tanh"), layers.Dense(units, activation=kind, name="head")])


def inside(kind: str, units: int) -> Any:
    """In a nested model."""
    x, y = body()
    inner = keras.Input((8,))
    return keras.Model(x, keras.Model(inner, layers.Dense(units, activation=kind, name="head")(inner), name="classifier")(y))


def deep(kind: str, units: int) -> Any:
    x = keras.Input((6,))
    return keras.Model(x, keras.Sequential([inside(kind, units)], name="outer")(x))


def subclassed(kind: str, units: int) -> Any:
    class Net(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.hidden = layers.Dense(8, activation="tanh", name="hidden")
            self.head = layers.Dense(units, activation=kind, name="head")

        def call(self, x: Any) -> Any:
            return self.head(self.hidden(x))

    return Net()


def around(kind: str, units: int) -> Any:
    """A functional model in a subclassed one."""

    class Net(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.inner = inside(kind, units)

        def call(self, x: Any) -> Any:
            return self.inner(x * 1.0)

    return Net()


def mixed(kind: str, units: int) -> Any:
    """As mixed precision is written: the last activation in single precision."""
    x, y = body()
    return keras.Model(x, layers.Activation(kind, dtype="float32")(layers.Dense(units, name="head")(y)))


FORMS: dict[str, Callable[[str, int], Any]] = {
    each.__name__: each for each in (dense, activation, operation, sequential, inside, deep, subclassed, around, mixed)
}


@pytest.mark.parametrize("kind", ["softmax", "sigmoid"])
@pytest.mark.parametrize("form", FORMS)
def test_the_logit_is_explained_wherever_the_head_is(form: str, kind: str) -> None:
    units, x = (3 if kind == "softmax" else 1), rows()
    model = settled(FORMS[form](kind, units), x)
    logits = with_weights_of(settled(dense("linear", units)), model)
    before = outputs(model, x)
    e = pl.explain(model, x, target=units - 1, method="saliency", absolute=False)
    close(e.values, gradient(lambda leaf: logits(leaf)[:, units - 1], x)[0])
    close(e.prediction, outputs(logits, x))
    assert e.output == "logits"
    assert any(kind in note and "output='probabilities'" in note for note in e.plan.notes)
    np.testing.assert_array_equal(outputs(model, x), before)


@pytest.mark.parametrize("form", FORMS)
def test_probabilities_are_explained_when_they_are_asked_for(form: str) -> None:
    x = rows()
    model = settled(FORMS[form]("softmax", 3), x)
    e = pl.explain(pl.wrap(model, output="probabilities"), x, target=1, method="saliency", absolute=False)
    close(e.values, gradient(lambda leaf: model(leaf)[:, 1], x)[0])
    close(e.prediction, outputs(model, x))
    assert e.output == "probabilities"
    assert not e.plan.notes


def test_a_model_of_logits_is_said_to_be_one_only_by_its_user() -> None:
    model, x = settled(dense("linear", 3)), rows()
    assert pl.explain(model, x, method="saliency").output == "unknown"
    assert pl.explain(pl.wrap(model, output="values"), x, method="saliency").output == "values"


def test_every_pixel_has_a_head() -> None:
    x = keras.Input((8, 8, 3))
    y = layers.Conv2D(4, 3, padding="same", activation="relu")(x)
    model = settled(keras.Model(x, layers.Conv2D(5, 1, activation="softmax", name="classes")(y)))
    image = keras.Input((8, 8, 3))
    y = layers.Conv2D(4, 3, padding="same", activation="relu")(image)
    logits = with_weights_of(keras.Model(image, layers.Conv2D(5, 1)(y)), model)
    e = pl.explain(model, pictures(), target=(2, 3, 1), method="saliency", absolute=False)
    close(e.values, gradient(lambda leaf: logits(leaf)[:, 2, 3, 1], pictures())[0])


@pytest.mark.parametrize("form", ["list", "dict"])
def test_heads_of_several_outputs(form: str) -> None:
    model, x = several_outputs(form), rows()
    classes, seen = ("class", "seen") if form == "dict" else ("0", "2")
    hidden = model.get_layer("body")

    def logit(name: str, leaf: Any) -> Any:
        head = model.get_layer(name)
        return ops.matmul(hidden(leaf), head.kernel) + head.bias

    for leaf_name, name, index in ((classes, "class", 2), (seen, "seen", 0)):
        e = pl.explain(model, x, target=(leaf_name, index), method="saliency", absolute=False)
        close(e.values, gradient(lambda leaf, name=name, index=index: logit(name, leaf)[:, index], x)[0])
    assert e.output == "unknown"  # the second output has none
    assert sum("is left off" in note for note in e.plan.notes) == 2


def test_a_head_that_something_else_reads_stays() -> None:
    x, y = body()
    probabilities = layers.Dense(3, activation="softmax", name="head")(y)
    model = settled(keras.Model(x, [probabilities, layers.Dense(2, name="next")(probabilities)]))
    with pytest.warns(PellucidWarning, match="look like probabilities"):
        e = pl.explain(model, rows(), target=("0", 1), method="saliency", absolute=False)
    close(e.values, gradient(lambda leaf: model(leaf)[0][:, 1], rows())[0])
    assert e.output == "unknown"


def test_a_head_that_is_used_twice_stays() -> None:
    x, y = body()
    head = layers.Dense(3, activation="softmax", name="head")
    model = settled(keras.Model(x, [head(y), head(y * 2.0)]))
    with pytest.warns(PellucidWarning, match="look like probabilities"):
        e = pl.explain(model, rows(), target=("1", 1), method="saliency", absolute=False)
    close(e.values, gradient(lambda leaf: model(leaf)[1][:, 1], rows())[0])


class Hidden(keras.Model):
    """Its softmax is no layer."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = layers.Dense(3, name="hidden")

    def call(self, x: Any) -> Any:
        return ops.softmax(self.hidden(x))


def test_probabilities_whose_head_cannot_be_told_are_warned_of() -> None:
    model = settled(Hidden(), rows())
    for _ in range(2):
        with pytest.warns(PellucidWarning, match=r"look like probabilities.*output='probabilities'"):
            e = pl.explain(model, rows(), target=1, method="saliency", absolute=False)
    close(e.values, gradient(lambda leaf: model(leaf)[:, 1], rows())[0])
    assert pl.explain(pl.wrap(model, output="probabilities"), rows(), method="saliency").output == "probabilities"


def test_a_softmax_inside_is_left_alone() -> None:
    x = keras.Input((7, 4))
    weights = layers.Softmax(axis=1, name="attend")(layers.Dense(1)(x))
    y = layers.Lambda(lambda given: ops.sum(given[0] * given[1], axis=1), output_shape=(4,))([weights, x])
    model = settled(keras.Model(x, layers.Dense(2, name="head")(y)))
    e = pl.explain(model, series(), target=1, method="saliency", absolute=False)
    close(e.values, gradient(lambda leaf: model(leaf)[:, 1], series())[0])
    assert not e.plan.notes


def test_a_softmax_layer_without_axis_and_one_with_a_mask() -> None:
    x, y = body()
    logits = layers.Dense(3, name="head")(y)
    model = settled(keras.Model(x, layers.Softmax(name="softmax")(logits)))
    plain = keras.Model(x, logits)
    e = pl.explain(model, rows(), target=1, method="integrated-gradients", steps=4)
    close(e.values, pl.explain(plain, rows(), target=1, method="integrated-gradients", steps=4).values)
    at = pl.explain(model, rows(), target=1, method="saliency", absolute=False, at="softmax").values
    close(at, np.eye(3, dtype=np.float32)[[1] * len(rows())])


def test_the_head_is_left_off_in_every_method() -> None:
    model, twin = cnn(activation="softmax"), cnn()
    for method in ("grad-cam", "score-cam", "full-grad", "occlusion", "input-x-gradient"):
        close(
            pl.explain(model, pictures(), target=2, method=method).values,
            pl.explain(twin, pictures(), target=2, method=method).values,
        )


if BACKEND == "tensorflow":

    def test_tensorflow_has_functions_of_its_own() -> None:
        import tensorflow as tf

        model = settled(dense(tf.nn.softmax, 3))
        assert pl.explain(model, rows(), method="saliency").output == "logits"
