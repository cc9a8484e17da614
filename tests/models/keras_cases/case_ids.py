"""Ids are differentiated at the embedding that looks them up, in whatever dtype the model declares and the user gives them."""

from typing import Any

import keras
import numpy as np
import pytest
from by_hand import BACKEND, close, gradient, to_numpy
from keras import layers
from kinds import ids, rows, settled, text

import pellucid as pl


def by_hand(model: Any, tokens: np.ndarray) -> np.ndarray:
    """Gradient times vector, summed over each token's vector."""
    get = model.get_layer
    vectors = to_numpy(get("embedding").embeddings)[tokens.astype(int)]
    return (vectors * gradient(lambda a: get("head")(get("lstm")(a))[:, 1], vectors)[0]).sum(-1)


# JAX has no int64, and says so whenever a model that declares it is called
DECLARED = [None, "int32", "uint8", *(["int64"] if BACKEND != "jax" else [])]


@pytest.mark.parametrize("given", ["int32", "int64", "uint8", "int16"])
@pytest.mark.parametrize("declared", DECLARED)
def test_dtypes_of_ids(declared: str | None, given: str) -> None:
    model = text(declared, mask=False)
    e = pl.explain(model, ids(dtype=given), target=1, method="input-x-gradient")
    close(e.values, by_hand(model, ids()))
    assert e.values.shape == (3, 6)


@pytest.mark.parametrize("declared", [None, "int32"])
def test_ids_that_come_as_floats(declared: str | None) -> None:
    model = text(declared, mask=False)
    e = pl.explain(model, ids(dtype="float32"), target=1, method="input-x-gradient")
    close(e.values, by_hand(model, ids()))
    with pytest.raises(pl.InputError, match=r"holds fractions.*looks it up in a table: pass whole numbers"):
        pl.explain(model, ids() + 0.5, target=1, method="input-x-gradient")


def test_ids_of_an_embedding_in_a_nested_model() -> None:
    model = keras.Sequential([keras.Input((6,)), text(mask=False)])
    e = pl.explain(model, ids(dtype="float64"), target=1, method="input-x-gradient")
    close(e.values, by_hand(model.layers[0], ids()))


def test_a_sequential_model_that_declares_nothing() -> None:
    names = {"embedding": layers.Embedding(20, 5), "lstm": layers.LSTM(4), "head": layers.Dense(2)}
    for name, layer in names.items():
        layer.name = name
    model = settled(keras.Sequential(list(names.values())), ids())
    close(pl.explain(model, ids(), target=1, method="input-x-gradient").values, by_hand(model, ids()))


def test_a_subclassed_model() -> None:
    class Text(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = layers.Embedding(20, 5, name="embedding")
            self.lstm, self.head = layers.LSTM(4, name="lstm"), layers.Dense(2, name="head")

        def call(self, x: Any) -> Any:
            return self.head(self.lstm(self.embedding(x)))

    model = settled(Text(), ids())
    for dtype in ("int32", "int64"):
        close(pl.explain(model, ids(dtype=dtype), target=1, method="input-x-gradient").values, by_hand(model, ids()))


def test_ids_beside_floats() -> None:
    words, numbers = keras.Input((6,), name="words", dtype="int32"), keras.Input((6,), name="numbers")
    y = layers.Concatenate()([layers.GlobalAveragePooling1D()(layers.Embedding(20, 4, name="table")(words)), numbers])
    model = settled(keras.Model([words, numbers], layers.Dense(3, name="head")(layers.Dense(6, activation="tanh")(y))))
    e = pl.explain(model, {"words": ids(4), "numbers": rows()}, target=1, method="integrated-gradients", tolerance=0.01)
    assert e.values["words"].shape == (4, 6)
    total = e.values["words"].sum(1) + e.values["numbers"].sum(1)
    np.testing.assert_allclose(total, e.value - e.base_value, atol=0.02)


def test_the_padding_id_or_the_mean_is_the_baseline() -> None:
    assert pl.explain(text(mask=True), ids(), target=1, steps=2).baselines == "embedding of id 0"
    assert pl.explain(text(mask=False), ids(), target=1, steps=2).baselines == "mean of the embedding table"
    assert pl.explain(text(mask=False), ids(), target=1, steps=2, baseline=3).baselines == "embedding of id 3"


def test_the_same_ids_in_two_inputs() -> None:
    one, two = keras.Input((6,), name="one", dtype="int32"), keras.Input((6,), name="two", dtype="int32")
    table = layers.Embedding(20, 4, name="table")
    pooled = [layers.GlobalAveragePooling1D(name=f"pool{n}")(table(given)) for n, given in enumerate((one, two))]
    model = settled(keras.Model([one, two], layers.Dense(3)(layers.Subtract()(pooled))))
    e = pl.explain(model, (ids(), ids()), target=1, method="input-x-gradient")
    close(e.values[0], -e.values[1])


def test_integers_that_no_embedding_reads() -> None:
    x = keras.Input((6,), dtype="int32")
    model = settled(keras.Model(x, layers.Dense(3)(layers.CategoryEncoding(20, "multi_hot")(x))))
    with pytest.raises(pl.InputError, match="none of the inputs can be differentiated"):
        pl.explain(model, ids(), method="saliency")
