"""What importing Pellucid must not cost, and explaining a model: no framework that the model does not use."""

import json
import os
import subprocess
import sys

import pytest

FRAMEWORKS = ("torch", "jax", "flax", "tensorflow", "keras", "onnx", "onnxruntime", "onnx2torch")
HEAVY = (*FRAMEWORKS, "matplotlib", "pandas", "captum", "shap", "skimage", "skops", "ray")


def _loaded(code: str, using: str = "", **environment: str) -> set[str]:
    """The heavy packages that ``code`` loads, beyond those that are there after ``using``: its framework brings its own."""
    script = f"""
import sys, json
def loaded():
    return {{module.partition(".")[0] for module in sys.modules}} & {set(HEAVY)}
{using}
before = loaded()
{code}
print(json.dumps(sorted(loaded() - before)))
"""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **environment}
    command = [sys.executable, "-W", "error", "-c", script]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert not ran.returncode, ran.stderr
    return set(json.loads(ran.stdout.strip().splitlines()[-1]))


def test_importing_pellucid_loads_no_framework():
    assert not _loaded("import pellucid")


def test_the_catalog_loads_no_framework():
    assert not _loaded("import pellucid as pl; repr(pl.methods()); pl.methods()['grad-cam']")


def test_torch_models_that_were_never_compiled_do_not_load_the_compiler():
    _loaded(
        "import torch, pellucid as pl, sys; pl.explain(torch.nn.Linear(2, 2), torch.ones(1, 2));"
        "assert 'torch._dynamo' not in sys.modules"
    )


ROWS = "import numpy as np; x = np.ones((2, 3), np.float32)"
MADE = {
    "torch": "import torch; model = torch.nn.Linear(3, 2)",
    "jax": "import jax; model = jax.jit(lambda x: x * 2)",
    "linen": """
import jax
from flax import linen
model = linen.Dense(2)
model = model.bind(model.init(jax.random.key(0), x))
""",
    "nnx": "from flax import nnx; model = nnx.Linear(3, 2, rngs=nnx.Rngs(0))",
    "sklearn": """
from sklearn.linear_model import LinearRegression
model = LinearRegression().fit([[0, 1, 2], [1, 0, 5]], [0, 1])
""",
    "onnx": """
import onnxruntime
from onnx import TensorProto, helper
graph = helper.make_graph(
    [helper.make_node("Tanh", ["x"], ["y"])],
    "tanh",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["samples", 3])],
    [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["samples", 3])],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
""",
    "tensorflow": """
import tensorflow as tf
class Doubled(tf.Module):
    @tf.function
    def __call__(self, x):
        return 2 * x
model = Doubled()
model(x)
""",
    "function": "import pellucid as pl; model = pl.wrap(lambda x: x * 2)",
}
"""A model of each kind as its user makes it."""

EXPLAIN = "import pellucid as pl; pl.explain(model, x, target=0, method={method!r}, **{options})"
GRADIENTS = EXPLAIN.format(method="integrated-gradients", options={"steps": 2})
OUTPUTS = EXPLAIN.format(method="shapley", options={"budget": 10})


@pytest.mark.parametrize("kind", MADE)
def test_explaining_loads_no_other_framework(kind):
    explained = OUTPUTS if kind in ("onnx", "function") else GRADIENTS
    assert not _loaded(explained, f"{ROWS}\n{MADE[kind]}")


@pytest.mark.parametrize("backend", ["torch", "jax", "tensorflow"])
def test_explaining_with_keras_loads_what_its_backend_loads(backend, tmp_path):
    made = f"{ROWS}; import keras; model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]); model(x)"
    assert not _loaded(GRADIENTS, made, KERAS_BACKEND=backend, KERAS_HOME=str(tmp_path))
