"""What should be known when two models are compared: that they see other inputs, or call their classes differently."""

from __future__ import annotations

import numpy as np

from ..core import tree
from ..core.records import Explanation, Finding
from .reaching import Way


def inputs_differ(seen: Explanation, beside: Explanation, found: Way, names: tuple[str, str]) -> tuple[Finding, ...]:
    """Pictures that the two models prepare differently."""
    if found.leaves or not found.same:
        return ()
    findings: list[Finding] = []
    pairs = zip(tree.flatten(seen.inputs).items(), tree.flatten(beside.inputs).values(), strict=True)
    for (name, mine), theirs in pairs:
        held = np.asarray(theirs)
        if np.asarray(mine).dtype.kind not in "fiu":
            continue
        reached = found.back(name, held)
        if reached.shape != np.shape(mine):
            sentence = f"{names[0]} makes inputs of the shape {np.shape(mine)[1:]} of the pictures, {names[1]} {held.shape[1:]}"
        elif gap := float(np.abs(reached - np.asarray(mine)).max(initial=0.0)):
            sentence = f"the models prepare the same pictures differently: their inputs are up to {gap:.3g} apart"
        else:
            continue
        findings.append(Finding("inputs-differ", f"{sentence}. What differs may come from there.", ()))
    return tuple(findings)


def names_differ(seen: Explanation, beside: Explanation, names: tuple[str, str]) -> tuple[Finding, ...]:
    """Classes that the two models call differently, at the same place of their outputs."""
    if seen.classes is None or beside.classes is None or seen.classes == beside.classes:
        return ()
    differing = [at for at, pair in enumerate(zip(seen.classes, beside.classes, strict=False)) if pair[0] != pair[1]]
    at = differing[0]
    sentence = (
        f"{len(differing)} outputs have different names: output {at} is {seen.classes[at]!r} to {names[0]} and "
        f"{beside.classes[at]!r} to {names[1]}. Outputs were compared by their number."
    )
    return (Finding("class-names-differ", sentence, ()),)
