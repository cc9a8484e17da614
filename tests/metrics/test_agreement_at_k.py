"""Agreement on the k strongest values beside the definitions of the paper, and whether intervals of means hold them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pellucid as pl
from pellucid.metrics import agreement
from pellucid.metrics import agreement_at_k as measures

NAMES = ["feature_agreement", "sign_agreement_at", "rank_agreement", "signed_rank_agreement"]


def maps(samples=6, entries=15, seed=0):
    rng = np.random.default_rng(seed)
    one = rng.normal(size=(samples, entries))
    return one, one + rng.normal(size=one.shape)


def by_the_paper(one, other, k):
    """The four measures of Krishna et al., with sets and lists of features."""
    first, second = (sorted(range(len(each)), key=lambda i, each=each: -abs(each[i]))[:k] for each in (one, other))
    sign = {i: (one[i] > 0) == (other[i] > 0) for i in range(len(one))}
    both = set(first) & set(second)
    same = [a for a, b in zip(first, second, strict=True) if a == b]
    return len(both) / k, sum(sign[i] for i in both) / k, len(same) / k, sum(sign[i] for i in same) / k


@pytest.mark.parametrize("k", [1, 4, 14])
def test_measures_are_those_of_the_paper(k):
    one, other = maps()
    expected = np.array([by_the_paper(a, b, k) for a, b in zip(one, other, strict=True)])
    for number, name in enumerate(NAMES):
        np.testing.assert_allclose(getattr(measures, name)(one, other, k), expected[:, number], err_msg=name)
    np.testing.assert_allclose(measures.feature_agreement(one, other, k), agreement.top_overlap(one, other, k))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 20), st.integers(1, 20), st.floats(1e-150, 1e150))
def test_a_map_agrees_with_itself_and_no_measure_is_above_feature_agreement(seed, entries, k, factor):
    k = min(k, entries)
    rng = np.random.default_rng(seed)
    one, other = rng.integers(-3, 4, (2, 3, entries)).astype(float)  # with many ties
    of = {name: getattr(measures, name)(one, other, k) for name in NAMES}
    mixed = rng.permutation(entries)
    for name, found in of.items():
        measure = getattr(measures, name)
        known = ~np.isnan(found)
        np.testing.assert_allclose(measure(one, one, k)[known], 1)
        np.testing.assert_allclose(measure(other, one, k), found, atol=1e-12)
        np.testing.assert_allclose(measure(one[:, mixed] * factor, other[:, mixed], k), found, atol=1e-12)
        assert ((found[known] >= 0) & (found[known] <= of["feature_agreement"][known] + 1e-12)).all()
    assert (np.nan_to_num(of["signed_rank_agreement"]) <= np.nan_to_num(of["sign_agreement_at"]) + 1e-12).all()


def test_opposite_signs_agree_on_features_and_ranks_alone():
    one, _ = maps()
    assert [float(getattr(measures, name)(one, -one, 3).mean()) for name in NAMES] == pytest.approx([1, 0, 1, 0])


def test_reversed_ranks_agree_on_features_alone():
    one, other = [np.array([4.0, 3, 2, 1, 0])], [np.array([1.0, 2, 3, 4, 0])]
    assert [float(getattr(measures, name)(one, other, 4)[0]) for name in NAMES] == pytest.approx([1, 1, 0, 0])


@pytest.mark.parametrize("name", NAMES)
def test_what_cannot_be_had_is_undefined(name):
    measure, other = getattr(measures, name), [np.arange(4.0)]
    for wrong in (np.zeros(4), np.array([1.0, -1, 1, 1]), np.array([0, 1, 2, np.nan]), np.array([0, 1, 2, np.inf])):
        assert np.isnan(measure([wrong], other, 2)).all()
        assert np.isnan(measure(other, [wrong], 2)).all()
    assert np.isnan(measure(other, other, 5)).all()
    assert measure(other, other, 4)[0] == 1
    with pytest.raises(pl.InputError, match="at least 1"):
        measure(other, other, 0)
    with pytest.raises(pl.InputError, match="1 and of 2 samples"):
        measure(other, other * 2, 2)


def test_samples_may_have_different_numbers_of_values_and_do_not_depend_on_each_other():
    rows = [np.arange(5.0), np.arange(9.0) ** 2, np.array([3.0, -1, 2])]
    others = [row + 1.5 * np.cos(np.arange(len(row))) for row in rows]
    for name in NAMES:
        measure = getattr(measures, name)
        alone = [measure([a], [b], 2)[0] for a, b in zip(rows, others, strict=True)]
        np.testing.assert_array_equal(measure(rows, others, 2), alone)


def test_a_mean_over_samples_has_an_interval_that_holds_the_truth():
    rng = np.random.default_rng(0)
    for draw, truth in (
        (lambda: rng.binomial(5, 0.7, 30) / 5, 0.7),
        (lambda: rng.beta(4, 2, 20), 4 / 6),
        (lambda: rng.binomial(5, 0.97, 12) / 5, 0.97),
    ):
        found = [measures.mean_agreement(draw()) for _ in range(400)]
        held = np.mean([each.low <= truth <= each.high for each in found])
        assert 0.91 <= held <= 1
        assert all(0 <= each.low <= each.mean <= each.high <= 1 for each in found)


def test_means_leave_out_what_is_undefined_and_say_of_how_many_samples_they_are():
    found = measures.mean_agreement(np.array([0.2, np.nan, 0.4]))
    assert (found.samples, round(found.mean, 6)) == (2, 0.3)
    assert np.isnan(measures.mean_agreement(np.array([np.nan])).mean)
    one = measures.mean_agreement(np.array([0.25]))
    assert (one.low, one.mean, one.high) == (0, 0.25, 1)
    same = measures.mean_agreement(np.ones(20))
    assert same.high == 1
    assert same.low == pytest.approx(0.05 ** (1 / 20))
    correlations = measures.mean_agreement(np.array([-0.9, -0.95, -0.99]), least=-1)
    assert -1 <= correlations.low < correlations.mean < correlations.high
    with pytest.raises(pl.InputError, match=r"from 0 to 1 are -0.5 to 0.5"):
        measures.mean_agreement(np.array([-0.5, 0.5]))
