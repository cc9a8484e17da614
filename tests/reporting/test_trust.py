"""Trust cards and comparisons of methods as records of a report, and in words."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

import pellucid as pl
from pellucid.core.card import CHECKS
from pellucid.reporting import findings
from pellucid.reporting.summary import summary
from pellucid.verdict import Settings
from plots.handmade import photos
from plots.trusted import trusted


@pytest.fixture(scope="module")
def compared():
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(5, 8), torch.nn.Tanh(), torch.nn.Linear(8, 3))
    chosen = {"exact": "shapley", "fast": "saliency"}
    settings = Settings(orders=10, rows=40, changes=1, draws=1)
    return pl.compare(net, torch.rand(7, 5), chosen, metrics=["srg"], settings=settings)


def entry(held, card=0, method=0):
    return held["cards"][card]["entries"][method]


def test_the_card_of_each_sample_is_in_the_records():
    made = trusted(photos(2), stability=[0.6, np.nan], notes={})
    held = summary([made.explanation], "title")
    first, second = (entry(held, card)["trust"] for card in (0, 1))
    assert (first["grade"], first["overall"], second["overall"]) == ("caution", "Use with care", "Holds up")
    assert f"{first['overall']}: {first['because']}" == made.verdicts[0]
    rows = {row["name"]: row for row in first["rows"]}
    assert [name for name in rows if name in {check.name for check in CHECKS}] == [check.name for check in CHECKS]
    assert (rows["stability"]["word"], rows["stability"]["shown"], rows["stability"]["limit"]) == (
        "caution",
        "0.6",
        "at least 0.8",
    )
    assert 100 / 3 < rows["stability"]["place"] < 200 / 3
    assert rows["removed: a weak blur"]["policy"]
    (unknown,) = [row for row in second["rows"] if row["name"] == "stability"]
    assert (unknown["word"], unknown["shown"], unknown["place"], unknown["zones"]) == ("not checked", "", None, [])
    json.dumps(held, allow_nan=False)


def test_the_evidence_does_not_say_it_again():
    finding = pl.Finding("vanishing-gradient", "the gradient has vanished.", (0,), of=2)
    made = trusted(photos(2, evidence=(finding,)), stability=0.6)
    held = summary([made.explanation], "title")
    assert entry(held)["evidence"] == ["the gradient has vanished."]
    assert entry(held, 1)["evidence"] == []
    assert len(held["cautions"]) == 1
    assert not any("changes noticeably" in each for each in held["cautions"])


def test_what_the_gates_ask_is_told_once_and_only_where_there_is_a_card():
    assert [name for name, _, _ in summary([trusted().explanation], "t")["checks"]] == [check.name for check in CHECKS]
    assert summary([photos()], "t")["checks"] == []
    assert entry(summary([photos()], "t"))["trust"] is None


def test_in_words_methods_of_one_verdict_stand_together():
    e = photos(1)
    one, two, three = (trusted(photos(1, method=name), stability=s) for name, s in (("a", 0.9), ("b", 0.6), ("c", 0.6)))
    said = findings([one.explanation, two.explanation, three.explanation, e])
    (line,) = [each for each in said if "trust" in each]
    assert line.endswith("how far to trust it: holds up (a); use with care (b, c).")
    assert not any("trust" in each for each in findings(e))


def test_a_comparison_is_a_table_of_its_methods(compared):
    held = summary(list(compared.explanations.values()), "t", comparisons=[compared])
    (side,) = held["comparisons"]
    assert [row["method"] for row in side["methods"]] == ["exact", "fast"]
    assert side["metrics"] == ["srg (higher is better)"]
    assert side["methods"][0]["scores"] == [f"{compared.scores['exact']['srg'].mean:.3g}"]
    assert side["agreement"][0] == ["1.00", f"{compared.agreement[0, 1].mean():.2f}"]
    assert len(side["tests"]) == 1
    assert side["tests"][0].startswith("Srg: exact and fast ")
    assert [shown["label"] for shown in held["cards"][0]["entries"]] == ["exact", "fast"]
    counted = {part.partition(" ")[2]: int(part.partition(" ")[0]) for part in side["methods"][1]["grades"].split(", ")}
    assert sum(counted.values()) == 7
    assert counted.get("fail", 0) == compared.cards["fast"].grades.count("fail")


def test_reports_take_comparisons_beside_explanations(compared, tmp_path):
    page = pl.report([compared, photos(1)], tmp_path / "r.html").read_text(encoding="utf-8")
    assert page.count("Methods compared") == 1
    assert "Methods compared" not in pl.report(photos(1), tmp_path / "s.html").read_text(encoding="utf-8")
