"""What hostile files are made of: a payload that leaves a mark, archives with members exchanged, a small file of each kind."""

import functools
import io
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import joblib
import numpy as np
import onnx
import skops.io
import torch
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save_file
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

MARK = "pwned"
"""The file that a payload makes in the current folder."""

CODE = f"__import__('pathlib').Path({MARK!r}).touch()"
"""The same as source code."""


class Touches:
    """An object that leaves the mark when it is unpickled."""

    def __reduce__(self):
        return Path.touch, (Path(MARK),)


def pickled(held: object = None) -> bytes:
    return pickle.dumps(Touches() if held is None else held)


def edited(source: str | Path, target: str | Path, *changes: tuple[str, bytes | str | Callable[[bytes], bytes] | None]) -> Path:
    """A copy of an archive; each change is the end of a member's name and its new content, or what makes it of the old one."""
    with zipfile.ZipFile(source) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    root = next(iter(members)).partition("/")[0]
    for name, content in changes:
        found = next((full for full in members if full == name or full.endswith(f"/{name}")), None)
        full = found or (name.removeprefix("//") if name.startswith("//") else f"{root}/{name}")
        if content is None:
            members.pop(full)
        elif callable(content):
            members[full] = content(members[full])
        else:
            members[full] = content.encode() if isinstance(content, str) else content
    with zipfile.ZipFile(target, "w") as out:
        for name, content in members.items():
            out.writestr(name, content)
    return Path(target)


def in_json(change: Callable[[dict], None]) -> Callable[[bytes], bytes]:
    """What changes a member that is JSON."""

    def made(content: bytes) -> bytes:
        held = json.loads(content)
        change(held)
        return json.dumps(held).encode()

    return made


def torch_bytes(held: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(held, buffer)
    return buffer.getvalue()


def layer(kind: str, module: str | None = "keras.layers", name: str | None = None, **config: object) -> dict:
    named = {"name": name or kind.lower(), **config}
    return {"module": module, "class_name": kind, "config": named, "registered_name": None}


def network(*layers: dict, **more: object) -> dict:
    first = layer("InputLayer", batch_shape=[None, 4], dtype="float32")
    return {"module": "keras", "class_name": "Sequential", "config": {"name": "net", "layers": [first, *layers]}, **more}


def keras_archive(path: str, config: dict | None = None, weights: bytes | None = None, deflated: bool = False) -> str:
    """An archive as Keras writes it, without Keras."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED if deflated else zipfile.ZIP_STORED) as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.15.1", "date_saved": "2026-01-01@00:00:00"}))
        archive.writestr("config.json", json.dumps(network(layer("Dense", units=3)) if config is None else config))
        archive.writestr("model.weights.h5", hdf5_bytes() if weights is None else weights)
    return path


def hdf5_bytes(fill=lambda file: None) -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file["layers/dense/vars/0"] = np.ones((4, 3), np.float32)
        file["layers/dense/vars/1"] = np.zeros(3, np.float32)
        fill(file)
    return buffer.getvalue()


def estimator():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 4))
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(x, x[:, 0] > 0)


def graph(weights: np.ndarray) -> onnx.ModelProto:
    made = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3])],
        [numpy_helper.from_array(weights, "w")],
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def onnx_file(path: str = "net.onnx") -> str:
    onnx.save(graph(np.ones((4, 3), np.float32)), path)
    return path


def program() -> bytes:
    buffer = io.BytesIO()
    torch.export.save(torch.export.export(torch.nn.Linear(4, 3), (torch.ones(2, 4),)), buffer)
    return buffer.getvalue()


def scripted() -> bytes:
    buffer = io.BytesIO()
    with torch.no_grad():
        torch.jit.save(torch.jit.trace(torch.nn.Linear(4, 3), torch.ones(1, 4)), buffer)
    return buffer.getvalue()


@functools.cache
def valid(kind: str) -> bytes:
    """A small file of each kind; those that are pickles hold a payload."""
    state = torch.nn.Linear(4, 3).state_dict()
    buffer = io.BytesIO()
    if kind == "safetensors":
        save_file({"weight": np.ones((3, 4), np.float32), "bias": np.zeros(3, np.float32)}, "made.safetensors", {"format": "pt"})
        return Path("made.safetensors").read_bytes()
    if kind == "torch":
        return torch_bytes(state)
    if kind == "legacy":
        torch.save(state, buffer, _use_new_zipfile_serialization=False)
    elif kind == "module":
        return torch_bytes({"state": state, "extra": Touches()})
    elif kind == "exported":
        return program()
    elif kind == "torchscript":
        return scripted()
    elif kind == "keras":
        return Path(keras_archive("made.keras")).read_bytes()
    elif kind == "hdf5":
        return hdf5_bytes(lambda file: file.attrs.update(model_config=json.dumps(network(layer("Lambda")))))
    elif kind == "onnx":
        return graph(np.ones((4, 3), np.float32)).SerializeToString()
    elif kind == "skops":
        skops.io.dump(estimator(), buffer)
    elif kind == "joblib":
        joblib.dump([estimator(), Touches()], buffer)
    elif kind == "pickle":
        pickle.dump([np.ones(4), Touches()], buffer)
    return buffer.getvalue()


KIND_OF = {"legacy": "torch", "module": "torch", "joblib": "pickle"}
ALL = [
    "safetensors", "torch", "legacy", "module", "exported", "torchscript", "keras", "hdf5", "onnx", "skops", "joblib", "pickle"
]  # fmt: skip


CONFIGS = {
    "units of 1,000,000,000,000 where the weights are 15 numbers": network(layer("Dense", units=10**12)),
    "an input of 1,000,000,000,000 numbers": network(layer("Reshape", target_shape=[10**6, 10**6])),
    "the Lambda layer 'lambda'": network(layer("Lambda")),
    "the Lambda layer 'deep'": network(layer("Bidirectional", layer=network(layer("Lambda", name="deep")))),
    "a Python function as bytecode": network(
        layer("Dense", activation={"class_name": "__lambda__", "config": {"value": "4wEA"}})
    ),
    "the custom object 'pack>Mine'": network({**layer("Mine", None), "registered_name": "pack>Mine"}),
    "the custom object 'Mine'": network({**layer("Mine", None), "registered_name": "Mine"}),
    "the custom function 'mine'": network(
        layer("Dense", activation={"module": "builtins", "class_name": "function", "config": "mine"})
    ),
    "os.system": network({"module": "os", "class_name": "function", "config": "system", "registered_name": "system"}),
    "keras.utils.get_file": network({"module": "keras.utils", "class_name": "function", "config": "get_file"}),
    "keras.config.enable_unsafe_deserialization": network(layer("enable_unsafe_deserialization", "keras.config")),
    "keras.src.utils.torch_utils.Other": network(layer("Other", "keras.src.utils.torch_utils")),
    "keras_hub.layers.Thing": network(layer("Thing", "keras_hub.layers")),
    "the pickled torch module 'torchmodulewrapper'": network(layer("TorchModuleWrapper", module={"__class__": "x"})),
    "the TensorFlow program from another folder": network(layer("TFSMLayer", filepath="/elsewhere")),
    "the JAX program": network(layer("JaxLayer")),
    "the StringLookup layer 'stringlookup', which reads the file '/etc/passwd'": network(
        layer("StringLookup", vocabulary="/etc/passwd")
    ),
    "a type that is looked up by its name": network(
        layer("Dense", x={"class_name": "__typespec__", "config": [], "module": "os"})
    ),
}
