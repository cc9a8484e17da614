"""What methods are called in a report, and who explains which target of a sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..core.records import Explanation
from ..verdict import Comparison
from .groups import Group


@dataclass(frozen=True)
class Entry:
    """One explanation of one sample: its position, the sample in it, and the names under which it is shown."""

    position: int
    sample: int
    label: str
    target: str


def labels(explanations: Sequence[Explanation], found: Sequence[Comparison] = ()) -> list[str]:
    """The method, with the layer and parameters that tell it from others of the same method; its name in a comparison."""
    named = {id(explanation): name for each in found for name, explanation in each.explanations.items()}
    told: list[str] = []
    for explanation in explanations:
        if id(explanation) in named:
            told.append(named[id(explanation)])
            continue
        same = [other for other in explanations if other.method == explanation.method]
        where = f" at {explanation.layer}" if len({other.layer for other in same}) > 1 and explanation.layer else ""
        differing = [
            f"{name}={value}"
            for name, value in explanation.parameters.items()
            if any(other.parameters.get(name) != value for other in same)
        ]
        told.append(explanation.method + where + (f" ({', '.join(differing)})" if differing else ""))
    return told


def entries(group: Group, explanations: Sequence[Explanation], titles: Sequence[str]) -> list[Entry]:
    """Everything said about one sample, in order, each thing once.

    Different targets of one name, and repeated runs that differ, are told apart.
    """
    held: list[Entry] = []
    known: dict[str, set[tuple[int, ...] | None]] = {}
    for position, sample in group.seats:
        target = explanations[position].target
        index = None if target.indices is None else tuple(int(part) for part in target.indices[sample])
        known.setdefault(target.names[sample], set()).add(index)
    for position, sample in group.seats:
        target = explanations[position].target
        name = target.names[sample]
        if len(known[name]) > 1 and target.indices is not None:
            name = f"{name} (output {', '.join(map(str, target.indices[sample]))})"
        entry = Entry(position, sample, titles[position], name)
        before = [each for each in held if each.target == name and titles[each.position] == entry.label]
        if any(_same_values(explanations, each, entry) for each in before):
            continue  # "predicted" and a class by its name may be the same target
        held.append(replace(entry, label=f"{entry.label}, run {len(before) + 1}") if before else entry)
    return held


def _same_values(explanations: Sequence[Explanation], one: Entry, other: Entry) -> bool:
    first, second = explanations[one.position].leaves, explanations[other.position].leaves
    return first.keys() == second.keys() and all(
        np.array_equal(first[leaf][one.sample], second[leaf][other.sample]) for leaf in first
    )
