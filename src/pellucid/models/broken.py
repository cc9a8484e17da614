"""Where the first NaN or infinity came up, as the end of a sentence: the same words in every framework."""

from __future__ import annotations

from collections.abc import Collection, Sequence

IN_TARGET = "in the target, while every layer's output is finite"


def in_output(name: str) -> str:
    """In what a layer gives; the empty name is the model."""
    return f"first in the output of layer {name!r}" if name else "in the model's output"


def in_gradient(names: Sequence[str], broken: Collection[int]) -> str:
    """In the gradient: ``names`` are the layers in the order of the calls, ``broken`` the calls whose gradient is not finite.

    The last of these got it from the layer after it, which got a finite one.
    """
    producer = max(broken) + 1 if broken else 0
    if producer < len(names):
        return f"first in the gradient that layer {names[producer]!r} passes back"
    return "first in the gradient of the target with respect to the model's output"
