"""Fonts for Chinese, Japanese and Korean names: an installed one joins the fallbacks; a missing one is said."""

from __future__ import annotations

import re
import warnings
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path

import matplotlib as mpl
from matplotlib import font_manager

from ..core.errors import PellucidWarning

FAMILIES = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Microsoft YaHei",
    "PingFang SC",
    "Hiragino Sans GB",
    "Heiti SC",
    "SimHei",
    "SimSun",
    "Noto Sans CJK JP",
    "Noto Sans CJK TC",
    "Noto Sans CJK KR",
    "Noto Serif CJK SC",
    "Droid Sans Fallback",
    "Arial Unicode MS",
)
"""Font families that hold Chinese, Japanese and Korean characters; the first that is installed is taken."""

_CJK = re.compile("[\u1100-\u11ff\u2e80-\u9fff\uac00-\ud7ff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]")

_LIKELY = re.compile("cjk|han|hei|pingfang|simsun|notosans[sjtk]|fallback|unicode", re.IGNORECASE)
"""File names that are worth reading when no family is known."""


def has_cjk(text: str) -> bool:
    """Whether a text has Chinese, Japanese or Korean characters.

    >>> has_cjk("花瓣 width"), has_cjk("Blütenblatt")
    (True, False)
    """
    return _CJK.search(text) is not None


def cjk_family() -> str | None:
    """The first of ``FAMILIES`` that is installed, also if it was installed after matplotlib listed the fonts."""
    return _first(FAMILIES) or _first_new()


@contextmanager
def fonts_for(texts: Iterable[str]) -> Generator[None]:
    """Text made inside finds its characters, and ``$`` in a name stays a dollar; the settings come back afterwards."""
    families = list(mpl.rcParams["font.family"])
    if any(map(has_cjk, texts)):
        if (family := cjk_family()) is not None:
            families.append(family)
        else:
            warnings.warn(
                "No installed font has the Chinese, Japanese or Korean characters of these names; they will show as boxes. "
                "Install one: apt install fonts-noto-cjk (Debian, Ubuntu), or the font Noto Sans CJK elsewhere.",
                PellucidWarning,
                stacklevel=2,
            )
    with mpl.rc_context({"font.family": families, "text.parse_math": False}):
        yield


def _first(families: Iterable[str]) -> str | None:
    installed = {entry.name for entry in font_manager.fontManager.ttflist}
    return next((family for family in families if family in installed), None)


def _first_new() -> str | None:
    """Look for font files that matplotlib, which keeps a list, has not seen: installing a font is enough."""
    known = {entry.fname for entry in font_manager.fontManager.ttflist}
    for path in sorted(set(font_manager.findSystemFonts()) - known):
        if _LIKELY.search(Path(path).name):
            try:
                font_manager.fontManager.addfont(path)
            except (OSError, RuntimeError):  # not a font that matplotlib can read
                continue
    return _first(FAMILIES)
