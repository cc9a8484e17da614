"""Layers of a model by name: one by its words, those with weights in the order in which they run, and what goes into the head."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..core.errors import LayerError
from ..core.targets import Layer
from ..core.view import LayerInfo

_CALL = re.compile(r"(.+) \(call (\d+)\)")


def layer_named(name: str) -> Layer:
    """A layer as records write it.

    >>> layer_named("act (call 2)")
    Layer(name='act', call=2)
    """
    match = _CALL.fullmatch(name)
    return Layer(name) if match is None else Layer(match[1], int(match[2]))


def as_run(defined: Sequence[str], seen: Sequence[str]) -> tuple[str, ...]:
    """Layers in the order in which they were first over; one that was not seen follows the one that it was defined after.

    >>> as_run(["head", "conv2", "inner", "conv1"], ["conv1", "conv2", "head", "conv1", ""])
    ('conv1', 'conv2', 'inner', 'head')
    """
    order = {name: place for place, name in reversed(list(enumerate(seen)))}
    places: list[int] = []
    for name in defined:
        places.append(order.get(name, places[-1] if places else -1))
    return tuple(defined[at] for at in sorted(range(len(defined)), key=places.__getitem__))


def into_head(calls: Sequence[LayerInfo], outputs: tuple[int, ...]) -> Layer:
    """The last call whose output has another shape than the model's: what its last layer makes its outputs of.

    Raises
    ------
    LayerError
        If there is none.
    """
    for info in reversed(calls):
        if info.name and info.shape != tuple(outputs):
            return info.layer
    raise LayerError("every layer gives as many numbers as the model itself: name the one that is its representation, layer=.")
