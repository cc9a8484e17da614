"""Keys that may outlive what they tell."""

import gc

import numpy as np
import pytest

from pellucid.models import identity
from pellucid.models.identity import Identity, content


class Thing:
    pass


def test_one_object_is_equal_to_itself_alone_and_to_nothing_once_it_is_gone():
    one, other = Thing(), Thing()
    key = Identity(one)
    assert key == Identity(one)
    assert hash(key) == hash(Identity(one))
    assert key != Identity(other)
    number = id(one)
    del one
    gc.collect()
    heir = next((made for made in (Thing() for _ in range(1000)) if id(made) == number), other)
    assert key != Identity(heir)


def test_what_cannot_be_referred_to_weakly_is_kept():
    assert Identity(held := (1, 2)) == Identity(held)
    assert Identity(held) != Identity((1, 2, 3))


@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (5,), (4, 6)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, bool, np.int8, "datetime64[s]"])
def test_the_content_of_arrays(shape, dtype):
    array = np.ones(shape, dtype)
    assert content(array) == content(array.copy())
    assert content(array) != content(np.ones((*shape, 1), dtype))
    if array.size:
        before = content(array)
        array[...] = np.zeros((), dtype)
        assert content(array) != before


def test_of_large_arrays_some_entries_are_looked_at(monkeypatch):
    monkeypatch.setattr(identity, "_LARGE", 1000)
    array = np.arange(3000.0).reshape(3, 1000).T
    before = content(array)
    assert before == content(array)
    assert before != content(array.copy())
    array *= 2
    assert before != content(array)
