"""Removed words or ids become one token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from array_api_compat import array_namespace

from ...core.declare import Passes
from ...core.errors import InputError
from ...core.features import Features
from .entries import is_text, is_whole, whole
from .masker import Removal, Replacement
from .words import Rewritten


@dataclass(frozen=True)
class MaskToken:
    """Removed words become ``token``: a string where texts are strings, the number of the token where they are ids.

    All else stays where it is, so an attention mask fits as before. Special tokens stay if they belong to no player.

    Cost: one model row for each mask.

    Source: lundberg2017unified.

    Raises
    ------
    InputError
        For a string where there are ids, a number where there are strings, and inputs that are neither.

    Examples
    --------
    >>> import pellucid as pl
    >>> pl.maskers.MaskToken()
    MaskToken(token='[MASK]')
    """

    token: str | int = "[MASK]"

    def prepare(self, passes: Passes, leaf: str, features: Sequence[Features]) -> Removal:
        """Words of strings, or ids."""
        given = passes.leaf(leaf)
        if is_text(given):
            if not isinstance(self.token, str):
                raise InputError(f"{leaf!r} holds strings, and MaskToken({self.token!r}) is no string.")
            return Rewritten(passes, leaf, features, self.token, f"replaced by {self.token!r}")
        if not is_whole(given):
            raise InputError(
                f"MaskToken is for words and token ids; {leaf!r} holds {given.dtype}. Use maskers.Constant(value) for numbers."
            )
        if isinstance(self.token, str):
            raise InputError(
                f"{leaf!r} holds token ids, so MaskToken needs the number of the token, MaskToken(tokenizer.mask_token_id); "
                f"got {self.token!r}."
            )
        token = whole(self.token, "the token", "MaskToken", least=0)
        xp = array_namespace(given)
        points = xp.full((1, *given.shape[1:]), token, dtype=given.dtype, device=getattr(given, "device", None))
        return Replacement(passes, leaf, points, np.zeros((passes.samples, 1), int), f"replaced by token {token}", soft=False)
