"""What does not fit a model is refused in words: names, shapes, channels, strings, and models that cannot be explained."""

from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from kinds import Subclassed, cnn, mlp, pictures, rows, settled, shared

import pellucid as pl
from pellucid.models.keras import adapter


def refused(error: type[Exception], match: str, model: Any, x: Any, **options: Any) -> None:
    with pytest.raises(error, match=match):
        pl.explain(model, x, **{"method": "saliency", "target": 0, **options})


def test_a_wrong_name_is_answered_with_the_nearest() -> None:
    refused(pl.InputError, r"no input 'xx'\. Did you mean 'x'", shared(), {"xx": rows(), "z": rows()})
    refused(pl.InputError, r"the input 'z' is missing; the model takes x, z", shared(), {"x": rows()})
    refused(pl.InputError, r"no input 'picture'\. There is 'image'", cnn(), {"picture": pictures()})


def test_a_wrong_number_of_inputs() -> None:
    refused(pl.InputError, r"takes 2 inputs \(x, z\); x holds 1\. Pass a tuple in this order, or a dict", shared(), rows())
    refused(pl.InputError, r"takes 2 inputs \(x, z\); x holds 3", shared(), (rows(), rows(), rows()))
    refused(pl.InputError, r"takes 1 input \(x\); x holds 2", mlp(), (rows(), rows()))


def test_a_wrong_shape() -> None:
    refused(pl.InputError, r"shape \(4, 5\); the model takes \(samples, 6\)", mlp(), rows(4, 5))
    refused(pl.InputError, r"shape \(6,\); the model takes \(samples, 6\)\. The leading batch axis is missing", mlp(), rows()[0])
    refused(pl.InputError, r"'z' has shape \(4, 5\); the model takes \(samples, 6\)", shared(), {"x": rows(), "z": rows(4, 5)})
    refused(pl.InputError, r"leading batch axis is missing", cnn(), pictures()[0])


def test_channels_at_the_other_end() -> None:
    first = np.moveaxis(pictures(), -1, 1)
    refused(
        pl.InputError, r"channels of x come first, and this model takes them last: pass np.moveaxis\(x, 1, -1\)", cnn(), first
    )
    x = keras.Input((3, 8, 8))
    model = keras.Model(x, layers.Dense(2)(layers.Flatten()(layers.Conv2D(4, 3, data_format="channels_first")(x))))
    refused(pl.InputError, r"channels of x come last, and this model takes them first", model, pictures())
    anysize = keras.Input((None, None, 3))
    model = keras.Model(anysize, layers.Dense(2)(layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(anysize))))
    refused(pl.InputError, r"takes \(samples, any, any, 3\)\. The channels of x come first", model, first)


def test_channels_at_the_other_end_of_a_subclassed_model() -> None:
    class Net(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.pool, self.head = layers.Conv2D(4, 3), layers.GlobalAveragePooling2D(), layers.Dense(2)

        def call(self, x: Any) -> Any:
            return self.head(self.pool(self.conv(x)))

    model = settled(Net(), pictures())
    refused(pl.InputError, r"built on \(samples, 8, 8, 3\)\. The channels of x come first", model, np.moveaxis(pictures(), -1, 1))


def test_a_shape_that_only_a_layer_refuses() -> None:
    refused(pl.InputError, r"failed on these inputs.*built on \(samples, 6\)", settled(Subclassed(), rows()), rows(4, 5))


def test_a_last_axis_of_one_is_added_as_keras_adds_it() -> None:
    x = keras.Input((1,))
    model = settled(keras.Model(x, layers.Dense(2)(layers.Dense(3, activation="tanh")(x))))
    wide = pl.explain(model, rows(4, 1), target=1, method="saliency").values
    np.testing.assert_allclose(pl.explain(model, rows(4, 1)[:, 0], target=1, method="saliency").values, wide[:, 0], rtol=1e-6)


def test_strings_have_no_gradient() -> None:
    x = keras.Input((1,), dtype="string", name="review")
    if keras.backend.backend() == "tensorflow":
        y = layers.StringLookup(vocabulary=["good", "bad"])(x)
    else:
        y = layers.Lambda(lambda given: given, output_shape=(1,), dtype="float32")(x)
    model = keras.Model(x, layers.Dense(2)(layers.Lambda(lambda given: keras.ops.cast(given, "float32"))(y)))
    refused(pl.CapabilityError, r"'review' takes strings.*pl\.wrap\(lambda texts", model, np.array([["good"], ["bad"]]))


def test_a_model_without_weights_yet() -> None:
    refused(pl.CapabilityError, r"has no weights yet: it was never called\. Call it on one batch", Subclassed(), rows())
    refused(pl.CapabilityError, r"has no weights yet", keras.Sequential([layers.Dense(3)]), rows())


def test_layers_that_never_run_need_no_weights() -> None:
    class Spare(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.head, self.spare = layers.Dense(2), layers.Dense(7)

        def build(self, shape: Any) -> None:
            self.head.build(shape)

        def call(self, x: Any) -> Any:
            return self.head(x)

    assert pl.explain(settled(Spare(), rows()), rows(), target=1, method="saliency").values.shape == (4, 6)


def test_things_of_keras_that_are_no_models() -> None:
    refused(pl.CapabilityError, "no model or layer", keras.optimizers.Adam(), rows())
    refused(pl.CapabilityError, "is a class; make a model", Subclassed, rows())


def test_keras_2_and_other_backends(monkeypatch: pytest.MonkeyPatch) -> None:
    old = type("Model", (), {"__module__": "tf_keras.src.engine.training"})()
    with pytest.raises(pl.CapabilityError, match=r"of Keras 2 \(tf_keras\).*adapter='tensorflow'"):
        adapter.view(SimpleNamespace(model=old))  # type: ignore[arg-type]
    monkeypatch.setattr(keras.backend, "backend", lambda: "openvino")
    with pytest.raises(pl.CapabilityError, match=r"backend 'openvino'.*set KERAS_BACKEND to torch, jax, tensorflow"):
        adapter.view(SimpleNamespace(model=None))  # type: ignore[arg-type]


def test_what_is_stated_goes_before_what_is_found() -> None:
    shapes = pl.wrap(mlp(), inputs=(5,))
    refused(pl.InputError, r"the model takes \(samples, 5\)", shapes, rows())
    assert pl.explain(pl.wrap(cnn(), layout="NCHW"), pictures(), method="saliency").layout == "NCHW"
    named = pl.wrap(mlp(), classes=["a", "b", "c"], output="logits")
    e = pl.explain(named, rows(), target="b", method="saliency")
    assert (e.target.names[0], e.output) == ("b", "logits")


def test_pictures_are_read_with_their_channels_last() -> None:
    from PIL import Image

    images = [Image.fromarray(np.random.default_rng(n).integers(0, 256, (20, 30, 3)).astype(np.uint8)) for n in range(2)]
    model = pl.wrap(cnn(), inputs=pl.ImageInput(size=8))
    assert pl.explain(model, images, target=1, method="saliency").values.shape == (2, 8, 8, 3)
