"""An ``onnx.ModelProto`` or an ``onnxruntime.InferenceSession`` as a program that is explained: what is read of it, and how."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
from typing import Any

import onnx
import onnxruntime

from ...core.errors import CapabilityError
from ...core.warned import warn
from ..wrap import Wrapped
from .answers import Answers, answers
from .feeds import Inputs
from .graph import Graph
from .network import Network, of_model, of_session
from .view import OnnxView, Opened

CHANNELS = (1, 3, 4)
"""Sizes that an image's axis of channels has."""


def view(wrapped: Wrapped) -> OnnxView:
    """A graph seen through onnxruntime."""
    model, plain = wrapped.model, None
    if isinstance(model, onnxruntime.InferenceSession):
        network, plain = of_session(model), model
    elif isinstance(model, onnx.ModelProto):
        network = of_model(model)
    else:
        raise CapabilityError(
            f"the onnx adapter explains an onnx.ModelProto or an onnxruntime.InferenceSession; got {type(model).__name__}."
        )
    takes, graph = Inputs(network.inputs), network.graph
    gives = answers(network.outputs, graph, wrapped.spec.output)
    if plain is None and network.sessions is not None:
        network.sessions.of(gives.tensors)  # a graph that does not run is refused here
    spec = wrapped.laid_out("NHWC" if _channels_last(graph, takes) else "NCHW")
    if gives.squashed:
        warn(
            f"probabilities are explained: the graph ends in {gives.squashed}. Where a model is sure these hardly change. "
            "pl.wrap(model, output='logits') explains what comes before; pl.wrap(model, output='probabilities') says that they "
            "are meant.",
        )
        spec = dataclasses.replace(spec, output="probabilities")
    spec = dataclasses.replace(spec, classes=spec.classes or gives.classes)
    turned = _turned(graph, takes) if spec.layout == "NHWC" else frozenset()
    gradients, why = _gradients(network, takes, gives, turned, spec)
    return OnnxView(Opened(network, plain, takes, gives, turned, gradients, why), spec)


def _images(takes: Inputs) -> list[str]:
    return [each.name for each in takes.all if each.shape is not None and len(each.shape) == 4]


def _channels_last(graph: Graph | None, takes: Inputs) -> bool:
    """Whether images come with their channels last: the graph turns them, or no other axis is that small."""
    for name in _images(takes):
        turned = None if graph is None else graph.reads_channels_last(name)
        if turned is not None:
            return turned
        _, first, _, last = takes.by_name[name].shape or ()
        return last in CHANNELS and first not in CHANNELS
    return False


def _turned(graph: Graph | None, takes: Inputs) -> frozenset[str]:
    """Tensors whose channels come first all the same: they are seen with these last, as the images are."""
    return frozenset() if graph is None else frozenset(graph.channels_first(_images(takes)))


def _gradients(network: Network, takes: Inputs, gives: Answers, turned: frozenset[str], spec: Any) -> tuple[Any, str]:
    """Gradients, or why there are none. Nothing is imported where onnx2torch is not installed."""
    if network.graph is None:
        return None, network.why
    if importlib.util.find_spec("onnx2torch") is None:
        return None, "onnx2torch is not installed: pip install onnx2torch"
    try:
        gradient = importlib.import_module(f"{__package__}.gradient")
        if gives.tensors not in network.converted:
            network.converted[gives.tensors] = gradient.convert(network.graph, gives)
    except ImportError as error:
        return None, f"onnx2torch cannot be imported: {error}"
    converted = network.converted[gives.tensors]
    if isinstance(converted, str):
        return None, converted
    return gradient.Gradients(gradient.Converted(converted, network.graph, takes, gives), network, turned, spec), ""
