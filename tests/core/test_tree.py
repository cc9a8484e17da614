"""Named leaves, and putting them back."""

import json
from collections import UserDict, namedtuple

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.core import tree
from pellucid.core.storage import _decode_skeleton, _encode_skeleton

KEYS = st.text("abc", min_size=1, max_size=2)
TREES = st.recursive(
    st.integers(),
    lambda inner: (
        st.dictionaries(KEYS, inner, min_size=1, max_size=3)
        | st.lists(inner, min_size=1, max_size=3)
        | st.lists(inner, min_size=1, max_size=3).map(tuple)
    ),
    max_leaves=8,
)


@given(TREES)
@settings(max_examples=100, deadline=None)
def test_filling_a_skeleton_gives_the_tree_back(held):
    assert tree.fill(tree.skeleton(held), tree.flatten(held)) == held


@given(TREES)
@settings(max_examples=100, deadline=None)
def test_skeletons_survive_json(held):
    shape = tree.skeleton(held)
    assert _decode_skeleton(json.loads(json.dumps(_encode_skeleton(shape)))) == shape


def test_names_are_paths():
    held = {"image": np.ones(2), "more": (np.ones(1), {"ids": np.ones(3)})}
    assert set(tree.flatten(held)) == {"image", "more.0", "more.1.ids"}
    assert list(tree.flatten(np.ones(2))) == ["input"]


def test_mappings_and_named_tuples_become_plain():
    pair = namedtuple("pair", "left right")
    assert tree.flatten(UserDict(a=1, b=pair(2, 3))) == {"a": 1, "b.0": 2, "b.1": 3}


def test_absent_leaves():
    shape = tree.skeleton({"a": 1, "b": (2, 3), "c": {"d": 4}})
    assert tree.fill(shape, {"b.1": 7}) == {"b": (None, 7)}
