"""The graph as a torch module, where onnx2torch converts it: that is where gradients come from.

Nothing is trusted of the conversion: its outputs are compared with onnxruntime's for the rows that are explained. Import this
where onnx2torch is installed.
"""

from __future__ import annotations

import importlib
import math
import re
import warnings
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from onnx.version_converter import convert_version
from torch import Tensor, nn

from ...core import tree
from ...core.errors import CapabilityError
from ...core.targets import Layer, RowTarget
from ...core.types import Rows
from ...core.view import Gradient, Inputs, Place, Spec
from ..layers import Seen
from ..torch.module import ModuleProgram
from ..torch.view import TorchView
from .answers import Answers
from .feeds import Inputs as Taken
from .graph import Graph
from .layers import GraphLayers

TOLERANCE = 1e-4
"""Most that outputs may differ from onnxruntime's, as a share of the largest output; in half precision its rounding is more."""

OLDER = 17
"""A version of the operators of which onnx2torch knows nearly all; newer graphs are brought to it where they must."""

_OPERATOR = re.compile(r"operation_type='(\w+)'")


def convert(graph: Graph, answers: Answers) -> nn.Module | str:
    """The converted network, or why there is none.

    Raises
    ------
    ImportError
        If onnx2torch, or what it needs, is not there.
    """
    package = importlib.import_module("onnx2torch")
    makers = [graph.maker(tensor) for tensor in answers.tensors]
    if any(a is b for at, a in enumerate(makers) for b in makers[:at]):
        return "onnx2torch cannot tell apart two outputs of one node"
    model, reason = graph.part(answers.tensors), ""
    version = next((each.version for each in model.opset_import if each.domain == ""), OLDER)
    for newest in (None, *([OLDER] if version > OLDER else [])):
        try:
            with warnings.catch_warnings(action="ignore"):  # of two libraries about each other
                older = model if newest is None else convert_version(model, newest)
                return package.convert(older, attach_onnx_mapping=True).eval().requires_grad_(False)
        except Exception as error:  # what a conversion can raise has no end; why it failed is told
            operator = _OPERATOR.search(str(error))
            said = str(error).partition("\n")[0]
            reason = f"onnx2torch cannot convert {operator[1]}" if operator else f"onnx2torch cannot convert the graph: {said}"
    return reason


class Converted(nn.Module):
    """A converted network that takes and gives what the graph does."""

    def __init__(self, network: nn.Module, graph: Graph, takes: Taken, answers: Answers) -> None:
        super().__init__()
        self.network = network
        self._graph, self._takes, self._answers = graph, takes, answers
        # bytes of pictures stay floats, which have a derivative: the graph makes floats of them itself
        types = {each.name: each.working if each.dtype == np.uint8 else each.dtype for each in takes.all}
        self._dtypes = {name: torch.from_numpy(np.empty(0, dtype)).dtype for name, dtype in types.items()}
        self._index = [list(node.output).index(t) if (node := graph.maker(t)) else 0 for t in answers.tensors]

    def forward(self, *listed: Any, **named: Any) -> Any:
        """One pass."""
        given = named or (listed if len(listed) > 1 else listed[0])
        leaves = tree.flatten(given)
        names = self._takes.names_of(list(leaves), given)
        by_name = {names[leaf]: tensor.to(self._dtypes[names[leaf]]) for leaf, tensor in leaves.items()}
        outputs = self.network(*(by_name[name] for name in self._takes.by_name))
        listed_outputs = [outputs] if len(self._index) == 1 else outputs
        tensors = [o if isinstance(o, Tensor) else o[at] for o, at in zip(listed_outputs, self._index, strict=True)]
        return self._answers.shaped(tensors)

    def layers(self, subject: Any, turned: Collection[str]) -> GraphLayers:
        """The nodes of the graph, watched in the modules that stand for them; ``turned`` tensors are seen channels last."""
        tensors = self._graph.layers
        makers = {m.onnx_mapping.outputs[0]: m for m in self.network.children() if hasattr(m, "onnx_mapping")}

        @contextmanager
        def watched(names: Collection[str] | None, seen: Seen) -> Generator[None]:
            wanted = [*tensors, ""] if names is None else names
            modules = [(name, makers.get(tensors[name]) if name else self) for name in wanted]
            handles = [
                module.register_forward_hook(_hook(name, seen, tensors.get(name) in turned)) for name, module in modules if module
            ]
            try:
                yield
            finally:
                for handle in handles:
                    handle.remove()

        output, takes = self._answers.tensors[0], str(self._takes)
        return GraphLayers(subject, self._graph, output, takes, watch=watched, native=torch.from_numpy)


