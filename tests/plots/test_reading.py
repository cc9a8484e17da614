from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid import InputError
from pellucid.plots.reading import chosen_outputs, drawable, drawables, output_gradient, strongest, summed
from plots.handmade import explanation, photos, positions, table


def test_channels_are_summed_in_either_layout():
    first = photos()
    last = photos(layout="NHWC", values=first.values.transpose(0, 2, 3, 1), inputs=first.inputs.transpose(0, 2, 3, 1))
    assert drawable(first).form == drawable(last).form == "map"
    np.testing.assert_allclose(drawable(first).values, first.values.sum(axis=1))
    np.testing.assert_allclose(drawable(last).values, drawable(first).values)
    np.testing.assert_array_equal(drawable(last).pictures, drawable(first).pictures)


@pytest.mark.parametrize(
    ("shape", "form", "drawn"),
    [
        ((2, 5), "bars", (2, 5)),
        ((2,), "bars", (2, 1)),
        ((2, 1, 50), "series", (2, 50)),
        ((2, 7, 4), "map", (2, 7, 4)),
        ((2, 3, 8, 9), "map", (2, 8, 9)),
        ((2, 3, 2, 2, 2), "bars", (2, 24)),
    ],
)
def test_form_follows_from_the_shape(shape, form, drawn):
    part = drawable(explanation(np.random.default_rng(0).normal(size=shape)))
    assert (part.form, part.values.shape) == (form, drawn)
    if form == "bars":
        assert len(set(part.names)) == drawn[1]


def test_form_can_be_chosen():
    e = table()
    assert drawable(e, form="series").values.shape == e.values.shape
    assert drawable(photos(), form="bars").values.shape == (2, 3 * 24 * 24)
    with pytest.raises(InputError, match="form='bars'"):
        drawable(e, form="map")
    with pytest.raises(InputError, match="form='bars'"):
        drawable(photos(), form="series")
    with pytest.raises(InputError, match="must be one of 'map', 'series', 'bars'"):
        drawable(e, form="pie")  # type: ignore[arg-type]


def test_the_leaf_with_a_picture_comes_first_and_others_are_chosen_by_name():
    rng = np.random.default_rng(0)
    leaves = {"age": rng.normal(size=(2, 1)), "scan": rng.normal(size=(2, 1, 8, 8))}
    e = explanation(leaves)
    assert drawable(e).leaf == "scan"
    assert drawable(e, "age").names == ("age 0",)
    assert list(drawables(e)) == ["age", "scan"]
    with pytest.raises(InputError, match="Did you mean 'scan'"):
        drawable(e, "scann")


def test_a_tuple_with_an_absent_leaf():
    values = np.ones((2, 4))
    e = explanation((None, values), (np.zeros((2, 3)), values))
    assert list(drawables(e)) == ["1"]


def test_positions_and_layers_lie_over_the_picture():
    assert drawable(positions()).pictures.shape == (2, 24, 24, 3)
    assert drawable(positions()).smooth
    at_layer = photos(over="layer", layer="conv", values=np.ones((2, 16, 6, 6)))
    part = drawable(at_layer)
    assert part.pictures.shape == (2, 24, 24, 3)
    np.testing.assert_array_equal(part.values, np.full((2, 6, 6), 16))
    units = drawable(photos(over="layer", layer="fc", values=np.ones((2, 5))))
    assert (units.form, units.names[3], units.inputs) == ("bars", "unit 3", None)


def test_values_over_something_else_are_named_by_it():
    assert drawable(table(features=3, over="output")).names == ("output 0", "output 1", "output 2")


def test_features_are_named_and_counted():
    assert drawable(table(features=2), features=["a", "b"]).names == ("a", "b")
    assert drawable(table(features=2), features={"input": ["a", "b"]}).names == ("a", "b")
    for wrong in (["a"], "ab"):
        with pytest.raises(InputError, match="one name for each of the 2 entries of 'input'"):
            drawable(table(features=2), features=wrong)


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
def test_pictures_are_rgb_whatever_the_channels(channels):
    inputs = np.random.default_rng(0).random((2, channels, 6, 7))
    part = drawable(explanation(inputs))
    assert part.pictures.shape == (2, 6, 7, 3)
    assert part.pictures.dtype == np.uint8


def test_pictures_use_the_declared_scale():
    inputs = np.full((1, 3, 2, 2), 0.5)
    part = drawable(explanation(inputs, pixel_scale=((0.0, 10.0, 20.0), (100.0, 100.0, 100.0))))
    assert part.pictures[0, 0, 0].tolist() == [50, 60, 70]


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 5))
def test_sums_over_squares_match_loops(height, width, cell):
    values = np.random.default_rng(0).normal(size=(height, width))
    expected = np.zeros((-(-height // cell), -(-width // cell)))
    for y in range(height):
        for x in range(width):
            expected[y // cell, x // cell] += values[y, x]
    np.testing.assert_allclose(summed(values, cell), expected)


def test_strongest_breaks_ties_by_order():
    assert strongest(np.array([1.0, -3.0, 3.0, 0.0]), 3).tolist() == [1, 2, 0]


def test_outputs_worth_listing_hold_the_steepest():
    gradient = np.zeros((1, 6))
    gradient[0, 5] = -2
    e = table(samples=1, prediction=np.arange(6.0, 0, -1)[None], classes=None, details={"output_gradient": gradient})
    assert output_gradient(e) is not None
    assert chosen_outputs(e, 0, 2).tolist() == [0, 1, 5]
