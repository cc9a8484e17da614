"""How the model is run: rows per batch and memory format.

The user may say. Otherwise a table gives what is usually fastest for inputs of this size on this device; once a model has been
asked for so much work that measuring pays, the candidates are timed in turn, once, and the fastest is kept for as long as the
model lives. A machine too noisy to tell keeps the table's choice.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from ..core.errors import InputError
from ..core.types import MemoryFormat
from ..core.view import Inputs, ModelView

CPU_BYTES, CPU_BATCH = 256 * 2**10, (4, 4096)
"""Input bytes per batch and its bounds: on a CPU large batches lose more to freshly mapped memory than they gain.
Passes that keep no activations take twice as many.
"""
ACCELERATOR_BYTES, ACCELERATOR_BATCH = 64 * 2**20, (32, 65_536)
WORTH = 8
"""Measuring is paid for when the work asked for so far is so many times what it costs."""
ROUNDS = 3
"""Turns that each candidate takes."""
GAIN, NOISE = 0.98, 1.3
"""A candidate must take at most this share of the table's time; and its own slowest turn at most so many times its fastest."""


@dataclass(frozen=True)
class Packing:
    """Rows per batch, and how images lie in memory."""

    batch_size: int
    memory_format: MemoryFormat


@dataclass(frozen=True)
class Tuning:
    """What measuring gave, and what it cost."""

    packing: Packing
    rows: int = 0
    seconds: float = 0.0
    note: str = ""


@dataclass
class _Known:
    """What is known of one model and input shape."""

    work: int = 0
    packing: Packing | None = None


@dataclass
class _Model:
    known: dict[Any, _Known] = field(default_factory=dict)


_MODELS: WeakKeyDictionary[Any, _Model] = WeakKeyDictionary()


def packing(view: ModelView, inputs: Inputs, kind: str, batch_size: int | None, memory_format: MemoryFormat | None) -> Packing:
    """What the user said, else what was measured for this ``kind`` of pass, else what the table says."""
    if batch_size is not None and (isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1):
        raise InputError(f"batch_size must be a whole number of rows, at least 1; got {batch_size!r}.")
    if memory_format not in (None, "as-is", "channels-last"):
        raise InputError(f"memory_format must be 'as-is' or 'channels-last'; got {memory_format!r}.")
    found = _known(view, inputs, kind).packing or _usual(view, inputs, kind)
    return Packing(batch_size or found.batch_size, memory_format or found.memory_format)


def measure(view: ModelView, inputs: Inputs, kind: str, work: int, run: Callable[[int, MemoryFormat], None]) -> Tuning | None:
    """Time the candidates, if that was not done and the work pays for it.

    Parameters
    ----------
    work
        Rows that are about to be run.
    run
        Runs one batch of so many rows in this memory format.
    """
    known = _known(view, inputs, kind)
    known.work += work
    usual = _usual(view, inputs, kind)
    candidates = _candidates(view, usual)
    most = max(candidate.batch_size for candidate in candidates)
    if known.packing is not None or len(candidates) == 1 or known.work < WORTH * ROUNDS * most * len(candidates):
        return None
    started, rows = time.perf_counter(), 0
    times: dict[Packing, list[float]] = {candidate: [] for candidate in candidates}
    for _ in range(ROUNDS):
        for candidate in list(times):
            begun, turns = time.perf_counter(), most // candidate.batch_size
            try:
                for _ in range(turns):
                    run(candidate.batch_size, candidate.memory_format)
                    rows += candidate.batch_size
            except Exception as error:
                if not view.out_of_memory(error):
                    raise
                del times[candidate]
                continue
            times[candidate].append((time.perf_counter() - begun) / (turns * candidate.batch_size))
    middle = {candidate: statistics.median(taken) for candidate, taken in times.items()}
    best = min(middle, key=lambda candidate: middle[candidate], default=usual)
    noisy = best in times and max(times[best]) > NOISE * min(times[best])
    better = best in middle and (usual not in middle or middle[best] <= GAIN * middle[usual])
    known.packing = best if better and not noisy else usual
    note = "the machine was too noisy to measure its packing; a table was used" if noisy else ""
    return Tuning(known.packing, rows, time.perf_counter() - started, note)


def _usual(view: ModelView, inputs: Inputs, kind: str) -> Packing:
    """What usually is fastest for inputs of this size on this device."""
    shapes = [tuple(leaf.shape[1:]) for leaf in inputs.batched.values()]
    row = 4 * sum(math.prod(shape) for shape in shapes)
    on_cpu = view.device.startswith("cpu")
    wanted, (least, most) = (CPU_BYTES, CPU_BATCH) if on_cpu else (ACCELERATOR_BYTES, ACCELERATOR_BATCH)
    images = any(len(shape) == 3 for shape in shapes) and view.spec.layout == "NCHW" and view.adapter == "torch"
    wanted *= 2 if kind == "predict" else 1
    return Packing(min(max(wanted // max(row, 1), least), most), "channels-last" if images and on_cpu else "as-is")


def _candidates(view: ModelView, usual: Packing) -> list[Packing]:
    """The table's choice, its multiples, and the other memory format. Tiny rows are not worth measuring."""
    least, most = CPU_BATCH if view.device.startswith("cpu") else ACCELERATOR_BATCH
    if usual.batch_size > 8 * least:
        return [usual]
    sizes = [size for factor in (1, 2, 4) if (size := usual.batch_size * factor) <= most]
    found = [Packing(size, usual.memory_format) for size in sizes]
    return [*found, Packing(usual.batch_size, "as-is")] if usual.memory_format == "channels-last" else found


def _known(view: ModelView, inputs: Inputs, kind: str) -> _Known:
    shapes = tuple((name, tuple(leaf.shape[1:]), str(leaf.dtype)) for name, leaf in inputs.leaves.items())
    try:
        model = _MODELS.setdefault(view.subject, _Model())
    except TypeError:  # an object that cannot be remembered
        return _Known()
    return model.known.setdefault((kind, view.device, shapes), _Known())