class Gradients:
    """The converted network seen through PyTorch, under the names of the graph."""

    def __init__(self, module: Converted, subject: Any, turned: Collection[str], spec: Spec) -> None:
        self._layers = module.layers(subject, turned)
        program = ModuleProgram(module)
        program.layers = self._layers
        self.view = TorchView(program, spec)
        self.tolerance = max(TOLERANCE, 16 * torch.finfo(self.view.dtype).eps)
        self.difference = 0.0

    def at(
        self,
        batch: Inputs,
        targets: Sequence[RowTarget],
        rows: Rows,
        *,
        wrt: Sequence[Place],
        replace: Mapping[Layer, Tensor],
        along: Sequence[Tensor] | None,
        moving: Mapping[Place, Tensor],
    ) -> Gradient:
        """As ``core.view.ModelView.gradient`` has it, at layers by whatever name."""
        return self.view.gradient(
            batch,
            targets,
            rows,
            wrt=[self._named(place) for place in wrt],
            replace={self._named(layer): tensor for layer, tensor in replace.items()},
            along=along,
            moving={self._named(place): tensor for place, tensor in moving.items()},
        )

    def agree(self, outputs: Any, expected: Any) -> None:
        """Refuse outputs that are not onnxruntime's.

        Raises
        ------
        CapabilityError
            If they differ by more than rounding explains.
        """
        for found, wanted in zip(tree.flatten(outputs).values(), tree.flatten(expected).values(), strict=True):
            same = tuple(found.shape) == tuple(wanted.shape)
            difference = _difference(found.double(), wanted.double()) if same else math.inf
            if not difference <= self.tolerance:
                shapes = f"{tuple(found.shape)} for {tuple(wanted.shape)}"
                said = f"by {difference:.2g} of the largest" if same else f"in shape, {shapes},"
                raise CapabilityError(
                    "the onnx adapter has no 'gradient' here: the converted network, which onnx2torch made of the graph, differs "
                    f"{said} from onnxruntime's outputs on this batch. Methods that need 'predict' alone work: see pl.methods()."
                )
            self.difference = max(self.difference, difference)

    def _named(self, place: Any) -> Any:
        """A layer by the name of its node."""
        return Layer(self._layers.named(place), place.call) if isinstance(place, Layer) else place


def _hook(name: str, seen: Seen, turned: bool) -> Callable[[nn.Module, tuple[Any, ...], Any], Any]:
    def hook(_module: nn.Module, args: tuple[Any, ...], output: Any) -> Any:
        if not (turned and isinstance(output, Tensor) and output.ndim == 4):
            return seen(name, args, output)
        changed = seen(name, args, output.permute(0, 2, 3, 1))
        return None if changed is None else changed.permute(0, 3, 1, 2)

    return hook


def _difference(found: Tensor, wanted: Tensor) -> float:
    """The largest, as a share of the largest number; what is NaN or infinite must be so in both."""
    finite = wanted.isfinite()
    if (found.isfinite() != finite).any():
        return math.inf
    if not finite.any():
        return 0.0
    largest = float(wanted[finite].abs().max())
    return float((found - wanted)[finite].abs().max()) / (largest or 1.0)
