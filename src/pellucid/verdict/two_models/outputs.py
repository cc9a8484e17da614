"""The outputs of two models side by side: on one scale, how far apart, and where the predicted class changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from array_api_compat import array_namespace
from jaxtyping import Float, Int

from ...core import tree
from ...core.errors import InputError
from ...core.records import Explanation
from ...core.targets import Target, TargetLike
from ...core.types import OutputKind, PerSample

SUM = 1e-3
"""Rows that sum to 1 up to this, without a negative entry, look like probabilities."""


@dataclass(frozen=True, eq=False)
class Outputs:
    """Outputs of two models for the same samples, on one scale.

    Attributes
    ----------
    one, other
        The outputs, float64 ``(samples, ...)``, both as ``kind`` says.
    kind
        ``"logits"``, ``"probabilities"``, ``"values"`` or ``"unknown"``.
    largest, mean
        Largest and mean absolute difference of each sample.
    predicted
        The class that each model predicts, two int arrays ``(samples,)``; ``None`` where outputs are no classes.
    flips
        Positions of the samples whose predicted class differs.
    """

    one: Float[np.ndarray, "samples ..."]
    other: Float[np.ndarray, "samples ..."]
    kind: OutputKind
    largest: PerSample
    mean: PerSample
    predicted: tuple[Int[np.ndarray, " samples"], Int[np.ndarray, " samples"]] | None
    flips: tuple[int, ...]


@dataclass(frozen=True)
class Scale:
    """The scale on which two models are compared, which of them are brought to it, and why."""

    kind: OutputKind
    from_logits: tuple[bool, bool] = (False, False)
    notes: tuple[str, ...] = ()


def check_outputs(one: Explanation, other: Explanation, names: tuple[str, str]) -> None:
    """Refuse outputs that cannot be put side by side.

    Raises
    ------
    InputError
        If their shapes differ.
    """
    shapes = one.prediction.shape[1:], other.prediction.shape[1:]
    if [size for size in shapes[0] if size != 1] != [size for size in shapes[1] if size != 1]:
        raise InputError(
            f"the outputs of {names[0]} have the shape {shapes[0]} and those of {names[1]} {shapes[1]}, without the "
            "samples: there is no telling which belongs to which. Bring them into the same classes, in the same order, with a "
            "function around one of the models (pl.wrap)."
        )


def scale(one: Explanation, other: Explanation, names: tuple[str, str]) -> Scale:
    """What both outputs are compared as: probabilities where one model gives them and the other logits."""
    mine, theirs = _distribution(one.prediction), _distribution(other.prediction)
    kinds = _kind(one, other, mine, theirs), _kind(other, one, theirs, mine)
    if set(kinds) != {"logits", "probabilities"}:
        return Scale(kinds[0] if kinds[0] == kinds[1] else kinds[1] if kinds[0] == "unknown" else kinds[0])
    first = kinds[0] == "logits"
    logits, probabilities = names if first else names[::-1]
    stated = one.output, other.output
    told = f"{logits} gives logits and {probabilities} probabilities: both are compared, and explained, as probabilities"
    notes = [told]
    for name, kind, said in zip(names, kinds, stated, strict=True):
        if said == "unknown":
            notes.append(
                f"{name} was taken to give {kind}, because the outputs of {probabilities} sum to 1 and those of {logits} do not; "
                f"state it with pl.wrap(model, output={kind!r})"
            )
    return Scale("probabilities", (first, not first), tuple(notes))


def compared(one: np.ndarray, other: np.ndarray, on: Scale) -> Outputs:
    """Both outputs on one scale, and how they differ."""
    first, second = (
        probabilities(each) if wanted else np.asarray(each, np.float64)
        for each, wanted in zip((one, other), on.from_logits, strict=True)
    )
    second = second.reshape(first.shape)
    gaps = np.abs(second - first).reshape(len(first), -1)
    classes = predicted(first, on.kind), predicted(second, on.kind)
    both = None if classes[0] is None or classes[1] is None else (classes[0], classes[1])
    flips = () if both is None else tuple(int(at) for at in np.flatnonzero(both[0] != both[1]))
    return Outputs(first, second, on.kind, gaps.max(axis=1), gaps.mean(axis=1), both, flips)


def predicted(outputs: np.ndarray, kind: OutputKind) -> Int[np.ndarray, " samples"] | None:
    """The predicted class of each sample; ``None`` where outputs are no scores of classes."""
    if kind == "values" or outputs.ndim != 2:
        return None
    if outputs.shape[1] > 1:
        return outputs.argmax(axis=1)
    edge = {"logits": 0.0, "probabilities": 0.5}.get(kind)
    return None if edge is None else (outputs[:, 0] > edge).astype(int)


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Softmax over the last axis, float64; the sigmoid where there is one output."""
    held = np.asarray(logits, np.float64)
    if held.ndim < 2 or held.shape[-1] == 1:
        return 1 / (1 + np.exp(-np.clip(held, -700, 700)))
    shifted = np.exp(held - held.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


def as_probability(seen: Explanation) -> TargetLike:
    """The probability of the class that was looked at, for a model that gives logits ``(samples, classes)``.

    Raises
    ------
    InputError
        If what was looked at is no class.
    """
    indices, leaf = seen.target.indices, seen.target.leaf
    if indices is None or seen.prediction.ndim != 2 or indices.shape[1:] != (1,):
        raise InputError(
            f"one model gives logits and the other probabilities, and the target, {seen.target}, is no class: it would be "
            "another number in each. Give a class, or bring both models to the same outputs with a function around one (pl.wrap)."
        )

    def probability(outputs: Any, labels: Any) -> Any:
        scores = tree.flatten(outputs)[leaf or tree.BARE]
        xp = array_namespace(scores)
        if scores.shape[1] == 1:
            return 1 / (1 + xp.exp(-scores[:, 0]))
        shifted = xp.exp(scores - xp.max(scores, axis=1, keepdims=True))
        rows = xp.arange(scores.shape[0], device=getattr(scores, "device", None))
        return shifted[rows, labels] / xp.sum(shifted, axis=1)

    return Target(probability, labels=indices[:, 0], name="probability")


def _kind(seen: Explanation, beside: Explanation, looks: bool, other_looks: bool) -> OutputKind:
    """What was stated, else what the outputs look like beside the other's."""
    if seen.output != "unknown":
        return cast("OutputKind", seen.output)
    if looks:
        return "probabilities"
    distribution = other_looks and beside.output in ("unknown", "probabilities")
    return "logits" if distribution and seen.prediction.ndim == 2 and seen.prediction.shape[1] > 1 else "unknown"


def _distribution(outputs: np.ndarray) -> bool:
    """Whether every row is a distribution over classes."""
    if outputs.ndim != 2 or outputs.shape[1] < 2 or not len(outputs):
        return False
    return bool((outputs >= 0).all() and np.allclose(outputs.sum(axis=1), 1, atol=SUM))
