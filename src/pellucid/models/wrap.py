"""``pl.wrap``: what a model does not say of itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
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
    params: Any = None
    gradient: Callable[..., Any] | None = None
    layout_said: bool = False

    def laid_out(self, layout: Layout) -> Spec:
        """What was stated, for a model that reads images in this layout where nothing was said of it."""
        if self.layout_said or layout == self.spec.layout:
            return self.spec
        picture = self.spec.preprocess
        shapes = self.spec.shapes if picture is None else _shapes(picture, layout)
        return replace(self.spec, layout=layout, shapes=shapes)


def wrap(
    model: Any,
    params: Any = None,
    *,
    gradient: Callable[..., Any] | None = None,
    inputs: ImageInput | Sequence[int | None] | Mapping[str, Sequence[int | None]] | None = None,
    output: OutputKind | None = None,
    layout: Layout | None = None,
    classes: Sequence[str] | Mapping[int, str] | None = None,
    static: Sequence[str] = (),
    adapter: str | None = None,
) -> Wrapped:
    """State what cannot be inferred from a model. All of it is optional.

    Parameters
    ----------
    model
        The model; it is neither copied nor changed. Or a function that maps a batch (an array, a list of strings, a frame) to
        outputs.
    params
        What a JAX function takes before the batch, ``model(params, x)``, or the variables of a ``flax.linen`` module.
    gradient
        The gradient of a plain function: ``gradient(batch)`` returns the Jacobian, ``(rows, outputs, *input)`` (without the
        outputs' axis where there is one output), or ``gradient(batch, weights)`` the derivative of the sum of outputs times
        ``weights``, of the shape of the batch. What the function is given, ``gradient`` is given, too: for a tuple of inputs
        ``gradient(a, b)`` or ``gradient(a, b, weights)``, which returns a tuple, one derivative for each; for a mapping
        ``gradient(batch)`` or ``gradient(batch, weights)``, which returns a mapping (inputs may be left out of it).
    inputs
        How inputs look: ``pl.ImageInput`` for pictures, or the shape of one sample without the batch axis (``None`` for an
        axis of any size), or such a shape by leaf name.
    output
        ``"logits"``, ``"probabilities"`` or ``"values"`` (a regression). Of a Keras model with a last softmax or sigmoid logits
        are explained unless ``"probabilities"`` is stated; of a classifier of scikit-learn probabilities, unless ``"logits"`` is:
        its ``decision_function``, or the log-odds.
    layout
        ``"NCHW"`` or ``"NHWC"``: whether channels come first or last. Keras models say it themselves; otherwise the first.
    classes
        One name per output, or a mapping of index to name.
    static
        Leaves without a batch axis, passed to every call as they are.
    adapter
        The framework of a plain function: ``"jax"`` (which ``params`` says, too) or ``"tensorflow"``, whose gradients it then
        has. Without it, a function is asked for outputs alone.

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
    shapes = _shapes(inputs, layout or "NCHW")
    spec = Spec(layout or "NCHW", output or "unknown", classes_of(classes), tuple(static), shapes, preprocess)
    if gradient is not None and not callable(gradient):
        raise InputError(f"gradient= is a function of the batch; got {type(gradient).__name__}.")
    adapter = adapter or ("jax" if params is not None and _plain(model) else None)
    return Wrapped(model, spec, adapter, params, gradient, layout is not None)


def _plain(model: Any) -> bool:
    """Whether a model is a function of no framework's making."""
    return type(model).__module__ in ("builtins", "functools")


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
