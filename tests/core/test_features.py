"""Players and entries: the fast gathers against loops, shapes, grids, series, and what is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pellucid as pl
from pellucid.core.features import Features
from pellucid.core.players import Feature


def slow_total(features, values):
    totals = np.zeros((len(values), len(features)))
    labels = np.broadcast_to(features.labels, values.shape[1:])
    for sample in range(len(values)):
        for place in np.ndindex(labels.shape):
            if labels[place] >= 0:
                totals[sample, labels[place]] += values[(sample, *place)]
    return totals


def slow_mask(features, coalitions):
    mask = np.zeros((len(coalitions), *features.labels.shape), bool)
    for row in range(len(coalitions)):
        for place in np.ndindex(features.labels.shape):
            player = features.labels[place]
            mask[(row, *place)] = player < 0 or coalitions[row, player]
    return mask


def _random(rng, shape, players, free):
    labels = rng.integers(-1 if free else 0, players, shape)
    flat = labels.reshape(-1)
    flat[rng.permutation(flat.size)[:players]] = np.arange(players)
    return Features.from_labels(labels)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10_000), st.sampled_from([(7,), (1, 4, 3), (4, 1), (5, 5, 1), (1, 3, 2, 2)]), st.booleans(), st.integers(0, 3)
)
def test_gathers_equal_loops(seed, shape, free, samples):
    rng = np.random.default_rng(seed)
    features = _random(rng, shape, int(rng.integers(1, np.prod(shape) + 1)), free)
    whole = tuple(3 if size == 1 else size for size in shape)
    values = rng.normal(size=(samples, *whole))
    np.testing.assert_allclose(features.total(values), slow_total(features, values), atol=1e-12)
    coalitions = rng.random((samples, len(features))) < 0.5
    np.testing.assert_array_equal(features.mask(coalitions), slow_mask(features, coalitions))
    given_values = rng.normal(size=(samples, len(features)))
    spread = features.spread(given_values, whole)
    assert spread.shape == (samples, *whole)
    np.testing.assert_allclose(features.total(spread), given_values, atol=1e-12)
    np.testing.assert_allclose(spread.sum(tuple(range(1, spread.ndim))), given_values.sum(1), atol=1e-12)
    owner = np.broadcast_to(features.labels, whole)
    assert not spread[:, owner < 0].any()
    for player in range(len(features)):
        assert np.ptp(spread[:, owner == player], axis=1).max(initial=0) < 1e-12


def test_totals_do_not_alias_the_attribution():
    features = Features.from_arrays(["a", "b"])
    values = np.array([[1.0, 2.0]])
    features.total(values)[0, 0] = 9
    assert values[0, 0] == 1


def test_labels_are_a_fixed_copy():
    labels = np.array([0, 1, 1])
    features = Features.from_labels(labels)
    labels[:] = 0
    assert features.labels.tolist() == [0, 1, 1]
    with pytest.raises(ValueError, match="read-only"):
        features.labels[0] = 1


def test_equality_and_hash():
    one, same = Features.grid((3, 8, 8), 4), Features.grid((3, 8, 8), (4, 4))
    assert one == same
    assert hash(one) == hash(same)
    assert one != Features.grid((3, 8, 8), 4, leaf="image")
    assert one != Features.grid((8, 8, 3), 4, layout="NHWC")
    assert one != one.rename(["a", "b", "c", "d"])
    assert one != "grid"
    assert Features.from_labels([0, 0, 1]) != Features.from_labels([0, 1, 1])


@pytest.mark.parametrize(
    ("shape", "cell", "counts"),
    [
        ((3, 8, 8), 4, (2, 2)),
        ((3, 7, 10), 4, (2, 3)),
        ((1, 5), 2, (3,)),
        ((2, 3, 4, 5), (2, 4, 3), (2, 1, 2)),
        ((3, 4, 4), 9, (1, 1)),
    ],
)
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_grids(shape, cell, counts, layout):
    shaped = shape if layout == "NCHW" else (*shape[1:], shape[0])
    features = Features.grid(shaped, cell, layout=layout)
    assert len(features) == np.prod(counts)
    assert features.fits(shaped)
    labels = np.squeeze(features.labels, 0 if layout == "NCHW" else -1)
    sides = (cell,) * len(counts) if isinstance(cell, int) else cell
    for place in np.ndindex(labels.shape):
        at = tuple(p // side for p, side in zip(place, sides, strict=True))
        assert labels[place] == np.ravel_multi_index(at, counts)
        assert features.names[labels[place]] == f"cell {', '.join(map(str, at))}"


def test_segments():
    for length in (1, 2, 7, 10, 100):
        for n in range(1, length + 1):
            if length == 100 and n % 7:
                continue
            features = Features.segments(length, n, layout="T")
            assert len(features) == n
            assert np.ptp(features.sizes) <= 1
            assert (np.diff(features.labels) >= 0).all()
    assert Features.segments(9, 3).labels.shape == (1, 9)
    assert Features.segments(9, 3, layout="TC").labels.shape == (9, 1)
    assert Features.segments(2, 2).names == ("step 0", "step 1")
    assert set(Features.segments(9, 3).kinds) == {"step"}


def test_groups():
    features = Features.from_groups([[2, 0], [3]], names=["place", "age"], columns=6)
    assert features.labels.tolist() == [0, -1, 0, 1, -1, -1]
    assert "3 of which belong to no feature" in repr(features)
    np.testing.assert_array_equal(features.mask(np.zeros((1, 2), bool)), [[False, True, False, False, True, True]])
    assert Features.from_groups([[0]]).names == ("group 0",)


REFUSED = {
    "two groups share a column": (lambda: Features.from_groups([[0, 1], [1]]), "column 1 is in 'group 0' and in 'group 1'"),
    "a column is out of range": (
        lambda: Features.from_groups([[0, 7]], columns=3),
        "column 7; columns are whole numbers, 0 to 2",
    ),
    "a column is negative": (lambda: Features.from_groups([[-1]]), "column -1"),
    "a column is no number": (lambda: Features.from_groups([["a"]]), "column 'a'"),
    "a group is empty": (lambda: Features.from_groups([[0], []]), "'group 1' has no columns"),
    "no groups": (lambda: Features.from_groups([]), "at least one group"),
    "names of another number": (lambda: Features.from_groups([[0]], ["a", "b"]), "1 groups and 2 names"),
    "duplicate group names": (lambda: Features.from_groups([[0], [1]], ["a", "a"]), "two groups are called 'a'"),
    "groups no list": (lambda: Features.from_groups(3), "must be a list"),
    "cell 0": (lambda: Features.grid((3, 8, 8), 0), "cell= must be a whole number"),
    "cells of too many axes": (lambda: Features.grid((3, 8, 8), (1, 2, 3)), "each of the 2 axes"),
    "shape of one axis": (lambda: Features.grid((8,)), r"\(C, H, W\)"),
    "unknown layout": (lambda: Features.grid((3, 8, 8), layout="CHW"), "layout= must be one of"),
    "n of 0": (lambda: Features.segments(8, 0), "n= must be 1 to 8"),
    "n beyond the steps": (lambda: Features.segments(8, 9), "n= must be 1 to 8"),
    "no steps": (lambda: Features.segments(0, 1), "at least 1"),
    "unknown axes": (lambda: Features.segments(8, 2, layout="NCHW"), "'CT', 'TC', 'T'"),
    "float labels": (lambda: Features.from_labels(np.array([0.0, 1.0])), "whole numbers|number 0 players"),
    "a gap in labels": (lambda: Features.from_labels([0, 2]), "'region 1' owns no entry"),
    "labels below -1": (lambda: Features.from_labels([0, -2]), "labels must be -1 to 0"),
    "no labels": (lambda: Features.from_labels(np.empty(0, int)), "at least one player"),
    "an unknown kind": (lambda: Features.from_labels([0], kind="regoin"), "Did you mean 'region'"),
    "players no features": (lambda: Features(("a",), np.array([0])), "tuple of Feature"),
    "names of the wrong type": (lambda: Feature(3, "region"), "name must be a str"),
    "kind of a feature": (lambda: Feature("a", "nominl"), "Did you mean 'nominal'"),
    "levels twice": (lambda: Feature("a", "nominal", ("x", "x")), "the level 'x' twice"),
    "level nan": (lambda: Feature("a", "nominal", (float("nan"),)), "a level of 'a'"),
    "leaf no name": (lambda: Features.grid((3, 8, 8), leaf=3), "leaf= is the name"),
    "rename too few": (lambda: Features.segments(4, 2).rename(["a"]), "2 players and 1 names"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_in_words(case):
    make, words = REFUSED[case]
    with pytest.raises(pl.InputError, match=words):
        make()


def test_shapes_that_do_not_fit():
    features = Features.grid((3, 8, 8), 4)
    assert not features.fits((3, 8, 9))
    assert features.fits((1, 8, 8))
    with pytest.raises(pl.InputError, match=r"shape \(any, 8, 8\); got \(3, 8, 9\)"):
        features.total(np.zeros((2, 3, 8, 9)))
    with pytest.raises(pl.InputError, match="those of samples of shape"):
        features.check(np.zeros((2, 8, 8)))
    features.check(np.zeros((2, 3, 8, 8)))
    with pytest.raises(pl.InputError, match=r"values \(samples, 4\)"):
        features.spread(np.zeros((2, 3)))
    for wrong in (np.zeros((2, 4)), np.zeros((2, 3), bool), np.zeros(4, bool)):
        with pytest.raises(pl.InputError, match=r"coalitions must be bool \(coalitions, 4\)"):
            features.mask(wrong)
    for verb in ("encode", "decode", "baseline", "given"):
        with pytest.raises(pl.InputError, match=f"{verb} is for tables"):
            getattr(features, verb)(np.zeros((2, 3)))
    with pytest.raises(pl.InputError, match="words of a text"):
        features.keep(np.ones(4, bool))


def test_what_a_person_reads():
    assert repr(Features.grid((3, 8, 8), 4)) == "4 regions over (1, 8, 8)"
    assert repr(Features.segments(4, 2)) == "2 segments over (1, 4): steps 0-1, steps 2-3"
    assert repr(Features.from_arrays(["a"])) == "1 feature of 1 columns: a (continuous)"


def _picture():
    y, x = np.mgrid[:48, :64] / 64
    rng = np.random.default_rng(0)
    return np.stack([np.sin(6 * x), np.cos(5 * y + 3 * x), x * y]) + 0.05 * rng.normal(size=(3, 48, 64))


@pytest.mark.parametrize("method", ["slic", "quickshift", "felzenszwalb"])
def test_superpixels(method):
    image = _picture()
    features = Features.superpixels(image, 12, method)
    assert 8 <= len(features) <= 16
    assert features.labels.shape == (1, 48, 64)
    assert features == Features.superpixels(image, 12, method)
    assert features == Features.superpixels(7 * image - 3, 12, method)  # the range of the values is of no matter
    last = Features.superpixels(np.moveaxis(image, 0, -1), 12, method, layout="NHWC")
    np.testing.assert_array_equal(last.labels[..., 0], features.labels[0])
    batch = Features.superpixels(np.stack([image, -image]), 12, method, leaf="image")
    assert isinstance(batch, list)
    np.testing.assert_array_equal(batch[0].labels, features.labels)
    assert len(Features.superpixels(image[:1], 12, method)) > 1  # grey
    assert len(Features.superpixels(np.zeros((3, 20, 20)), 5, method)) >= 1  # nothing to see
    assert len(Features.superpixels(image, 1, method)) == 1
    grown = np.random.default_rng(1).permutation(len(features))[features.labels]
    assert sorted(Features.from_labels(grown).sizes) == sorted(features.sizes)


def test_quick_shift_has_exactly_as_many_pieces_as_asked_for():
    assert [len(Features.superpixels(_picture(), n, "quickshift")) for n in (20, 60, 150)] == [20, 60, 150]


def test_superpixels_refuse_in_words():
    image = _picture()
    for wrong, words in (
        (lambda: Features.superpixels(image[0]), r"\(C, H, W\) or a batch"),
        (lambda: Features.superpixels(image, 0), "n= must be 1 to 3072"),
        (lambda: Features.superpixels(image, 5, "slick"), "Did you mean 'slic'"),
        (lambda: Features.superpixels(image * np.nan, 5), "NaN or infinite"),
        (lambda: Features.superpixels(image, 5, compactnes=3), "does not take these options"),
        (lambda: Features.superpixels(np.array([["a"]] * 3)[..., None], 5), "need an image"),
    ):
        with pytest.raises(pl.InputError, match=words):
            wrong()


def test_superpixels_of_a_tensor():
    import torch

    image = torch.tensor(_picture(), requires_grad=True)
    assert Features.superpixels(image, 12) == Features.superpixels(_picture(), 12)
