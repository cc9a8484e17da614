"""Inputs as named leaves: flatten a tree of arrays, and put arrays back into its shape.

A leaf is named by its path: ``"image"``, ``"1"``, ``"tokens.ids"``; a bare array is called ``"input"``. Order is that of the
tree: mappings keep the order in which they were written.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from .errors import InputError

BARE = "input"


def flatten(tree: Any) -> dict[str, Any]:
    """Named leaves of a tree of tuples, lists and mappings, in order.

    >>> flatten({"image": 1, "extra": (2, 3)})
    {'image': 1, 'extra.0': 2, 'extra.1': 3}
    """
    leaves: dict[str, Any] = {}
    for path, leaf in _walk(tree, ()):
        name = ".".join(path) or BARE
        if name in leaves:
            raise InputError(f"two leaves are called {name!r}; a key with a point in it reads like a path. Rename it.")
        leaves[name] = leaf
    return leaves


def skeleton(tree: Any) -> Any:
    """The same tree, of plain tuples, lists and dicts, with each leaf replaced by its name."""
    names = iter(flatten(tree))
    return map_leaves(lambda _: next(names), tree)


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


def on_host(leaf: Any) -> np.ndarray:
    """One leaf as NumPy, of whatever framework it is."""
    return np.asarray(leaf.detach().cpu() if hasattr(leaf, "detach") else leaf)


def map_leaves(function: Callable[[Any], Any], tree: Any) -> Any:
    """Apply a function to every leaf, in order; absent leaves stay ``None``.

    Mappings of any kind become dicts and named tuples tuples: the shapes that a file can keep.
    """
    if tree is None:
        return None
    if isinstance(tree, Mapping):
        return {key: map_leaves(function, child) for key, child in tree.items()}
    if isinstance(tree, (tuple, list)):
        return (list if isinstance(tree, list) else tuple)(map_leaves(function, child) for child in tree)
    return function(tree)


def plain(tree: Any) -> Any:
    """The tree as plain tuples, lists and dicts."""
    return map_leaves(lambda leaf: leaf, tree)


def _walk(tree: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if tree is None:
        return
    children = tree.items() if isinstance(tree, Mapping) else enumerate(tree) if isinstance(tree, (tuple, list)) else None
    if children is None:
        yield path, tree
        return
    for key, child in children:
        yield from _walk(child, (*path, str(key)))


def _empty(child: Any) -> bool:
    members = child.values() if isinstance(child, dict) else child if isinstance(child, (tuple, list)) else None
    return child is None or (members is not None and all(_empty(member) for member in members))
