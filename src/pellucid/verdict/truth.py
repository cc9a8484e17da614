"""What an explanation should find, as players: from the user's ``masks=``, of entries, of positions or of players."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from ..core import tree
from ..core.errors import InputError

Sought = Bool[np.ndarray, "samples players"]


def sought(
    masks: Any, shape: tuple[int, ...] | None, owners: Any, counts: Int[np.ndarray, " samples"], channels_last: bool
) -> Sought:
    """Whether each player belongs to what should be found.

    Parameters
    ----------
    masks
        Bool: like the input, like its positions (without the channels), or one number for each player (``(samples, players)``,
        or a list with a row for each sample).
    shape
        That of the input, ``None`` for texts.
    owners
        What gives the player of each entry.
    counts
        Players of each sample.
    channels_last
        Where the channels are.
    """
    given = _arrays(masks)
    if isinstance(given, np.ndarray) and shape is not None:
        entries = _over_entries(given, shape, channels_last)
        if entries is not None:
            return _mostly_inside(np.broadcast_to(entries, shape), owners(), counts)
    rows = _by_player(given, counts, longer=shape is None)
    if rows is None:
        raise InputError(_told(given, shape, counts))
    return rows


def _arrays(masks: Any) -> np.ndarray | list[np.ndarray]:
    """One array, or one for each sample where their shapes differ; of True and False."""
    if isinstance(masks, (list, tuple)) and masks:
        rows = [tree.on_host(row) for row in masks]
        if len({row.shape for row in rows}) > 1:
            return [_flags(row) for row in rows]
        return _flags(np.stack(rows))
    return _flags(np.atleast_1d(tree.on_host(masks)))


def _flags(mask: np.ndarray) -> np.ndarray:
    if mask.dtype != bool and (mask.dtype.kind not in "iuf" or not np.isin(mask, (0, 1)).all()):
        shown = ", ".join(map(str, np.unique(mask)[:4])) if mask.dtype.kind in "iuf" else str(mask.dtype)
        raise InputError(f"masks= must be True and False, or 1 and 0; got {shown}. Compare with a threshold: masks > 0.5.")
    return mask.astype(bool)


def _over_entries(mask: np.ndarray, shape: tuple[int, ...], channels_last: bool) -> np.ndarray | None:
    """A mask that spreads over the entries of the input; ``None`` where this is none."""
    if mask.shape == shape:
        return mask
    if len(shape) < 3:
        return None
    channel = len(shape) - 1 if channels_last else 1
    positions = (*shape[:channel], *shape[channel + 1 :])
    if mask.shape == positions:
        return np.expand_dims(mask, channel)
    return mask if mask.shape == (*shape[:channel], 1, *shape[channel + 1 :]) else None


def _mostly_inside(mask: np.ndarray, owners: np.ndarray, counts: np.ndarray) -> Sought:
    """A player belongs where more than half of its entries do."""
    most = int(counts.max(initial=0))
    found = np.zeros((len(owners), most), bool)
    for sample, owner in enumerate(owners):
        held = np.where(owner < 0, most, owner).reshape(-1)
        sizes = np.bincount(held, minlength=most + 1)[:-1]
        inside = np.bincount(held, mask[sample].reshape(-1), most + 1)[:-1]
        found[sample] = (inside > sizes / 2) & (sizes > 0)
    return found


def _by_player(given: np.ndarray | Sequence[np.ndarray], counts: np.ndarray, *, longer: bool) -> Sought | None:
    """Rows of players as they are; ``None`` where these are none. Of texts they may be ``longer``: padded for others."""
    most, samples = int(counts.max(initial=0)), len(counts)
    if len(given) != samples or any(row.ndim != 1 for row in given):
        return None
    found = np.zeros((samples, most), bool)
    for sample, row in enumerate(given):
        if len(row) not in (counts[sample], most) and not (longer and len(row) > most):
            return None
        if row[counts[sample] :].any():
            raise InputError(f"masks= marks a player of sample {sample} beyond its {counts[sample]}.")
        found[sample, : counts[sample]] = row[: counts[sample]]
    return found


def _told(given: np.ndarray | Sequence[np.ndarray], shape: tuple[int, ...] | None, counts: np.ndarray) -> str:
    got = f"shape {given.shape}" if isinstance(given, np.ndarray) else f"rows of {', '.join(str(row.shape) for row in given[:4])}"
    players = f"one for each player ({len(counts)}, {int(counts.max(initial=0))})"
    if shape is None:
        return f"masks= has {got}; give bool, {players}, or a list with a row for each text."
    return f"masks= has {got}; the input has {shape}: give bool like the input, (samples, *positions), or {players}."
