"""Random numbers of suites: each purpose has its own, which hang on the seed and on nothing else."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.errors import InputError

Make = Callable[[np.random.Generator], Sequence[np.ndarray]]
"""From random numbers to the arrays of a block of rows."""

BLOCK = 64


def drawn(seed: int, *purpose: str | int) -> np.random.Generator:
    """A generator for this seed and purpose."""
    return np.random.default_rng([seed, *(zlib.crc32(str(part).encode()) for part in purpose)])


def in_blocks(count: int, make: Make, seed: int, *purpose: str | int) -> list[Any]:
    """The first ``count`` of as many rows as it takes, made block by block, so that fewer are the first ones of more.

    ``make`` makes the arrays of a block of ``BLOCK`` rows.
    """
    blocks = [make(drawn(seed, *purpose, block)) for block in range(-(-count // BLOCK))]
    return [np.concatenate(parts)[:count] for parts in zip(*blocks, strict=True)]


def checked(seed: int, samples: int | None) -> None:
    """Refuse what is no seed, or no number of samples."""
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise InputError(f"seed must be a whole number, 0 or more; got {seed!r}.")
    if samples is not None and (isinstance(samples, bool) or not isinstance(samples, int | np.integer) or samples < 1):
        raise InputError(f"samples must be a positive whole number; got {samples!r}.")
