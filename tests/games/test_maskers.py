"""What stands in the place of removed features: beside slow twins, in every array library, refused in words."""

import subprocess
import sys

import array_api_strict
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
import torch

import slow_maskers as slow
from pellucid.core.errors import InputError
from pellucid.core.features import Features
from pellucid.games import maskers
from pellucid.games.maskers.noisy_linear import system

RNG = np.random.default_rng(5)
LIBRARIES = {
    "numpy": np.asarray,
    "torch": torch.as_tensor,
    "jax": jnp.asarray,
    "strict": array_api_strict.asarray,
}


class Samples:
    """The part of the passes that maskers use."""

    def __init__(self, array, channels_last=False, memory_format="as-is"):
        self.array, self.samples = array, len(array) if not hasattr(array, "shape") else int(array.shape[0])
        self.channels_last, self.memory_format = channels_last, memory_format

    def leaf(self, name):
        return self.array

    def host(self, array):
        return host(array).astype(np.float64)


def host(array):
    return array.numpy() if isinstance(array, torch.Tensor) else np.array(array)


def columns(count, **kinds):
    return [Features.from_arrays([f"c{at}" for at in range(count)], **kinds)]


def texts(*strings):
    array = np.empty(len(strings), object)
    array[:] = strings
    return array, Features.words(list(strings))


def rows_of(removal, kept, owner=0, library=np.asarray):
    """All draws of one mask on one sample."""
    draw = np.arange(removal.draws)
    masks = library(np.repeat(np.asarray(kept)[None], len(draw), axis=0))
    lay = getattr(removal, "lay", lambda entries: entries)
    return host(removal(np.full(len(draw), owner), lay(masks), draw))


# ---------------------------------------------------------------------- values known beforehand


@pytest.mark.parametrize("library", LIBRARIES.values(), ids=LIBRARIES)
@pytest.mark.parametrize(
    "masker", [maskers.Constant(0.25), maskers.Mean(RNG.random((9, 3))), maskers.Background(RNG.random((9, 3)))]
)
def test_what_is_kept_is_the_sample_and_the_rest_is_replaced(library, masker):
    x = RNG.random((4, 3)).astype(np.float32)
    removal = masker.prepare(Samples(library(x)), "x", columns(3))
    made = rows_of(removal, [True, False, True], owner=2, library=library)
    assert made.dtype == np.float32
    assert (made[:, [0, 2]] == x[2, [0, 2]]).all()
    wanted = {
        maskers.Constant: lambda: [masker.value],
        maskers.Mean: lambda: masker.rows.mean(axis=0)[1:2],
        maskers.Background: lambda: masker.rows[:, 1],
    }[type(masker)]()
    np.testing.assert_allclose(made[:, 1], wanted, rtol=1e-6)
    assert removal.weights.sum() == pytest.approx(1)


@pytest.mark.parametrize(("size", "summary"), [(None, "sample"), (7, "sample"), (7, "kmeans"), (7, "stratified")])
def test_a_background_is_averaged_over_as_a_loop_does(size, summary):
    rows, x = RNG.normal(size=(40, 5)), RNG.normal(size=(2, 5))
    removal = maskers.Background(rows, size, summary).prepare(Samples(x), "x", columns(5))
    assert removal.draws == (size or 40)
    gone = rows_of(removal, np.zeros(5, bool))
    assert all(any((row == real).all() for real in rows) for row in gone), "real rows"
    for kept in RNG.random((6, 5)) < 0.5:
        found = removal.weights @ np.tanh(rows_of(removal, kept, 1).sum(axis=1))
        slowly = slow.background_value(lambda r: np.tanh(r.sum(axis=1)), x[1], kept, gone, removal.weights)
        assert found == pytest.approx(slowly, abs=1e-12)


def test_the_effect_of_a_summary_is_said_in_numbers():
    rows = RNG.normal(size=(500, 4)) * [1, 10, 100, 0] + [0, 5, 1e6, 3]
    removal = maskers.Background(rows, 20, "kmeans").prepare(Samples(rows[:1]), "x", columns(4))
    chosen, weights = rows_of(removal, np.zeros(4, bool)), removal.weights
    mean = weights @ chosen
    spread = np.sqrt(weights @ (chosen - mean) ** 2)
    own = rows[:, :3].std(axis=0)  # the last column never varies, so nothing is said of it
    shift = np.sqrt(np.mean(((mean - rows.mean(axis=0))[:3] / own) ** 2))
    ratio = np.sqrt(np.mean((spread[:3] / own - 1) ** 2))
    assert f"means off by {shift:.2g} standard deviations, standard deviations by {ratio:.0%}" in removal.says
    assert "20 of 500" in removal.says


def test_clusters_weigh_as_much_as_they_hold():
    rows = np.concatenate([RNG.normal(0, 0.1, (300, 2)), RNG.normal(50, 0.1, (100, 2))])
    removal = maskers.Background(rows, 2, "kmeans").prepare(Samples(rows[:1]), "x", columns(2))
    low = rows_of(removal, [False, False])[:, 0] < 25
    assert removal.weights[low] == pytest.approx(0.75)
    assert removal.weights[~low] == pytest.approx(0.25)


