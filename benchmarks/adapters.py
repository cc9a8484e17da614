"""What an adapter costs over its framework: the same rows in the framework's own best batched call, compiled where it compiles.

Each adapter has a process of its own (a Keras backend must): ``python -m benchmarks.adapters keras-jax`` runs one race, and
``python -m benchmarks adapters`` all of them.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

import pellucid as pl
from pellucid.core import tree
from pellucid.core.targets import RowTarget
from pellucid.models.lookup import view_of

from .harness import Row, Work, race

TITLE = "Adapters beside the frameworks' own batched calls"
IMAGES, DRAWS, MASKS = 4, 8, 12
ROUNDS = 7
BATCHES = (4, 8, 16)
GRADIENT, FORWARD = "floor: raw gradient rows", "floor: raw forward rows"
TABLE_ROWS = 4096


@dataclass(frozen=True)
class Subject:
    """A model for ``pl.explain``, samples, and one raw call of it on a batch of rows, forward and with its gradient."""

    model: Any
    x: np.ndarray
    forward: Callable[[np.ndarray], Any]
    gradient: Callable[[np.ndarray], Any] | None = None
    batches: tuple[int, ...] = BATCHES
    table: bool = False


def run() -> list[Row]:
    """Every race, each in its own process."""
    table: list[Row] = []
    for name in SUBJECTS:
        backend = name.partition("-")[2] if name.startswith("keras") else ""
        env = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **({"KERAS_BACKEND": backend} if backend else {})}
        with tempfile.NamedTemporaryFile(suffix=".json") as file:
            subprocess.run([sys.executable, "-m", "benchmarks.adapters", name, file.name], env=env, check=True)
            rows = json.loads(Path(file.name).read_text())
        table += [Row(**{**row, "rows": Work(**row["rows"])}) for row in rows]
    return table


def one(name: str) -> list[Row]:
    """The races of one adapter: the passes alone, and a whole explanation over the rows that it takes."""
    subject = SUBJECTS[name]()
    rows = TABLE_ROWS if subject.table else IMAGES * MASKS
    size = _fastest(subject, subject.forward)
    table = race(
        f"{name}: predict",
        {FORWARD: lambda: _raw(subject, subject.forward, rows, size, backward=False)},
        {"pellucid": lambda: _passes(subject, rows, size, backward=False)},
        ROUNDS,
    )
    if subject.gradient is None:
        return table
    rows, size, call = IMAGES * DRAWS, _fastest(subject, subject.gradient), subject.gradient
    return table + race(
        f"{name}: gradient",
        {GRADIENT: lambda: _raw(subject, call, rows, size, backward=True)},
        {
            "pellucid": lambda: _passes(subject, rows, size, backward=True),
            "pellucid, a whole explanation (smoothgrad)": lambda: _explained(subject, "smoothgrad", samples=DRAWS - 1),
        },
        ROUNDS,
    )


def _passes(subject: Subject, rows: int, size: int, *, backward: bool) -> Work:
    """The same rows through the view, the session around them included; results come to the host as the floor's do."""
    view = view_of(subject.model)
    with view.session(0):
        inputs = view.inputs(subject.x)
        targets = [RowTarget(0, inputs.samples, view.spec.classes, view.to_native, view.to_numpy)]
        places = list(inputs.leaves)
        for start in range(0, rows, size):
            samples = np.arange(start, start + size) % inputs.samples
            batch = view.take(inputs, samples, "as-is")
            if backward:
                view.to_numpy(view.gradient(batch, targets, samples, wrt=places).gradients[0][0])
            else:
                view.to_numpy(next(iter(tree.flatten(view.predict(batch)[0]).values())))
    return Work(gradient=rows) if backward else Work(forward=rows)


def _explained(subject: Subject, method: str, **options: Any) -> Work:
    cost = pl.explain(subject.model, subject.x, target=0, method=method, seed=1, **options).cost
    forward = cost.forward_rows - cost.backward_rows + cost.other_rows
    return Work(gradient=cost.backward_rows, forward=0 if cost.backward_rows else forward)


def _raw(subject: Subject, call: Callable[[np.ndarray], Any], rows: int, size: int, *, backward: bool) -> Work:
    for start in range(0, rows, size):
        call(subject.x[np.arange(start, start + size) % len(subject.x)])
    return Work(gradient=rows) if backward else Work(forward=rows)


def _fastest(subject: Subject, call: Callable[[np.ndarray], Any]) -> int:
    """The batch size in which rows are fastest."""
    rows = max(subject.batches)

    def seconds(size: int) -> float:
        taken = []
        for _ in range(4):
            started = time.perf_counter()
            _raw(subject, call, rows, size, backward=False)
            taken.append(time.perf_counter() - started)
        return statistics.median(taken[1:])

    best = min(subject.batches, key=seconds)
    print(f"batches of {best}", flush=True)
    return best


def _pictures(channels_last: bool) -> np.ndarray:
    x = np.random.default_rng(0).random((IMAGES, 3, 224, 224), np.float32)
    return np.ascontiguousarray(np.moveaxis(x, 1, -1)) if channels_last else x


def _keras() -> Subject:
    import keras

    model = keras.applications.MobileNetV2(weights=None, classifier_activation=None)
    return {"torch": _keras_torch, "jax": _keras_jax, "tensorflow": _keras_tensorflow}[keras.backend.backend()](model)


