"""What should be found, as masks of entries, positions or players; refusals in words; scores of every kind of input."""

import dataclasses

import numpy as np
import pytest
import torch

import pellucid as pl
from explained import KINDS, case, maskers
from pellucid import catalog

NAMES = [m.name for m in catalog.METRICS if m.group in ("localisation", "complexity", "axioms")]
LOCALISATION = [m.name for m in catalog.METRICS if m.group == "localisation"]
NUMBERS = {"input-invariance"}
TORCH = {"RGB", "grey", "table", "series"}


def names_for(kind):
    return [name for name in NAMES if name not in NUMBERS or kind in TORCH]


def counts_of(kind):
    """Players of the three samples."""
    same = {"RGB": 64, "grey": 64, "channels last": 9, "table": 6, "frame": 4, "series": 6}
    return [same[kind]] * 3 if kind in same else [8, 6, 3]


def masks_of(kind):
    """One row of players for each sample."""
    rng = np.random.default_rng(4)
    rows = [rng.random(count) < 0.5 for count in counts_of(kind)]
    for row in rows:
        row[0], row[-1] = True, False
    return rows


def scored(e, model, names, **options):
    return pl.evaluate(e, model, names, progress=False, **options)


@pytest.fixture(scope="module", params=KINDS)
def everything(request):
    kind = request.param
    model, e = case(kind)
    return kind, model, e, scored(e, model, names_for(kind), masks=masks_of(kind), **maskers(kind, e))


def test_every_score_has_a_value_for_each_sample_or_none(everything):
    kind, _, _, scores = everything
    for name, score in scores.items():
        assert score.values.shape == (3,), name
        assert not np.isinf(score.values).any(), name
        defined = score.values[~score.undefined]
        if score.range.startswith("from 0"):
            assert (defined >= 0).all(), name
        if score.range.startswith("from 0 to 1"):
            assert (defined <= 1).all(), name
        if name in ("sparseness", "entropy", "relevance-rank", "top-k", "localisation-auc"):
            assert not score.undefined.any(), (kind, name)


def test_scores_are_the_same_in_any_order_and_alone(everything):
    kind, model, e, scores = everything
    for rows in (slice(None, None, -1), slice(1, 2), slice(2, 3)):
        masks = masks_of(kind)[rows]
        found = scored(e[rows], model, names_for(kind), masks=masks, **maskers(kind, e))
        for name, score in found.items():
            expected = scores[name].values[rows]
            np.testing.assert_allclose(score.values, expected, rtol=2e-3, atol=2e-5, err_msg=name)


def test_scores_do_not_depend_on_the_batch_size():
    model, e = case("RGB")
    one, other = (scored(e, model, names_for("RGB"), masks=masks_of("RGB"), batch_size=size) for size in (1, 64))
    for name, score in one.items():
        np.testing.assert_allclose(score.values, other[name].values, rtol=1e-3, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("name", NAMES)
def test_values_that_are_constant_zero_or_not_finite_have_no_score(name):
    model, e = case("RGB")
    values = e.values.copy()
    values[0], values[1] = 0.0, 1.0
    values[2, 0, 0, 0] = np.nan
    score = scored(dataclasses.replace(e, values=values), model, [name], masks=masks_of("RGB"))[name]
    assert score.undefined.all()


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("completeness", "effective-complexity")])
def test_scores_that_ask_no_model_cost_nothing(name):
    model, e = case("table")
    cost = scored(e, model, [name], masks=masks_of("table"))[name].cost
    free = name in LOCALISATION or name in ("sparseness", "entropy")
    assert (cost.forward_rows == 0) == free


def pixels():
    """A model of 4 x 4 images with three channels, an explanation of two of them, its cells, and masks of positions."""
    model = pl.wrap(lambda x: x.reshape(len(x), -1) @ np.random.default_rng(0).normal(size=(48, 1)))
    x = np.random.default_rng(1).random((2, 3, 4, 4))
    cells = pl.Features.grid((3, 4, 4), cell=2)
    e = pl.explain(model, x, target=0, method="leave-one-out", features=cells)
    masks = np.zeros((2, 4, 4), bool)
    masks[0, :2, :2] = True
    masks[0, 2, 2] = masks[1, 0, 0] = masks[1, 0, 1] = True  # a quarter of a cell, and half of one: not most of it
    masks[1, 2:, :2] = True
    return model, e, masks