def test_strata_lie_along_the_widest_direction():
    rows = RNG.normal(size=(1000, 3)) * [0.1, 5, 0.1]
    features = [Features.from_labels(np.arange(3))]  # no table: still scaled, so the widest is that of the correlations
    rows[:, 0] += rows[:, 1] * 0.1
    removal = maskers.Background(rows, 10, "stratified").prepare(Samples(rows[:1]), "x", features)
    rank = np.searchsorted(np.sort(rows[:, 1] + rows[:, 0] * 10), np.sort(rows_of(removal, [False] * 3) @ [10, 1, 0]))
    assert (np.abs(rank - np.arange(50, 1000, 100)) < 120).all()


@pytest.mark.parametrize("summary", ["sample", "kmeans", "stratified"])
def test_a_million_rows_are_summarised_and_the_seed_decides(summary):
    rows = np.random.default_rng(0).normal(size=(1_000_000, 3)).astype(np.float32)
    one, same, other = (
        maskers.Background(rows, 16, summary, seed).prepare(Samples(rows[:2]), "x", columns(3)) for seed in (0, 0, 1)
    )
    gone = np.zeros(3, bool)
    assert "16 of 1000000" in one.says
    assert (rows_of(one, gone) == rows_of(same, gone)).all()
    assert rows_of(one, gone).tolist() != rows_of(other, gone).tolist()


def test_many_rows_become_a_hundred_and_equal_ones_are_run_once():
    rows = RNG.normal(size=(300, 2))
    assert maskers.Background(rows).prepare(Samples(rows), "x", columns(2)).draws == 100
    assert "size= takes more" in maskers.Background(rows).prepare(Samples(rows), "x", columns(2)).says
    removal = maskers.Background([[0, 1], [2, 3], [0, 1], [0, 1]]).prepare(Samples(rows), "x", columns(2))
    assert removal.draws == 2
    assert removal.weights.tolist() == [0.75, 0.25]
    assert removal.says == "averaged over 4 background rows"


def frame(count=200):
    rng = np.random.default_rng(3)
    red = rng.random(count) < 0.3
    return pd.DataFrame(
        {
            "age": rng.normal(40, 9, count),
            "grade": pd.Categorical(rng.choice(["low", "mid", "high"], count), ["low", "mid", "high"], ordered=True),
            "town": rng.choice(["Bonn", "Ulm", "Ulm", "Hof"], count),
            "hair_red": red.astype(int),
            "hair_dark": (~red).astype(int),
        }
    )


def test_a_usual_row_is_made_of_levels_that_exist():
    rows = frame()
    features = Features.from_frame(rows)
    removal = maskers.Mean(rows).prepare(Samples(features.encode(rows[:3])), "x", [features])
    (usual,) = features.given(rows_of(removal, np.zeros(5, bool)))
    assert usual[0] == pytest.approx(rows["age"].mean())
    assert usual[1:] == ("mid", "Ulm", "hair_dark")
    assert "median (ordinal columns)" in removal.says
    assert not removal.soft


@pytest.mark.parametrize("summary", ["sample", "kmeans", "stratified"])
def test_background_rows_of_a_frame_are_rows_of_the_frame(summary):
    rows = frame()
    features = Features.from_frame(rows)
    removal = maskers.Background(rows, 9, summary).prepare(Samples(features.encode(rows[:3])), "x", [features])
    real = {tuple(row) for row in features.encode(rows)}
    assert {tuple(row) for row in rows_of(removal, np.zeros(5, bool))} <= real
    assert "shares of levels by up to" in removal.says


def test_missing_entries_of_a_background_are_values_where_declared():
    rows = np.array([[0.0, np.nan], [1.0, 2.0], [2.0, 4.0]] * 50)
    features = columns(2, missing=["c1"])
    for masker in (maskers.Background(rows, 8, "kmeans"), maskers.Conditional(rows), maskers.Mean(rows)):
        removal = masker.prepare(Samples(rows[:2]), "x", features)
        made = rows_of(removal, [True, False], owner=1)[:, 1]
        assert np.isin(made, [2.0, 3.0, 4.0]).any() or np.isnan(made).any()
    with pytest.raises(InputError, match=r"NaN in row 0"):
        maskers.Background(rows).prepare(Samples(rows[1:3]), "x", columns(2))


def test_images_have_means_and_whole_numbers_stay_whole():
    rows = RNG.integers(0, 256, (7, 2, 4, 4)).astype(np.uint8)
    removal = maskers.Mean(rows).prepare(Samples(rows[:1]), "x", [Features.grid((2, 4, 4), 2)])
    made = rows_of(removal, np.zeros((1, 4, 4), bool))[0]
    assert made.dtype == np.uint8
    assert (made == np.rint(rows.mean(axis=0))).all()


@pytest.mark.parametrize("memory_format", ["as-is", "channels-last"])
def test_soft_masks_blend(memory_format):
    x = torch.rand(3, 2, 4, 4)
    removal = maskers.Constant(1.0).prepare(Samples(x, memory_format=memory_format), "x", [Features.grid((2, 4, 4), 2)])
    share = torch.rand(1, 1, 4, 4)
    made = removal(np.array([1]), removal.lay(share), np.zeros(1, int))
    assert removal.soft
    assert torch.allclose(made[0], share[0] * x[1] + (1 - share[0]))


