"""Texts without some of their words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...core.declare import Passes
from ...core.errors import InputError
from ...core.features import Features
from ...core.types import Native, Rows
from .entries import hard


class Rewritten:
    """Strings whose absent words are replaced, or deleted where there is no replacement.

    Parameters
    ----------
    passes
        The samples.
    leaf
        Their texts.
    features
        The words of each text.
    replacement
        What stands for an absent word.
    says
        What "removed" means.
    """

    draws, soft = 1, False

    def __init__(self, passes: Passes, leaf: str, features: Sequence[Features], replacement: str | None, says: str) -> None:
        texts = list(passes.leaf(leaf))
        if len(features) != len(texts):
            raise InputError(f"{len(texts)} texts need the words of each: pl.Features.words(texts); got {len(features)}.")
        for number, (text, words) in enumerate(zip(texts, features, strict=True)):
            if words.text is None:
                raise InputError(f"words are removed from texts; the features of text {number} are {words.describe(3)}.")
            if words.text != text:
                raise InputError(f"the features of text {number} are those of another: {words.text[:40]!r}, not {text[:40]!r}.")
        self._passes, self._features, self._replacement = passes, features, replacement
        self.weights, self.says = np.ones(1), says

    def __call__(self, owner: Rows, masks: Native, draw: Rows) -> np.ndarray:
        """A string for each row; masks may be longer than a text has words."""
        del draw
        kept = hard(self._passes, masks, "MaskToken" if self._replacement is not None else "Delete")
        made = np.empty(len(owner), object)
        for sample in np.unique(owner):
            rows, words = np.flatnonzero(owner == sample), self._features[sample]
            made[rows] = words.keep(kept[rows, : len(words)], self._replacement)
        return made
