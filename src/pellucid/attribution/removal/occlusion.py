"""Occlusion: a window slides over the input and removes what it covers."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from array_api_compat import array_namespace

from ...core.declare import Attribution, Axiom, Passes, parameter
from ...core.errors import InputError
from ...core.types import Native, Rows
from ...core.view import Capability
from ...games.masked import Masked
from .playing import MASKER, prepared

Sizes = int | Sequence[int] | None


@dataclass(frozen=True)
class Occlusion:
    """What the target loses when a window of the input is removed, averaged for each entry over the windows that cover it.

    Values have the shape of the input; what one window tells is shared by all entries under it as it is, not divided. The
    window slides by ``stride`` along each axis until it has covered the far edge, where it may stick out.

    Cost: one forward row per sample, and one for each place of the window and each background row of the masker.

    Source: zeiler2014visualizing.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.LazyLinear(2))
    >>> e = pl.explain(net, torch.rand(1, 3, 8, 8), target=0, method="occlusion", window=(3, 4, 4), stride=(3, 2, 2))
    >>> e.values.shape
    (1, 3, 8, 8)
    """

    name: ClassVar[str] = "occlusion"
    engine: ClassVar[str] = "game"
    summary: ClassVar[str] = "what the target loses under a window that slides over the input"
    needs: ClassVar[frozenset[Capability]] = frozenset({"predict"})
    modalities: ClassVar[tuple[str, ...]] = ("tabular", "image", "series", "volume")
    axioms: ClassVar[tuple[Axiom, ...]] = ("linearity",)
    cite: ClassVar[tuple[str, ...]] = ("zeiler2014visualizing",)
    rows: ClassVar[int] = 256
    takes_features: ClassVar[bool] = False

    window: Any = parameter(
        None,
        "sizes along every axis of one sample, or one number for the axes in space (all channels at once); by default an "
        "eighth of each, and 1 for a table",
    )
    stride: Any = parameter(None, "steps of the window, like window; by default half of it")
    masker: Any = parameter(None, MASKER)

    def attribute(self, passes: Passes) -> list[Attribution]:
        """Every place of the window on every sample."""
        leaf = passes.leaf(passes.masked)
        if leaf.dtype == object:
            raise InputError("occlusion slides over arrays; the words of a text are removed one by one by leave-one-out.")
        shape = tuple(int(size) for size in leaf.shape[1:])
        window, stride = self._sizes(shape, passes.channels_last)
        covered = [_covered(size, side, step) for size, side, step in zip(shape, window, stride, strict=True)]
        places = [len(axis) for axis in covered]
        removal = prepared(passes, self.masker)
        if passes.allowance() < math.prod(places) * removal.draws:
            passes.refuse_budget(math.prod(places) * removal.draws)
        lost = self._lost(passes, Masked(passes, passes.masked, removal), covered, places)
        times = _spread(np.ones(places), covered)
        return [Attribution([_spread(each, covered) / times], removal=removal.says) for each in lost]

    def _sizes(self, shape: tuple[int, ...], channels_last: bool) -> tuple[list[int], list[int]]:
        channel = None if len(shape) < 2 else len(shape) - 1 if channels_last else 0
        usual = [size if axis == channel else max(size // 8, 1) for axis, size in enumerate(shape)]
        if channel is None:
            usual = [1] * len(shape)
        window = _told(self.window, "window", shape, channel, usual)
        halves = [size if axis == channel else max(size // 2, 1) for axis, size in enumerate(window)]
        stride = _told(self.stride, "stride", shape, channel, halves)
        if any(step > side for step, side in zip(stride, window, strict=True)):
            raise InputError(f"stride {tuple(stride)} is longer than the window {tuple(window)}: entries between get no value.")
        return window, stride

    def _lost(self, passes: Passes, masked: Masked, covered: list[np.ndarray], places: list[int]) -> list[np.ndarray]:
        """For each target what each place of the window costs, ``(samples, *places)``."""
        starts = np.array(list(itertools.product(*map(range, places)))).reshape(-1, len(places))
        owner, number = np.repeat(np.arange(passes.samples), len(starts)), np.tile(np.arange(len(starts)), passes.samples)
        masks = _WindowMasks(passes.leaf(passes.masked), covered, getattr(masked.removal, "lay", None))
        found = masked(owner, lambda cases: masks(starts[number[cases]]))
        passes.finished(passes.samples)
        found = found.reshape(passes.targets, passes.samples, -1)
        return [(at[:, None] - without).reshape(-1, *places) for at, without in zip(passes.target_values, found, strict=True)]


class _WindowMasks:
    """Masks without a window, made where the leaf lies: products of what is covered along each axis."""

    def __init__(self, leaf: Native, covered: list[np.ndarray], lay: Any) -> None:
        self._xp, self._device = array_namespace(leaf), getattr(leaf, "device", None)
        self._covered, self._lay = covered, lay

    def __call__(self, starts: Rows) -> Native:
        """Masks ``(starts, ...)`` for places of the window, ``(starts, axes)``."""
        xp = self._xp
        under = xp.asarray(np.ones((len(starts), *[1] * len(self._covered)), bool), device=self._device)
        for axis, covered in enumerate(self._covered):
            if len(covered) == 1 and covered.all():  # all channels at once: one mask for them
                continue
            lines = xp.asarray(covered[starts[:, axis]], device=self._device)
            under = under & xp.reshape(lines, (len(starts), *[-1 if axis == at else 1 for at in range(len(self._covered))]))
        return self._lay(~under) if self._lay is not None else ~under


def _told(given: Sizes, name: str, shape: tuple[int, ...], channel: int | None, usual: list[int]) -> list[int]:
    if given is None:
        return usual
    listed = [shape[axis] if axis == channel else given for axis in range(len(shape))] if isinstance(given, int) else list(given)
    if len(listed) != len(shape) or not all(isinstance(size, (int, np.integer)) and size >= 1 for size in listed):
        raise InputError(
            f"{name}={given!r} must be a whole number of at least 1, or one for each axis of a sample, whose shape is {shape}."
        )
    return [min(int(size), length) for size, length in zip(listed, shape, strict=True)]


def _covered(size: int, side: int, step: int) -> np.ndarray:
    """What each place of the window covers along an axis, bool ``(places, size)``; the last place reaches the edge."""
    starts = np.arange(0, max(size - side, 0) + step, step)
    starts = starts[starts < size]
    at = np.arange(size)
    return (at >= starts[:, None]) & (at < starts[:, None] + side)


def _spread(values: np.ndarray, covered: list[np.ndarray]) -> np.ndarray:
    """Sums over the places of the window of what they tell, for each entry, along the last axes."""
    for axis, lines in enumerate(covered):
        values = np.moveaxis(np.moveaxis(values, axis - len(covered), -1) @ lines.astype(float), -1, axis - len(covered))
    return values
