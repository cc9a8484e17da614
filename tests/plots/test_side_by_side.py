"""Several methods on the same samples, drawn side by side."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import pellucid as pl
from pellucid.plots.side_by_side import methods
from pellucid.verdict import Settings

NAMES = ("shapley", "integrated-gradients")


@pytest.fixture(scope="module")
def pictures():
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.Tanh(), torch.nn.Flatten(), torch.nn.Linear(4 * 36, 3))
    x = torch.rand(2, 3, 8, 8)
    settings = Settings(orders=10, rows=40, changes=1, draws=1)
    return pl.compare(net, x, NAMES, features=pl.Features.grid((3, 8, 8), cell=4), metrics=["srg"], settings=settings)


@pytest.fixture(scope="module")
def tables():
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(5, 8), torch.nn.Tanh(), torch.nn.Linear(8, 3))
    features = pl.Features.from_arrays(["age", "income", "height", "weight", "城市"])
    return pl.compare(net, torch.rand(7, 5), NAMES, features=features, metrics=["srg", "sparseness"], trust=False)


def titled(figure, name):
    return [ax for ax in figure.axes if name in ax.get_title(loc="left").split("\n")]


def texts(ax):
    return [text.get_text() for text in ax.texts]


def test_maps_of_a_method_share_one_signed_scale(pictures):
    figure = methods(pictures)
    figure.canvas.draw()
    for name in pictures.explanations:
        (first,) = titled(figure, name)
        column = [ax for ax in figure.axes if len(ax.images) == 2 and ax.get_position().x0 == first.get_position().x0]
        limits = {ax.images[1].get_clim() for ax in column}
        assert len(column) == 2
        assert len(limits) == 1
        low, high = limits.pop()
        assert low == -high < 0
    (first,) = titled(figure, "shapley")
    e = pictures.explanations["shapley"]
    np.testing.assert_allclose(first.images[1].get_array()[0, 0], e.values[0, 0])
    np.testing.assert_allclose(
        high, np.percentile(np.abs(pictures.explanations["integrated-gradients"].values.sum(1)), 99.5, axis=(1, 2)).max()
    )


def test_grade_and_scores_stand_below_each_panel(pictures):
    figure = methods(pictures, samples=1, names=["first", "second"])
    assert titled(figure, "second")
    for name in NAMES:
        (panel,) = titled(figure, name)
        grade, scores = texts(panel)[-2:]
        assert grade.split(" ", 1)[1].replace("not checked", "unknown") == pictures.cards[name].grades[1]
        assert scores == f"srg {pictures.scores[name]['srg'].values[1]:.3g}"


def test_agreement_is_the_last_panel(pictures, tables):
    for found, rows in ((pictures, [1]), (tables, [0, 3])):
        ax = methods(found, samples=rows).axes[-1]
        assert ax.get_title(loc="left") == "agreement"
        assert texts(ax) == [f"{value:.2f}" for value in found.agreement[:, :, rows].mean(axis=2).ravel()]


def test_bars_are_of_the_same_features_in_the_same_order(tables):
    figure = methods(tables, samples=2, top=3)
    panels = [titled(figure, name)[0] for name in NAMES]
    shares = sum(np.abs(v[2]) / np.abs(v[2]).sum() for v in tables.players.values())
    order = np.argsort(-shares)[:3]
    features = ["age", "income", "height", "weight", "城市"]
    assert [label.get_text().split(" = ")[0] for label in panels[0].get_yticklabels()] == [features[at] for at in order]
    assert not any(label.get_text() for label in panels[1].get_yticklabels())
    for panel, name in zip(panels, NAMES, strict=True):
        np.testing.assert_allclose([bar.get_width() for bar in panel.patches], tables.players[name][2][order])


def test_the_first_samples_are_drawn_and_that_is_said(tables):
    figure = methods(tables)
    assert figure.get_suptitle() == "first 4 of 7 samples"
    assert len([ax for ax in figure.axes if ax.patches]) == 8


def test_words_and_series_are_drawn():
    said = pl.compare(
        pl.wrap(lambda written: np.array([[text.count("good") - text.count("bad")] for text in written], float)),
        ["a good film", "not bad, good"],
        ["shapley", "leave-one-out"],
        target=0,
        metrics=["sparseness"],
        trust=False,
    )
    assert any("good" in label.get_text() for label in methods(said, samples=0).axes[0].get_yticklabels())
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(24, 2))
    series = pl.compare(net, torch.rand(2, 2, 12), ["saliency", "input-x-gradient"], metrics=["sparseness"], trust=False)
    methods(series).canvas.draw()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"samples": 2}, "samples=2 is outside"),
        ({"samples": []}, "samples= is empty"),
        ({"names": ["one"]}, "each of the 2 samples"),
        ({"top": 0}, "top= must be at least 1"),
    ],
)
def test_what_cannot_be_drawn_is_said(pictures, options, words):
    with pytest.raises(pl.InputError, match=words):
        methods(pictures, **options)


def test_only_comparisons_are_drawn():
    with pytest.raises(pl.InputError, match="returned; got int"):
        methods(1)
