"""The layer that a method reads."""

from ...core.declare import Passes
from ...core.errors import InputError
from ...core.targets import Layer


def layer_to_read(passes: Passes, method: str) -> Layer:
    """The layer named by ``at=``; without one an error that lists those of the model."""
    if passes.read:
        return passes.read[0]
    names = list(dict.fromkeys(str(info.layer) for info in passes.layers() if info.name))
    shown = ", ".join(names[:12]) + (f", ... ({len(names)} in all)" if len(names) > 12 else "")
    raise InputError(f"{method} reads a layer: name it in at=. The layers of this model: {shown}.")
