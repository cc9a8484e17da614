"""The layers of a model while it runs: what passes through them is seen, counted, and exchanged.

A library of layers (torch modules, Keras, linen, nnx, the graph of an ONNX file) is described once, as ``Layers``; the view of
an array framework (torch, JAX, TensorFlow, NumPy) runs and differentiates whatever it is given, and edits outputs with
``edited``. ``inside`` finds out about layers. Both stand on ``Layers.watched`` alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Hashable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import optree

from ..core.errors import LayerError, nearest
from ..core.targets import Layer
from ..core.types import Native

Seen = Callable[[str, tuple[Any, ...], Any], Any]
"""``seen(name, arguments, output)`` after a call of a layer; what it returns, unless ``None``, takes the output's place."""

Edit = Callable[[Native], Native | None]
"""The first floating-point array of a layer's output in; what takes its place out, or ``None`` to leave it."""


@dataclass(frozen=True)
class Table:
    """The vectors of an embedding, ``(ids, size)``, and the id that stands for nothing, if there is one."""

    vectors: Native
    padding: int | None = None


class Layers(Protocol):
    """The layers of one model."""

    subject: Any
    """The user's model: what is known of its layers is forgotten with it."""

    def kinds(self) -> Mapping[str, str]:
        """Class of each layer by name, in the order of the definition; the empty name is the whole model."""
        ...

    def structure(self) -> Hashable:
        """Something that changes when layers are exchanged: their calls are looked at anew then."""
        ...

    def watched(self, names: Collection[str] | None, seen: Seen) -> AbstractContextManager[None]:
        """While this holds, ``seen`` is told of the calls of these layers (of all, where ``None``), each when it is over."""
        ...

    def embeddings(self) -> Collection[str]:
        """Names of the layers that look ids up in a table."""
        ...

    def table(self, name: str) -> Table:
        """The table of one of these."""
        ...

    def bias(self, name: str) -> Native | None:
        """What an affine layer gives for zero, by channel; ``None`` for any other layer."""
        ...

    def expected(self) -> str:
        """What the first layer takes, as a clause with a leading space; empty when it is not known."""
        ...


@contextmanager
def edited(layers: Layers, edits: Sequence[tuple[Layer, Edit]]) -> Generator[None]:
    """While this holds, each edit sees the output of its layer call, and its result (if any) takes that output's place.

    Raises
    ------
    LayerError
        If there is no such layer, it was not called, not that often, or several times when no call was named.
    """
    if not edits:
        yield
        return
    for layer, _ in edits:
        if layer.call is not None and layer.call < 1:
            raise LayerError(f"{layer.name!r}: call={layer.call} is not a call; the first is 1.")
    names = list(dict.fromkeys(layer.name for layer, _ in edits))
    kinds = layers.kinds()
    if unknown := [name for name in names if name not in kinds]:
        raise LayerError(f"the model has no layer {unknown[0]!r}.{nearest(unknown[0], [name for name in kinds if name])}")
    calls = dict.fromkeys(names, 0)

    def seen(name: str, _args: tuple[Any, ...], output: Any) -> Any:
        calls[name] += 1
        changed = output
        for layer, edit in edits:
            if layer.name == name and calls[name] == (layer.call or 1):
                changed = _edited(layer, edit, changed)
        return changed

    with layers.watched(names, seen):
        yield
    for layer, _ in edits:
        _check_calls(layer, calls[layer.name])


def is_floating(leaf: Any) -> bool:
    """Whether a leaf is an array of floating-point numbers, of whatever framework (bfloat16 included)."""
    return "float" in str(getattr(leaf, "dtype", ""))


def innermost(names: Iterable[str]) -> list[str]:
    """Layers that hold no other layers, read off their names; the whole model where it holds none.

    >>> innermost(["", "body", "body.conv", "head"])
    ['body.conv', 'head']
    """
    known = list(names)
    outer = {name[:at] for name in known for at, sign in enumerate(name) if sign in "./"} | ({""} if len(known) > 1 else set())
    return [name for name in known if name not in outer]


def _edited(layer: Layer, edit: Edit, output: Any) -> Any:
    leaves, shape = optree.tree_flatten(output)
    first = next((i for i, leaf in enumerate(leaves) if is_floating(leaf)), None)
    if first is None:
        raise LayerError(f"the output of {layer} holds no floating-point tensor.")
    edited = edit(leaves[first])
    if edited is None:
        return output
    leaves[first] = edited
    return optree.tree_unflatten(shape, leaves)


def _check_calls(layer: Layer, calls: int) -> None:
    if calls == 0:
        raise LayerError(f"layer {layer.name!r} was not called when the model ran.")
    if layer.call is None and calls > 1:
        raise LayerError(
            f"layer {layer.name!r} is called {calls} times in one pass; say which with pl.Layer({layer.name!r}, call=1)."
        )
    if layer.call is not None and layer.call > calls:
        raise LayerError(f"layer {layer.name!r} is called {calls} times in one pass, not {layer.call}.")