def test_soft_masks_are_refused_where_nothing_lies_between():
    soft = np.full((1, 2), 0.5)
    ids, image, x = np.ones((1, 2), int), np.ones((1, 1, 2)), np.ones((1, 2))
    town = columns(2, levels={"c0": ["a", "b"]})
    string, words = texts("a b")
    cases = [
        (maskers.MaskToken(3), ids, columns(2)),
        (maskers.Delete(), ids, columns(2)),
        (maskers.Delete(), string, words),
        (maskers.Constant(0), x, town),
        (maskers.Interpolate(), x, [Features.segments(2, 2, layout="T")]),
        (maskers.Conditional(RNG.random((9, 2))), x, columns(2)),
        (maskers.NoisyLinear(), np.ones((1, 1, 1, 2)), [Features.grid((1, 1, 2), 1)]),
    ]
    for masker, array, features in cases:
        removal = masker.prepare(Samples(array), "x", features)
        assert not removal.soft
        masks = soft.reshape(1, 1, 1, 2) if array.ndim == 4 else soft
        with pytest.raises(InputError, match="from 0 to 1"):
            removal(np.zeros(1, int), masks, np.zeros(1, int))
    assert maskers.Constant(0).prepare(Samples(image), "x", [Features.segments(2, 2)]).soft


# ---------------------------------------------------------------------- given what is kept


def related(count=400):
    mixing = np.random.default_rng(8).normal(size=(5, 5))
    return np.random.default_rng(9).normal(size=(count, 5)) @ mixing * [1, 10, 0.1, 1, 1] + [0, 100, 0, 5, 0]


def test_gaussian_draws_have_the_mean_and_the_covariance_of_the_textbook():
    rows = related()
    mean, covariance, share = slow.ledoit_wolf(rows)
    removal = maskers.Conditional(rows, draws=4000).prepare(Samples(rows[:3]), "x", columns(5))
    assert f"shrunk by {share:.2g}," in removal.says
    for kept in ([True, False, True, False, False], [False] * 5, [True, True, True, True, False]):
        kept = np.array(kept)
        made = rows_of(removal, kept, owner=2)[:, ~kept]
        wanted, spread = slow.gaussian_given(mean, covariance, kept, rows[2])
        np.testing.assert_allclose(made.mean(axis=0), wanted, rtol=1e-9, atol=1e-9)  # draws lie opposite each other
        scale = np.sqrt(np.outer(np.diag(spread), np.diag(spread)))
        assert np.abs((np.cov(made.T, bias=True) - spread) / scale).max() < 5 / np.sqrt(2000)


def test_gaussian_draws_are_what_rows_like_the_sample_show():
    covariance = np.array([[1, 0.8], [0.8, 1]])
    rows = np.random.default_rng(0).multivariate_normal([0, 0], covariance, size=200_000)
    near = rows[np.abs(rows[:, 0] - 1) < 0.05, 1]
    removal = maskers.Conditional(rows, draws=4000).prepare(Samples(np.array([[1.0, 0.0]])), "x", columns(2))
    made = rows_of(removal, [True, False])[:, 1]
    assert made.mean() == pytest.approx(near.mean(), abs=4 * near.std() / np.sqrt(len(near)) + 0.01)
    assert made.std() == pytest.approx(near.std(), rel=0.06)
    assert "100000 of 200000" in removal.says


def test_constant_and_repeated_columns_do_no_harm():
    rows = RNG.normal(size=(2000, 2))
    rows = np.column_stack([rows, rows[:, 0], np.full(2000, 7.0)])
    removal = maskers.Conditional(rows).prepare(Samples(np.array([[3.0, 0.0, 3.0, 9.0]])), "x", columns(4))
    made = rows_of(removal, [True, False, False, False])
    assert np.isfinite(made).all()
    assert (made[:, 3] == 7).all()
    assert (np.abs(made[:, 2] - 3) < 1).all()
    alone = maskers.Conditional(rows[:, :1]).prepare(Samples(rows[:2, :1]), "x", columns(1))
    assert rows_of(alone, [False]).mean() == pytest.approx(rows[:, 0].mean())


def every_kind():
    codes = RNG.integers(0, 3, (80, 5)).astype(float)
    mixed = np.column_stack([related(80)[:, :3], codes[:, :2]])
    return {
        "gaussian": (related(80), columns(5)),
        "frequency": (codes, columns(5, kinds=["nominal"] * 5)),
        "tree": (mixed, columns(5, kinds={"c3": "nominal", "c4": "nominal"})),
    }


