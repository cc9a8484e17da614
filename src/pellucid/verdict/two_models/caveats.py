"""What sets explanations apart although the models agree: estimates that are never exact, other inputs, other class names."""

from __future__ import annotations

from typing import Literal

import numpy as np

from ...core import tree
from ...core.records import Explanation, Finding
from ...core.types import PerSample
from ...metrics.agreement import Agreement
from ...metrics.defined import ROUNDING
from .common import Common
from .reaching import Way

NoiseFrom = Literal["seed", "errors", "exact", "unknown"]
"""How the noise is known: another seed was run, the method estimates its error, it makes none, or it does not say."""


def draws(told: Explanation) -> bool:
    """Whether another seed would give other values."""
    errors = tree.flatten(told.standard_errors)
    largest = {name: ROUNDING * float(np.abs(leaf).max(initial=0.0)) for name, leaf in told.leaves.items()}
    return any(leaf is not None and bool((leaf > largest[name]).any()) for name, leaf in errors.items())


def noise(
    first: Explanation, second: Explanation, places: Common, itself: Agreement | None
) -> tuple[PerSample | None, NoiseFrom]:
    """How far estimation alone can bring the explanations apart, relative to the first; ``itself`` is how far that agrees with
    itself under another seed.
    """
    if itself is not None:
        return itself.difference, "seed"
    if first.error is None or second.error is None:
        return None, "unknown"
    if not first.error.any() and not second.error.any():
        return np.zeros(len(first)), "exact"
    lengths = [np.array([float(np.linalg.norm(row)) for row in rows]) for rows in places.whole]
    ratio = np.divide(lengths[1], lengths[0], out=np.ones(len(first)), where=lengths[0] > 0)
    return first.error + second.error * ratio, "errors"


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
