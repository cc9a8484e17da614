from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pellucid.reporting.encode import encode_map, encode_picture, shrunk


def decode(encoded):
    integers = np.frombuffer(base64.b64decode(encoded["data"]), dtype="<i2")
    return integers.reshape(encoded["height"], encoded["width"]) * encoded["step"]


@given(st.integers(1, 9), st.integers(1, 9), st.floats(1e-30, 1e30))
def test_maps_survive_to_half_a_step(height, width, scale):
    values = np.random.default_rng(0).normal(size=(height, width)) * scale
    np.testing.assert_allclose(decode(encode_map(values)), values, rtol=0, atol=np.abs(values).max() / 65534 * 1.001)


def test_an_empty_map():
    assert not decode(encode_map(np.zeros((2, 3)))).any()


@pytest.mark.parametrize("shape", [(300, 200), (223, 447), (1, 900), (50, 40)])
def test_shrinking_keeps_the_sum_and_the_shape(shape):
    values = np.random.default_rng(0).random(shape)
    small = shrunk(values, 100)
    assert max(small.shape) == min(100, max(shape))
    assert small.sum() == pytest.approx(values.sum(), rel=1e-3)


def test_shrinking_by_a_whole_factor_sums_blocks():
    values = np.random.default_rng(0).normal(size=(60, 40))
    np.testing.assert_allclose(shrunk(values, 30), values.reshape(30, 2, 20, 2).sum(axis=(1, 3)), atol=1e-5)


@pytest.mark.parametrize(("height", "width", "kind"), [(8, 6, "png"), (300, 150, "jpeg")])
def test_pictures_are_data_of_their_kind(height, width, kind):
    encoded = encode_picture(np.full((height, width, 3), 120, dtype=np.uint8), 224)
    head, data = encoded["address"].split(",")
    assert head == f"data:image/{kind};base64"
    assert encoded["crisp"] == (kind == "png")
    opened = Image.open(io.BytesIO(base64.b64decode(data)))
    assert opened.size == (encoded["width"], encoded["height"]) == (min(width, 112), min(height, 224))
    assert np.abs(np.asarray(opened).astype(int) - 120).max() <= 2
