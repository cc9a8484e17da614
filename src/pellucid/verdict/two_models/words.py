"""A comparison of two models in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .comparison import ModelComparison

LISTED = 5
"""Flips that are told one by one."""


def verdict(found: ModelComparison) -> str:
    """Whether predictions and explanations agree, in a sentence."""
    return f"{_predictions(found)}; {_explanations(found)}."


def summary(found: ModelComparison) -> str:
    """Everything that was found, in lines."""
    one, other = found.names
    models = [f"{name} ({each.plan.adapter})" for name, each in zip(found.names, (found.trained, found.deployed), strict=True)]
    count = f"{len(found)} sample{'s' * (len(found) != 1)}"
    lines = [f"{' and '.join(models)} on {count}, {found.trained.method}, target: {found.trained.target}", verdict(found)]
    lines += [_capital(line) for line in (_correct(found), _outputs(found), _measures(found), _noise(found)) if line]
    lines += [f"note      {reason}" for reason in found.reasons]
    lines += _both(found, "note", [each.plan.notes for each in (found.trained, found.deployed)])
    lines += [f"evidence  {finding}" for finding in found.evidence]
    lines += _both(found, "evidence", [tuple(map(str, each.evidence)) for each in (found.trained, found.deployed)])
    lines.append(f"cost      {one}: {found.trained.cost}; {other}: {found.deployed.cost}")
    return "\n".join([_capital(lines[0]), *lines[1:]])


def _both(found: ModelComparison, kind: str, told: Sequence[Sequence[str]]) -> list[str]:
    """What is said of each explanation, once where it is the same of both."""
    shared = [sentence for sentence in told[0] if sentence in told[1]]
    lines = [f"both: {sentence}" for sentence in shared]
    for name, sentences in zip(found.names, told, strict=True):
        lines += [f"{name}: {sentence}" for sentence in sentences if sentence not in shared]
    return [f"{kind:<9} {line}" for line in lines]


def _predictions(found: ModelComparison) -> str:
    count = len(found)
    if found.outputs.predicted is None:
        return f"outputs differ by {_number(found.outputs.largest.max())} at most"
    if not found.flips:
        return f"predictions agree on {'all ' if count > 1 else ''}{count} sample{'s' * (count != 1)}"
    told = [_flip(found, sample) for sample in found.flips[:LISTED]]
    more = f" and {len(found.flips) - LISTED} more" if len(found.flips) > LISTED else ""
    return f"predictions agree on {count - len(found.flips)} of {count} samples ({'; '.join(told)}{more})"


def _flip(found: ModelComparison, sample: int) -> str:
    assert found.outputs.predicted is not None
    told: list[str] = []
    for classes, outputs in zip(found.outputs.predicted, (found.outputs.one, found.outputs.other), strict=True):
        index = int(classes[sample])
        value = outputs[sample, min(index, outputs.shape[1] - 1)]
        told.append(f"{found.class_name(index)} ({_number(value)})")
    return f"{found.name_of(sample)}: {' became '.join(told)}"


def _explanations(found: ModelComparison) -> str:
    held = found.agreement
    if found.identical.all():
        return "explanations are equal, number by number"
    if found.equal.all():
        return f"explanations are equal up to rounding (they differ by {_percent(held.difference.max())} of their length at most)"
    said = f"differ by {_spread(held.difference, share=True)} of their length"
    if found.noise_from in ("seed", "errors"):
        said += f", {_inside(found)}"
    known = np.isfinite(held.rank_correlation)
    if not known.any():
        return f"explanations {said}; their rank correlation is undefined, because one of them is the same everywhere"
    said = f"explanations agree to rank correlation {_spread(held.rank_correlation)} and {said}"
    if not known.all():
        said += f" (the correlation is undefined for {(~known).sum()} of {len(known)}, where one is the same everywhere)"
    least = int(np.nanargmin(held.rank_correlation)) if (held.rank_correlation[known] < 1).any() else found.order[0]
    where = f"the largest difference is at {found.where[least]}: {_there(found, least)}"
    return f"{said}; {'least at ' + found.name_of(least) + ', where ' if len(found) > 1 else ''}{where}"


def _inside(found: ModelComparison) -> str:
    """On how many samples the difference is within the noise."""
    assert found.within_noise is not None
    inside, count = int(found.within_noise.sum()), len(found)
    if count == 1:
        return f"{'within' if inside else 'beyond'} the estimates' own error"
    share = f"all {count}" if inside == count else f"{inside or 'none'} of {count}"
    return f"within the estimates' own error on {share} samples"


def _there(found: ModelComparison, sample: int) -> str:
    at = int(found.common.at()[sample])
    values = found.common.one[sample][at], found.common.other[sample][at]
    return " and ".join(f"{_number(value)} in {name}" for value, name in zip(values, found.names, strict=True))


def _correct(found: ModelComparison) -> str:
    if (correct := found.correct) is None:
        return ""
    told = [f"{name} on {flags.sum()}" for name, flags in zip(found.names, correct, strict=True)]
    lost, won = (np.flatnonzero(a & ~b) for a, b in (correct, correct[::-1]))
    parts = [
        f"{verb} {', '.join(found.name_of(int(at)) for at in at_most)}"
        for verb, at_most in (("lost: ", lost[:LISTED]), ("won: ", won[:LISTED]))
        if len(at_most)
    ]
    changes = f" ({'; '.join(part.replace('  ', ' ') for part in parts)})" if parts else ""
    return f"of {len(found)} samples {told[0]} and {told[1]} are predicted rightly{changes}"


def _outputs(found: ModelComparison) -> str:
    kind = {"logits": "logits", "probabilities": "probabilities"}.get(found.outputs.kind, "outputs")
    if not found.outputs.largest.any():
        return f"{kind} are equal, number by number"
    mean, most = _number(found.outputs.mean.mean()), _number(found.outputs.largest.max())
    at = found.name_of(int(found.outputs.largest.argmax()))
    return f"{kind} differ by {mean} on average and {most} at most" + (f", at {at}" if len(found) > 1 else "")


def _measures(found: ModelComparison) -> str:
    if found.identical.all():
        return ""
    held = found.agreement
    told = [
        f"of the {held.top} strongest of {found.common.what} {_spread(held.top_overlap, share=True)} are the same",
        f"their signs agree in {_spread(held.sign_agreement, share=True)}",
        f"cosine {_spread(held.cosine)}",
    ]
    return "; ".join(told)


def _noise(found: ModelComparison) -> str:
    """What the difference is measured against."""
    one, method = found.names[0], found.trained.method
    if found.equal.all():
        return ""
    if found.noise is None:
        return f"{method} does not estimate its error; the same was computed for both"
    if found.noise_from == "exact":
        return f"{method} is exact here: every difference is one of the models"
    spread = _spread(found.noise, share=True)
    if found.self_agreement is None:
        return f"the estimated errors of both add up to {spread}"
    correlation = _spread(found.self_agreement.rank_correlation)
    return f"under another seed, {one} agrees with itself to rank correlation {correlation} and differs from itself by {spread}"


def _spread(numbers: np.ndarray, share: bool = False) -> str:
    """The mean, and the range where there are several."""
    known = np.asarray(numbers)[~np.isnan(numbers)]
    if not len(known):
        return "(undefined)"
    form = _percent if share else _number
    low, high = form(known.min()), form(known.max())
    return form(known.mean()) + (f" ({low} to {high})" if low != high else "")


def _number(value: float) -> str:
    return f"{value:.3g}"


def _percent(value: float) -> str:
    return "infinity" if np.isinf(value) else f"{100 * value:.2g}%" if abs(value) < 0.0995 else f"{100 * value:.0f}%"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
