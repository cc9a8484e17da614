"""Models in files: what Keras writes is what we read, what is safe opens in safe mode, and trust opens the rest."""

import pickle
from pathlib import Path

import keras
import numpy as np
import pytest

import pellucid as pl
from hostile import MARK, edited, in_json
from pellucid.core.errors import InputError, PellucidWarning, UnsafeFileError
from pellucid.models.files.info import info
from pellucid.models.loading import open_model

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")  # Keras' own, when it saves


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def pictures(rows: int = 3) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(rows, 8, 8, 3)).astype(np.float32)


def network() -> keras.Model:
    """Skip connection, an operation of keras.ops, a nested model and a regulariser."""
    keras.utils.set_random_seed(0)
    x = inputs = keras.Input((8, 8, 3), name="picture")
    x = keras.layers.Conv2D(4, 3, activation="relu", padding="same", kernel_regularizer="l2")(x)
    y = keras.layers.BatchNormalization()(x)
    x = keras.layers.Add()([x, keras.ops.sin(y)])
    x = keras.Sequential([keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(6)], name="head")(x)
    return keras.Model(inputs, keras.layers.Dense(5, activation=keras.activations.softmax, name="classes")(x))


def test_an_archive_is_described_and_opened():
    model = network()
    model.compile("adam", "sparse_categorical_crossentropy")
    model.save("net.keras")
    about = info("net.keras")
    assert about.verdict == "opens safely"
    assert about.parameters == model.count_params()
    assert about.facts["inputs"] == "picture: ? x 8 x 8 x 3, float32"
    assert about.facts["outputs"] == "classes"
    assert about.command == "pellucid explain net.keras photo.jpg"
    outermost = {row[0] for row in about.tables[0].rows if not str(row[0]).startswith(" ")}
    assert outermost == {layer.name for layer in model.layers} | {"sin"}
    opened = open_model("net.keras")
    np.testing.assert_array_equal(opened.predict(pictures(), verbose=0), model.predict(pictures(), verbose=0))
    told, expected = (pl.explain(each, pictures(), target=1, method="saliency") for each in (opened, model))
    np.testing.assert_allclose(told.values, expected.values, rtol=1e-5, atol=1e-7)


def test_layers_of_keras_are_not_taken_for_strangers():
    """Wrappers, cells, attention, constraints, initializers, policies, preprocessing and random layers, in one model."""
    ids, series, picture = keras.Input((4,)), keras.Input((4, 3)), keras.Input((4, 4, 3))
    gelu = keras.layers.Dense(2, activation="gelu", bias_constraint="non_neg")
    half = keras.layers.Dense(3, kernel_initializer=keras.initializers.Orthogonal(seed=1), dtype="mixed_float16")
    of_series = [
        keras.layers.Bidirectional(keras.layers.GRU(3)),
        keras.layers.TimeDistributed(gelu),
        keras.layers.Activation(keras.activations.relu6),
        keras.layers.RNN([keras.layers.LSTMCell(3), keras.layers.SimpleRNNCell(2)]),
        half,
        keras.layers.Rescaling(0.1),
        keras.layers.SpectralNormalization(keras.layers.Dense(3)),
    ]
    outputs = [layer(series) for layer in of_series]
    outputs += [keras.layers.Embedding(9, 3)(ids), keras.layers.RandomFlip(seed=3)(picture)]
    outputs += [keras.layers.MultiHeadAttention(2, 3)(series, series)]
    model = keras.Model([ids, series, picture], [keras.layers.Flatten()(each) for each in outputs])
    model.save("net.keras")
    assert info("net.keras").verdict == "opens safely"
    assert open_model("net.keras").count_params() == model.count_params()


@keras.saving.register_keras_serializable("tests")
class Doubling(keras.layers.Layer):
    def call(self, x):
        return 2 * x


def test_lambda_layers_and_custom_objects_open_on_trust_alone():
    inputs = keras.Input((3,))
    for name, layer in {"lambda.keras": keras.layers.Lambda(lambda x: x + 1), "own.keras": Doubling()}.items():
        keras.Model(inputs, layer(inputs)).save(name)
        with pytest.raises(UnsafeFileError, match="--trust-model"):
            open_model(name)
        with pytest.warns(PellucidWarning, match="because you trust it"):
            opened = open_model(name, trust=True)
        assert opened.predict(np.ones((1, 3)), verbose=0).tolist() == [[2.0, 2.0, 2.0]]
    change = in_json(lambda config: config["config"]["layers"][1].update(registered_name="other>Doubling"))
    edited("own.keras", "other.keras", ("config.json", change))
    with (
        pytest.warns(PellucidWarning),
        pytest.raises(InputError, match=r"the custom object .other>Doubling., which"),
    ):
        open_model("other.keras", trust=True)


def test_weights_of_keras_go_into_its_networks(monkeypatch, tmp_path):
    model = network()
    model.save_weights("net.weights.h5")
    Path("shed.py").write_text("import case_files\nbuild = case_files.network\nimport keras\nsmall = lambda: keras.Sequential()")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert info("net.weights.h5").verdict == "opens safely"
    opened = open_model("net.weights.h5", "shed:build")
    np.testing.assert_array_equal(opened.predict(pictures(), verbose=0), model.predict(pictures(), verbose=0))
    with pytest.raises(InputError, match=r"net\.weights\.h5"):
        open_model("net.weights.h5", "shed:small")
    with pytest.raises(pl.CapabilityError, match=r"into a keras\.Model; got OrderedDict"):
        open_model("net.weights.h5", "collections:OrderedDict")


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_the_older_kind_of_file_opens_on_trust_alone():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.save("net.h5")
    assert info("net.h5").facts["holds"] == "a model"
    with pytest.raises(UnsafeFileError, match=r"may hold Lambda layers.*model\.save\('model\.keras'\)"):
        open_model("net.h5")
    with pytest.warns(PellucidWarning, match="because you trust it"):
        opened = open_model("net.h5", trust=True)
    np.testing.assert_array_equal(opened.predict(np.ones((1, 3)), verbose=0), model.predict(np.ones((1, 3)), verbose=0))


def test_a_model_that_is_named_is_described(monkeypatch, tmp_path):
    Path("shed.py").write_text("import case_files\nbuild = case_files.network")
    monkeypatch.syspath_prepend(str(tmp_path))
    about = info("shed:build")
    assert (about.facts["adapter"], about.parameters) == ("keras", network().count_params())
    assert [row[1] for row in about.tables[0].rows][:2] == ["InputLayer", "Conv2D"]


def test_an_archive_under_another_name_is_said_to_be_one():
    network().save("net.keras")
    Path("net.keras").rename("net.zip")
    assert info("net.zip").kind == "keras"
    with pytest.raises(InputError, match=r"under the name \.keras"):
        open_model("net.zip")


def test_what_keras_itself_would_unpickle_is_not_opened():
    """A pickle that is called .keras."""
    Path("net.keras").write_bytes(pickle.dumps({"a": Path(MARK)}))
    with pytest.raises(UnsafeFileError, match="it is a pickle"):
        open_model("net.keras")
