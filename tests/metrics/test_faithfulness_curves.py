"""Scores along an ordering, against loops written from the papers, closed forms of linear models, and all orders."""

import itertools

import numpy as np
import pytest

from pellucid.metrics.faithfulness.aopc import AOPC
from pellucid.metrics.faithfulness.aopc_lerf import AOPCLeRF
from pellucid.metrics.faithfulness.comprehensiveness import Comprehensiveness
from pellucid.metrics.faithfulness.deletion import Deletion
from pellucid.metrics.faithfulness.insertion import Insertion
from pellucid.metrics.faithfulness.monotonicity import Monotonicity
from pellucid.metrics.faithfulness.pixel_flipping import PixelFlipping
from pellucid.metrics.faithfulness.srg import SRG
from pellucid.metrics.faithfulness.sufficiency import Sufficiency
from played import Played, additive, network, orders

CURVES = [Deletion(), Insertion(), PixelFlipping(), AOPC(), AOPCLeRF(), SRG(), Monotonicity(), Comprehensiveness(), Sufficiency()]
PLAYERS = 7


@pytest.fixture
def played():
    values = np.random.default_rng(1).normal(size=(3, PLAYERS))
    return Played(values, network(PLAYERS))


def targets(played, sample, order, keep=False):
    """The target as the players of an order go (or come) one by one."""
    found = []
    for k in range(len(order) + 1):
        present = np.full(len(order), not keep)
        for player in order[:k]:
            present[player] = keep
        found.append(played.game(sample, present))
    return found


def trapezoid(y):
    return sum((a + b) / 2 for a, b in itertools.pairwise(y)) / (len(y) - 1)


def descending(values):
    return sorted(range(len(values)), key=lambda player: -values[player])


def slow_deletion(played, s):
    return trapezoid(targets(played, s, descending(played.values[s])))


def slow_insertion(played, s):
    return trapezoid(targets(played, s, descending(played.values[s]), keep=True))


def slow_flipping(played, s):
    flipped = targets(played, s, descending(played.values[s]))[1:]
    return sum(flipped) / len(flipped)


def slow_aopc(played, s, order=None):
    y = targets(played, s, order or descending(played.values[s]))
    return sum(y[0] - each for each in y) / len(y)


def slow_lerf(played, s):
    return slow_aopc(played, s, descending(played.values[s])[::-1])


def slow_srg(played, s):
    order = descending(played.values[s])
    return trapezoid(targets(played, s, order[::-1])) - trapezoid(targets(played, s, order))


def slow_monotonicity(played, s):
    order = descending(played.values[s])[::-1]
    y = targets(played, s, order, keep=True)
    fine = [
        (after - before) * (1 if played.values[s][p] >= 0 else -1) >= 0 for p, before, after in zip(order, y, y[1:], strict=False)
    ]
    return sum(fine) / len(fine)


