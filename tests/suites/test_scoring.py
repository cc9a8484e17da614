"""How near an attribution comes: beside loops over pairs, scikit-learn, and cases by hand."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

import pellucid as pl
from pellucid.suites import scoring

RNG = np.random.default_rng(0)


def slow_somers(values, truth):
    agreed = asked = 0
    for i in range(len(values)):
        for j in range(i):
            if truth[i] != truth[j]:
                asked += 1
                agreed += np.sign(values[i] - values[j]) * np.sign(truth[i] - truth[j])
    return agreed / asked


def test_rank_correlation_is_counted_over_pairs():
    values, truth = RNG.integers(-3, 4, (20, 7)).astype(float), RNG.integers(-2, 3, (20, 7)).astype(float)
    expected = [slow_somers(*rows) for rows in zip(values, truth, strict=True)]
    assert np.allclose(scoring.rank_correlation(values, truth), expected)


def test_values_without_a_sign_are_compared_with_magnitudes():
    truth = np.array([[-3.0, 1.0, 0.0]])
    assert scoring.rank_correlation(np.abs(truth), truth) == 1
    assert scoring.rank_correlation(truth, truth) == 1
    assert scoring.rank_correlation(-truth, truth) == -1


def test_auroc_is_that_of_scikit_learn_on_magnitudes():
    values, masks = RNG.integers(-4, 5, (20, 9)).astype(float), RNG.random((20, 9)) < 0.4
    masks[:, 0], masks[:, 1] = True, False
    expected = [roc_auc_score(mask, np.abs(row)) for mask, row in zip(masks, values, strict=True)]
    assert np.allclose(scoring.auroc(values, masks), expected)


def test_best_and_worst():
    masks = np.array([[True, True, False, False]])
    best, worst = np.array([[2.0, -3.0, 0.0, 1.0]]), np.array([[0.0, 0.5, 2.0, -3.0]])
    assert scoring.auroc(best, masks) == 1
    assert scoring.auroc(worst, masks) == 0
    assert scoring.relevance_mass(best, masks) == pytest.approx(2 / 3)
    assert scoring.pointing(best, masks) == 1
    assert scoring.pointing(worst, masks) == 0
    assert scoring.scored("alarm", best, None, masks) == 1
    assert scoring.scored("alarm", worst, None, masks) == 0


@pytest.mark.parametrize("how", ["rank-correlation", "auroc", "relevance-mass", "pointing", "alarm"])
@pytest.mark.parametrize("said", [np.zeros((1, 4)), np.full((1, 4), np.nan)], ids=["zeros", "nan"])
def test_what_says_nothing_has_no_score(how, said):
    masks, truth = np.array([[True, False, False, False]]), np.array([[1.0, 0.0, 0.0, 0.0]])
    assert np.isnan(scoring.scored(how, said, truth, masks)).all()


@pytest.mark.parametrize("how", ["rank-correlation", "auroc", "relevance-mass"])
def test_random_values_score_as_chance_says(how):
    masks = np.tile(np.arange(12) < 3, (4000, 1))
    found = scoring.scored(how, RNG.normal(size=masks.shape), masks.astype(float), masks)
    assert abs(np.nanmean(found) - scoring.chance(how, masks)) < 0.02


def test_a_score_hangs_on_its_sample_alone():
    values, masks = RNG.normal(size=(6, 8)), RNG.random((6, 8)) < 0.5
    masks[:, 0], masks[:, 1] = True, False
    for how in ("rank-correlation", "auroc", "relevance-mass", "pointing"):
        together = scoring.scored(how, values, masks.astype(float), masks)
        alone = [scoring.scored(how, values[[i]], masks[[i]].astype(float), masks[[i]])[0] for i in range(6)]
        assert together.tolist() == alone


def test_an_unknown_score_is_refused_in_words():
    with pytest.raises(pl.InputError, match="there is no score 'auc'"):
        scoring.scored("auc", np.ones((1, 2)), None, None)
