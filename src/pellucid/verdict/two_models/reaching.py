"""How the samples of one model reach another: names and order of inputs, where the channels are, what a user does between."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from ...core import tree
from ...core.declare import Method
from ...core.errors import InputError
from ...core.features import Features
from ...core.records import Explanation
from ...core.types import Layout
from ...core.view import Capability, ModelView, Spec
from ...engine.schema import is_frame
from ...models.images import ImageInput
from ...models.lookup import view_of
from ...models.wrap import Wrapped
from .looking import reads_text

PICTURE = 4
"""Axes of a batch of pictures; with fewer, no layout says where the channels are."""


@dataclass(frozen=True, eq=False)
class Way:
    """From the samples of a first model to a second one.

    ``model`` and ``x`` are what ``explain`` takes of the second. ``leaves`` names its leaf for each of the first's, ``moved``
    those of the first's whose channels it wants elsewhere. Where ``same`` is false its numbers are others, and a derivative
    in them is none in the first's: the model is then a function of the first's samples, with outputs alone.
    """

    model: Any
    x: Any
    view: ModelView
    layout: Layout
    leaves: Mapping[str, str] = field(default_factory=dict[str, str])
    moved: frozenset[str] = frozenset()
    same: bool = True
    notes: tuple[str, ...] = ()

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What of the second model can be compared."""
        return self.view.capabilities if self.same else frozenset[Capability]({"predict"})

    @property
    def target_layout(self) -> Layout:
        """Where the second model's channels are."""
        return _other(self.layout) if self.moved else self.layout

    def names(self, wrt: str | Sequence[str] | None) -> Sequence[str] | None:
        """The second model's names for these leaves."""
        given = [wrt] if isinstance(wrt, str) else wrt
        return None if given is None else [self.leaves.get(name, name) for name in given]

    def features(self, features: Any) -> Any:
        """The same players of the second model's inputs."""
        if isinstance(features, (list, tuple)):
            return [self.features(each) for each in features]
        if not isinstance(features, Features):
            return features
        labels = features.labels
        if self.moved and labels.ndim >= PICTURE - 1 and features.leaf in (None, *self.moved):
            labels = _moved_sample(labels, self.layout)
        leaf = None if features.leaf is None else self.leaves.get(features.leaf, features.leaf)
        return dataclasses.replace(features, labels=labels, leaf=leaf)

    def method(self, method: Method) -> Any:
        """The same method, with the arrays in its parameters in the second model's layout."""
        if not self.moved or not dataclasses.is_dataclass(method) or isinstance(method, type):
            return method
        held = {each.name: getattr(method, each.name) for each in dataclasses.fields(method)}
        changed = {name: self._parameter(name, value) for name, value in held.items()}
        return dataclasses.replace(method, **{name: new for name, new in changed.items() if new is not held[name]})

    def _parameter(self, name: str, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {self.leaves.get(leaf, leaf): self._parameter(name, given) for leaf, given in value.items()}
        if name == "baseline" and callable(value):
            back = _other(self.layout)
            return lambda samples: _moved_batch(np.asarray(value(_moved_batch(samples, back))), self.layout)
        if hasattr(value, "shape") and len(value.shape) >= PICTURE - 1:
            array = tree.on_host(value)
            return _moved_sample(array, self.layout) if array.ndim == PICTURE - 1 else _moved_batch(array, self.layout)
        return value

    def back(self, leaf: str, values: np.ndarray) -> np.ndarray:
        """Values of the second model at a leaf of the first, in the first's order of axes."""
        return _moved_batch(values, _other(self.layout)) if leaf in self.moved else values


def way(seen: Explanation, model: Any, x: Any, between: Callable[[Any], Any] | None, names: tuple[str, str]) -> Way:
    """How the samples that the first model has ``seen`` reach a second one.

    ``between`` makes the second model's samples of the first's; without it the channels are moved where the layouts differ.
    """
    view = view_of(model)
    by_hand = is_frame(x) or reads_text(x)
    given = x if by_hand else seen.inputs
    if between is not None:
        made = between(given)
        found = None if by_hand else _placed(seen, made)
        if found is None:
            return _composed(seen, view, given, between, names, f"{names[1]} gets what to_deployed= makes of the samples")
        leaves, moved = found
        note = f"to_deployed= changes no number of the samples{', only where their channels are' if moved else ''}"
        return Way(_laid_out(model, view, seen, moved), made, view, seen.layout, leaves, moved, notes=(note,))
    if by_hand or (_pictures(x) and isinstance(view.spec.preprocess, ImageInput)):
        notes = () if by_hand else _prepared(view, seen, names)
        moved = frozenset(tree.flatten(seen.inputs) if not by_hand and view.spec.layout != seen.layout else ())
        return Way(model, x, view, seen.layout, {}, moved, notes=notes)
    found = {name: np.asarray(leaf) for name, leaf in tree.flatten(given).items()}
    moved = frozenset(name for name, leaf in found.items() if name not in seen.static and _moves(name, leaf, seen, view, found))
    notes = (_layouts(seen.layout, names),) if moved else ()
    reached = {name: _moved_batch(leaf, seen.layout) if name in moved else leaf for name, leaf in found.items()}
    made = tree.fill(tree.skeleton(given), reached)
    return Way(_laid_out(model, view, seen, moved), made, view, seen.layout, {name: name for name in found}, moved, notes=notes)


def in_first_layout(found: Way, seen: Explanation, names: tuple[str, str]) -> Way:
    """The second model as a function of the first's samples as they are, where it wants their channels elsewhere."""
    if not found.moved or not found.same:
        return found
    shape = tree.skeleton(found.x)
    order = {theirs: mine for mine, theirs in found.leaves.items()}

    def between(given: Any) -> Any:
        held = tree.flatten(given)
        moved = {name: _moved_batch(leaf, found.layout) if name in found.moved else leaf for name, leaf in held.items()}
        return tree.fill(shape, {theirs: moved[order[theirs]] for theirs in tree.flatten(found.x)})

    if not found.leaves:  # pictures that each model prepares by itself
        return found
    return dataclasses.replace(_composed(seen, found.view, seen.inputs, between, names, ""), notes=found.notes)


def _composed(
    seen: Explanation, view: ModelView, x: Any, between: Callable[[Any], Any], names: tuple[str, str], note: str
) -> Way:
    """The second model behind what is done to the samples, as a function of those."""
    several = isinstance(x, tuple)

    def run(*given: Any) -> Any:
        inputs = view.inputs(between(given if several else next(iter(given))))
        with view.session(seen.plan.seed):
            outputs, _ = view.predict(view.take(inputs, np.arange(inputs.samples), "as-is"))
        return tree.map_leaves(view.to_numpy, outputs)

    spec = Spec(seen.layout, view.spec.output, view.spec.classes, seen.static)
    said = f"{note}: it is explained as a function of the samples of {names[0]}, without gradients" if note else ""
    return Way(Wrapped(run, spec, "function"), x, view, seen.layout, same=False, notes=(said,) if said else ())


def _placed(seen: Explanation, made: Any) -> tuple[dict[str, str], frozenset[str]] | None:
    """Which leaf holds the numbers of which, and where channels were moved; ``None`` where numbers are others."""
    mine = {name: np.asarray(leaf) for name, leaf in tree.flatten(seen.inputs).items()}
    theirs = {name: tree.on_host(leaf) for name, leaf in tree.flatten(made).items()}
    if len(mine) != len(theirs):
        return None
    leaves: dict[str, str] = {}
    moved: set[str] = set()
    for (name, leaf), (other, reached) in zip(mine.items(), theirs.items(), strict=True):
        if _equal(leaf, reached):
            leaves[name] = other
        elif leaf.ndim >= PICTURE - 1 and _equal(_moved_batch(leaf, seen.layout), reached):
            leaves[name] = other
            moved.add(name)
        else:
            return None
    return leaves, frozenset(moved)


def _equal(one: np.ndarray, other: np.ndarray) -> bool:
    kinds = one.dtype.kind, other.dtype.kind
    return one.shape == other.shape and kinds[0] == kinds[1] and bool(np.array_equal(one, other, equal_nan=kinds[0] == "f"))


def _moves(name: str, leaf: np.ndarray, seen: Explanation, view: ModelView, leaves: Mapping[str, Any]) -> bool:
    """Whether the channels of a leaf go elsewhere: by the shape that the second model takes, else by its layout."""
    if leaf.ndim < PICTURE - 1:
        return False
    shapes = view.spec.shapes
    known = shapes.get(name) or (next(iter(shapes.values())) if len(shapes) == len(leaves) == 1 else None)
    differ = view.spec.layout != seen.layout and leaf.ndim >= PICTURE
    if known is None:
        return differ
    as_it_is, as_moved = (_fits(each.shape[1:], known) for each in (leaf, _moved_batch(leaf, seen.layout)))
    return as_moved if as_it_is != as_moved else differ


def _fits(shape: tuple[int, ...], known: Sequence[int | None]) -> bool:
    return len(shape) == len(known) and all(want in (None, size) for size, want in zip(shape, known, strict=True))


def _laid_out(model: Any, view: ModelView, seen: Explanation, moved: frozenset[str]) -> Any:
    """The second model, told where its channels are if it did not know."""
    layout = _other(seen.layout)
    if not moved or view.spec.layout == layout:
        return model
    held = model if isinstance(model, Wrapped) else Wrapped(model, view.spec)
    return dataclasses.replace(held, spec=dataclasses.replace(held.spec, layout=layout), layout_said=True)


def _prepared(view: ModelView, seen: Explanation, names: tuple[str, str]) -> tuple[str, ...]:
    told = [f"each model prepares the pictures itself, {names[1]} as its pl.ImageInput says"]
    return (*told, *([_layouts(seen.layout, names)] if view.spec.layout != seen.layout else []))


def _layouts(layout: Layout, names: tuple[str, str]) -> str:
    return f"{names[0]} takes {layout} and {names[1]} {_other(layout)}: the channel axis is moved for {names[1]}"


def _other(layout: Layout) -> Layout:
    return "NHWC" if layout == "NCHW" else "NCHW"


def _moved_batch(batch: Any, layout: Layout) -> Any:
    """A batch in this layout, in the other one."""
    return np.moveaxis(batch, 1, -1) if layout == "NCHW" else np.moveaxis(batch, -1, 1)


def _moved_sample(sample: np.ndarray, layout: Layout) -> np.ndarray:
    return _moved_batch(sample[None], layout)[0]


def _pictures(x: Any) -> bool:
    return isinstance(x, Image.Image) or (isinstance(x, (list, tuple)) and any(isinstance(each, Image.Image) for each in x))


def checked(found: Any) -> Callable[[Any], Any] | None:
    """What a user does to the samples, if it is a function."""
    if found is not None and not callable(found):
        raise InputError(f"to_deployed= is a function of the samples as the first model takes them; got {type(found).__name__}.")
    return found