@pytest.mark.parametrize("kind", ["gaussian", "frequency", "tree"])
@pytest.mark.parametrize("library", LIBRARIES.values(), ids=LIBRARIES)
def test_draws_do_not_depend_on_the_batch(kind, library):
    rows, features = every_kind()[kind]
    x = rows[:4].astype(np.float32)
    masker = maskers.Conditional(rows.astype(np.float32), draws=6, seed=3)
    kept = np.random.default_rng(1).random((7, 5)) < 0.5
    case = [(owner, mask, draw) for owner in range(4) for mask in range(7) for draw in range(6)]
    owner, mask, draw = np.array(case).T
    once = host(masker.prepare(Samples(library(x)), "x", features)(owner, library(kept[mask]), draw))
    order = np.random.default_rng(2).permutation(len(case))
    removal = masker.prepare(Samples(library(x)), "x", features)
    parts = [host(removal(owner[part], library(kept[mask[part]]), draw[part])) for part in np.split(order, [1, 40, 41])]
    np.testing.assert_allclose(np.concatenate(parts), once[order], rtol=1e-6, atol=1e-6)
    assert (once[kept[mask]] == x[owner][kept[mask]]).all()
    alone = masker.prepare(Samples(library(x[2:3])), "x", features)
    own = owner == 2
    np.testing.assert_allclose(host(alone(0 * owner[own], library(kept[mask[own]]), draw[own])), once[own], rtol=1e-6, atol=1e-6)
    other = maskers.Conditional(rows, draws=6, seed=4).prepare(Samples(library(x)), "x", features)
    assert (host(other(owner, library(kept[mask]), draw)) != once).any()


def test_noise_is_shared_across_samples():
    rows = related()
    removal = maskers.Conditional(rows, draws=5).prepare(Samples(rows[:2]), "x", columns(5))
    kept = [True, False, False, True, False]
    one, two = (rows_of(removal, kept, owner)[:, [1, 2, 4]] for owner in (0, 1))
    np.testing.assert_allclose(one - one[0], two - two[0], atol=1e-9)


def test_categories_are_drawn_from_the_rows_that_agree():
    rng = np.random.default_rng(4)
    flag = rng.integers(0, 2, 60)
    number = np.arange(60)  # always removed, so that it tells which row was drawn
    rows = np.column_stack([rng.integers(0, 3, 60), flag == 0, flag == 1, rng.integers(0, 4, 60), number]).astype(float)
    kinds = {"a": "nominal", "c": "ordinal", "row": "nominal"}
    features = [Features.from_arrays(["a", "b0", "b1", "c", "row"], kinds, one_hot={"b": ["b0", "b1"]})]
    groups = [[0], [1, 2], [3], [4]]
    backed_off = 0
    for present in ([1, 0, 0, 0], [1, 1, 0, 0], [0, 1, 1, 0], [1, 1, 1, 0], [0, 0, 0, 0]):
        kept = np.array(present, bool)[features[0].labels]
        drawn = [[] for _ in rows]
        for seed in range(40):
            removal = maskers.Conditional(rows, draws=8, seed=seed).prepare(Samples(rows), "x", features)
            for sample in range(0, 60, 7):
                drawn[sample] += rows_of(removal, kept, sample)[:, 4].tolist()
        for sample in range(0, 60, 7):
            pool = slow.agreeing(rows, rows[sample], kept, groups, 8)
            assert sorted(set(drawn[sample])) == pool
            backed_off += slow.agreeing(rows, rows[sample], kept, groups, 1) != pool
    assert backed_off > 5
    assert "agree" in removal.says


def test_frequencies_are_those_of_the_rows():
    rows = np.array([[0, 0]] * 30 + [[0, 1]] * 10 + [[1, 1]] * 40, float)
    removal = maskers.Conditional(rows, draws=400).prepare(Samples(rows[[0, -1]]), "x", columns(2, kinds=["nominal"] * 2))
    assert rows_of(removal, [False, True], 0).shape == (80, 2) or removal.draws == 400
    few = maskers.Conditional(rows, draws=40).prepare(Samples(rows[[0, -1]]), "x", columns(2, kinds=["nominal"] * 2))
    assert rows_of(few, [True, False], 0)[:, 1].mean() == pytest.approx(0.25, abs=0.03)
    assert (rows_of(few, [True, False], 1)[:, 1] == 1).all()


def test_a_tree_finds_what_depends_on_what():
    rng = np.random.default_rng(6)
    x = rng.uniform(-1, 1, 1000)
    rows = np.column_stack([x, (x > 0).astype(float), rng.normal(size=1000), 3 * np.sign(x) + 0.1 * rng.normal(size=1000)])
    features = columns(4, levels={"c1": ["below", "above"]})
    removal = maskers.Conditional(rows, draws=64).prepare(Samples(np.array([[0.5, 0, 0, 0], [-0.5, 0, 0, 0]])), "x", features)
    assert "tree" in removal.says
    for owner, sign in ((0, 1), (1, -1)):
        made = rows_of(removal, [True, False, False, False], owner)
        assert (made[:, 1] == (sign > 0)).all()
        assert (np.sign(made[:, 3]) == sign).all()
        real = {tuple(row) for row in rows[:, 1:]}
        assert {tuple(row) for row in made[:, 1:]} <= real, "what is removed together is drawn together"
    assert rows_of(removal, [False] * 4)[:, 0].mean() == pytest.approx(x.mean(), abs=0.05)
    assert rows_of(removal, [True] * 4)[0].tolist() == [0.5, 0, 0, 0]


