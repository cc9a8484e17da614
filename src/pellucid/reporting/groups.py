"""Which explanations belong together: those of the same sample, by the same model."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np

from ..core import tree
from ..core.errors import InputError
from ..core.records import Explanation
from ..plots.style import sample_names
from ..verdict import Comparison


@dataclass
class Group:
    """One sample with everything that explains it: ``seats`` are (position of the explanation, sample in it)."""

    name: str
    seats: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])


def as_explanations(given: Any) -> list[Explanation]:
    """An explanation, a comparison of methods, or any nesting of lists and tuples of them, as a list of explanations.

    Raises
    ------
    InputError
        If there is none, or something else is among them.
    """
    if isinstance(given, Explanation):
        return [given]
    if isinstance(given, Comparison):
        return list(given.explanations.values())
    if not isinstance(given, Iterable) or isinstance(given, (str, bytes, dict, np.ndarray)):
        raise InputError(f"a report is made of explanations, as pl.explain returns them; got {type(given).__name__}.")
    members = list(cast("Iterable[Any]", given))
    if not members:
        raise InputError("there is nothing to report: the list of explanations is empty.")
    return [explanation for member in members for explanation in as_explanations(member)]


def groups(explanations: Sequence[Explanation], names: Sequence[str] | None = None) -> list[Group]:
    """Samples in the order of their first appearance.

    Two explanations meet where the inputs are equal and the predictions are close; a sample that stands twice in a batch
    stays two samples, and the same sample explained for two models makes two groups.
    """
    found: dict[str, list[Group]] = {}
    ordered: list[Group] = []
    for position, explanation in enumerate(explanations):
        for sample in range(len(explanation)):
            same = found.setdefault(_digest(explanation, sample), [])
            group = next((each for each in same if _joins(each, explanations, position, sample)), None)
            if group is None:
                group = Group("")
                same.append(group)
                ordered.append(group)
            group.seats.append((position, sample))
    for group, name in zip(ordered, sample_names(names, len(ordered)), strict=True):
        group.name = name
    return ordered


def _joins(group: Group, explanations: Sequence[Explanation], position: int, sample: int) -> bool:
    first, seat = group.seats[0]
    mine, theirs = explanations[position], explanations[first]
    if any(held == position for held, _ in group.seats) or mine.classes != theirs.classes:
        return False
    ours, known = mine.prediction[sample], theirs.prediction[seat]
    return ours.shape == known.shape and np.allclose(ours, known, rtol=1e-3, atol=1e-4, equal_nan=True)


def _digest(explanation: Explanation, sample: int) -> str:
    held = hashlib.blake2b(digest_size=16)
    for name, leaf in tree.flatten(explanation.inputs).items():
        array = np.asarray(leaf)
        if array.ndim and len(array) == len(explanation):  # leaves without the samples as first axis belong to all
            array = array[sample]
        if np.asarray(array).dtype.kind in "OUT":  # texts: the bytes of objects would be addresses
            held.update(repr((name, np.asarray(array, object).tolist())).encode(errors="surrogatepass"))
            continue
        held.update(f"{name} {array.dtype} {array.shape};".encode())
        held.update(array.tobytes())
    return held.hexdigest()
