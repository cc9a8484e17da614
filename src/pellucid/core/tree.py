"""Inputs as named leaves: flatten a tree of arrays, and put arrays back into its shape.

A leaf is named by its path: ``"image"``, ``"1"``, ``"tokens.ids"``; a bare array is called ``"input"``.
"""

from collections.abc import Callable, Mapping
from typing import Any

import optree

BARE = "input"


def flatten(tree: Any) -> dict[str, Any]:
    """Named leaves of a tree of tuples, lists and mappings, in order.

    >>> flatten({"image": 1, "extra": (2, 3)})
    {'extra.0': 2, 'extra.1': 3, 'image': 1}
    """
    paths, leaves, _ = optree.tree_flatten_with_path(plain(tree))
    return {".".join(map(str, path)) or BARE: leaf for path, leaf in zip(paths, leaves, strict=True)}


def skeleton(tree: Any) -> Any:
    """The same tree with each leaf replaced by its name."""
    tree = plain(tree)
    return optree.tree_unflatten(optree.tree_structure(tree), list(flatten(tree)))


def fill(shape: Any, leaves: Mapping[str, Any]) -> Any:
    """Put leaves into a skeleton. Tuples and lists keep their length (``None`` where a leaf is absent); mappings keep
    the keys that are present.

    >>> fill({"a": "a", "b": ("b.0", "b.1")}, {"b.1": 7})
    {'b': (None, 7)}
    """
    if shape is None or isinstance(shape, str):
        return None if shape is None else leaves.get(shape)
    if isinstance(shape, dict):
        filled = {key: fill(child, leaves) for key, child in shape.items()}
        return {key: child for key, child in filled.items() if not _empty(child)}
    return type(shape)(fill(child, leaves) for child in shape)


def map_leaves(function: Callable[[Any], Any], tree: Any) -> Any:
    """Apply a function to every leaf; absent leaves stay ``None``."""
    return optree.tree_map(function, tree)


def _empty(child: Any) -> bool:
    return child is None or (isinstance(child, (dict, tuple, list)) and all(_empty(leaf) for leaf in _members(child)))


def _members(child: Any) -> list[Any]:
    return list(child.values() if isinstance(child, dict) else child)


def plain(tree: Any) -> Any:
    """Mappings of any kind become dicts, named tuples become tuples: the shapes that a file can keep."""
    if isinstance(tree, Mapping):
        return {str(key): plain(child) for key, child in tree.items()}
    if isinstance(tree, list):
        return [plain(child) for child in tree]
    if isinstance(tree, tuple):
        return tuple(plain(child) for child in tree)
    return tree
