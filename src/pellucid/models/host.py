"""Models that compute on the host, arrays in and arrays out: functions, scikit-learn, ONNX; a ``ModelView`` of NumPy arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..core import tree
from ..core.errors import CapabilityError, InputError
from ..core.targets import Layer, Neuron, RowTarget, Target
from ..core.types import MemoryFormat, Rows
from ..core.view import OUTPUT, Capability, Gradient, Inputs, Place, Spec
from .inside import Inside
from .reading import leaves_of
from .turns import numpy_seeded

Pull = Callable[[Any, Mapping[str, np.ndarray]], Mapping[str, np.ndarray]]
"""``pull(given, weights)``: the derivative of the sum of the outputs times ``weights`` (by output leaf), by input leaf."""

Back = Callable[[Mapping[str, np.ndarray]], Mapping[str, np.ndarray]]
Trace = Callable[[Any], tuple[Any, Back]]
"""``trace(given)``: the outputs, and ``back(weights)`` from there: a pull that shares work with the outputs."""

Call = Callable[[Any, Sequence[Layer], Mapping[Layer, np.ndarray]], tuple[Any, list[np.ndarray]]]
"""``call(given, keep, replace)``: the outputs, and those of the layers in ``keep``, with others replaced."""


@dataclass(frozen=True)
class Program:
    """A model on the host.

    Parameters
    ----------
    adapter
        What plans and errors call the adapter.
    subject
        The user's model.
    call
        Runs it; a model whose ``inside`` is closed is never asked for layers.
    pull
        Its gradient, where it has one.
    inside
        What can be found out about its layers.
    open_to_view
        Whether layers can be kept and replaced.
    whole
        What it is called in errors: ``"a function"``.
    why
        Why it has no gradient, as the end of a sentence.
    versions, device, notes
        As a plan says them.
    trace
        Its gradient in another form; it then is not asked to ``pull``, and must not write into what it is given.
    reals
        Whether whole numbers are numbers like any other to it: they are then given as float64.
    """

    adapter: str
    subject: Any
    call: Call
    pull: Pull | None = None
    inside: Inside = field(default_factory=Inside)
    open_to_view: bool = False
    whole: str = "the model"
    why: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    device: str = "cpu"
    notes: tuple[str, ...] = ()
    trace: Trace | None = None
    reals: bool = False


class HostView:
    """One program; see ``core.view.ModelView`` for what the methods promise."""

    def __init__(self, program: Program, spec: Spec) -> None:
        self.program, self.spec, self.inside = program, spec, program.inside
        self.adapter, self.subject = program.adapter, program.subject
        self.versions, self.device = program.versions, program.device
        differentiable = program.pull is not None or program.trace is not None
        self.notes: tuple[str, ...] = ()
        self.absent: Mapping[Capability, str] = {"gradient": program.why} if program.why and not differentiable else {}
        if not program.open_to_view:
            self.absent = {**self.absent, "layers": f"{program.whole} shows no layers"}
        found: dict[Capability, bool] = {
            "predict": True,
            "gradient": differentiable,
            "replace": program.open_to_view,
            "layers": program.open_to_view,
        }
        self.capabilities: frozenset[Capability] = frozenset(name for name, there in found.items() if there)

    def session(self, seed: int) -> AbstractContextManager[None]:
        """A model's state is its own; the global generator of NumPy is held still."""
        return numpy_seeded(seed)

    def inputs(self, x: Any) -> Inputs:
        """NumPy arrays; strings as an array of objects, so that rows of any length fit."""
        if (texts := _texts(x)) is not None:
            return Inputs({tree.BARE: texts}, tree.BARE, notes=self.program.notes)
        read = leaves_of(x, self.spec)
        leaves = {name: self._number(tree.on_host(leaf)) for name, leaf in read.leaves.items()}
        return Inputs(leaves, read.skeleton, self.spec.static, (*read.notes, *self.program.notes))

    def take(
        self, inputs: Inputs, rows: Rows, memory_format: MemoryFormat, leaves: Mapping[str, np.ndarray] | None = None
    ) -> Inputs:
        """Copies of the rows: the model may write into what it is given."""
        given = leaves or {}
        return inputs.put({n: np.array(given[n]) if n in given else np.take(a, rows, axis=0) for n, a in inputs.batched.items()})

    def predict(
        self,
        batch: Inputs,
        *,
        keep: Sequence[Layer] = (),
        replace: Mapping[Layer, Any] | None = None,
        prefix: Any = None,
    ) -> tuple[Any, list[Any]]:
        """One call."""
        if not self.program.open_to_view:
            for layer in (*keep, *(replace or {})):
                raise CapabilityError(f"{self.program.whole} shows no layers; {str(layer)!r} cannot be reached.")
        outputs, kept = self.program.call(_given(batch), keep, replace or {})
        return _numbers(outputs, self.program.whole, batch.samples), kept

    def prefix(self, row: Inputs, layers: Sequence[Layer]) -> None:
        """Nothing is kept of a row."""

    def gradient(
        self,
        batch: Inputs,
        targets: Sequence[RowTarget],
        rows: Rows,
        *,
        wrt: Sequence[Place],
        replace: Mapping[Layer, Any] | None = None,
        along: Sequence[Any] | None = None,
        moving: Mapping[Place, Any] | None = None,
    ) -> Gradient:
        """One call, and one way back per target."""
        whole = self.program.whole
        for layer in [place for place in (*wrt, *(replace or {})) if isinstance(place, Layer) and place != OUTPUT]:
            raise CapabilityError(f"{whole} has gradients at its inputs alone; {str(layer)!r} cannot be reached.")
        for wish in [target.wish for target in targets if isinstance(target.wish, (Target, Neuron))]:
            raise CapabilityError(
                f"{whole} is differentiated at its outputs, and {wish} is not one of them: give an index or a class as target."
            )
        outputs, back = self._traced(batch)
        named = tree.flatten(outputs)
        values, gradients, output = [], [], None
        for target in targets:
            values.append(target.evaluate(outputs, rows))
            weights = _weights(target, named, rows)
            found: dict[Place, np.ndarray] = dict(back(weights))
            if OUTPUT in wrt:
                (leaf,) = [name for name, weight in weights.items() if weight.any()]
                found[OUTPUT], output = weights[leaf], named[leaf]
            if lacking := [place for place in wrt if place not in found]:
                raise InputError(f"the gradient of {whole} holds nothing for input {str(lacking[0])!r}; leave that out of wrt=.")
            gradients.append(tuple(found[place] for place in wrt))
        points = tuple(batch.leaves[place] if isinstance(place, str) else output for place in wrt)
        return Gradient(tuple(values), tuple(gradients), points, tree.plain(outputs))

    def _number(self, leaf: np.ndarray) -> np.ndarray:
        return leaf.astype(np.float64) if self.program.reals and leaf.dtype.kind in "biu" else leaf

    def _traced(self, batch: Inputs) -> tuple[Any, Back]:
        """Outputs, and the way back from them."""
        program = self.program
        if program.trace is not None:
            outputs, back = program.trace(_given(batch))
            return _numbers(outputs, program.whole, batch.samples), back
        if program.pull is None:
            why = f" ({program.why})" if program.why else ""
            raise CapabilityError(f"{program.whole} has no gradient{why}; methods that need 'predict' alone work.")
        pull = program.pull
        return self.predict(_copied(batch))[0], lambda weights: pull(_given(_copied(batch)), weights)

    def out_of_memory(self, error: BaseException) -> bool:
        """By type."""
        return isinstance(error, MemoryError)

    def to_native(self, array: Any) -> np.ndarray:
        """A NumPy array."""
        return tree.on_host(array)

    def to_numpy(self, array: Any) -> np.ndarray:
        """A copy; strings of one length."""
        array = np.array(array)
        return array.astype(str) if array.dtype == object else array


