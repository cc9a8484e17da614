"""What is drawn of a comparison: the numbers of the record, on one scale."""

import numpy as np
import pytest

import pellucid as pl
from verdict import planted

ROWS = np.random.default_rng(1).normal(size=(6, 6)).astype(np.float32)


def titles(figure):
    return [ax.get_title(loc="left") for ax in figure.axes]


def test_maps_and_their_difference_share_a_scale():
    found = pl.compare_models(planted.network(), planted.without_blue(), planted.pictures(), names=("torch", "phone"))
    figure = found.plot(samples=1)
    named = [title.split("\n")[0] for title in titles(figure)]
    assert named[:5] == ["sample 1", "torch", "phone", "phone less torch", "class 1"]
    maps = [figure.axes[at].images[-1] for at in (1, 2, 3)]
    assert len({(each.norm.vmin, each.norm.vmax) for each in maps}) == 1
    drawn = [np.asarray(each.get_array()) for each in maps]
    np.testing.assert_allclose(drawn[1] - drawn[0], drawn[2], atol=1e-12)
    np.testing.assert_allclose(drawn[0], found.trained.values[1].sum(axis=0))
    assert (drawn[2][planted.ROWS, planted.COLUMNS] == -1).all()
    points = figure.axes[4].collections[0].get_offsets()
    np.testing.assert_allclose(points, np.stack([found.outputs.one[1], found.outputs.other[1]], axis=1), rtol=1e-6)
    assert {text.get_text() for text in figure.axes[4].texts} == {"class 0", "class 1"}


def test_the_samples_that_agree_least_come_first():
    found = pl.compare_models(planted.network(), planted.without_blue(), planted.pictures())
    figure = found.plot()
    assert [title for title in titles(figure) if title.startswith("sample")][:2] == ["sample 1\noutput 1", "sample 3\noutput 1"]
    assert "the 4 of 5 samples that agree least" in figure.get_suptitle()
    assert "equal, number by number" in "\n".join(titles(found.plot(samples=[0])))


@pytest.mark.parametrize("method", ["shapley", "integrated-gradients"])
def test_tables_are_bars_in_pairs(method):
    names = ["age", "height", "weight", "income", "rooms", "year"]
    options = {"features": pl.Features.from_arrays(names)} if method == "shapley" else {}
    found = pl.compare_models(planted.table(), planted.table(1), ROWS, method=method, **options)
    figure = found.plot(samples=2, top=4)
    ax = figure.axes[0]
    assert len(ax.patches) == 8
    order = np.argsort(-np.maximum(abs(found.trained.values[2]), abs(found.deployed.values[2])))[:4]
    np.testing.assert_allclose([bar.get_width() for bar in ax.patches[:4]], found.trained.values[2][order], rtol=1e-6)
    np.testing.assert_allclose([bar.get_width() for bar in ax.patches[4:]], found.deployed.values[2][order], rtol=1e-6)
    assert ax.get_xlabel() == "attribution (2 smaller ones not shown)"
    if method == "shapley":
        assert [label.get_text().split(" ")[0] for label in ax.get_yticklabels()] == [names[at] for at in order]


def test_regions_maps_of_layers_texts_and_other_layouts_are_drawn():
    x = np.random.default_rng(0).random((2, 3, 16, 16), np.float32)
    net, other = planted.convolutional(), planted.convolutional(1)
    for options in ({"method": "shapley", "budget": 60}, {"method": "grad-cam"}, {"method": "saliency", "absolute": True}):
        figure = pl.compare_models(net, other, x, **options).plot()
        assert len({(ax.images[-1].norm.vmin, ax.images[-1].norm.vmax) for ax in figure.axes[1:4]}) == 1
    last = pl.wrap(planted.channels_last(other), layout="NHWC")
    assert pl.compare_models(net, last, x, budget=60).plot().axes
    texts = [pl.wrap(lambda given, w=w: np.array([[w * ("good" in text)] for text in given], float)) for w in (1, 2)]
    figure = pl.compare_models(*texts, ["a good film", "花瓣 good"]).plot()
    assert "good" in [label.get_text() for label in figure.axes[0].get_yticklabels()]


def test_what_cannot_be_drawn_is_refused_in_words():
    found = pl.compare_models(planted.table(), planted.table(1), ROWS)
    with pytest.raises(pl.InputError, match=r"draws what pl.compare_models returned; got Explanation"):
        pl.plots.comparison(found.trained)
    with pytest.raises(pl.InputError, match="samples=9 is outside"):
        found.plot(samples=9)
    with pytest.raises(pl.InputError, match="samples= is empty"):
        found.plot(samples=[])
    with pytest.raises(pl.InputError, match="top= must be at least 1"):
        found.plot(top=0)
    with pytest.raises(pl.InputError, match="no values for a leaf"):
        found.plot(leaf="b")
