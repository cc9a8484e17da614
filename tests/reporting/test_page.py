from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import stat
from html.parser import HTMLParser

import pytest

import pellucid as pl
from pellucid.reporting import report
from plots.handmade import photos, table

EVIL = '</script><img src=x onerror="alert(1)">&amp;\u2028'


class Elements(HTMLParser):
    """Every element, with the text inside scripts and styles."""

    def __init__(self, page):
        super().__init__()
        self.names, self.attributes, self.inside, self.open = [], [], {}, ("", None)
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.names.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        self.open = (tag, dict(attrs).get("type"))

    def handle_data(self, data):
        if self.open[0] in ("script", "style"):
            self.inside[self.open] = self.inside.get(self.open, "") + data

    def handle_endtag(self, tag):
        self.open = ("", None)


@pytest.fixture
def page(tmp_path):
    e = table(classes=(EVIL, "dog", "虎斑猫"), command=EVIL)
    path = report([e, photos()], tmp_path / "report.html", title=EVIL, names=[EVIL, "b", "c", "d"], features=None)
    return path.read_text(encoding="utf-8")


def test_markup_in_names_stays_text(page):
    found = Elements(page)
    assert ("img", "src", "x") not in found.attributes
    assert not [each for each in found.attributes if each[1].startswith("on")]
    assert EVIL not in page
    assert found.names.count("script") == 2


def test_the_data_are_inert_and_complete(page):
    text = Elements(page).inside["script", "application/json"]
    assert not set("<>&\u2028") & set(text)
    held = json.loads(text)
    assert (held["format"], held["version"], held["title"]) == ("pellucid-report", 1, EVIL)
    assert held["cards"][0]["predictions"][0]["rows"][0]["name"] == EVIL
    assert held["cards"][0]["pictures"] == {}


def test_nothing_is_loaded_from_elsewhere_and_only_this_script_runs(page):
    found = Elements(page)
    addresses = [value for _, name, value in found.attributes if name in ("src", "href", "action", "data")]
    assert all(address.startswith(("data:image/", "#")) for address in addresses)
    assert "http" not in re.sub(r"http-equiv", "", page)
    (policy,) = [value for tag, name, value in found.attributes if tag == "meta" and name == "content" and "default-src" in value]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for kind in ("script", "style"):
        digest = base64.b64encode(hashlib.sha256(found.inside[kind, None].encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert not [each for each in found.attributes if each[1] == "style"]


def test_it_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    assert pl.report(table(), os.fspath(path)) == path
    before = path.read_bytes()
    assert list(tmp_path.iterdir()) == [path]
    pl.report(table(), path)
    assert path.read_bytes() == before

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr("pathlib.Path.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        pl.report(photos(), path)
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == before


def test_others_may_read_it_as_far_as_the_umask_says(tmp_path):
    before = os.umask(0o022)
    try:
        path = report(table(), tmp_path / "report.html")
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_name_that_is_no_text_does_not_stop_it(tmp_path):
    path = report(table(samples=1), tmp_path / "r.html", names=[os.fsdecode(b"caf\xe9.png")])
    assert "caf" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "words"),
    [({"size": 0}, "at least 1"), ({"names": ["one"]}, "each of the 2 samples"), ({"features": ["a"]}, "each of the 20")],
)
def test_errors_in_words(tmp_path, options, words):
    with pytest.raises(pl.InputError, match=words):
        report(table(), tmp_path / "r.html", **options)
    assert not list(tmp_path.iterdir())


def test_a_missing_folder_is_said(tmp_path):
    with pytest.raises(pl.InputError, match="create it first"):
        report(table(), tmp_path / "none" / "r.html")
