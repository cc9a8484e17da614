"""Explanations in several threads, of a model that other threads use meanwhile."""

import threading
from typing import Any

import keras
import numpy as np
from by_hand import to_numpy
from keras import layers
from kinds import pictures, settled

import pellucid as pl

ASKED: dict[str, dict[str, Any]] = {
    "saliency": {},
    "grad-cam": {"at": "second"},
    "integrated-gradients": {"at": "first", "steps": 4},
}


def classifier() -> keras.Model:
    """Its softmax is left off while it is explained."""
    x = keras.Input((8, 8, 3))
    maps = layers.Conv2D(4, 3, padding="same", activation="relu", name="first")(x)
    maps = layers.Conv2D(4, 3, padding="same", name="second")(maps)
    return settled(keras.Model(x, layers.Dense(3, activation="softmax")(layers.GlobalAveragePooling2D()(maps))))


def test_threads_do_not_see_each_other() -> None:
    model, x = classifier(), pictures()[:, :8, :8]
    alone = {method: pl.explain(model, x, target=0, method=method, **asked).values for method, asked in ASKED.items()}
    served, stop = to_numpy(model(x)), threading.Event()
    kept, wrong = [dict(vars(layer)) for layer in model._flatten_layers()], []

    def serve() -> None:
        while not stop.is_set():
            if not np.allclose(to_numpy(model(x)), served, atol=1e-6):
                wrong.append("another output")

    def explain(method: str) -> None:
        try:
            for _ in range(4):
                values = pl.explain(model, x, target=0, method=method, **ASKED[method]).values
                if not np.allclose(values, alone[method], rtol=1e-4, atol=1e-6):
                    wrong.append(method)
        except Exception as error:
            wrong.append(f"{method}: {error}")

    caller = threading.Thread(target=serve)
    threads = [threading.Thread(target=explain, args=(method,)) for method in ASKED]
    caller.start()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stop.set()
    caller.join()
    assert not wrong
    for layer, before in zip(model._flatten_layers(), kept, strict=True):
        assert {name: value for name, value in vars(layer).items() if name in ("call", "activation")} == {
            name: value for name, value in before.items() if name in ("call", "activation")
        }
    np.testing.assert_allclose(to_numpy(model(x)), served, atol=1e-6)
