from __future__ import annotations

import dataclasses
import json

import numpy as np

from pellucid import Finding
from pellucid.core.targets import TargetRecord
from pellucid.reporting.summary import summary
from plots.handmade import explanation, photos, positions, table


def card(*explanations, **options):
    held = summary(explanations, "title", **options)
    json.dumps(held, allow_nan=False)
    return held["cards"][0]


def test_methods_stand_side_by_side_with_what_is_known_of_them():
    ig = photos(error=np.array([0.04, 0.05]), residual=np.array([0.3, np.inf]), base_value=np.zeros(2))
    held = summary([ig, positions()], "title")
    first, second = held["cards"]
    assert [entry["label"] for entry in first["entries"]] == ["integrated-gradients", "grad-cam"]
    assert first["entries"][0]["facts"] == [
        ("target value", "2"),
        ("baseline value", "0"),
        ("estimated error", "4.0%"),
        ("residual", "30%"),
    ]
    assert second["entries"][0]["facts"][-1] == ("residual", "infinite")
    assert first["entries"][1]["facts"][-1] == ("layer", "features.8")
    run = held["runs"][first["entries"][0]["run"]]
    assert run["command"] == ig.command
    assert run["cost"] == "16 forward and 32 backward rows, 0.50 s for all 2 samples"
    assert run["notes"] == ["a note of the plan"]
    assert list(first["pictures"]) == ["input"]
    assert [entry["parts"][0]["over"] for entry in first["entries"]] == ["input", "input"]


def test_evidence_stands_with_the_samples_that_it_touches():
    e = photos(evidence=(Finding("vanishing-gradient", "vanished", (1,)), Finding("general", "for all", ())))
    first, second = summary([e], "title")["cards"]
    assert first["entries"][0]["evidence"] == ["for all"]
    assert second["entries"][0]["evidence"] == ["vanished", "for all"]


def test_the_prediction_lists_the_best_and_the_explained():
    logits = np.arange(9.0, 0, -1)[None]
    classes = tuple("abcdefghi")
    e = table(samples=1, prediction=logits, classes=classes, target=TargetRecord(("h",), np.array([[7]])))
    prediction = card(e)["predictions"][0]
    assert [row["name"] for row in prediction["rows"]] == ["a", "b", "c", "d", "e", "h"]
    assert [row["explained"] for row in prediction["rows"]] == [False] * 5 + [True]
    assert prediction["more"] == 3
    assert prediction["rows"][0]["shown"] == f"{np.exp(9) / np.exp(logits).sum():.3f}"
    assert prediction["gradient_of"] is None


def test_the_output_gradient_stands_beside_the_prediction_of_its_target():
    e = photos(samples=1)
    loss = dataclasses.replace(
        e,
        method="output-gradient",
        details={"output_gradient": np.array([[-0.8, 0.3, 0.5]])},
        target=TargetRecord(("cross-entropy",)),
    )
    of_class, of_loss = card(e, loss)["predictions"]
    assert of_class["gradient_of"] is None
    assert of_loss["gradient_of"] == "cross-entropy"
    assert [row["gradient"] for row in of_loss["rows"]] == ["-0.8", "+0.3", "+0.5"]
    assert [row["gradient_share"] for row in of_loss["rows"]] == [-1, 0.3 / 0.8, 0.5 / 0.8]


def test_raw_outputs_of_any_kind():
    assert card(table(samples=1, output="values"))["predictions"][0]["quantity"] == "value"
    assert card(table(samples=1, prediction=np.array([1.5])))["predictions"][0]["rows"][0]["name"] == "output 0 is 1.5"
    assert (
        card(table(samples=1, prediction=np.array([[np.inf, 0, 1]]), output="values"))["predictions"][0]["rows"][0]["share"] == 0
    )


def test_bars_hold_the_largest_and_say_the_rest():
    e = table(samples=1)
    (part,) = card(e)["entries"][0]["parts"]
    order = np.argsort(-np.abs(e.values[0]))[:10]
    assert [bar["name"] for bar in part["bars"]] == [f"feature {entry}" for entry in order]
    assert [bar["error"] for bar in part["bars"]] == e.standard_errors[0][order].tolist()
    assert part["others"] == f"10 smaller ones, summed: {e.values[0].sum() - e.values[0][order].sum():.3g}"
    assert part["total"] == np.abs(e.values[0]).sum()


def test_every_leaf_is_shown():
    leaves = {"age": np.ones((1, 1)), "scan": np.ones((1, 1, 8, 8)), "pulse": np.ones((1, 1, 900))}
    parts = card(explanation(leaves))["entries"][0]["parts"]
    assert [(part["leaf"], part["form"]) for part in parts] == [("age", "bars"), ("scan", "map"), ("pulse", "series")]
    pulse = parts[2]
    assert (pulse["map"]["width"], pulse["map"]["height"]) == (448, 1)
    assert pulse["note"] == "900 steps in 448 bins"
    assert [len(line.split()) for line in pulse["lines"]] == [448]


def test_large_maps_shrink_and_say_so():
    held = card(photos(samples=1, size=40), size=20)
    (part,) = held["entries"][0]["parts"]
    assert (part["map"]["width"], part["map"]["height"]) == (20, 20)
    assert part["note"] == "40 × 40 values, summed to 20 × 20"
