"""Agreement of two attributions, beside scipy and definitions written out in loops; undefined is NaN and never 0."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

import pellucid as pl
from pellucid.metrics import agreement as measures


def maps(samples=5, entries=20, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(2, samples, entries))


def test_rank_correlation_is_scipys():
    one, other = maps()
    expected = [spearmanr(a, b).statistic for a, b in zip(one, other, strict=True)]
    np.testing.assert_allclose(measures.rank_correlation(one, other), expected, rtol=1e-12)


def test_rank_correlation_with_ties_is_scipys():
    one, other = np.random.default_rng(1).integers(0, 4, (2, 6, 30)).astype(float)
    expected = [spearmanr(a, b).statistic for a, b in zip(one, other, strict=True)]
    np.testing.assert_allclose(measures.rank_correlation(one, other), expected, rtol=1e-12)


def test_overlap_and_signs_are_those_of_sets_of_the_strongest():
    one, other = maps(8, 25, 3)
    for top in (1, 4, 12):
        overlap, signs = [], []
        for a, b in zip(one, other, strict=True):
            first, second = (set(np.argsort(-np.abs(each))[:top].tolist()) for each in (a, b))
            overlap.append(len(first & second) / top)
            either = first | second
            signs.append(sum(bool(a[at] > 0) == bool(b[at] > 0) for at in either) / len(either))
        np.testing.assert_allclose(measures.top_overlap(one, other, top), overlap)
        np.testing.assert_allclose(measures.sign_agreement(one, other, top), signs)


def test_values_tied_at_the_edge_share_the_places_left():
    tied = [np.array([3.0, 1.0, 1.0, 1.0, 1.0])]
    assert measures.top_overlap(tied, tied, 3)[0] == 1
    other = [np.array([0.0, 3.0, 1.0, 0.0, 0.0])]  # entries 1 and 2, and one of the three zeros
    assert measures.top_overlap(tied, other, 3)[0] == pytest.approx((1 / 3 + 0.5 + 0.5 + 1 / 3 + 1 / 3) / 3)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 40), st.floats(1e-150, 1e150), st.integers(1, 10))
def test_measures_do_not_change_with_scale_order_or_which_map_comes_first(seed, entries, factor, top):
    rng = np.random.default_rng(seed)
    one, other = rng.normal(size=(2, 1, entries))
    moved = rng.permutation(entries)
    for name in ("rank_correlation", "cosine", "top_overlap", "sign_agreement"):
        extra = (top,) if name in ("top_overlap", "sign_agreement") else ()
        measure = getattr(measures, name)
        found = measure(one, other, *extra)
        np.testing.assert_allclose(measure(other, one, *extra), found, atol=1e-12)
        np.testing.assert_allclose(measure(one * factor, other, *extra), found, atol=1e-9)
        np.testing.assert_allclose(measure(one[:, moved], other[:, moved], *extra), found, atol=1e-12)
        assert np.isnan(found).all() or (found <= 1 + 1e-12).all()


def test_a_map_agrees_with_itself_in_every_way():
    one, _ = maps()
    found = measures.agreement(one, one)
    assert found.top == 2
    for name in ("rank_correlation", "cosine", "top_overlap", "sign_agreement"):
        np.testing.assert_allclose(getattr(found, name), 1)
    assert (found.difference == 0).all()
    opposite = measures.agreement(one, -one)
    np.testing.assert_allclose(opposite.cosine, -1)
    np.testing.assert_allclose(opposite.top_overlap, 1)
    assert (opposite.sign_agreement == 0).all()
    np.testing.assert_allclose(opposite.difference, 2)


@pytest.mark.parametrize("constant", [np.zeros(6), np.full(6, 3.0), np.full(6, 3.0) + np.arange(6) * 1e-8])
def test_what_a_constant_map_cannot_tell_is_undefined(constant):
    other = np.arange(6.0) - 2
    assert np.isnan(measures.rank_correlation([constant], [other]))
    assert np.isnan(measures.rank_correlation([other], [constant]))
    assert np.isnan(measures.top_overlap([constant], [other], 2))


def test_a_map_of_zeros_has_no_direction_and_no_signs_with_another():
    zeros, other = [np.zeros(4)], [np.array([1.0, -1, 0, 0])]
    assert np.isnan(measures.cosine(zeros, other))
    assert np.isnan(measures.sign_agreement(zeros, zeros))
    assert measures.sign_agreement(zeros, other) == 0
    assert measures.relative_difference(zeros, zeros) == 0
    assert measures.relative_difference(zeros, other) == np.inf


def test_numbers_that_are_not_finite_are_undefined():
    other = np.arange(4.0)
    for wrong in (np.nan, np.inf):
        broken = np.array([0, 1, 2, wrong])
        found = measures.agreement([broken], [other], 2)
        for name in ("rank_correlation", "cosine", "top_overlap", "sign_agreement", "difference"):
            assert np.isnan(getattr(found, name)).all(), (name, wrong)


def test_as_many_strongest_as_there_are_say_nothing():
    one, other = maps(1, 3)
    assert np.isnan(measures.top_overlap(one, other, 3)).all()


def test_differences_are_relative_to_the_first_and_found_where_they_are():
    one, other = maps(4, 9, 5)
    expected = [np.sqrt(((b - a) ** 2).sum()) / np.sqrt((a**2).sum()) for a, b in zip(one, other, strict=True)]
    np.testing.assert_allclose(measures.relative_difference(one, other), expected)
    at = measures.largest_difference(one, other)
    for row, place in enumerate(at):
        assert abs(other[row] - one[row])[place] == abs(other[row] - one[row]).max()
    assert measures.largest_difference(one, one).tolist() == [-1] * 4


def test_samples_may_have_different_numbers_of_values():
    rows = [np.arange(3.0), np.arange(7.0)]
    found = measures.agreement(rows, [row**2 for row in rows])
    np.testing.assert_allclose(found.rank_correlation, 1)
    assert found.top == 1


def test_maps_that_do_not_belong_together_are_refused():
    with pytest.raises(pl.InputError, match="2 and of 1 samples"):
        measures.cosine(np.ones((2, 3)), np.ones((1, 3)))
    with pytest.raises(pl.InputError, match=r"sample 0: maps of the shapes \(3,\) and \(4,\)"):
        measures.cosine([np.ones(3)], [np.ones(4)])
    with pytest.raises(pl.InputError, match="at least 1"):
        measures.top_overlap(np.ones((1, 3)), np.ones((1, 3)), 0)


def test_maps_of_nothing_are_undefined():
    nothing = [np.zeros(0)]
    found = measures.agreement(nothing, nothing)
    assert np.isnan(found.rank_correlation).all()
    assert np.isnan(found.cosine).all()
    assert np.isnan(found.top_overlap).all()
