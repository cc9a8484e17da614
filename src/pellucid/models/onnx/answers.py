"""What a graph gives: which of its outputs are explained, and whether logits lie before them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from onnx import TensorProto

from ...core.errors import CapabilityError
from ...core.types import OutputKind
from .graph import Graph
from .runtime import Value, element

SQUASHING = ("Softmax", "Sigmoid")


@dataclass(frozen=True)
class Answers:
    """The outputs that are read: names as a user sees them, and the tensors behind them.

    ``classes`` are those that the graph knows; where all outputs are probabilities although there are logits, ``squashed`` says
    which operators make them so.
    """

    names: tuple[str, ...]
    tensors: tuple[str, ...]
    classes: tuple[str, ...] | None = None
    squashed: str = ""
    notes: tuple[str, ...] = ()

    def shaped(self, arrays: Sequence[Any]) -> Any:
        """One output as it is, several by name."""
        return arrays[0] if len(self.names) == 1 else dict(zip(self.names, arrays, strict=True))


def answers(values: Sequence[Value], graph: Graph | None, output: OutputKind) -> Answers:
    """Read off a graph's outputs.

    Tensors of floats come first: a classifier of scikit-learn gives its label before the probabilities. Those are read before
    they become maps of class to probability.

    Raises
    ------
    CapabilityError
        If none of the outputs is a tensor of numbers.
    """
    found: list[tuple[bool, str, str]] = []
    classes: tuple[str, ...] | None = None
    squashed, notes, left_out = list[str](), list[str](), list[str]()
    for value in values:
        tensor, kind = value.name, element(value.kind)
        node = None if graph is None else graph.maker(tensor)
        if node is not None and node.op_type == "ZipMap":
            tensor, kind = node.input[0], TensorProto.FLOAT
            classes = _classes(node)
        if kind in (None, TensorProto.STRING):
            left_out.append(value.name)
            continue
        head = None if graph is None else graph.maker(graph.source(tensor))
        if head is not None and output == "logits" and head.op_type in (*SQUASHING, "LogSoftmax"):
            tensor = head.input[0]
            notes.append(f"the logits are explained: what the graph gives to its last {head.op_type}")
        elif head is not None and output == "unknown" and head.op_type in SQUASHING:
            squashed.append(f"{head.op_type} ({value.name!r})")
        found.append((kind not in (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16), value.name, tensor))
    if not found:
        raise CapabilityError(f"the graph gives no tensor of numbers: {', '.join(f'{v.name} ({v.kind})' for v in values)}.")
    if left_out:
        notes.append(f"output {', '.join(left_out)} holds no numbers and is left out")
    if squashed and len(squashed) < sum(not other for other, *_ in found):  # what is explained may be another output
        notes.append(f"probabilities are those of {', '.join(squashed)}; pl.wrap(model, output='logits') gives what comes before")
        squashed = []
    found.sort(key=lambda each: each[0])
    names, tensors = tuple(name for _, name, _ in found), tuple(tensor for _, _, tensor in found)
    return Answers(names, tensors, classes, ", ".join(squashed), tuple(notes))


def _classes(node: Any) -> tuple[str, ...]:
    held = {attribute.name: attribute for attribute in node.attribute}
    if "classlabels_strings" in held:
        return tuple(label.decode() for label in held["classlabels_strings"].strings)
    return tuple(str(label) for label in held["classlabels_int64s"].ints)