def test_a_tree_splits_by_what_tells_of_the_removed():
    rng = np.random.default_rng(6)
    x, noise = rng.uniform(-1, 1, 1000), rng.uniform(-1, 1, (1000, 6))
    town = rng.integers(0, 3, 1000)
    rows = np.column_stack([noise, x, town, np.sign(x) + 10 * (town == 1)])
    features = columns(9, levels={"c7": ["a", "b", "c"]})
    removal = maskers.Conditional(rows, draws=40).prepare(Samples(rows[:20]), "x", features)
    for owner in range(20):
        made = rows_of(removal, [True] * 8 + [False], owner)[:, 8]
        assert (made == rows[owner, 8]).mean() > 0.9


def test_categories_have_clusters_of_their_own():
    rows = np.array([[0.0, 0], [0.0, 1], [0.0, 2]] * 20 + [[0.0, 2]] * 40)
    removal = maskers.Background(rows, 3, "kmeans").prepare(Samples(rows), "x", columns(2, levels={"c1": ["a", "b", "c"]}))
    found = dict(zip(rows_of(removal, [False, False])[:, 1], removal.weights, strict=True))
    assert found == pytest.approx({0: 0.2, 1: 0.2, 2: 0.6})


def test_each_coalition_has_draws_of_its_own():
    rows = np.random.default_rng(7).normal(size=(100_000, 3))  # as good as independent: conditional means are all but zero
    removal = maskers.Conditional(rows, draws=4).prepare(Samples(np.zeros((1, 3))), "x", columns(3))
    one, two = rows_of(removal, [True, False, False])[:, 2], rows_of(removal, [False, True, False])[:, 2]
    assert (np.abs(one - two) > 0.02).all()


# ---------------------------------------------------------------------- images and series


@pytest.mark.parametrize("library", LIBRARIES.values(), ids=LIBRARIES)
def test_blur_is_diffusion_along_the_axes_of_space(library):
    series = RNG.normal(size=(2, 3, 12))
    removal = maskers.Blur(1.5).prepare(Samples(library(series)), "x", [Features.segments(12, 3)])
    made = rows_of(removal, np.zeros((1, 12), bool), 1, library)[0]
    for channel in range(3):
        np.testing.assert_allclose(made[channel], slow.blurred(series[1, channel], 1.5), atol=1e-3)
    assert "1.5 steps" in removal.says


def test_blur_of_images_volumes_and_whole_numbers():
    image = RNG.normal(size=(2, 3, 6, 7))
    last = np.moveaxis(image, 1, -1)
    first = maskers.Blur(2).prepare(Samples(image), "x", [Features.grid((3, 6, 7), 2)])
    other = maskers.Blur(2).prepare(Samples(last, channels_last=True), "x", [Features.grid((6, 7, 3), 2, layout="NHWC")])
    made = rows_of(first, np.zeros((1, 6, 7), bool), 1)[0]
    np.testing.assert_allclose(np.moveaxis(rows_of(other, np.zeros((6, 7, 1), bool), 1)[0], -1, 0), made, atol=1e-12)
    along = np.apply_along_axis(slow.blurred, 1, np.apply_along_axis(slow.blurred, 2, image[1], 2.0), 2.0)
    np.testing.assert_allclose(made, along, atol=1e-3)
    volume = RNG.normal(size=(1, 1, 4, 4, 4))
    filled = maskers.Blur(9).prepare(Samples(volume), "x", [Features.grid((1, 4, 4, 4), 2)])
    np.testing.assert_allclose(rows_of(filled, np.zeros((1, 4, 4, 4), bool))[0], volume.mean(), atol=1e-3)
    pixels = RNG.integers(0, 256, (1, 1, 8, 8)).astype(np.uint8)
    rounded = maskers.Blur(3).prepare(Samples(pixels), "x", [Features.grid((1, 8, 8), 4)])
    exact = maskers.Blur(3).prepare(Samples(pixels.astype(float)), "x", [Features.grid((1, 8, 8), 4)])
    gone = np.zeros((1, 8, 8), bool)
    assert (rows_of(rounded, gone) == np.rint(rows_of(exact, gone))).all()


@pytest.mark.parametrize("share", [0.2, 0.7, 0.95])
def test_linear_imputation_is_the_dense_system(share):
    image = RNG.normal(size=(2, 3, 9, 7))
    removal = maskers.NoisyLinear(noise=0).prepare(Samples(image), "x", [Features.grid((3, 9, 7), 1)])
    kept = RNG.random((1, 9, 7)) > share
    assert kept.any()
    made = rows_of(removal, kept, 1)[0]
    for channel in range(3):
        np.testing.assert_allclose(made[channel], slow.linear_imputation(image[1, channel], kept[0]), atol=1e-10)


def test_the_system_is_symmetric_and_its_rows_are_weighted_means():
    kept = RNG.random((6, 5)) < 0.4
    matrix, known = system(kept)
    assert abs(matrix - matrix.T).max() == 0
    np.testing.assert_allclose(matrix.sum(axis=1), known.sum(axis=1), atol=1e-12)


