"""What is explained: one number per row, picked from the model's outputs, from a layer, or computed by a function.

A user writes an int, a class name, an index tuple, an array, ``Neuron`` or ``Target``; ``RowTarget`` is that wish bound to a
batch of samples. It is resolved by the first pass over the samples themselves, so that ``"predicted"`` costs no pass.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from array_api_compat import array_namespace

from . import tree
from .errors import InputError, PellucidError, TargetError, nearest
from .types import Native, Rows


@dataclass(frozen=True)
class Layer:
    """The output of a layer: a place where attribution lands (``at=``), or where values are put in.

    Parameters
    ----------
    name
        The layer's name as the framework spells it (``"features.3"``). The empty name is the model's own output.
    call
        Which call, when the layer is used several times in one pass: 1 is the first. ``None`` means the only one, and is
        refused when there are more.
    """

    name: str
    call: int | None = None

    def __str__(self) -> str:
        name = self.name or "(output)"
        return name if self.call is None else f"{name} (call {self.call})"


@dataclass(frozen=True)
class Neuron:
    """One unit of a layer as the target.

    Parameters
    ----------
    layer
        Name of the layer, or ``Layer(name, call=)``.
    index
        Position in the layer's output without the batch axis; an int for a vector, a tuple otherwise.
    """

    layer: str | Layer
    index: int | tuple[int, ...]

    def __post_init__(self) -> None:
        _check_indices(self.index if isinstance(self.index, tuple) else (self.index,), "Neuron")

    def __str__(self) -> str:
        return f"neuron {self.index} of {self.layer}"


@dataclass(frozen=True, eq=False)
class Target:
    """Any scalar of the outputs as the target: a margin, an entropy, a loss with labels.

    Parameters
    ----------
    function
        ``function(outputs)`` or, with labels, ``function(outputs, labels)``: arrays of the model's framework in, one number
        per row out. A loss must not be averaged over the batch (``reduction="none"``).
    labels
        An array whose first axis is the samples. It follows the rows as they are packed into batches; a label caught in a
        closure would not.
    name
        How plots and reports call it.
    """

    function: Callable[..., Native]
    labels: Any = None
    name: str | None = None

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise TargetError(f"pl.Target takes a function of the outputs; got {type(self.function).__name__}.")
        if self.labels is not None and not getattr(self.labels, "shape", getattr(self.labels, "__len__", lambda: 0)()):
            raise TargetError(f"the labels of Target are an array with one label per sample; got {self.labels!r}.")

    def __str__(self) -> str:
        return self.name or getattr(self.function, "__name__", "function of the outputs")


TargetLike = int | str | tuple[Any, ...] | np.ndarray | Neuron | Target


@dataclass(frozen=True, eq=False)
class TargetRecord:
    """What was explained, as it is kept in a record.

    ``indices`` is int ``(samples, axes)`` where the target is an entry of the outputs, else ``None``; ``names`` has one
    label per sample.
    """

    names: tuple[str, ...]
    indices: np.ndarray | None = None
    leaf: str | None = None
    layer: str | None = None

    def __str__(self) -> str:
        unique = list(dict.fromkeys(self.names))
        return ", ".join(unique[:3]) + (f" and {len(unique) - 3} more" if len(unique) > 3 else "")

    def __getitem__(self, rows: slice) -> TargetRecord:
        indices = None if self.indices is None else np.ascontiguousarray(self.indices[rows])
        return dataclasses.replace(self, names=self.names[rows], indices=indices)


class RowTarget:
    """A target bound to a batch of samples: evaluates packed rows, whichever samples they belong to."""

    def __init__(
        self,
        wish: TargetLike,
        samples: int,
        classes: Sequence[str] | None,
        to_native: Callable[[Any], Native] = np.asarray,
        to_numpy: Callable[[Native], np.ndarray] = np.asarray,
    ) -> None:
        self.wish = check(wish, to_numpy)
        self.samples = samples
        self._to_numpy = to_numpy
        self.classes = classes
        self.indices: np.ndarray | None = None
        self._resolved = np.zeros(samples, bool)
        self.leaf: str | None = None
        self._labels: Native = None
        if isinstance(wish, Target) and wish.labels is not None:
            if len(wish.labels) != samples:
                raise TargetError(f"Target has {len(wish.labels)} labels for {samples} samples; give one label per sample.")
            self._labels = to_native(wish.labels)

    @property
    def layer(self) -> Layer | None:
        """The layer that must be read for this target, if it is a neuron."""
        if not isinstance(self.wish, Neuron):
            return None
        return self.wish.layer if isinstance(self.wish.layer, Layer) else Layer(self.wish.layer)

    def evaluate(self, outputs: Any, rows: Rows, layer_output: Native = None) -> Native:
        """One number per row, still attached to the framework's graph.

        Parameters
        ----------
        outputs
            The model's outputs for these rows (native arrays, any tree).
        rows
            int ``(rows,)``: the sample of each row.
        layer_output
            The output of ``layer``, when the target is a neuron.
        """
        if isinstance(self.wish, Target):
            return self._call(outputs, rows)
        scores = layer_output if isinstance(self.wish, Neuron) else self._scores(outputs, len(rows))
        if self.indices is None:
            self.indices = np.full((self.samples, scores.ndim - 1), -1)
        if not self._resolved[rows].all():
            self._resolve(scores, rows)
            self._resolved[rows] = True
        if not self.indices.shape[1]:
            return scores
        device = getattr(scores, "device", None)
        xp = array_namespace(scores)
        where = [xp.asarray(axis, device=device) for axis in (np.arange(len(rows)), *self.indices[rows].T)]
        return scores[tuple(where)]

    def record(self) -> TargetRecord:
        """What was resolved, with a name per sample."""
        layer = str(self.layer) if self.layer else None
        if self.indices is None or isinstance(self.wish, Neuron):
            return TargetRecord((str(self.wish),) * self.samples, self.indices, self.leaf, layer)
        return TargetRecord(tuple(self._name(index) for index in self.indices), self.indices, self.leaf, layer)

    def _name(self, index: np.ndarray) -> str:
        if not len(index):
            return "output"
        if self.classes is not None and len(index) == 1:
            return self.classes[int(index[0])]
        return "output " + ", ".join(map(str, index))

    def _call(self, outputs: Any, rows: Rows) -> Native:
        wish = self.wish
        assert isinstance(wish, Target)
        given = [outputs]
        if self._labels is not None:
            given.append(self._labels[array_namespace(self._labels).asarray(rows, device=getattr(self._labels, "device", None))])
        try:
            values = wish.function(*given)
        except (PellucidError, MemoryError):
            raise
        except Exception as error:
            shapes = {name: tuple(getattr(leaf, "shape", ())) for name, leaf in tree.flatten(outputs).items()}
            raise TargetError(
                f"the function of Target failed on outputs of shape {shapes}: {type(error).__name__}: {error}"
            ) from error
        shape = tuple(getattr(values, "shape", ()))
        if shape != (len(rows),):
            raise TargetError(
                f"the function of Target must return one number per row, shape ({len(rows)},); it returned shape {shape}."
                + (" A loss that is averaged needs reduction='none'." if shape == () else "")
            )
        return values

    def _scores(self, outputs: Any, rows: int) -> Native:
        """The leaf of the outputs that an index points into, with the rows first."""
        leaves = tree.flatten(outputs)
        if self.leaf is None:
            wish = self.wish
            if isinstance(wish, tuple) and wish and isinstance(wish[0], str):
                self.leaf = wish[0]
            else:
                self.leaf = "logits" if "logits" in leaves else next(iter(leaves))
        if self.leaf not in leaves:
            raise TargetError(f"the model has no output named {self.leaf!r}.{nearest(self.leaf, leaves)}")
        scores = leaves[self.leaf]
        shape = tuple(getattr(scores, "shape", ()))
        if shape == () and rows == 1 and hasattr(scores, "reshape"):
            return scores.reshape(1)
        if not shape or shape[0] != rows:
            raise InputError(
                f"{rows} rows went in and output {self.leaf!r} came back with shape {shape}: the first axis must be the samples. "
                "Was the batch axis of x left out (x[None]), or does the model squeeze a batch of one?"
            )
        return scores

    def _resolve(self, scores: Native, rows: Rows) -> None:
        assert self.indices is not None
        shape = tuple(int(size) for size in scores.shape[1:])
        wish = self.wish.index if isinstance(self.wish, Neuron) else self.wish
        named = self.classes is not None and len(shape) == 1 and not isinstance(self.wish, (Neuron, tuple))
        if named and len(self.classes or ()) != shape[0]:
            raise TargetError(f"the model has {shape[0]} outputs but {len(self.classes or ())} class names were given.")
        if isinstance(wish, tuple) and wish and isinstance(wish[0], str):
            wish = wish[1:]
        if isinstance(wish, str):
            wish = self._from_name(wish, shape, scores, rows)
        if not shape and isinstance(wish, (int, np.integer)):
            wish = (int(wish),) if wish not in (0, -1) else ()
        if isinstance(wish, (int, np.integer)):
            wish = (int(wish),)
        wanted = np.asarray(wish)
        if wanted.ndim == 1 and isinstance(wish, tuple):
            wanted = np.broadcast_to(wanted, (len(rows), len(wish)))
        elif isinstance(self.wish, np.ndarray):
            if len(wanted) != self.samples:
                raise TargetError(f"target has {len(wanted)} entries for {self.samples} samples; give one class per sample.")
            wanted = wanted.reshape(self.samples, -1)[rows]
            if not shape and not wanted.any():
                wanted = wanted[:, :0]
        self.indices[rows] = self._within(wanted, shape)

    def _within(self, wanted: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        what = f"{self.wish.layer}" if isinstance(self.wish, Neuron) else "the model's output"
        if wanted.shape[1] != len(shape):
            raise TargetError(
                f"{what} has shape (rows, {', '.join(map(str, shape))}) and needs {len(shape)} "
                f"{'index' if len(shape) == 1 else 'indices'}; the target gives {wanted.shape[1]}: {tuple(wanted[0].tolist())}."
            )
        sizes = np.asarray(shape)
        outside = (wanted < -sizes) | (wanted >= sizes)
        if outside.any():
            bad = wanted[np.any(outside, axis=1)][0]
            raise TargetError(
                f"target {tuple(int(i) for i in bad)} is outside {what}, whose shape without the batch axis is {shape}."
            )
        return np.where(wanted < 0, wanted + sizes, wanted)

    def _from_name(self, name: str, shape: tuple[int, ...], scores: Native, rows: Rows) -> Any:
        if name == "predicted":
            if len(shape) > 1 and np.prod(shape) > 1:
                raise TargetError(
                    f"the model's output has shape (rows, {', '.join(map(str, shape))}): 'predicted' is not one number. "
                    f"Give an index tuple with {len(shape)} entries, or pl.Target(function)."
                )
            best = array_namespace(scores).argmax(scores, axis=1) if len(shape) == 1 else np.zeros(len(rows), int)
            return np.repeat(self._to_numpy(best).reshape(-1, 1), len(shape), axis=1)
        if self.classes is None:
            raise TargetError(
                f"target {name!r} is a class name, but the model has no class names. "
                "Give an index, or name the classes with pl.wrap(model, classes=[...])."
            )
        found = [index for index, known in enumerate(self.classes) if known == name]
        if not found:
            raise TargetError(f"no class is named {name!r}.{nearest(name, self.classes)}")
        if len(found) > 1:
            raise TargetError(f"class name {name!r} stands for several outputs, {found}; give one of these indices.")
        return (found[0],)


def check(wish: Any, to_numpy: Callable[[Native], np.ndarray] = np.asarray) -> TargetLike:
    """The target as given, if it is one; a sentence about what a target can be if not."""
    if isinstance(wish, (bool, list)):
        hint = "several targets go in targets=[...], one class per sample in a NumPy array"
        raise TargetError(f"target={wish!r} is not a target: {hint}.")
    if isinstance(wish, tuple):
        _check_indices(wish[1:] if wish and isinstance(wish[0], str) else wish, "an index tuple")
    if isinstance(wish, (int, np.integer, str, tuple, Neuron, Target)):
        return wish  # type: ignore[return-value]
    if hasattr(wish, "__array__"):
        array = to_numpy(wish)
        if np.issubdtype(array.dtype, np.integer):
            return array if array.ndim else int(array)
    if callable(wish):
        raise TargetError("a function as target must be wrapped: target=pl.Target(function, labels=...).")
    raise TargetError(
        f"target must be an int, a class name, 'predicted', an index tuple, an int array with one entry per sample, "
        f"pl.Neuron or pl.Target; got {type(wish).__name__}: {wish!r}."
    )


def _check_indices(indices: tuple[Any, ...], where: str) -> None:
    if not all(isinstance(index, (int, np.integer)) and not isinstance(index, bool) for index in indices):
        raise TargetError(f"{where} holds whole numbers; got {indices!r}.")


def classes_of(classes: Any) -> tuple[str, ...] | None:
    """Class names as a tuple of strings, from a sequence or from a mapping of index to name."""
    if classes is None:
        return None
    if isinstance(classes, Mapping):
        if sorted(classes) != list(range(len(classes))):
            raise InputError("classes= as a mapping needs the keys 0, 1, ..., n - 1.")
        classes = [classes[index] for index in range(len(classes))]
    if isinstance(classes, str):
        raise InputError(f"classes= must be a sequence of names, one per output; got the string {classes!r}.")
    return tuple(str(name) for name in classes)
