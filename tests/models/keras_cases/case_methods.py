"""Every method of the catalog runs on Keras models, and gives what it gives for a twin in torch with the same weights."""

from typing import Any

import keras
import matplotlib as mpl
import numpy as np
import pytest
from by_hand import BACKEND, close
from kinds import cnn, mlp, pictures, rows

import pellucid as pl
from pellucid import catalog
from twins import keras_nets, places, torch_nets
from twins.weights import inputs

mpl.use("agg")
BY_NAME = {method.name: method for method in catalog.METHODS}
FEW: dict[str, dict[str, Any]] = {
    **{name: {"samples": 4} for name in ("smoothgrad", "smoothgrad-squared", "vargrad", "rise")},
    "expected-gradients": {"samples": 4, "baseline": 0.25},
    "guided-ig": {"steps": 4},
    "lime": {"samples": 40},
    "linear-surrogate": {"samples": 60, "sigma": 0.2},
}


def options(method: str, x: np.ndarray) -> dict[str, Any]:
    given = dict(FEW.get(method, {}))
    if method == "integrated-hessians":
        given |= {"feature": (0,) * (x.ndim - 1), "steps": 3}
    if getattr(BY_NAME[method], "reads_layer", False):
        given["at"] = "conv1" if x.ndim == 4 else "hidden"
    if BY_NAME[method].engine == "game" and getattr(BY_NAME[method], "takes_features", True) and x.ndim == 4:
        given["features"] = pl.Features.grid(x.shape[1:], cell=4, layout="NHWC")
    if method == "rise":
        given["cells"] = 2
    if method == "occlusion":
        given["window"] = 4 if x.ndim == 4 else 2
    return given


def needs_pictures(method: str) -> bool:
    return BY_NAME[method].engine == "map" or "any" not in BY_NAME[method].modalities


@pytest.mark.parametrize("method", BY_NAME)
def test_every_method_on_pictures_with_channels_last(method: str) -> None:
    x = pictures()
    made = None if method == "cam" else cnn()
    if made is None:  # a linear layer after global pooling is all that CAM reads
        image = keras.Input((8, 8, 3))
        y = keras.layers.Conv2D(4, 3, activation="relu", kernel_initializer="ones", name="conv")(image)
        pooled = keras.layers.GlobalAveragePooling2D(name="pool")(y)
        made = keras.Model(image, keras.layers.Dense(5, kernel_initializer="ones", name="head")(pooled))
    e = pl.explain(made, x, target=0, method=method, **options(method, x))
    assert np.isfinite(e.values).all()
    assert np.abs(e.values).max() > 0
    assert e.layout == "NHWC"
    if e.over == "input":
        assert e.values.shape == x.shape
    if e.over == "spatial":
        assert e.values.shape == (3, 8, 8)


@pytest.mark.parametrize("method", [name for name in BY_NAME if not needs_pictures(name)])
def test_every_method_on_columns(method: str) -> None:
    e = pl.explain(mlp(), rows(), target=1, method=method, **options(method, rows()))
    assert np.isfinite(e.values).all()
    assert np.abs(e.values).max() > 0


PLACE = "last convolution's activation"
COMPARED: dict[str, dict[str, Any]] = {
    "saliency": {"absolute": False},
    "input-x-gradient": {},
    "integrated-gradients": {"steps": 8},
    "grad-cam": {"at": PLACE},
    "layer-cam": {"at": "first convolution's activation"},
    "score-cam": {"at": PLACE},
    "conductance": {"at": PLACE, "steps": 8},
    "full-grad": {},
    "occlusion": {"window": 4},
    "shapley": {"budget": 200},
}


def given_to(framework: places.Framework, given: dict[str, Any]) -> dict[str, Any]:
    return {name: places.layer("cnn", value, framework) if name == "at" else value for name, value in given.items()}


@pytest.mark.parametrize("variant", ["cnn", "cnn_subclassed"])
@pytest.mark.parametrize("method", COMPARED)
def test_a_twin_in_torch_gives_the_same_for_pictures(method: str, variant: str) -> None:
    given = COMPARED[method]
    theirs = pl.explain(
        torch_nets.build("cnn"), inputs("cnn"), target=2, method=method, batch_size=64, **given_to("torch", given)
    )
    framework: places.Framework = "keras" if variant == "cnn" else "keras_subclassed"
    x = inputs("cnn", channels_last=True)
    ours = pl.explain(keras_nets.build(variant), x, target=2, method=method, batch_size=64, **given_to(framework, given))
    values = np.moveaxis(ours.values, -1, 1) if ours.values.ndim == 4 else ours.values
    close(values, theirs.values, 1e-4)
    close(ours.prediction, theirs.prediction, 1e-4)


@pytest.mark.parametrize("method", ["saliency", "integrated-gradients", "smoothgrad", "vargrad", "expected-gradients", "shapley"])
def test_a_twin_in_torch_gives_the_same_for_columns(method: str) -> None:
    given = FEW.get(method, {}) | ({"steps": 8} if method == "integrated-gradients" else {})
    ours = pl.explain(keras_nets.build("mlp_tanh"), inputs("mlp"), target=2, method=method, batch_size=64, **given)
    theirs = pl.explain(torch_nets.build("mlp_tanh"), inputs("mlp"), target=2, method=method, batch_size=64, **given)
    close(ours.values, theirs.values, 1e-4)


@pytest.mark.parametrize("network", ["rnn", "embedding"])
def test_a_twin_in_torch_gives_the_same_for_series_and_ids(network: str) -> None:
    x = inputs(network)
    theirs = torch_nets.build(network)
    for method in ("input-x-gradient", "integrated-gradients"):
        given = {"steps": 8, "baseline": 0} if method == "integrated-gradients" else {}
        ours = pl.explain(keras_nets.build(network), x, target=1, method=method, **given)
        close(ours.values, pl.explain(theirs, x, target=1, method=method, **given).values, 1e-4)


if BACKEND != "tensorflow":

    @pytest.mark.parametrize("method", ["smoothgrad", "grad-cam"])
    def test_a_twin_in_torch_with_channels_first(method: str) -> None:
        ours = pl.explain(keras_nets.build("cnn_channels_first"), inputs("cnn"), target=2, method=method, **FEW.get(method, {}))
        theirs = pl.explain(torch_nets.build("cnn"), inputs("cnn"), target=2, method=method, **FEW.get(method, {}))
        close(ours.values, theirs.values, 1e-4)


def test_plots_and_reports_know_where_the_channels_are(tmp_path: Any) -> None:
    x = keras_nets.build("cnn"), inputs("cnn", channels_last=True)
    for method in ("integrated-gradients", "grad-cam", "shapley"):
        e = pl.explain(*x, target=2, method=method, **({"budget": 60} if method == "shapley" else {}))
        e.save(tmp_path / f"{method}.safetensors")
        again = pl.load(tmp_path / f"{method}.safetensors")
        figure = again.plot()
        figure.savefig(tmp_path / f"{method}.png")
        pl.report([again], tmp_path / f"{method}.html")
        assert all((tmp_path / f"{method}.{kind}").stat().st_size > 1000 for kind in ("png", "html"))
