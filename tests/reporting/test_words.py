from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from pellucid import Finding
from pellucid.plots.reading import drawable
from pellucid.reporting import findings
from pellucid.reporting.words import _rank_correlation, describe, headline
from plots.handmade import explanation, photos, positions, table


def spot(y, x, size=30, sign=1.0):
    """A picture whose values are 1 everywhere and 100 in one ninth."""
    values = np.ones((1, 3, size, size)) / 3
    third = size // 3
    values[:, :, y * third : (y + 1) * third, x * third : (x + 1) * third] = sign * 100 / 3
    return values


@pytest.mark.parametrize(
    ("y", "x", "name"), [(0, 0, "upper left"), (1, 1, "middle"), (2, 1, "lower centre"), (1, 2, "middle right")]
)
def test_a_planted_spot_is_found_with_its_share(y, x, name):
    values = spot(y, x, sign=-1.0)
    clause = describe(drawable(photos(samples=1, values=values, inputs=np.abs(values))), 0)
    share = 100 / 108
    strongest = 90 * 100 / (100 * 100 + 800)
    where = f"{share:.0%} in the {name} ninth of the picture"
    assert clause == f"{strongest:.0%} of |values| lies in the strongest tenth of the pixels, {where}"


def test_the_sentences_of_a_picture():
    e = photos(samples=1, values=spot(0, 2), inputs=spot(0, 2), error=np.array([0.041]), residual=np.array([0.3]))
    assert findings(e, names=["chelsea.png"]) == [
        "chelsea.png: cat 0.79, dog 0.18 (probability).",
        "chelsea.png: the ninth of the picture with the largest share of |values| (an even spread gives 11%) is "
        "upper right by integrated-gradients (93%; estimated error 4.1%; completeness residual 30%).",
    ]


def test_the_sentences_of_a_table():
    e = explanation(np.array([[1.0, -3.0, 0.0, 4.0]]), output="values", classes=None, prediction=np.array([[0.5]]))
    assert findings(e, features=["a", "b", "c", "d"]) == [
        "sample 1: output 0 is 0.5.",
        "sample 1: by integrated-gradients, d (+4), b (-3) and a (+1) hold 100% of |values|.",
    ]


def test_the_sentences_of_a_series():
    values = np.zeros((1, 1, 90))
    values[..., 40] = -2
    assert describe(drawable(explanation(values)), 0) == (
        "100% of |values| lies in the strongest tenth of the steps, 100% in the middle third of the series"
    )


def test_nothing_is_said_of_nothing():
    assert describe(drawable(explanation(np.zeros((1, 4)))), 0) == "every value is zero"
    assert describe(drawable(photos(values=np.zeros((2, 3, 24, 24)))), 0) == "every value is zero"
    assert findings([photos(values=np.zeros((2, 3, 24, 24))), photos()])


def test_one_feature_holds():
    assert describe(drawable(explanation(np.array([[0.0, 2.0]]))), 0) == "feature 1 (+2) holds 100% of |values|"


def test_agreement_names_the_extremes():
    one, other, third = table(samples=1), table(samples=1, method="saliency"), table(samples=1, method="smoothgrad")
    other = dataclasses.replace(other, values=2 * one.values)
    third = dataclasses.replace(third, values=1 / one.values)
    (sentence,) = [line for line in findings([one, other, third]) if "agree" in line]
    assert sentence == (
        "sample 1: on where |values| lies, integrated-gradients and saliency agree most (rank correlation 1.00 over 20 entries), "
        "integrated-gradients and smoothgrad least (-1.00)."
    )
    assert any("with a rank correlation of 1.00 over 20 entries" in line for line in findings([one, other]))


def test_maps_of_different_sizes_are_compared_on_the_coarser_grid():
    heat = positions(samples=1)
    fine = photos(samples=1, values=np.repeat(np.kron(heat.values, np.ones((1, 4, 4)))[:, None], 3, axis=1))
    assert any("rank correlation of 1.00 over 6 × 6 cells" in line for line in findings([fine, heat]))


def test_several_targets_are_told_apart_and_cautions_come_last_once():
    e = table(samples=2, evidence=(Finding("vanishing-gradient", "the gradient has vanished.", (0, 1), of=2),))
    dog = dataclasses.replace(e, target=dataclasses.replace(e.target, names=("dog", "dog"), indices=e.target.indices + 1))
    told = findings([e, dog, e])
    assert any(line.startswith("sample 2 for dog: by integrated-gradients, ") for line in told)
    assert told[-1] == "integrated-gradients (cat): the gradient has vanished. Likewise for dog."


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"output": "values", "classes": None}, "output 0 = 2, output 1 = 0.5"),
        ({"output": "values", "prediction": np.array([1.5])}, "output 0 is 1.5"),
        ({"prediction": np.array([[0.0]]), "classes": ("sick",)}, "sick has probability 0.5"),
        ({"prediction": np.zeros((1, 4, 4))}, "the target cat is 2"),
    ],
)
def test_headlines(changes, said):
    assert headline(table(samples=1, **changes), 0) == said


@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3)), min_size=3, max_size=30))
def test_rank_correlation_is_spearmans(pairs):
    one, other = np.array(pairs, dtype=float).T
    if np.ptp(one) and np.ptp(other):
        assert _rank_correlation(one, other) == pytest.approx(spearmanr(one, other).statistic, abs=1e-12)
