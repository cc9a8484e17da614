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
EXPLODING = 100.0
"""The derivative along the path, at the sample, exceeds the change (or the target's own size) so many times."""


def saturation(passes: Passes, reference: Reference, base_values: np.ndarray, target: int) -> list[Finding]:
    """Findings about the gradient at the input, one per kind.

    Parameters
    ----------
    base_values
        Values of this target at the baselines, ``(samples, rows)``.
    """
    at = passes.at_input()
    value = at.values[target]
    change = np.abs(value[:, None] - base_values)
    steep, along, length = (np.zeros_like(change) for _ in range(3))
    samples = np.arange(passes.samples)
    for row in range(reference.rows):
        starts = [take(points, reference.index[samples, row]) for points in reference.points]
        delta = [end - start for end, start in zip(at.points, starts, strict=True)]
        length[:, row] = passes.host(row_norms(*delta))
        steep[:, row] = passes.host(row_norms(*at.gradients[target]))
        along[:, row] = np.abs(passes.host(row_sums(*(d * g for d, g in zip(delta, at.gradients[target], strict=True)))))
    needed = np.divide(change, length, out=np.zeros_like(change), where=length > 0)
    ratio = np.divide(steep, needed, out=np.full_like(change, np.inf), where=needed > 0).min(axis=1)
    vanished = (ratio < VANISHING) | (steep.max(axis=1) == 0)
    scale = np.maximum(change.max(axis=1), np.abs(value) + np.abs(base_values).max(axis=1))
    surplus = np.divide(along.max(axis=1), scale, out=np.zeros(len(value)), where=scale > 0)
    findings = []
    if vanished.any():
        told = np.where(np.isfinite(ratio), ratio, 0.0)
        least = float(told[vanished].max())
        steeper = f"at least {_times(1 / least)} as steeply" if least > 0 else "and the gradient here is exactly zero"
        findings.append(
            Finding(
                "vanishing-gradient",
                f"{_count(vanished)}: the gradient at the input has vanished; the target changes on the way from the baseline, "
                f"{steeper}. Methods that read the gradient at the input alone say little here: use integrated-gradients.",
                *_numbers(vanished, "gradient_over_needed", told),
            )
        )
    exploding = surplus > EXPLODING
    if exploding.any():
        findings.append(
            Finding(
                "exploding-gradient",
                f"{_count(exploding)}: the gradient at the input is up to {_times(float(surplus.max()))} as steep as the "
                "target is large; it is that of a narrow kink. Use integrated-gradients or smoothgrad, which average it out.",
                *_numbers(exploding, "derivative_over_change", surplus),
            )
        )
    return findings


def accuracy(attribution: Attribution, tolerance: float | None, method: str) -> list[Finding]:
    """A finding when the tolerance was not reached or, with a fixed amount of work, when the map is mostly noise."""
    if attribution.error is None or not (missed := attribution.error > (tolerance or NOISE)).any():
        return []
    if tolerance is None:
        sentence = (
            f"{_count(missed)}: the map of {method} has an estimated error of up to {attribution.error.max():.2g} of its own "
            "length: it is mostly noise. Take more samples, or give a tolerance instead of their number."
        )
        return [Finding("mostly-noise", sentence, *_numbers(missed, "error", attribution.error))]
    sentence = (
        f"{_count(missed)}: {method} stopped at an estimated error of up to {attribution.error.max():.2g} "
        f"and did not reach tolerance={tolerance:g}; the budget or the most rows it may take were spent."
    )
    return [Finding("tolerance-not-reached", sentence, *_numbers(missed, "error", attribution.error))]


def _numbers(flags: np.ndarray, name: str, values: np.ndarray) -> tuple[tuple[int, ...], dict[str, tuple[float, ...]]]:
    samples = tuple(int(i) for i in np.flatnonzero(flags))
    return samples, {name: tuple(float(values[i]) for i in samples)}


def _count(flags: np.ndarray) -> str:
    if len(flags) == 1:
        return "this sample"
    listed = ", ".join(str(i) for i in np.flatnonzero(flags)[:8])
    return f"{int(flags.sum())} of {len(flags)} samples ({listed}{', ...' if flags.sum() > 8 else ''})"


def _times(factor: float) -> str:
    return "infinitely many times" if factor > 1e12 else f"{factor:.0f} times"
