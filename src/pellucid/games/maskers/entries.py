"""What kind of leaf is masked, masks on the host, and numbers from the host brought back to where the leaf lies."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Generic, NoReturn, TypeVar

import numpy as np
from array_api_compat import array_namespace
from jaxtyping import Bool, Int

from ...arrays.draws import generator
from ...core.declare import Passes
from ...core.errors import InputError
from ...core.features import Features
from ...core.players import CATEGORIES
from ...core.types import Native

T = TypeVar("T")

MOST_BYTES = 1 << 28
"""What is kept of masks that come again."""


def is_text(given: Native) -> bool:
    """Whether a leaf holds strings."""
    return isinstance(given, np.ndarray) and given.dtype.kind in "OSU"


def is_whole(given: Native) -> bool:
    """Whether a leaf holds whole numbers."""
    return not is_text(given) and bool(array_namespace(given).isdtype(given.dtype, "integral"))


def refuse_text(given: Native, masker: str) -> None:
    """Refuse strings, for which there are maskers of their own."""
    if is_text(given):
        raise InputError(f"{masker} is for numbers; words are removed by maskers.MaskToken(token) or maskers.Delete().")


def refuse_tables(features: Sequence[Features], masker: str, instead: str) -> None:
    """Refuse columns, which have no neighbours."""
    if features and features[0].columns is not None:
        raise InputError(
            f"{masker} fills removed entries from their neighbours, and the columns of a table have none; {instead} "
            "A series or an image needs features of its own: features=pl.Features.segments(...) or .grid(...)."
        )


def refuse_tokens(features: Sequence[Features], leaf: str, what: str) -> None:
    """Refuse arithmetic with the numbers of tokens."""
    if features and "token" in features[0].kinds:
        raise InputError(f"{what} token ids means nothing; remove those of {leaf!r} by maskers.MaskToken(id) or Delete().")


def blends(features: Sequence[Features]) -> bool:
    """Whether something between two values of the features means anything: not for codes of categories."""
    return not any(column.kind in (*CATEGORIES, "one-hot") for each in features[:1] for column in each.columns or ())


def spatial_axes(passes: Passes, given: Native, features: Sequence[Features]) -> tuple[int, ...]:
    """The axes of a leaf ``(samples, ...)`` along which its entries are neighbours: all but samples and channels."""
    if given.ndim == 2:
        return (1,)
    labels = features[0].labels.shape if features else ()
    if given.ndim == 3 and len(labels) == 2 and min(labels) > 1 and set(features[0].kinds) == {"region"}:
        return (1, 2)  # images without a channel axis
    if given.ndim == 3 and len(labels) == 2 and labels[1] == 1 < labels[0]:
        return (1,)  # (time, channels)
    return tuple(range(1, given.ndim - 1)) if passes.channels_last else tuple(range(2, given.ndim))


def hard(passes: Passes, masks: Native, masker: str) -> Bool[np.ndarray, "rows ..."]:
    """Masks on the host, which must be bool."""
    if not array_namespace(masks).isdtype(masks.dtype, "bool"):
        refuse_soft(masker)
    return passes.host(masks) > 0.5


def refuse_soft(masker: str) -> NoReturn:
    """A mask that keeps a part of an entry has no meaning here."""
    raise InputError(
        f"{masker} removes entries wholly; masks from 0 to 1 need a masker that blends: Constant, Mean, Background or Blur."
    )


def native(values: np.ndarray, like: Native) -> Native:
    """Numbers from the host as an array like the leaf; whole numbers are the nearest ones that it can hold."""
    xp = array_namespace(like)
    if xp.isdtype(like.dtype, "integral"):
        bounds = xp.iinfo(like.dtype)
        values = np.clip(np.rint(values), float(bounds.min), float(bounds.max)).astype(np.int64)
    return xp.asarray(np.array(values, order="C"), dtype=like.dtype, device=getattr(like, "device", None))


def distinct(kept: Bool[np.ndarray, "rows ..."]) -> tuple[list[bytes], Int[np.ndarray, " masks"], Int[np.ndarray, " rows"]]:
    """Keys of the different masks, for each a row that has it, and the number of each row's mask."""
    packed = np.packbits(kept.reshape(len(kept), -1), axis=1)
    _, first, inverse = np.unique(packed.view(f"V{packed.shape[1]}").reshape(-1), return_index=True, return_inverse=True)
    return [packed[row].tobytes() for row in first], first, inverse.reshape(-1)


def draws_of(seed: int, masker: str, key: bytes) -> np.random.Generator:
    """The generator of one coalition: the same for every sample, batch and order."""
    return generator(seed, masker, int.from_bytes(hashlib.blake2b(key, digest_size=8).digest()))


class Memo(Generic[T]):
    """What was found for the latest masks, up to a number of bytes."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._held: OrderedDict[bytes, tuple[T, int]] = OrderedDict()
        self._most, self._bytes = most, 0

    def get(self, key: bytes) -> T | None:
        """What is known of this mask."""
        if key not in self._held:
            return None
        self._held.move_to_end(key)
        return self._held[key][0]

    def put(self, key: bytes, value: T, size: int) -> T:
        """Keep it, and forget the oldest where that is too much."""
        self._held[key] = value, size
        self._bytes += size
        while self._bytes > self._most and len(self._held) > 1:
            self._bytes -= self._held.popitem(last=False)[1][1]
        return value


def whole(number: Any, name: str, masker: str, least: int = 1) -> int:
    """A setting that must be a whole number."""
    if not isinstance(number, (int, np.integer)) or isinstance(number, bool) or number < least:
        raise InputError(f"{masker}: {name} must be a whole number of at least {least}; got {number!r}.")
    return int(number)


def real(number: Any, name: str, masker: str, *, zero: bool) -> float:
    """A setting that must be a number above 0, or from 0."""
    if not isinstance(number, (int, float, np.integer, np.floating)) or isinstance(number, bool) or not np.isfinite(number):
        raise InputError(f"{masker}: {name} must be a number; got {number!r}.")
    if number < 0 or (number == 0 and not zero):
        raise InputError(f"{masker}: {name} must be {'at least' if zero else 'above'} 0; got {number!r}.")
    return float(number)