def _keras_torch(model: Any) -> Subject:
    import torch

    def gradient(rows: np.ndarray) -> Any:
        points = torch.tensor(rows, requires_grad=True)
        return torch.autograd.grad(model(points, training=False)[:, 0].sum(), points)

    def forward(rows: np.ndarray) -> Any:
        with torch.no_grad():
            return model(torch.from_numpy(rows), training=False)

    return Subject(model, _pictures(channels_last=True), forward, gradient)


def _keras_jax(model: Any) -> Subject:
    import jax

    trainable = [v.value for v in model.trainable_variables]
    others = [v.value for v in model.non_trainable_variables]

    @jax.jit
    def outputs(trainable: Any, others: Any, rows: Any) -> Any:
        return model.stateless_call(trainable, others, rows, training=False)[0]

    slopes = jax.jit(jax.value_and_grad(lambda rows, *weights: outputs(*weights, rows)[:, 0].sum()))
    return Subject(
        model,
        _pictures(channels_last=True),
        lambda rows: jax.block_until_ready(outputs(trainable, others, rows)),
        lambda rows: jax.block_until_ready(slopes(rows, trainable, others)),
    )


def _keras_tensorflow(model: Any) -> Subject:
    return _tensorflow(model, lambda rows: model(rows, training=False))


def _tensorflow(model: Any, call: Callable[[Any], Any]) -> Subject:
    import tensorflow as tf

    signature = [tf.TensorSpec((None, 224, 224, 3), tf.float32)]
    outputs = tf.function(call, input_signature=signature)

    @tf.function(input_signature=signature)
    def slopes(rows: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(rows)
            value = tf.reduce_sum(call(rows)[:, 0])
        return tape.gradient(value, rows)

    x = _pictures(channels_last=True)
    return Subject(model, x, lambda rows: outputs(rows).numpy(), lambda rows: slopes(rows).numpy())


def _tf_module() -> Subject:
    import tensorflow as tf

    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    import keras

    network = keras.applications.MobileNetV2(weights=None, classifier_activation=None)

    class Served(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weights = [v.value for v in network.variables]

        @tf.function(input_signature=[tf.TensorSpec((None, 224, 224, 3), tf.float32)])
        def __call__(self, rows: Any) -> Any:
            return network(rows, training=False)

    return _tensorflow(Served(), lambda rows: network(rows, training=False))


def _flax() -> Subject:
    import jax
    from flax import linen

    class Block(linen.Module):
        width: int
        stride: int = 1

        @linen.compact
        def __call__(self, x: Any) -> Any:
            norm = lambda: linen.BatchNorm(use_running_average=True)  # noqa: E731
            y = linen.relu(norm()(linen.Conv(self.width, (3, 3), self.stride)(x)))
            y = norm()(linen.Conv(self.width, (3, 3))(y))
            if x.shape != y.shape:
                x = linen.Conv(self.width, (1, 1), self.stride)(x)
            return linen.relu(x + y)

    class ResNet(linen.Module):
        """As many layers as ResNet-18 has."""

        @linen.compact
        def __call__(self, x: Any) -> Any:
            x = linen.relu(linen.Conv(64, (7, 7), 2)(x))
            x = linen.max_pool(x, (3, 3), (2, 2), "SAME")
            for width, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
                x = Block(width)(Block(width, stride)(x))
            return linen.Dense(1000)(x.mean((1, 2)))

    x = _pictures(channels_last=True)
    network = ResNet()
    variables = network.init(jax.random.key(0), x[:1])
    outputs = jax.jit(network.apply)
    slopes = jax.jit(jax.value_and_grad(lambda rows, variables: network.apply(variables, rows)[:, 0].sum()))
    return Subject(
        pl.wrap(network, variables, layout="NHWC"),
        x,
        lambda rows: jax.block_until_ready(outputs(variables, rows)),
        lambda rows: jax.block_until_ready(slopes(rows, variables)),
    )


def _onnx() -> Subject:
    import onnxruntime
    import torch

    from pellucid import demo

    network = demo.efficientnet_lite0().model
    program = torch.onnx.export(
        network, (torch.rand(2, 3, 224, 224),), input_names=["x"], dynamic_shapes=({0: "batch"},), dynamo=True, verbose=False
    )
    proto = program.model_proto
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    return Subject(proto, _pictures(channels_last=False), lambda rows: session.run(None, {"x": rows}))


def _sklearn() -> Subject:
    from sklearn.neural_network import MLPClassifier

    rng = np.random.default_rng(0)
    x = rng.normal(size=(2000, 64)).astype(np.float32)
    network = MLPClassifier((256, 256), max_iter=3, random_state=0)
    import warnings

    with warnings.catch_warnings(action="ignore"):
        network.fit(x, x[:, :10].argmax(1))
    model = pl.wrap(network, output="probabilities")
    return Subject(model, x[:64].astype(float), network.predict_proba, None, (512, TABLE_ROWS), table=True)


SUBJECTS: dict[str, Callable[[], Subject]] = {
    "keras-torch": _keras,
    "keras-jax": _keras,
    "keras-tensorflow": _keras,
    "tensorflow": _tf_module,
    "flax": _flax,
    "onnx": _onnx,
    "sklearn": _sklearn,
}


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(json.dumps([asdict(row) for row in one(sys.argv[1])]))
