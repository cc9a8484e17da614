"""Texts that have no words: nothing can be removed, and the others of their batch are none the worse."""

import numpy as np
import pytest

import pellucid as pl

METHODS = ("shapley", "banzhaf", "shapley-interactions", "leave-one-out", "lime")
TEXTS = ["a good film", "", "... !", "bad"]


def score(texts):
    return np.array([text.count("good") - 2.0 * text.count("bad") + 0.5 * len(text) for text in texts])


@pytest.mark.parametrize("method", METHODS)
def test_beside_others(method):
    e = pl.explain(pl.wrap(score), TEXTS, method=method)
    assert [len(players) for players in e.players] == [3, 0, 0, 1]
    np.testing.assert_array_equal(e.values[1:3], 0)
    alone = pl.explain(pl.wrap(score), [TEXTS[0], TEXTS[3]], method=method)
    np.testing.assert_array_equal(e.values[[0, 3]], alone.values)
    if e.base_value is not None:
        np.testing.assert_array_equal(e.base_value[1:3], e.value[1:3])
    if method == "lime":
        np.testing.assert_array_equal(e.details["intercept"][1:3], e.value[1:3])
        np.testing.assert_array_equal(e.details["prediction"][1:3], e.value[1:3])
        assert np.isnan(e.details["weighted_r2"][1:3]).all()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("text", ["", "   ", "?!"])
def test_alone(method, text, tmp_path):
    e = pl.explain(pl.wrap(score), [text], method=method, budget=100)
    assert e.values.shape in ((1, 0), (1, 0, 0))
    e.save(tmp_path / "explanation")
    assert pl.load(tmp_path / "explanation").values.shape == e.values.shape
    assert len(e.to_frame()) == 0
    pl.report(e, tmp_path / "report.html")


def test_figures():
    for method in ("shapley", "leave-one-out"):
        several = pl.explain(pl.wrap(score), TEXTS, method=method)
        assert several.plot() is not None
        assert several[1].plot() is not None
