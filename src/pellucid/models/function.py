"""Any function from a batch to outputs as a ``ModelView``: passes only; rows of numbers, of a frame, or strings."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

import numpy as np

from ..core import tree
from ..core.errors import CapabilityError, InputError
from ..core.targets import Layer, RowTarget
from ..core.types import MemoryFormat, Rows
from ..core.view import Capability, Gradient, Inputs, LayerInfo, Place, Spec
from .reading import leaves_of


class FunctionView:
    """One function; see ``core.view.ModelView`` for what the methods promise.

    ``rows_as``, where it is set, makes what the function takes of the one leaf's rows: a frame of the user's columns.
    """

    adapter = "function"
    capabilities: frozenset[Capability] = frozenset({"predict"})
    device = "cpu"
    versions: Mapping[str, str] = {}

    def __init__(self, function: Callable[..., Any], spec: Spec) -> None:
        if not callable(function):
            raise CapabilityError(f"pl.wrap takes a model or a function of a batch; got {type(function).__name__}.")
        self.function = self.subject = function
        self.spec = spec
        self.rows_as: Callable[[np.ndarray], Any] | None = None

    @contextmanager
    def session(self, seed: int) -> Generator[None]:
        """A function's state is its own; the global generator of NumPy is held still."""
        state = np.random.get_state()  # noqa: NPY002 (a user's function may draw from it)
        np.random.seed(seed % 2**32)  # noqa: NPY002
        try:
            yield
        finally:
            np.random.set_state(state)  # noqa: NPY002

    def inputs(self, x: Any) -> Inputs:
        """NumPy arrays; strings as an array of objects, so that rows of any length fit."""
        if (texts := _texts(x)) is not None:
            return Inputs({tree.BARE: texts}, tree.BARE)
        read = leaves_of(x, self.spec)
        return Inputs(
            {name: np.asarray(leaf) for name, leaf in read.leaves.items()}, read.skeleton, self.spec.static, tuple(read.notes)
        )

    def take(
        self, inputs: Inputs, rows: Rows, memory_format: MemoryFormat, leaves: Mapping[str, np.ndarray] | None = None
    ) -> Inputs:
        """Packed rows."""
        given = leaves or {}
        return inputs.put({n: given[n] if n in given else np.take(a, rows, axis=0) for n, a in inputs.batched.items()})

    def predict(
        self,
        batch: Inputs,
        *,
        keep: Sequence[Layer] = (),
        replace: Mapping[Layer, Any] | None = None,
        prefix: Any = None,
    ) -> tuple[Any, list[Any]]:
        """One call."""
        for layer in (*keep, *(replace or {})):
            raise CapabilityError(f"a function shows no layers; {str(layer)!r} cannot be reached.")
        given = batch.tree() if self.rows_as is None else self.rows_as(batch.leaves[tree.BARE])
        if isinstance(given, np.ndarray) and given.dtype == object:
            given = given.tolist()
        return _numbers(self.function(*given) if isinstance(given, tuple) else self.function(given)), []

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
        """A function has none."""
        self._no_gradient()

    def layers(self, batch: Inputs) -> tuple[tuple[LayerInfo, ...], int]:
        """A function shows no layers."""
        return (), 0

    def prefix(self, row: Inputs, layers: Sequence[Layer]) -> None:
        """A function shows no layers."""

    def biases(self, batch: Inputs) -> tuple[list[tuple[Layer, Any]], int]:
        """A function shows no layers."""
        return [], 0

    def seams(self, batch: Inputs, wrt: Sequence[str] | None) -> dict[str, Place]:
        """A function has no gradient."""
        self._no_gradient()

    def embedding_baseline(self, inputs: Inputs, leaf: str, place: Layer, ids: int | None) -> tuple[Any, str]:
        """A function shows no embedding."""
        raise CapabilityError("a function shows no embedding layer.")

    def first_nonfinite(self, batch: Inputs, targets: Sequence[RowTarget], rows: Rows) -> str:
        """A function shows no layers to name."""
        return "inside the function"

    def expected(self) -> str:
        """Not known."""
        return ""

    def out_of_memory(self, error: BaseException) -> bool:
        """By type."""
        return isinstance(error, MemoryError)

    def to_native(self, array: Any) -> np.ndarray:
        """A NumPy array."""
        return np.asarray(array)

    def to_numpy(self, array: Any) -> np.ndarray:
        """A copy; strings of one length."""
        array = np.array(array)
        return array.astype(str) if array.dtype == object else array

    def _no_gradient(self) -> NoReturn:
        raise CapabilityError("a function has no gradient; methods that need 'predict' alone work: see pl.methods().")


def _texts(x: Any) -> np.ndarray | None:
    """A batch of strings as objects; ``None`` for anything else."""
    if isinstance(x, str):
        raise InputError("x is one string; a batch is a list of strings: [x].")
    listed = x.tolist() if hasattr(x, "tolist") and getattr(x, "ndim", 0) == 1 else x
    if not isinstance(listed, (list, tuple)) or not listed or not all(isinstance(text, str) for text in listed):
        return None
    texts = np.empty(len(listed), object)
    texts[:] = listed
    return texts


def _numbers(outputs: Any) -> Any:
    """Outputs as NumPy arrays, whatever framework the function computes in."""

    def number(leaf: Any) -> np.ndarray:
        if hasattr(leaf, "detach"):
            leaf = leaf.detach().cpu()
        array = np.asarray(leaf)
        if array.dtype.kind not in "biuf":
            raise InputError(f"the function returned {array.dtype} and not numbers; return scores or probabilities.")
        return array if array.dtype.kind == "f" and array.dtype.itemsize >= 4 else array.astype(float)

    if isinstance(outputs, (list, tuple)) and all(np.ndim(item) < 2 and not hasattr(item, "shape") for item in outputs):
        return number(outputs)
    return tree.map_leaves(number, outputs)
