"""Trust cards as figures."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch

import pellucid as pl
from pellucid.core.card import CHECKS, Gate
from pellucid.plots.cards import card
from pellucid.plots.grades import COLOURS, MARKS, WORDS, scale, told
from plots.handmade import interactions, photos, table, texts
from plots.trusted import trusted


def written(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def drawn(figure):
    held = io.BytesIO()
    figure.savefig(held, format="png")
    return held.getvalue().startswith(b"\x89PNG")


def test_the_verdict_stands_above_a_row_for_each_gate():
    made = trusted(stability=[0.6, 0.9, 0.9], depends_on_the_weights=[0.9, 0.1, 0.1])
    figure = card(made, sample=0)
    said = written(figure)
    assert "Do not rely on it" in said
    because = " ".join(" ".join(said).split())
    assert "It stays nearly the same for a network that has learned nothing; it is more faithful than 96%" in because
    names = [text for text in said if text in {check.name for check in CHECKS}]
    assert names == [check.name for check in CHECKS]
    assert [said.count(WORDS[grade]) for grade in ("pass", "caution", "fail")] == [8, 1, 1]
    assert said.count(MARKS["fail"]) == 2  # the verdict and its gate
    assert {"removed: set to 0", "removed: a weak blur", "removed: a strong blur"} <= set(said)
    assert drawn(figure)


def test_a_grade_is_never_a_colour_alone():
    figure = card(trusted(stability=[0.6], depends_on_the_weights=[0.9], completeness=[np.nan], e=photos(1)))
    shapes = {}
    for marks in figure.axes[0].collections:
        colour = tuple(np.round(marks.get_edgecolor()[0], 3))
        if marks.get_sizes()[0] == 150:
            shapes.setdefault(colour, set()).add(marks.get_paths()[0].vertices.shape)
    assert len(shapes) == len(COLOURS)
    assert len({MARKS[grade] for grade in COLOURS}) == len({WORDS[grade] for grade in COLOURS}) == len(COLOURS)


def luminance(colour):
    """Relative luminance, by the definition of the Web Content Accessibility Guidelines."""
    parts = np.array([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return linear @ (0.2126, 0.7152, 0.0722)


@pytest.mark.parametrize("grade", COLOURS)
def test_words_in_the_colour_of_a_grade_can_be_read_on_white(grade):
    assert 1.05 / (luminance(COLOURS[grade]) + 0.05) > 3


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_limits_of_all_gates_stand_below_each_other(check):
    """Between the limits there is one zone, whose grade is what the check gives to values in it."""
    gate = Gate(check.name, np.linspace(-0.5, 2, 26))
    measured = scale(gate)
    if measured is None:
        assert check.name in ("a map", "saturation")
        return
    places = measured.place(gate.values)
    sign = -1 if check.good < check.bad else 1
    assert (np.diff(places) * sign >= 0).all()
    for place, grade in zip(places, gate.grades, strict=True):
        (zone,) = [zone for zone in measured.zones if zone.start < place < zone.end] or [None]
        if zone is not None:
            assert zone.grade == grade, place
    for at, limit in measured.limits:
        np.testing.assert_allclose(measured.place(np.array([limit])), at)
    assert measured.place(np.array([np.inf]))[0] == (0 if sign < 0 else 1)
    assert np.isnan(measured.place(np.array([np.nan]))[0])
    assert (measured.zones[0].start, measured.zones[-1].end) == (0, 1)


def test_the_value_stands_where_the_scale_says():
    figure = card(trusted(stability=[0.8, 0.5, 0.65]), sample=0)
    ax = figure.axes[0]
    marks = [marks for marks in ax.collections if marks.get_sizes()[0] == 75]
    assert len(marks) == 8  # a map and saturation say yes or no
    row = next(text for text in ax.texts if text.get_text() == "stability").get_position()[1]
    (own,) = [each for each in marks if 0 <= each.get_offsets()[0, 1] - row < 0.3]
    limit = next(text for text in ax.texts if text.get_text() == "0.8" and text.get_ha() == "center")
    assert own.get_offsets()[0, 0] == pytest.approx(limit.get_position()[0])
    others = [each for each in ax.collections if each.get_sizes()[0] == 13 and 0 <= each.get_offsets()[0, 1] - row < 0.3]
    assert len(others[0].get_offsets()) == 2


def test_all_samples_together():
    made = trusted(stability=[0.6, 0.93, 0.95])
    said = written(card(made))
    assert "Use with care for 1 of 3 samples" in said
    assert "1 of 3" in said
    assert said.count("0.93") == 1  # the middle
    assert any(text.startswith("dots: samples") for text in said)


def test_what_was_not_checked_is_grey_and_says_why():
    why = "the method does not promise anything"
    figure = card(trusted(completeness=np.nan, notes={"completeness": why}), sample=1)
    said = written(figure)
    assert f"not checked: {why}" in said
    assert WORDS["unknown"] in said
    (name,) = [text for text in figure.axes[0].texts if text.get_text() == "completeness"]
    (other,) = [text for text in figure.axes[0].texts if text.get_text() == "stability"]
    assert name.get_color() != other.get_color()


def test_nothing_was_checked():
    nothing = {check.name.replace(" ", "_"): np.nan for check in CHECKS}
    figure = card(trusted(photos(1), **nothing))
    assert "Not checked" in written(figure)
    assert drawn(figure)


def test_an_explanation_brings_its_card_also_from_a_file(tmp_path):
    made = trusted(stability=[0.6, 0.9, 0.9])
    path = tmp_path / "one.pellucid"
    made.explanation.save(path)
    assert written(card(pl.load(path), sample=0))[:6] == written(card(made, sample=0))[:6]
    assert written(card(made.explanation[2]))[2] == written(card(made, sample=2))[2]


@pytest.mark.parametrize(
    "e", [table(2), texts("Not a good film.", "好电影。"), interactions(), photos(1)], ids=["a", "b", "c", "d"]
)
def test_every_kind_of_explanation_has_a_card(e):
    assert drawn(card(trusted(e), sample=0))


def test_a_picture_stands_beside_its_map():
    assert len(card(trusted(), sample=0).axes) == 3
    assert len(card(trusted()).axes) == 1
    assert len(card(trusted(table(2)), sample=0).axes) == 1


@pytest.mark.parametrize(("gate", "value", "words"), [("a map", 1, "yes"), ("stability", 0.5, "0.5"), ("stability", np.nan, "")])
def test_values_in_words(gate, value, words):
    assert told(Gate(gate, np.array([float(value)])), 0) == words


def test_what_cannot_be_drawn_is_said():
    with pytest.raises(pl.InputError, match="carries no trust card"):
        card(photos())
    with pytest.raises(pl.InputError, match="got NotebookFigure"):
        card(card(trusted()))
    with pytest.raises(pl.InputError, match="sample=3 is outside"):
        card(trusted(), sample=3)


def test_a_measured_card_is_drawn():
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.Tanh(), torch.nn.Linear(8, 3))
    found = pl.trust(pl.explain(net, torch.rand(2, 6), target=0), net, orders=10, changes=1, draws=1)
    assert found.verdicts[1].partition(":")[0] in written(pl.plots.card(found, sample=1))
