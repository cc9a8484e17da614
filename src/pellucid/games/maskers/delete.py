"""Removed words or ids are taken out of the text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from array_api_compat import array_namespace

from ...arrays.rows import take
from ...core.declare import Passes
from ...core.errors import InputError
from ...core.features import Features
from ...core.types import Native, Rows
from .entries import is_text, is_whole, refuse_soft, whole
from .masker import Removal
from .words import Rewritten


@dataclass(frozen=True)
class Delete:
    """Removed words are deleted from the string, or removed ids from their row: the gap closes, and ``pad`` fills the end.

    Other inputs of the model do not follow: where there is an attention mask beside the ids, wrap the model in a function of
    the ids alone that makes the mask of them (``ids != pad``). Ids that belong to no player (``[CLS]``, padding) are never
    deleted.

    Cost: one model row for each mask.

    Source: li2016understanding.

    Raises
    ------
    InputError
        For inputs that are no words, and for ids beside which another input has one entry per id.

    Examples
    --------
    >>> import pellucid as pl
    >>> pl.maskers.Delete()
    Delete(pad=0)
    """

    pad: int = 0

    def prepare(self, passes: Passes, leaf: str, features: Sequence[Features]) -> Removal:
        """Words of strings, or ids."""
        given = passes.leaf(leaf)
        if is_text(given):
            return Rewritten(passes, leaf, features, None, "deleted")
        if not is_whole(given) or given.ndim != 2:
            raise InputError(
                f"Delete is for words and token ids (samples, length); {leaf!r} holds {given.dtype} {tuple(given.shape)}. "
                "Use maskers.Constant(value) for numbers."
            )
        pad = whole(self.pad, "pad", "Delete", least=0)
        if beside := _beside(passes, leaf, tuple(given.shape)):
            raise InputError(
                f"Delete moves the ids of {leaf!r}, and {beside!r}, which has one entry for each of them, would not follow. Use "
                f"maskers.MaskToken(id), or wrap the model in a function of the ids alone that makes {beside!r} of them: "
                f"pl.wrap(lambda ids: model(ids, ids != {pad}), ...)."
            )
        return Deleted(given, pad)


class Deleted:
    """Rows of ids in which those that are kept move to the front."""

    draws, soft = 1, False

    def __init__(self, given: Native, pad: int) -> None:
        self._given, self._pad = given, pad
        self.weights, self.says = np.ones(1), f"deleted, with {pad} at the end"

    def __call__(self, owner: Rows, masks: Native, draw: Rows) -> Native:
        """A stable sort by whether they are kept, and padding from where those end."""
        del draw
        xp = array_namespace(masks)
        if not xp.isdtype(masks.dtype, "bool"):
            refuse_soft("Delete")
        device = getattr(self._given, "device", None)
        masks = xp.broadcast_to(masks, (len(owner), self._given.shape[1]))
        order = xp.argsort(xp.astype(~masks, xp.int8), axis=1, stable=True)
        moved = xp.take_along_axis(take(self._given, owner), order, axis=1)
        count = xp.sum(xp.astype(masks, xp.int32), axis=1, keepdims=True)
        here = xp.arange(self._given.shape[1], device=device)[None, :] < count
        return xp.where(here, moved, xp.full_like(moved, self._pad))


def _beside(passes: Passes, leaf: str, shape: tuple[int, ...]) -> str:
    """Another input with one entry for each id, if the engine shows its inputs."""
    inputs = getattr(passes, "inputs", None)
    for name in getattr(inputs, "batched", ()):
        if name != leaf and tuple(passes.leaf(name).shape)[:2] == shape:
            return str(name)
    return ""
