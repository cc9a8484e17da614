"""What an explanation says about itself: saturated gradients, accuracy that was not reached.

The saturation test compares the gradient at the sample with the change of the target on the way from the baseline. By the
mean value theorem some point on that way has a directional derivative of exactly f(x) - f(b); its gradient is therefore at
least |f(x) - f(b)| / |x - b| long. A gradient at the sample that is many times shorter has vanished there; one whose
directional derivative is many times the whole change explodes.
"""

from __future__ import annotations

import numpy as np

from ..arrays.rows import row_norms, row_sums, take
from ..core.declare import Attribution, Reference
from ..core.records import Finding
from .passes import Passes

VANISHING = 0.05
"""The gradient at the sample is shorter than this share of the gradient that must exist somewhere on the path."""
NOISE = 0.5
"""Estimated error, over the length of the map, from which a map is more noise than signal."""
LOOKED_AT = 16
"""Baselines of a sample that are compared with; more say nothing new."""
EXPLODING = 100.0
"""The derivative along the path, at the sample, exceeds the change (or the target's own size) so many times."""


def saturation(passes: Passes, reference: Reference, base_values: np.ndarray, target: int, averages: bool) -> list[Finding]:
    """Findings about the gradient at the input, one per kind.

    Parameters
    ----------
    base_values
        Values of this target at the baselines, ``(samples, rows)``.
    averages
        Whether the method itself averages gradients, and so need not be advised against.
    """
    at = passes.at_input()
    value = at.values[target]
    base_values = base_values[:, :LOOKED_AT]
    change = np.abs(value[:, None] - base_values)
    steep = passes.host(row_norms(*at.gradients[target]))
    along, length = np.zeros_like(change), np.zeros_like(change)
    for row in range(min(reference.rows, LOOKED_AT)):
        starts = [take(points, reference.index[:, row]) for points in reference.points]
        delta = [end - start for end, start in zip(at.points, starts, strict=True)]
        length[:, row] = passes.host(row_norms(*delta))
        along[:, row] = np.abs(passes.host(row_sums(*(d * g for d, g in zip(delta, at.gradients[target], strict=True)))))
    needed = np.divide(change, length, out=np.zeros_like(change), where=length > 0)
    ratio = np.divide(steep[:, None], needed, out=np.full_like(change, np.inf), where=needed > 0).min(axis=1)
    scale = np.maximum(change.max(axis=1), np.abs(value) + np.abs(base_values).max(axis=1))
    surplus = np.divide(along.max(axis=1), scale, out=np.zeros(len(value)), where=scale > 0)
    instead = "" if averages else " Methods that read the gradient at the input alone say little here: use integrated-gradients."
    findings: list[Finding] = []
    vanished = ratio < VANISHING
    if vanished.any():
        least = float(ratio[vanished].max())
        steeper = f"at least {1 / least:.0f} times as steeply" if least > 1e-12 else "and the gradient here is zero"
        sentence = f"the gradient at the input has vanished; the target changes on the way from the baseline, {steeper}.{instead}"
        findings.append(_finding("vanishing-gradient", sentence, vanished, "gradient_over_needed", ratio))
    flat = (steep == 0) & ~vanished
    if flat.any():
        sentence = (
            "the gradient at the input is zero, and the target is the same at the baseline: it may not depend on the input."
        )
        findings.append(_finding("zero-gradient", sentence, flat, "gradient", steep))
    exploding = surplus > EXPLODING
    if exploding.any():
        instead = "" if averages else " Use integrated-gradients or smoothgrad, which average it out."
        sentence = (
            f"the gradient at the input is up to {surplus.max():.0f} times as steep as the target is large; "
            f"it is that of a narrow kink.{instead}"
        )
        findings.append(_finding("exploding-gradient", sentence, exploding, "derivative_over_change", surplus))
    return findings


def accuracy(attribution: Attribution, method: str) -> list[Finding]:
    """A finding when the tolerance was not reached or, with a fixed amount of work, when the map is mostly noise."""
    error, tolerance = attribution.error, attribution.tolerance
    if error is None or not (missed := error > (tolerance or NOISE)).any():
        return []
    if tolerance is None:
        sentence = (
            f"the map of {method} has an estimated error of up to {error.max():.2g} of its own length: it is mostly noise. "
            "Take more samples, or give a tolerance instead of their number."
        )
        return [_finding("mostly-noise", sentence, missed, "error", error)]
    sentence = (
        f"{method} stopped at an estimated error of up to {error.max():.2g} and did not reach tolerance={tolerance:g}: "
        "the budget, or the most work that the method takes on, was spent."
    )
    return [_finding("tolerance-not-reached", sentence, missed, "error", error)]


def _finding(kind: str, sentence: str, flags: np.ndarray, name: str, values: np.ndarray) -> Finding:
    samples = tuple(int(i) for i in np.flatnonzero(flags))
    return Finding(kind, sentence, samples, {name: tuple(float(values[i]) for i in samples)}, len(flags))
