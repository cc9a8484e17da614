"""How simple an explanation is: closed forms, other formulas of the same numbers, and definitions written as loops."""

import numpy as np
import pytest
from scipy.stats import entropy as scipys_entropy

from pellucid.metrics.complexity.effective_complexity import EffectiveComplexity
from pellucid.metrics.complexity.entropy import Entropy
from pellucid.metrics.complexity.sparseness import Sparseness
from played import Played, additive, network


def gini_by_pairs(values):
    """Mean difference of two magnitudes over twice their mean."""
    sizes = [abs(value) for value in values]
    gaps = sum(abs(a - b) for a in sizes for b in sizes) / len(sizes) ** 2
    return gaps / (2 * sum(sizes) / len(sizes))


def fewest(m, sample, tolerance):
    """Numbers of players one after the other, by the definition."""
    order = sorted(range(m.counts[sample]), key=lambda player: -abs(m.values[sample, player]))
    whole, nothing = (m.game(sample, np.full(m.counts[sample], present)) for present in (True, False))
    for number in range(1, len(order) + 1):
        kept = np.zeros(len(order), bool)
        kept[order[:number]] = True
        if abs(whole - m.game(sample, kept)) <= tolerance * abs(whole - nothing):
            return number
    raise AssertionError


def test_sparseness_is_the_gini_index():
    values = np.random.default_rng(0).normal(size=(5, 9))
    found = Sparseness().measure(Played(values)).values
    np.testing.assert_allclose(found, [gini_by_pairs(row) for row in values])


@pytest.mark.parametrize("players", [2, 5, 40])
def test_one_player_with_everything_is_sparsest_and_equal_players_least(players):
    one, equal = np.zeros(players), np.ones(players)
    one[-1], equal[0] = -3, -1
    m = Played([one, equal])
    np.testing.assert_allclose(Sparseness().measure(m).values, [1 - 1 / players, 0], atol=1e-12)
    np.testing.assert_allclose(Entropy().measure(m).values, [0, np.log(players)], atol=1e-12)


def test_entropy_is_scipys():
    values = np.random.default_rng(1).normal(size=(5, 9))
    values[0, :4] = 0
    np.testing.assert_allclose(Entropy().measure(Played(values)).values, [scipys_entropy(np.abs(row)) for row in values])


@pytest.mark.parametrize("metric", [Sparseness, Entropy])
def test_shares_alone_count_and_only_those_of_players_that_exist(metric):
    values = np.random.default_rng(2).normal(size=(2, 8))
    found = metric().measure(Played(values)).values
    for factor in (-1, 1e-200, 1e200):
        np.testing.assert_allclose(metric().measure(Played(values * factor)).values, found)
    np.testing.assert_allclose(metric().measure(Played(values[:, ::-1])).values, found)
    np.testing.assert_array_equal(metric().measure(Played(values[::-1])).values, found[::-1])
    padded = metric().measure(Played(values, counts=[8, 3])).values
    np.testing.assert_allclose(padded, [found[0], metric().measure(Played(values[1:, :3])).values[0]])
    assert np.isnan(metric().measure(Played(np.zeros((1, 3)))).values).all()


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("tolerance", [0.02, 0.3])
def test_effective_complexity_is_the_first_number_that_suffices(seed, tolerance):
    game = network(11, seed)
    m = Played(np.random.default_rng(seed).normal(size=(3, 11)), game, counts=[11, 11, 7])
    found = EffectiveComplexity(tolerance=tolerance, steps=None).measure(m)
    assert found.values.tolist() == [fewest(m, sample, tolerance) for sample in range(3)]
    np.testing.assert_allclose(found.details["share"], found.values / m.counts)


def test_a_linear_model_needs_the_players_that_make_up_most_of_it():
    weights = np.array([[1.0, 50, 2, 40, 7], [100.0, 0, 0, 0, 0], [1.0, 1, 1, 1, 1]])
    values = weights + np.arange(5) * 1e-3
    found = EffectiveComplexity().measure(Played(values, additive(weights, base=3.0)))
    assert found.values.tolist() == [2, 1, 5]
    least, most = (EffectiveComplexity(tolerance=t).measure(Played(values, additive(weights))).values for t in (1.0, 0.0))
    assert least.tolist() == [1, 1, 1]
    assert most.tolist() == [5, 1, 5]


def test_the_best_order_needs_least():
    weights = np.arange(1.0, 41)[None] ** 3
    game = additive(weights)
    best, worst = (
        EffectiveComplexity(tolerance=0.05).measure(Played(values, game)).values[0] for values in (weights, 1 / weights)
    )
    assert best < 25
    assert worst == 40


def test_few_steps_find_the_same_for_less_where_the_target_comes_closer_step_by_step():
    weights = np.random.default_rng(0).random((4, 100)) ** 6
    one, other = (Played(weights, additive(weights)) for _ in range(2))
    np.testing.assert_array_equal(
        EffectiveComplexity(steps=10).measure(one).values, EffectiveComplexity(steps=None).measure(other).values
    )
    assert other.asked == 4 * 100
    assert one.asked <= 4 * 20


def test_a_target_that_nothing_moves_needs_no_players_and_has_no_number():
    m = Played([[1.0, 2, 3], [1.0, 2, 3]], lambda sample, present: 5.0 if sample == 0 else float(present.sum()))
    found = EffectiveComplexity().measure(m).values
    assert np.isnan(found[0])
    assert found[1] == 3


def test_samples_have_the_same_number_alone_and_in_any_order():
    game = network(12, 3)
    values = np.random.default_rng(3).normal(size=(4, 12))
    whole = EffectiveComplexity(steps=4).measure(Played(values, game, counts=[12, 5, 9, 12])).values
    for sample, count in enumerate([12, 5, 9, 12]):
        alone = EffectiveComplexity(steps=4).measure(Played(values[[sample], :count], game)).values
        assert alone[0] == whole[sample]
