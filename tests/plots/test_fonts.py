from __future__ import annotations

import re
import warnings

import matplotlib as mpl
import pytest
from matplotlib import font_manager

from pellucid import PellucidWarning
from pellucid.plots import fonts, plot
from plots.handmade import table

CHINESE = ["花瓣宽度", "萼片长度 (cm)"]


def test_chinese_names_find_their_characters():
    """With a font, every glyph is drawn (matplotlib warns about missing ones); without one, the package is named."""
    e = table(samples=1, features=2)
    if fonts.cjk_family() is None:
        with pytest.warns(PellucidWarning, match="fonts-noto-cjk"):
            plot(e, features=CHINESE, names=["样本"])
        return
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plot(e, features=CHINESE, names=["样本"])._repr_png_()


def test_a_missing_font_is_said(monkeypatch):
    monkeypatch.setattr(fonts, "FAMILIES", ("No Such Font",))
    monkeypatch.setattr(font_manager, "findSystemFonts", list)
    with pytest.warns(PellucidWarning, match="apt install fonts-noto-cjk"):
        plot(table(features=2), features=CHINESE)


def test_latin_names_need_no_other_font(monkeypatch):
    monkeypatch.setattr(fonts, "FAMILIES", ())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = plot(table(features=2), features=["pétale", "Länge"])
    assert {label.get_text().split(" = ")[0] for label in figure.axes[0].get_yticklabels()} == {"pétale", "Länge"}


def test_a_font_installed_after_matplotlib_listed_them_is_found(monkeypatch):
    known = font_manager.fontManager.ttflist
    path = known[0].fname
    monkeypatch.setattr(font_manager.fontManager, "ttflist", [entry for entry in known if entry.fname != path])
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: [path])
    monkeypatch.setattr(fonts, "FAMILIES", (known[0].name,))
    monkeypatch.setattr(fonts, "_LIKELY", re.compile(""))
    assert fonts.cjk_family() == known[0].name


def test_settings_come_back_after_an_error():
    before = mpl.rcParams["font.family"]
    with pytest.raises(ZeroDivisionError), fonts.fonts_for(["abc"]):
        raise ZeroDivisionError
    assert mpl.rcParams["font.family"] == before