def test_masks_of_positions_entries_one_channel_and_players_say_the_same():
    model, e, masks = pixels()
    players = np.array([[True, False, False, False], [False, False, True, False]])
    forms = [masks, masks[:, None], np.repeat(masks[:, None], 3, axis=1), masks.astype(int), torch.as_tensor(masks)]
    forms += [players, players.tolist(), list(players), players.astype(float)]
    expected = None
    for form in forms:
        found = scored(e, model, LOCALISATION, masks=form)
        values = np.array([score.values for score in found.values()])
        expected = values if expected is None else expected
        np.testing.assert_array_equal(values, expected)
        np.testing.assert_allclose(found["relevance-mass"].details["sought"], 0.25)
    by_hand = [np.maximum(row, 0)[inside].sum() / np.maximum(row, 0).sum() for row, inside in zip(e.values, players, strict=True)]
    np.testing.assert_allclose(expected[LOCALISATION.index("relevance-mass")], by_hand)


def test_masks_of_channels_last_images_and_of_series_lie_over_their_positions():
    model, e = case("channels last")
    masks = np.zeros((3, 6, 6), bool)
    masks[:, :2, :2] = True
    first = np.arange(9) == 0
    for form in (masks, masks[..., None]):
        same = scored(e, model, "relevance-mass", masks=form)["relevance-mass"].values
        np.testing.assert_array_equal(same, scored(e, model, "relevance-mass", masks=[first] * 3)["relevance-mass"].values)
    model, e = case("series")
    steps = np.tile(np.arange(12) < 4, (3, 1))
    found, expected = (
        scored(e, model, "relevance-mass", masks=form)["relevance-mass"].values for form in (steps, [np.arange(6) < 2] * 3)
    )
    np.testing.assert_array_equal(found, expected)


def test_texts_take_rows_of_their_own_length_or_padded_ones():
    model, e = case("text")
    rows = masks_of("text")
    padded = np.zeros((3, 8), bool)
    for sample, row in enumerate(rows):
        padded[sample, : len(row)] = row
    one, other = (scored(e, model, LOCALISATION, masks=form) for form in (rows, padded))
    for name in LOCALISATION:
        np.testing.assert_array_equal(one[name].values, other[name].values)
    padded[2, 5] = True
    with pytest.raises(pl.InputError, match="marks a player of sample 2 beyond its 3"):
        scored(e, model, "focus", masks=padded)
    with pytest.raises(pl.InputError, match=r"one for each player \(3, 8\), or a list with a row for each text"):
        scored(e, model, "focus", masks=np.ones((3, 2), bool))


@pytest.mark.parametrize(
    "wrong",
    [np.ones((2, 3, 3), bool), np.ones((3, 4, 4), bool), np.ones((4, 4), bool), np.ones((2, 5), bool), np.ones(2, bool), True],
)
def test_masks_of_another_shape_are_refused_in_words(wrong):
    model, e, _ = pixels()
    with pytest.raises(pl.InputError, match=r"masks= has shape .*; the input has \(2, 3, 4, 4\): give bool like the input"):
        scored(e, model, "pointing-game", masks=wrong)


def test_rows_of_the_wrong_lengths_are_refused_in_words():
    model, e, _ = pixels()
    with pytest.raises(pl.InputError, match=r"masks= has rows of \(4,\), \(3,\)"):
        scored(e, model, "pointing-game", masks=[[True] * 4, [True] * 3])


def test_what_is_no_mask_is_refused_in_words():
    model, e, masks = pixels()
    for wrong in (np.full((2, 4, 4), 0.3), masks * 255, np.full((2, 4, 4), np.nan)):
        with pytest.raises(pl.InputError, match=r"must be True and False, or 1 and 0; got .* masks > 0.5"):
            scored(e, model, "pointing-game", masks=wrong)
    with pytest.raises(pl.InputError, match="give masks="):
        scored(e, model, "pointing-game")


def test_a_mask_that_covers_most_of_no_player_is_empty():
    model, e, masks = pixels()
    masks[:] = False
    masks[0, 0, 0] = True
    for score in scored(e, model, LOCALISATION, masks=masks).values():
        assert score.undefined.all()