def slow_share(played, s, keep):
    order, whole, n = descending(played.values[s]), played.game(s, np.ones(PLAYERS, bool)), PLAYERS
    falls = []
    for share in (0.01, 0.05, 0.1, 0.2, 0.5):
        k = max(1, -(-round(share * n * 1000) // 1000))
        y = targets(played, s, order, keep)[k]
        falls.append(whole - y)
    return sum(falls) / len(falls)


@pytest.mark.parametrize(
    ("metric", "slow"),
    [
        (Deletion(), slow_deletion),
        (Insertion(), slow_insertion),
        (PixelFlipping(), slow_flipping),
        (AOPC(), slow_aopc),
        (AOPCLeRF(), slow_lerf),
        (SRG(), slow_srg),
        (Monotonicity(), slow_monotonicity),
        (Comprehensiveness(), lambda played, s: slow_share(played, s, keep=False)),
        (Sufficiency(), lambda played, s: slow_share(played, s, keep=True)),
    ],
    ids=lambda each: getattr(each, "name", ""),
)
def test_a_score_is_that_of_the_paper_written_as_loops(played, metric, slow):
    found = metric.measure(played).values
    np.testing.assert_allclose(found, [slow(played, s) for s in range(3)], rtol=1e-12)


def test_linear_models_by_hand():
    weights = np.array([[1.0, 2.0, 3.0, 4.0]])
    m = Played(weights, additive(weights, base=5.0))
    # removed 4, 3, 2, 1: the target is 15, 11, 8, 6, 5
    assert Deletion().measure(m).values == pytest.approx((15 / 2 + 11 + 8 + 6 + 5 / 2) / 4)
    assert Insertion().measure(m).values == pytest.approx((5 / 2 + 9 + 12 + 14 + 15 / 2) / 4)
    assert PixelFlipping().measure(m).values == pytest.approx((11 + 8 + 6 + 5) / 4)
    assert AOPC().measure(m).values == pytest.approx((0 + 4 + 7 + 9 + 10) / 5)
    assert AOPCLeRF().measure(m).values == pytest.approx((0 + 1 + 3 + 6 + 10) / 5)
    assert SRG().measure(m).values == pytest.approx(((14 - 11) + (12 - 8) + (9 - 6)) / 4)
    assert Monotonicity().measure(m).values == 1
    assert Comprehensiveness(share=0.5).measure(m).values == pytest.approx(7)
    assert Sufficiency(share=0.5).measure(m).values == pytest.approx(3)
    np.testing.assert_allclose(Deletion().measure(m).curve.y, [[15, 11, 8, 6, 5]])


@pytest.mark.parametrize("metric", CURVES, ids=lambda each: each.name)
def test_the_values_of_a_linear_model_are_best_and_their_negatives_worst(metric):
    weights = np.array([3.0, -1.0, 0.5, -2.0, 1.5])
    scores = []
    for order in orders(5):
        values = np.empty(5)
        values[list(order)] = [5.0, 4, 3, 2, 1]
        scores.append(metric.measure(Played([values], additive([weights]))).values[0])
    truth = metric.measure(Played([weights], additive([weights]))).values[0]
    wrong = metric.measure(Played([-weights], additive([weights]))).values[0]
    better = {"higher": 1, "lower": -1}[metric.direction]
    if metric.name == "monotonicity":  # with values that are all positive it asks that nothing falls
        assert truth == 1
        assert wrong == 0
    else:
        assert better * truth == pytest.approx(max(better * score for score in scores))
        assert better * wrong == pytest.approx(min(better * score for score in scores))


@pytest.mark.parametrize("metric", CURVES, ids=lambda each: each.name)
def test_a_sample_with_fewer_players_scores_as_if_it_were_alone(metric):
    values, counts = np.random.default_rng(0).normal(size=(5, 23)), [23, 5, 17, 1, 2]
    games = [network(23, seed) for seed in range(5)]
    whole = metric.measure(Played(values, lambda s, present: games[s](s, present), counts)).values
    for s, count in enumerate(counts):
        alone = metric.measure(Played(values[s : s + 1, :count], lambda _, present: games[s](s, present))).values
        np.testing.assert_allclose(whole[s], alone[0], rtol=1e-12)


@pytest.mark.parametrize("metric", CURVES, ids=lambda each: each.name)
def test_nothing_that_moves_is_undefined_and_not_zero(metric):
    m = Played([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]], lambda s, present: 4.0 + s * present[0])
    found = metric.measure(m).values
    assert np.isnan(found[0])
    assert np.isfinite(found[1])


def test_srg_of_the_reverse_is_the_negative_and_random_orders_have_none_on_average():
    values = np.random.default_rng(3).permutation(PLAYERS)[None] * 1.0
    there, back = (SRG().measure(Played(v, network(PLAYERS))).values[0] for v in (values, -values))
    assert there == pytest.approx(-back)
    scores = [SRG().measure(Played([np.array(order, float)], network(5))).values[0] for order in orders(5)]
    assert np.mean(scores) == pytest.approx(0, abs=1e-12)


def test_scores_that_share_orders_share_rows():
    m = Played(np.random.default_rng(0).normal(size=(1, 40)), network(40))
    rows = {}
    for metric in CURVES:
        before = m.asked
        metric.measure(m)
        rows[metric.name] = m.asked - before
    assert rows["deletion"] == 16
    assert rows["insertion"] == 15  # nothing left is what deletion ends with
    assert rows["aopc"] == rows["aopc-lerf"] == rows["srg"] == rows["monotonicity"] == 0
    assert rows["pixel-flipping"] == 40 - 16


def test_monotonicity_is_the_papers_yes_or_no_where_values_are_not_negative():
    rng = np.random.default_rng(5)
    for seed in range(30):
        values = rng.random(4)
        m = Played([values], network(4, seed))
        y = targets(m, 0, descending(values)[::-1], keep=True)
        assert bool(Monotonicity().measure(m).details["monotone"][0]) == all(b >= a for a, b in itertools.pairwise(y))


def test_equal_values_are_taken_in_the_order_of_the_players():
    weights = np.array([[1.0, 2.0, 3.0]])
    m = Played([[1.0, 1.0, 0.0]], additive(weights))
    np.testing.assert_allclose(Deletion().measure(m).curve.y, [[6, 5, 3, 0]])