@pytest.mark.parametrize("masker", [maskers.NoisyLinear(seed=2), maskers.Inpaint()])
@pytest.mark.parametrize("library", [np.asarray, torch.as_tensor, jnp.asarray], ids=["numpy", "torch", "jax"])
def test_images_are_filled_alike_in_every_layout_and_batch(masker, library):
    image = RNG.random((3, 2, 8, 8)).astype(np.float32)
    kept = RNG.random((4, 1, 8, 8)) < 0.6
    owner, mask = np.repeat(np.arange(3), 4), np.tile(np.arange(4), 3)
    removal = masker.prepare(Samples(library(image)), "x", [Features.grid((2, 8, 8), 1)])
    once = host(removal(owner, library(kept[mask]), 0 * owner))
    assert once.dtype == np.float32
    for row in (7, 2, 7):
        alone = host(removal(owner[row : row + 1], library(kept[mask[row : row + 1]]), np.zeros(1, int)))
        np.testing.assert_allclose(alone[0], once[row], atol=1e-5)
    last = masker.prepare(
        Samples(library(np.moveaxis(image, 1, -1).copy()), channels_last=True), "x", [Features.grid((8, 8, 2), 1, layout="NHWC")]
    )
    made = host(last(owner, library(np.moveaxis(kept, 1, -1)[mask].copy()), 0 * owner))
    np.testing.assert_allclose(np.moveaxis(made, -1, 1), once, atol=1e-5)
    everywhere = np.broadcast_to(kept[mask], once.shape)
    assert (once[everywhere] == image[owner][everywhere]).all()


def test_noise_is_as_large_as_said_and_the_same_for_all_samples():
    image = RNG.random((2, 1, 40, 40))
    features = [Features.grid((1, 40, 40), 1)]
    kept = RNG.random((1, 40, 40)) < 0.3
    plain, noisy = (maskers.NoisyLinear(noise).prepare(Samples(image), "x", features) for noise in (0, 0.3))
    one, two = ((rows_of(noisy, kept, owner) - rows_of(plain, kept, owner))[0][~kept] for owner in (0, 1))
    np.testing.assert_allclose(one, two, atol=1e-12)
    assert one.std() == pytest.approx(0.3, rel=0.1)


@pytest.mark.parametrize("masker", [maskers.NoisyLinear(0), maskers.Inpaint()])
def test_where_nothing_is_kept_an_image_is_its_mean(masker):
    image = RNG.random((2, 2, 5, 5))
    made = rows_of(masker.prepare(Samples(image), "x", [Features.grid((2, 5, 5), 5)]), np.zeros((1, 5, 5), bool), 1)[0]
    np.testing.assert_allclose(made, np.broadcast_to(image[1].mean(axis=(1, 2), keepdims=True), made.shape))


def test_inpainting_continues_a_slope():
    height, width = np.mgrid[:16, :16]
    image = (0.03 * height + 0.02 * width)[None, None]
    removal = maskers.Inpaint().prepare(Samples(image), "x", [Features.grid((1, 16, 16), 4)])
    kept = np.ones((1, 16, 16), bool)
    kept[0, 5:10, 6:11] = False
    np.testing.assert_allclose(rows_of(removal, kept)[0], image[0], atol=1e-6)
    assert "inpainted" in removal.says


def test_inpainting_is_that_of_scikit_image():
    from skimage.restoration import inpaint_biharmonic

    image = RNG.random((2, 3, 9, 9))
    removal = maskers.Inpaint().prepare(Samples(image), "x", [Features.grid((3, 9, 9), 1)])
    kept = RNG.random((1, 9, 9)) < 0.8
    made = removal(np.array([0, 1]), np.stack([kept, kept]), np.zeros(2, int))
    for sample in range(2):
        wanted = inpaint_biharmonic(np.moveaxis(image[sample], 0, -1), ~kept[0], channel_axis=-1)
        np.testing.assert_allclose(np.moveaxis(made[sample], 0, -1), wanted, atol=1e-9)


@pytest.mark.parametrize("library", [np.asarray, torch.as_tensor, jnp.asarray], ids=["numpy", "torch", "jax"])
@pytest.mark.parametrize("layout", ["CT", "TC", "T"])
def test_steps_are_interpolated_as_numpy_does(library, layout):
    series = RNG.normal(size=(3, 2, 15)).astype(np.float32)
    shaped = {"CT": series, "TC": series.swapaxes(1, 2).copy(), "T": series[:, 0]}[layout]
    removal = maskers.Interpolate().prepare(Samples(library(shaped)), "x", [Features.segments(15, 15, layout=layout)])
    for kept in [*(RNG.random((8, 15)) < 0.4), np.eye(15, dtype=bool)[4], np.zeros(15, bool), np.ones(15, bool)]:
        mask = kept.reshape({"CT": (1, 15), "TC": (15, 1), "T": (15,)}[layout])
        made = rows_of(removal, mask, 2, library)[0]
        made = {"CT": made, "TC": made.T, "T": made[None]}[layout]
        for channel, values in enumerate(made):
            own = series[2, channel]
            line = np.interp(np.arange(15), np.flatnonzero(kept), own[kept]) if kept.any() else np.full(15, own.mean())
            np.testing.assert_allclose(values, line, atol=1e-5)
            assert (values[kept] == own[kept]).all()


