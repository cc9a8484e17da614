"""``pl.wrap``: what a model does not say of itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from ..core import tree
from ..core.errors import InputError
from ..core.targets import classes_of
from ..core.types import Layout, OutputKind
from ..core.view import Spec
from .images import ImageInput


@dataclass(frozen=True, eq=False)
class Wrapped:
    """A model with what was stated of it; every verb takes it in the model's place."""

    model: Any
    spec: Spec
    adapter: str | None = None


def wrap(
    model: Any,
    *,
    inputs: ImageInput | Sequence[int | None] | Mapping[str, Sequence[int | None]] | None = None,
    output: OutputKind | None = None,
    layout: Layout = "NCHW",
    classes: Sequence[str] | Mapping[int, str] | None = None,
    static: Sequence[str] = (),
    adapter: str | None = None,
) -> Wrapped:
    """State what cannot be inferred from a model. All of it is optional.

    Parameters
    ----------
    model
        The model; it is neither copied nor changed.
    inputs
        How inputs look: ``pl.ImageInput`` for pictures, or the shape of one sample without the batch axis (``None`` for an
        axis of any size), or such a shape by leaf name.
    output
        ``"logits"``, ``"probabilities"`` or ``"values"`` (a regression).
    layout
        ``"NCHW"`` or ``"NHWC"``: whether channels come first or last.
    classes
        One name per output, or a mapping of index to name.
    static
        Leaves without a batch axis, passed to every call as they are.
    adapter
        The framework of a plain function: ``"jax"``. Without it, a function is asked for outputs alone: it maps a batch (an
        array, a list of strings, a frame) to them.

    Returns
    -------
    Wrapped
        Takes the model's place in every verb.

    Raises
    ------
    InputError
        If one of the statements is not of its form.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> model = pl.wrap(torch.nn.Linear(2, 2), output="logits", classes=["cat", "dog"])
    >>> pl.explain(model, torch.ones(1, 2), target="dog", method="saliency").target.names
    ('dog',)
    """
    if isinstance(model, Wrapped):
        raise InputError("the model is wrapped already; state everything in one pl.wrap(...).")
    for name, value, known in (("output", output, get_args(OutputKind)), ("layout", layout, get_args(Layout))):
        if value is not None and value not in known:
            raise InputError(f"{name}= must be one of {', '.join(map(repr, known))}; got {value!r}.")
    preprocess = inputs if isinstance(inputs, ImageInput) else None
    if isinstance(static, str):
        static = (static,)
    spec = Spec(layout, output or "unknown", classes_of(classes), tuple(static), _shapes(inputs, layout), preprocess)
    return Wrapped(model, spec, adapter)


def _shapes(inputs: Any, layout: Layout) -> dict[str, tuple[int | None, ...]]:
    if inputs is None:
        return {}
    if isinstance(inputs, ImageInput):
        return {tree.BARE: (3, *inputs.shape) if layout == "NCHW" else (*inputs.shape, 3)}
    if isinstance(inputs, Mapping):
        return {str(name): tuple(shape) for name, shape in inputs.items()}
    if isinstance(inputs, Sequence) and all(size is None or isinstance(size, int) for size in inputs):
        return {tree.BARE: tuple(inputs)}
    raise InputError(f"inputs= must be pl.ImageInput, a shape without the batch axis, or shapes by leaf name; got {inputs!r}.")
