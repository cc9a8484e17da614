"""What a report shows of players, words, segments and pairs."""

from __future__ import annotations

import base64
import dataclasses
import json

import numpy as np
import pytest

from pellucid import Features
from pellucid.reporting import findings
from pellucid.reporting.groups import groups
from pellucid.reporting.summary import summary
from plots.handmade import interactions, mixed, players, positions, regions, segments, texts


def part(e, **options):
    held = summary([e], "title", **options)
    json.dumps(held, allow_nan=False)
    return held["cards"][0]["entries"][0]["parts"][0]


def values(encoded):
    data = np.frombuffer(base64.b64decode(encoded["data"]), "<i2").reshape(encoded["height"], encoded["width"])
    return data * encoded["step"]


def test_rows_of_a_table_say_what_is_given_and_how_sure_it_is():
    e = mixed(3, standard_errors=np.full((3, 5), 0.25))
    held = part(e)
    assert held["form"] == "bars"
    bars = {bar["name"]: bar for bar in held["bars"]}
    assert bars["income"]["given"] == "missing"
    assert bars["age"]["given"] == f"{e.inputs[0, 0]:.0f}"
    assert bars["town"]["given"] in ("Bonn", "Ulm", "北京", "missing")
    for at, name in enumerate(e.features.names):
        assert bars[name]["value"] == pytest.approx(e.values[0, at], abs=1e-9)
        assert bars[name]["error"] == 0.25


def test_what_removed_meant_stands_with_the_facts():
    held = summary([regions()], "title")["cards"][0]["entries"][0]
    assert ("removed means", "set to 0") in held["facts"]
    assert "removed means" not in dict(summary([positions()], "title")["cards"][0]["entries"][0]["facts"])


def test_a_region_is_painted_with_its_whole_value_and_listed():
    e = regions()
    held = part(e)
    np.testing.assert_allclose(values(held["map"]), e.values[0][e.features.labels[0]], atol=1e-3)
    assert (held["form"], held["regions"], held["over"]) == ("map", 3, "input")
    assert next((bar["name"], bar["value"]) for bar in held["bars"]) == ("region 1, lower centre", -4.0)
    assert held["total"] == 7
    assert held["borders"].startswith("M")
    assert held["words"].startswith("region 1, lower centre (-4), ")


def test_large_regions_are_thinned_and_not_summed():
    e = regions()
    small = part(e, size=6)
    assert (small["map"]["width"], small["map"]["height"]) == (6, 6)
    assert set(np.round(values(small["map"]), 2).ravel()) == {2.0, -4.0, 1.0}
    assert all(0 <= float(number) <= 6 for number in small["borders"].replace("M", " ").replace("L", " ").split())


def test_segments_are_a_strip_with_their_series_and_their_values():
    e = segments(channels=8)
    held = part(e)
    np.testing.assert_allclose(values(held["map"])[0], np.repeat(e.values[0], 5), atol=1e-3)
    assert len(held["lines"]) == 6
    assert held["bars"][0]["name"] == "steps 15-19"
    assert held["bars"][0]["error"] == pytest.approx(0.1)


def test_a_text_is_whole_and_its_words_know_their_values():
    written = 'Not <b>good</b>,\n  "very" good & 好看的电影!'
    held = part(texts(written))
    assert "".join(span["text"] for span in held["spans"]) == written
    words = [(span["text"], held["values"][span["player"]]) for span in held["spans"] if span["player"] is not None]
    assert words[:3] == [("Not", 1), ("<", -2), ("b", 3)]  # symbols are words
    assert [abs(value) for _, value in words] == list(range(1, len(words) + 1))
    assert held["form"] == "text"
    assert "“" in held["words"]


def test_pairs_are_a_network_and_a_table():
    e = interactions(count=4)
    held = part(e)
    whole = e.values[0] + e.values[0].T
    assert len(held["network"]["nodes"]) == 4
    assert len(held["network"]["edges"]) == 6
    strongest = max(abs(whole[i, j]) for i in range(4) for j in range(i))
    assert held["network"]["edges"][0]["shown"].lstrip("-") == f"{strongest:.3g}"
    assert held["network"]["edges"][0]["width"] == 7
    bars = {bar["name"]: bar for bar in held["bars"]}
    assert bars["column 0 × column 1"]["value"] == pytest.approx(whole[0, 1])
    assert bars["column 0 × column 1"]["error"] == pytest.approx(0.1)
    assert bars["column 2"]["value"] == pytest.approx(e.values[0, 2, 2])


def test_no_disc_and_no_text_of_a_network_leaves_its_drawing():
    held = part(interactions(count=14))["network"]
    assert held["nodes"][-1]["lines"][0] == "4 smaller ones"
    for node in held["nodes"]:
        assert 0 < node["x"] < 400
        assert node["text_y"] > 0
        assert node["text_y"] + 11 * len(node["lines"]) < 372


def test_the_rest_is_summed():
    e = players(1, 30)
    held = part(e)
    shown = sum(bar["value"] for bar in held["bars"])
    count, rest = held["others"].split(" smaller ones, summed: ")
    assert int(count) == 20
    assert float(rest) == pytest.approx(e.values.sum() - shown, rel=5e-3)


def test_a_map_far_from_zero_says_where_its_colours_start():
    heat = 9 + np.random.default_rng(0).random((1, 6, 6))
    held = part(positions(1, values=heat))
    assert held["note"] == f"colours start at {heat.min():.3g}, the smallest value"
    np.testing.assert_allclose(values(held["map"]), heat[0] - heat.min(), atol=1e-3)
    assert "of what lies above the smallest value" in " ".join(findings(positions(1, values=heat)))


def test_signs_are_shown_first_where_all_values_are_of_features():
    assert summary([players(1), texts("A film.")], "title")["sign"] == "signed"
    assert summary([players(1), positions(1)], "title")["sign"] == "absolute"


def test_the_sentences_of_words_and_pairs():
    assert findings(texts("bad bad film")) == [
        "sample 1: cat 0.79, dog 0.18 (probability).",
        "sample 1: by shapley, “film” (+3), “bad” (-2) and “bad” (+1) hold 100% of |values|.",
    ]
    (_, said) = findings(interactions(count=3))
    assert said.startswith("sample 1: by shapley-interactions, column ")


def test_equal_texts_meet_wherever_they_are_stored():
    first, second = texts("".join(["a good ", "film"])), texts("a good film", method="lime")
    (group,) = groups([first, second])
    assert group.seats == [(0, 0), (1, 0)]
    other = dataclasses.replace(second, inputs=np.array(["a good folm"], object))
    assert len(groups([first, other])) == 2


def test_features_of_ones_own_names():
    e = players(1, 2)
    assert [bar["name"] for bar in part(e, features=["甲", "乙"])["bars"]] != [bar["name"] for bar in part(e)["bars"]]
    named = dataclasses.replace(e, features=Features.from_arrays(["<i>a</i>", "b"]))
    assert {bar["name"] for bar in part(named)["bars"]} == {"<i>a</i>", "b"}


def test_what_is_not_known_of_an_error_is_left_out():
    errors = np.full((3, 5), 0.25)
    errors[0, 1] = np.inf
    e = mixed(3, standard_errors=errors)
    bars = {bar["name"]: bar for bar in part(e)["bars"]}
    assert [bars[name]["error"] for name in e.features.names] == [0.25, None, 0.25, 0.25, 0.25]
