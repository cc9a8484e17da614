"""What cannot be differentiated, refused in the same words in every framework."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..core.errors import CapabilityError, InputError, LayerError, PellucidError
from ..core.targets import Layer
from ..core.view import OUTPUT, Place


def complex_input() -> InputError:
    """An input of complex numbers."""
    return InputError("complex inputs cannot be attributed; pass the real and imaginary parts as two leaves.")


def not_floating(dtype: Any) -> CapabilityError:
    """A target of whole numbers, or of words."""
    return CapabilityError(f"the target is of dtype {dtype} and has no derivative; explain a floating-point output.")


def several_outputs(read: Sequence[str]) -> CapabilityError:
    """The gradient at the output, for a target that reads several outputs, or none."""
    return CapabilityError(
        f"the gradient at the output is that of one output, and the target reads {len(read)}: {', '.join(read)}. Give a target "
        "that reads one of them."
    )


def not_reached(wrt: Sequence[Place], framework: str, cut: str) -> PellucidError:
    """A target that depends on none of these places; ``cut`` is what ends derivatives in the framework: ``"detached"``."""
    layers = [str(place) for place in wrt if isinstance(place, Layer) and place != OUTPUT]
    ways = f"through operations that {framework} can differentiate"
    why = f"is constant or {cut}, or comes from an operation like argmax or round"
    if not layers or len(layers) < len(wrt):
        return CapabilityError(f"the target does not depend on the input {ways}: it {why}.")
    named = " or ".join(layers) if len(layers) < 4 else f"any layer from {layers[0]} to {layers[-1]}"
    return LayerError(
        f"the target does not depend on the output of {named} {ways}: it comes before, {why}. Name a layer before it in at=."
    )
