"""How the model is run: rows per batch and memory format, unless the user says."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..core.errors import InputError
from ..core.types import MemoryFormat
from ..core.view import Inputs, ModelView

CPU_BYTES, CPU_BATCH = 256 * 2**10, (4, 4096)
"""Input bytes per batch and its bounds: on a CPU large batches lose more to freshly mapped memory than they gain."""
ACCELERATOR_BYTES, ACCELERATOR_BATCH = 64 * 2**20, (32, 65_536)


@dataclass(frozen=True)
class Packing:
    """Rows per batch, and how images lie in memory."""

    batch_size: int
    memory_format: MemoryFormat


def packing(view: ModelView, inputs: Inputs, batch_size: int | None, memory_format: MemoryFormat | None) -> Packing:
    """What the user said, else what usually is fastest for inputs of this size on this device."""
    if batch_size is not None and (isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1):
        raise InputError(f"batch_size must be a whole number of rows, at least 1; got {batch_size!r}.")
    if memory_format not in (None, "as-is", "channels-last"):
        raise InputError(f"memory_format must be 'as-is' or 'channels-last'; got {memory_format!r}.")
    shapes = [tuple(leaf.shape[1:]) for leaf in inputs.batched.values()]
    row = 4 * sum(math.prod(shape) for shape in shapes)
    on_cpu = view.device.startswith("cpu")
    wanted, (least, most) = (CPU_BYTES, CPU_BATCH) if on_cpu else (ACCELERATOR_BYTES, ACCELERATOR_BATCH)
    images = any(len(shape) == 3 for shape in shapes) and view.spec.layout == "NCHW" and view.adapter == "torch"
    return Packing(
        batch_size or min(max(wanted // max(row, 1), least), most),
        memory_format or ("channels-last" if images and on_cpu else "as-is"),
    )
