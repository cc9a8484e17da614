"""Row arithmetic and resizing, on NumPy and on the strictest array library."""

import array_api_strict
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import slow
from pellucid.arrays import draws, resample, rows

LIBRARIES = [np, array_api_strict]


@pytest.mark.parametrize("xp", LIBRARIES, ids=["numpy", "strict"])
def test_row_arithmetic(xp):
    array = np.random.default_rng(0).normal(size=(5, 2, 3))
    other = np.random.default_rng(1).normal(size=(5, 4))
    a, b = xp.asarray(array), xp.asarray(other)
    np.testing.assert_allclose(np.asarray(rows.flat(a)), array.reshape(5, 6))
    np.testing.assert_allclose(np.asarray(rows.take(a, np.array([4, 0, 4]))), array[[4, 0, 4]])
    weighted = rows.spread(np.arange(5), a) * a
    np.testing.assert_allclose(np.asarray(weighted), np.arange(5)[:, None, None] * array)
    joined = np.concatenate([array.reshape(5, -1), other], axis=1)
    np.testing.assert_allclose(np.asarray(rows.row_norms(a, b)), np.linalg.norm(joined, axis=1))
    np.testing.assert_allclose(np.asarray(rows.row_sums(a, b)), joined.sum(1))
    sums = rows.owner_sums(a, np.array([1, 1, 3, 2, 1]), 1, 5)
    np.testing.assert_allclose(np.asarray(sums), np.stack([array[[0, 1, 4]].sum(0), array[3], array[2], 0 * array[0]]))


@pytest.mark.parametrize("xp", LIBRARIES, ids=["numpy", "strict"])
@pytest.mark.parametrize("size", [(8, 8), (7, 5), (3, 2), (2, 9)])
def test_bilinear_is_that_of_the_twin(xp, size):
    maps = np.random.default_rng(0).normal(size=(2, 3, 4))
    resized = np.asarray(resample.resize(xp.asarray(maps), size))
    for i in range(2):
        np.testing.assert_allclose(resized[i], slow.bilinear(maps[i], *size), atol=1e-12)


@given(st.integers(1, 9), st.integers(1, 30), st.sampled_from(["bilinear", "nearest"]))
@settings(max_examples=60, deadline=None)
def test_resizing_keeps_constants_and_stays_between_extremes(source, target, how):
    matrix = resample.matrix_for(source, target, how)
    np.testing.assert_allclose(matrix.sum(1), 1)
    assert (matrix >= 0).all()


@given(st.lists(st.tuples(st.integers(1, 7), st.integers(1, 30)), min_size=1, max_size=3), st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_extremes_are_those_of_the_resized_maps(axes, seed):
    maps = np.random.default_rng(seed).normal(size=(4, *(source for source, _ in axes)))
    size = [target for _, target in axes]
    low, high = resample.extremes(maps, size)
    resized = resample.resize(maps, size).reshape(4, -1)
    np.testing.assert_allclose(low, resized.min(1))
    np.testing.assert_allclose(high, resized.max(1))


def test_bilinear_agrees_with_torch():
    import torch

    maps = torch.randn(2, 1, 7, 7, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    expected = torch.nn.functional.interpolate(maps, size=(224, 224), mode="bilinear", align_corners=False)[:, 0]
    np.testing.assert_allclose(resample.resize(maps[:, 0], (224, 224)).numpy(), expected.numpy(), atol=1e-12)


def test_draws_depend_on_their_key_alone():
    first = draws.normal((4, 3), 1, "noise", 2)
    np.random.default_rng(0).normal(size=100)
    np.testing.assert_array_equal(first, draws.normal((4, 3), 1, "noise", 2))
    for key in ((2, "noise", 2), (1, "other", 2), (1, "noise", 3)):
        assert not np.array_equal(first, draws.normal((4, 3), *key))
    many = draws.normal((100_000,), 0, "noise", 0)
    assert abs(many.mean()) < 0.02
    assert abs(many.std() - 1) < 0.02