def test_channels_whose_steps_are_features_of_their_own_are_interpolated_apart():
    series = RNG.normal(size=(1, 2, 6))
    labels = np.arange(12).reshape(2, 6)
    removal = maskers.Interpolate().prepare(Samples(series), "x", [Features.from_labels(labels, kind="step")])
    kept = np.array([[1, 0, 0, 1, 0, 0], [0, 1, 1, 0, 0, 1]], bool)
    made = rows_of(removal, kept)[0]
    for channel in range(2):
        at = np.flatnonzero(kept[channel])
        np.testing.assert_allclose(made[channel], np.interp(np.arange(6), at, series[0, channel, at]))


# ---------------------------------------------------------------------- text


def test_words_are_replaced_or_deleted():
    array, words = texts("A very, very good film.", "Bad!", "")
    kept = np.array([[1, 0, 1, 0, 1], [0, 1, 1, 1, 1], [1, 1, 1, 1, 1]], bool)  # longer than some have words
    owner, draw = np.array([0, 1, 2]), np.zeros(3, int)
    replaced = maskers.MaskToken().prepare(Samples(array), "input", words)
    assert replaced(owner, kept, draw).tolist() == ["A [MASK], very [MASK] film.", "[MASK]!", ""]
    assert replaced.says == "replaced by '[MASK]'"
    deleted = maskers.Delete().prepare(Samples(array), "input", words)
    assert deleted(owner, kept, draw).tolist() == [words[0].keep(kept[0]), words[1].keep(kept[1, :1]), ""]
    assert deleted(owner[::-1], kept[::-1], draw).tolist()[0] == ""
    full = np.ones((3, 5), bool)
    assert deleted(owner, full, draw).tolist() == array.tolist()
    assert deleted(owner, full, draw).dtype == object


@pytest.mark.parametrize("library", LIBRARIES.values(), ids=LIBRARIES)
def test_ids_are_replaced_or_deleted(library):
    ids = RNG.integers(1, 90, (4, 9)).astype(np.int64)
    kept = RNG.random((6, 9)) < 0.5
    owner = np.array([0, 3, 3, 1, 2, 0])
    features = [Features.tokens(row) for row in ids]
    given = library(ids)
    replaced = maskers.MaskToken(103).prepare(Samples(given), "ids", features)
    made = host(replaced(owner, library(kept), np.zeros(6, int)))
    assert (made == np.where(kept, ids[owner], 103)).all()
    deleted = maskers.Delete(pad=99).prepare(Samples(given), "ids", features)
    made = deleted(owner, library(kept), np.zeros(6, int))
    assert type(made) is type(given)
    assert host(made).tolist() == [slow.without(ids[o].tolist(), k, 99) for o, k in zip(owner, kept, strict=True)]


# ---------------------------------------------------------------------- refused in words

IDS, TABLE, IMAGE, SERIES = np.ones((2, 6), int), np.ones((2, 6)), np.ones((2, 1, 6, 6)), np.ones((2, 1, 6))
GRID, STEPS, TOKENS = [Features.grid((1, 6, 6), 3)], [Features.segments(6, 3)], [Features.tokens(row) for row in IDS]
STRINGS, WORDS = texts("a b", "c d")


