"""EfficientNet-Lite0 as ONNX: exported from torch, and an int8 copy of it as it would be deployed.

Every node has the name of the Keras twin's layer (``block3_expand_relu``), and so has its output. Normalisation is folded into
the convolutions by the exporter.
"""

import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import torch
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from torch import nn

from twins.efficientnet import pictures, trained

CROPS = (1.0, 0.875, 0.7, 0.5)
"""How much of each photo calibration sees."""


class _Exported(nn.Module):
    """The trained network with the mean in words that export as one node."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.network._fc(self.network.extract_features(x).mean((2, 3)))


def exported() -> onnx.ModelProto:
    """The trained network: input ``x`` (NCHW, a batch of any size), output ``logits``."""
    sample = torch.zeros(2, 3, 224, 224)
    shapes = {"x": {0: torch.export.Dim("samples")}}
    quiet = logging.getLogger("torch.onnx._internal.exporter._registration")  # says that torchvision is not installed
    level = quiet.level
    quiet.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            # torch.export looks at its own trees in a way that torch deprecates
            warnings.filterwarnings("ignore", r"`isinstance\(treespec, LeafSpec\)` is deprecated", FutureWarning)
            program = torch.onnx.export(
                _Exported(trained()).eval(),
                (sample,),
                dynamo=True,
                verbose=False,
                input_names=["x"],
                output_names=["logits"],
                dynamic_shapes=shapes,
            )
    finally:
        quiet.setLevel(level)
    model = program.model_proto
    _rename(model.graph)
    onnx.checker.check_model(model, full_check=True)
    return model


def _rename(graph: onnx.GraphProto) -> None:
    """Nodes and their outputs get the names of the Keras twin's layers; torch's records of its source are dropped."""
    parts: dict[str, str] = {}  # tensor -> the part of the network that made it, such as "block3_expand"
    new = {constant.name: constant.name.removeprefix("network.") for constant in graph.initializer}
    for constant in graph.initializer:
        constant.name = new[constant.name]
    for node in graph.node:
        match node.op_type:
            case "Conv":
                part = _part(new[node.input[1]])
                name = f"{part}_conv"
            case "Clip":
                part = parts[node.input[0]]
                name = f"{part}_relu"
            case "Add":
                part = parts[node.input[0]].partition("_")[0]
                name = f"{part}_add"
            case _:
                part = name = {"ReduceMean": "average", "Gemm": "logits"}[node.op_type]
        parts[node.output[0]], new[node.output[0]] = part, name
        node.name, node.output[0] = name, name
        node.input[:] = [new.get(tensor, tensor) for tensor in node.input]
        del node.metadata_props[:]
    del graph.value_info[:]


def _part(weight: str) -> str:
    """``"block3_expand"`` for ``"_blocks.3._expand_conv.weight"``, ``"stem"`` for ``"_conv_stem.weight"``."""
    *owners, layer, _ = weight.split(".")
    return f"block{owners[1]}_{layer.strip('_').removesuffix('_conv')}" if owners else layer.removeprefix("_conv_")


def write(folder: Path) -> Path:
    """The exported network as a file."""
    path = folder / "efficientnet_lite0.onnx"
    onnx.save(exported(), path)
    return path


def write_int8(folder: Path, trained: Path) -> Path:
    """An int8 copy of it: weights by output channel, calibrated on the demo's photos.

    ReLU6 is the range of its output's quantisation there: what ``head_relu`` holds is in ``head_relu_DequantizeLinear_Output``.
    """
    prepared, path = folder / "efficientnet_lite0_prepared.onnx", folder / "efficientnet_lite0_int8.onnx"
    quant_pre_process(trained, prepared, skip_optimization=True, skip_symbolic_shape=True)
    quantize_static(
        prepared,
        path,
        _Photos(),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )
    return path


class _Photos(CalibrationDataReader):
    """One crop of all photos after the other."""

    def __init__(self) -> None:
        self.batches: Iterator[np.ndarray] = (pictures(crop) for crop in CROPS)

    def get_next(self) -> dict[str, np.ndarray] | None:
        batch = next(self.batches, None)
        return None if batch is None else {"x": batch}
