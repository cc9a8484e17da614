"""Where the words of a text are, and the text without some of them."""

from __future__ import annotations

import re
import unicodedata
import warnings
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from .errors import InputError
from .extras import require

_HAN = "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_PIECE = re.compile(rf"(?P<han>[{_HAN}]+)|(?:(?![{_HAN}])\w)+(?:['’.\-](?:(?![{_HAN}])\w)+)*|[^\w\s]")
_CLOSING = frozenset(".,;:!?)]}%…’”»。，、；：！？）】》」』")
_OPENING = frozenset("([{“‘（【《「『")


def spans(text: str, punctuation: bool, segment: Callable[[str], Iterable[str]] | None) -> np.ndarray:
    """First and last-but-one character of each word, int ``(words, 2)``, in order."""
    if segment is not None:
        return _placed(text, segment(text))
    found: list[tuple[int, int]] = []
    for piece in _PIECE.finditer(text):
        start, end = piece.span()
        if piece["han"]:
            found += [(start + first, start + last) for first, last in _chinese(piece[0])]
        elif punctuation or not unicodedata.category(text[start]).startswith("P") or end - start > 1:
            found.append((start, end))
    return np.array(found, np.intp).reshape(-1, 2)


def kept(text: str, places: np.ndarray, coalition: np.ndarray, replacement: str | None) -> str:
    """The text with the words that are absent replaced, or deleted together with the space that each leaves behind."""
    mark = next(chr(code) for code in range(0xE000, 0xF900) if chr(code) not in text)
    stand_in = mark if replacement is None else replacement
    parts: list[str] = []
    at = 0
    for (start, end), present in zip(places.tolist(), coalition.tolist(), strict=True):
        parts += [text[at:start], text[start:end] if present else stand_in]
        at = end
    whole = "".join([*parts, text[at:]])
    return whole if replacement is not None else re.sub(rf"\s*(?:{mark}\s*)+", _gap, whole)


def _gap(deleted: re.Match[str]) -> str:
    """What stands where words were: nothing at an edge or beside punctuation that clings, else one of the spaces around."""
    whole, (start, end) = deleted.string, deleted.span()
    if start == 0 or end == len(whole) or whole[end] in _CLOSING or whole[start - 1] in _OPENING:
        return ""
    space = re.search(r"\s*\n\s*", deleted[0]) or re.search(r"\s", deleted[0])
    return space[0] if space else ""


def _placed(text: str, words: Iterable[str]) -> np.ndarray:
    """Where these words stand, each sought after the one before it."""
    found: list[tuple[int, int]] = []
    at = 0
    for word in words:
        start = text.find(word, at) if word else -1
        if start < 0:
            raise InputError(f"segment= gave {word!r}, which is not in the text after character {at}.")
        at = start + len(word)
        found.append((start, at))
    return np.array(found, np.intp).reshape(-1, 2)


def _chinese(run: str) -> Iterable[tuple[int, int]]:
    if len(run) == 1:
        return [(0, 1)]
    return [(start, end) for _, start, end in _jieba().tokenize(run)]


def _jieba() -> Any:
    """Jieba's own tokenizer, so that a user's added words count; its dictionary is read from the package alone.

    Jieba would keep what it read in the shared folder for temporary files and take it from there again.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # jieba's source has escapes that Python warns about
        tokenizer = require("jieba", "text", "Chinese text in Features.words").dt
        with tokenizer.lock:
            if not tokenizer.initialized:
                tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(tokenizer.get_dict_file())
                tokenizer.initialized = True
    return tokenizer