@pytest.mark.parametrize(
    ("masker", "array", "features", "says"),
    [
        (maskers.Constant(0), STRINGS, WORDS, "maskers.MaskToken"),
        (maskers.Constant([1, 2]), TABLE, columns(6), "does not broadcast"),
        (maskers.Constant(0.5), IDS, TOKENS, "whole numbers"),
        (maskers.Constant(np.nan), TABLE, columns(6), "NaN"),
        (maskers.Constant(np.inf), TABLE, columns(6), "finite"),
        (maskers.Constant(7), TABLE, columns(6, levels={"c1": ["a", "b"]}), "codes are 0 to 1"),
        (maskers.Constant(0), TABLE, columns(6, one_hot={"hair": ["c1", "c2"]}), r"makes no row of this table.*Background"),
        (maskers.Blur(2), IDS, TOKENS, "token ids means nothing"),
        (maskers.Conditional(IDS), IDS, TOKENS, "token ids means nothing"),
        (maskers.Mean(np.ones((3, 5))), TABLE, columns(6), r"\(rows, 6\)"),
        (maskers.Mean(np.ones((0, 6))), TABLE, columns(6), "no rows"),
        (maskers.Mean(IDS), IDS, TOKENS, "means nothing"),
        (maskers.Background(np.ones((3, 5))), TABLE, columns(6), r"has shape \(3, 5\)"),
        (maskers.Background(np.ones((0, 6))), TABLE, columns(6), "no rows"),
        (maskers.Background(np.full((3, 6), np.nan)), TABLE, columns(6), "NaN in row 0"),
        (maskers.Background(np.full((3, 1, 6, 6), np.inf)), IMAGE, GRID, "NaN or infinity in row 0"),
        (maskers.Background(["a", "b"]), TABLE, columns(6), "array of numbers"),
        (maskers.Background(STRINGS), STRINGS, WORDS, "maskers.MaskToken"),
        (maskers.Background(TABLE, size=0), TABLE, columns(6), "at least 1"),
        (maskers.Background(TABLE, size=2.5), TABLE, columns(6), "whole number"),
        (maskers.Background(TABLE, summary="kmean"), TABLE, columns(6), "Did you mean 'kmeans'"),
        (maskers.Background(TABLE, seed=-1), TABLE, columns(6), "seed"),
        (maskers.Background(pd.DataFrame({"c0": [1.0]})), TABLE, columns(6), "frame"),
        (maskers.Background(pd.DataFrame({"c0": [1.0]})), IMAGE, GRID, "no table"),
        (maskers.Conditional(TABLE, kind="gausian"), TABLE, columns(6), "Did you mean 'gaussian'"),
        (maskers.Conditional(TABLE[:1]), TABLE, columns(6), "at least two rows"),
        (maskers.Conditional(TABLE, draws=0), TABLE, columns(6), "draws"),
        (maskers.Conditional(IMAGE), IMAGE, GRID, "for tables"),
        (maskers.Conditional(TABLE, kind="frequency"), TABLE, columns(6), "'c0' is continuous"),
        (maskers.Conditional(TABLE, kind="gaussian"), TABLE, columns(6, kinds={"c3": "ordinal"}), "'c3' is ordinal"),
        (maskers.Conditional(STRINGS), STRINGS, WORDS, "maskers.MaskToken"),
        (maskers.Blur(3), TABLE, columns(6), "table"),
        (maskers.Blur(0), IMAGE, GRID, "above 0"),
        (maskers.Blur(3), STRINGS, WORDS, "maskers.MaskToken"),
        (maskers.Interpolate(), IMAGE, GRID, "for series"),
        (maskers.Interpolate(), TABLE, columns(6), "table"),
        (maskers.Interpolate(), SERIES.astype(int), STEPS, "fractions"),
        (maskers.Interpolate(), STRINGS, WORDS, "maskers.MaskToken"),
        (maskers.NoisyLinear(), SERIES, STEPS, "Interpolate"),
        (maskers.NoisyLinear(), TABLE, columns(6), "table"),
        (maskers.NoisyLinear(-1), IMAGE, GRID, "at least 0"),
        (maskers.NoisyLinear(), np.ones((2, 2, 3, 3)), [Features.from_labels(np.arange(18).reshape(2, 3, 3))], "single channels"),
        (maskers.Inpaint(), SERIES, STEPS, "for images"),
        (maskers.Inpaint(), TABLE, columns(6), "table"),
        (maskers.MaskToken(), IDS, TOKENS, "mask_token_id"),
        (maskers.MaskToken(103), STRINGS, WORDS, "no string"),
        (maskers.MaskToken(), TABLE, columns(6), "words and token ids"),
        (maskers.MaskToken(), STRINGS, WORDS[:1], "words of each"),
        (maskers.MaskToken(), STRINGS, WORDS[::-1], "those of another"),
        (maskers.MaskToken(), STRINGS, TOKENS, "words are removed"),
        (maskers.Delete(), TABLE, columns(6), "words and token ids"),
        (maskers.Delete(pad=-1), IDS, TOKENS, "pad"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(masker, array, features, says):
    with pytest.raises(InputError, match=says):
        masker.prepare(Samples(array), "x", features)


def test_deletion_is_refused_where_an_attention_mask_would_not_follow():
    class Two(Samples):
        class inputs:
            batched = ("ids", "attention_mask")

        def leaf(self, name):
            return {"ids": IDS, "attention_mask": IDS}[name]

    with pytest.raises(InputError, match=r"'attention_mask'.*would not follow"):
        maskers.Delete().prepare(Two(IDS), "ids", TOKENS)
    maskers.MaskToken(3).prepare(Two(IDS), "ids", TOKENS)


def test_the_global_generator_is_left_alone_and_nothing_heavy_is_imported():
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    rows = related(300)
    maskers.Background(rows, 10, "kmeans").prepare(Samples(rows[:1]), "x", columns(5))
    rows_of(maskers.Conditional(rows, kind="tree").prepare(Samples(rows[:1]), "x", columns(5)), [True, False, True, False, True])
    assert (np.random.get_state()[1] == state).all()  # noqa: NPY002
    code = "import sys, pellucid; print([m for m in ('sklearn', 'skimage', 'pandas', 'jieba') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_a_masker_is_shown_without_its_rows():
    rows = RNG.random((5, 2))
    assert repr(maskers.Background(rows, 3)) == "Background(size=3, summary='sample', seed=0)"
    assert maskers.Background(rows) != maskers.Background(rows)
    assert maskers.Blur(3) == maskers.Blur(3)


def test_a_constant_says_which_levels_it_stands_for():
    table = columns(3, levels={"c1": ["Bonn", "Ulm"], "c2": ["no", "yes"]}, missing=["c2"])
    x = np.array([[0.5, 1.0, 0.0]])
    removal = maskers.Constant(0).prepare(Samples(x), "x", table)
    assert removal.says == "set to 0 (c1 to 'Bonn', c2 to 'no')"
    assert maskers.Constant([1.5, 1, 2]).prepare(Samples(x), "x", table).says.endswith("(c1 to 'Ulm', c2 to 'missing')")
    assert maskers.Constant(0).prepare(Samples(x), "x", columns(3)).says == "set to 0"