def _given(batch: Inputs) -> Any:
    """What the model takes: arrays, a list of strings, or a frame of the user's columns."""
    if batch.rows_as is not None:
        return batch.rows_as(batch.leaves[tree.BARE])
    given = batch.tree()
    return given.tolist() if isinstance(given, np.ndarray) and given.dtype == object else given


def _copied(batch: Inputs) -> Inputs:
    """For a model that may write into what it is given."""
    return batch.put({name: np.array(leaf) for name, leaf in batch.batched.items()})


def _weights(target: RowTarget, outputs: Mapping[str, np.ndarray], rows: Rows) -> dict[str, np.ndarray]:
    """The derivative of a target at the outputs: a one where it reads."""
    assert target.indices is not None
    weights = {name: np.zeros_like(leaf, shape=leaf.shape or (1,)) for name, leaf in outputs.items()}
    weights[target.leaf or ""][(np.arange(len(rows)), *target.indices[rows].T)] = 1
    return weights


def _texts(x: Any) -> np.ndarray | None:
    """A batch of strings as objects; ``None`` for anything else."""
    if isinstance(x, str):
        raise InputError("x is one string; a batch is a list of strings: [x].")
    listed = x.tolist() if hasattr(x, "tolist") and getattr(x, "ndim", 0) == 1 else x
    if not isinstance(listed, (list, tuple)) or not any(isinstance(text, str) for text in listed):
        return None
    for number, text in enumerate(listed):
        if not isinstance(text, str):
            raise InputError(f"x holds strings, and {text!r} at {number}; a text that is missing is an empty string.")
    texts = np.empty(len(listed), object)
    texts[:] = listed
    return texts


def _numbers(outputs: Any, whole: str, rows: int) -> Any:
    """Outputs as NumPy arrays, whatever framework the model computes in."""

    def number(leaf: Any) -> np.ndarray:
        array = tree.on_host(leaf.toarray() if hasattr(leaf, "toarray") else leaf)
        if array.dtype.kind not in "biuf":
            raise InputError(f"{whole} returned {array.dtype} and not numbers; return scores or probabilities.")
        return array if array.dtype.kind == "f" and array.dtype.itemsize >= 4 else array.astype(float)

    if isinstance(outputs, (list, tuple)) and outputs:
        shapes = {tuple(getattr(item, "shape", ("no array",))) for item in outputs}
        if all(np.ndim(item) == 0 or (np.ndim(item) == 1 and not hasattr(item, "shape")) for item in outputs):
            return number([tree.on_host(item) for item in outputs])
        if isinstance(outputs, list) and len(outputs) == rows != 1 and len(shapes) == 1 and rows not in next(iter(shapes))[:1]:
            raise InputError(f"{whole} returned a list with one array for each row; join them: np.stack(outputs).")
    found = tree.map_leaves(number, outputs)
    if not tree.flatten(found):
        raise InputError(f"{whole} returned {'nothing' if outputs is None else repr(outputs)}; return an array of scores.")
    return found
