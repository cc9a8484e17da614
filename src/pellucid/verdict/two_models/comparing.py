"""The verb ``compare_models``: the model that was trained and the one that runs, explained for the same samples and targets."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from ...core.declare import Method
from ...core.errors import InputError, PellucidError
from ...core.features import Features
from ...core.records import Explanation
from ...core.targets import Layer, Neuron, Target, TargetLike
from ...core.types import Budget
from ...engine.progress import Report
from ...engine.run import explain
from ...models.lookup import view_of
from .caveats import draws, inputs_differ, names_differ, noise
from .choosing import chosen
from .common import Back, common
from .comparison import ModelComparison, true_classes
from .looking import look
from .outputs import as_probability, check_outputs, compared, scale
from .reaching import Way, checked, in_first_layout, way

DRAWN_BY_ENTRY = "{} draws noise for the entries in their order: with the channels elsewhere, it is other noise"


@contextmanager
def told_once() -> Generator[None]:
    """What is warned of each time that a model is opened is told once, in the end."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for told in {(held.category, str(held.message)): held for held in reversed(caught)}.values():
        warnings.warn_explicit(told.message, told.category, told.filename, told.lineno)


@told_once()
def compare_models(
    trained: Any,
    deployed: Any,
    x: Any,
    *,
    method: str | Method | None = None,
    target: TargetLike = "predicted",
    features: Features | Sequence[Features] | None = None,
    to_deployed: Callable[[Any], Any] | None = None,
    labels: Any = None,
    names: tuple[str, str] = ("trained", "deployed"),
    sample_names: Sequence[str] | None = None,
    at: str | Layer | Sequence[str | Layer] | None = None,
    at_deployed: str | Layer | Sequence[str | Layer] | None = None,
    wrt: str | Sequence[str] | None = None,
    top: int | None = None,
    repeat: bool = True,
    budget: int | Budget | None = None,
    seed: int = 0,
    batch_size: int | None = None,
    progress: bool | Report | None = None,
    **parameters: Any,
) -> ModelComparison:
    """Compare two models on the same samples: their predictions, and the explanations of these.

    Meant for the model that was trained and the model that runs (converted, quantised, in another framework), which should say
    the same for the same reasons. Both are explained for the target that the first one resolves, by the same method with the
    same seed, features and draws, so that a difference is one of the models.

    Costs two explanations and a forward row per sample and model; a third explanation where the method draws and ``repeat`` is
    on.

    Parameters
    ----------
    trained, deployed
        Two models, each of any kind that ``pl.explain`` takes.
    x
        The samples, as the trained model takes them. Where the models differ in layout (NCHW, NHWC), the channel axis is moved
        for the second. Pictures go through each model's own ``pl.ImageInput``, where it has one.
    method
        A name from ``pl.methods()`` or an instance. By default ``"integrated-gradients"`` if both models have gradients, else
        ``"shapley"``, which needs outputs alone.
    target
        What is explained, as in ``pl.explain``; ``"predicted"`` is what the trained model predicts, for both.
    features
        What belongs together, as in ``pl.explain``, in the trained model's shape.
    to_deployed
        What is done to the samples on the way to the deployed model: a function from the batch as the trained model takes it
        (NumPy arrays) to what the deployed one takes. If it changes numbers (other units, whole numbers of pixels), the deployed
        model is explained as a function of the trained one's samples, without gradients: what "removed" means is then the same.
    labels
        The true class of each sample, to say which model is right where they differ.
    names
        What the two are called in words and figures.
    sample_names
        One name per sample.
    at, at_deployed
        Layers, for methods that read them; ``at_deployed`` where the deployed model calls them otherwise.
    wrt
        Names of the leaves that get attributions, as the trained model calls them.
    top
        How many of the strongest places are compared; by default a tenth.
    repeat
        Explain the trained model once more under another seed, where the method draws: how far it agrees with itself is how far
        it can agree with another.
    budget
        Most model rows per sample of each explanation, as in ``pl.explain``.
    seed, batch_size, progress
        As in ``pl.explain``.
    **parameters
        Parameters of the method.

    Returns
    -------
    ModelComparison
        ``print`` it for a summary; ``.verdict`` is one sentence, ``.to_frame()`` a row per sample, ``.plot()`` a figure, and
        ``.trained`` and ``.deployed`` are the explanations.

    Raises
    ------
    InputError
        If the outputs or the values of the two cannot be put side by side.
    CapabilityError
        If one of the models lacks what the method needs; the message names the methods that both can run.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
    >>> pl.compare_models(net, net, torch.rand(5, 4)).verdict
    'predictions agree on all 5 samples; explanations are equal, number by number.'
    """
    one, other = _two_names(names)
    between = checked(to_deployed)
    if top is not None and (isinstance(top, bool) or not isinstance(top, (int, np.integer)) or top < 1):
        raise InputError(f"top= must be at least 1, a whole number; got {top!r}.")
    with _speaking_of(one):
        view = view_of(trained)
        seen = look(trained, x, target, features, seed, batch_size)
    given = None if sample_names is None else tuple(map(str, sample_names))
    if given is not None and (isinstance(sample_names, str) or len(given) != len(seen)):
        raise InputError(f"sample_names= must give one name for each of the {len(seen)} samples; got {sample_names!r}.")
    right = true_classes(labels, seen)
    with _speaking_of(other):
        found = way(seen, deployed, x, between, names)
    declared, reason = chosen(method, parameters, view, found, seen, names)
    found = in_first_layout(found, seen, names) if declared.engine == "game" else found
    wish = _wish(seen, target)
    with _speaking_of(other):
        beside = look(found.model, found.x, wish, found.features(features), seed, batch_size)
    check_outputs(seen, beside, names)
    on = scale(seen, beside, names)
    outputs = compared(seen.prediction, beside.prediction, on)
    if right is not None and outputs.predicted is None:
        raise InputError(
            f"labels= says which class is right, and the outputs of {one} and {other} are not known to be scores of classes. "
            "State what they are, pl.wrap(model, output='logits') or output='probabilities', or leave labels= out."
        )
    options: dict[str, Any] = {"budget": budget, "batch_size": batch_size, "progress": progress}

    def first_by(seed: int, features: Any) -> Explanation:
        wanted = as_probability(seen) if on.from_logits[0] else target
        with _speaking_of(one):
            told = explain(trained, x, target=wanted, method=declared, features=features, at=at, wrt=wrt, seed=seed, **options)
        return _of_class(told, seen, on.from_logits[0])

    first = first_by(seed, features)
    features = features if first.features is None else first.features
    with _speaking_of(other):
        second = explain(
            found.model,
            found.x,
            target=as_probability(beside) if on.from_logits[1] else wish,
            method=found.method(declared),
            features=found.features(features),
            at=at if at_deployed is None else at_deployed,
            wrt=found.names(wrt),
            seed=seed,
            **options,
        )
    second = _beside(_of_class(second, beside, on.from_logits[1]), seen, found)
    back = _back(found, first, second)
    places = common(first, second, names, back)
    apart_by_order = (DRAWN_BY_ENTRY.format(declared.name),) if found.moved and hasattr(declared, "noise") else ()
    itself = common(first, first_by(seed + 1, features), (one, one)).agreement(top) if repeat and draws(first) else None
    apart, noise_from = noise(first, second, places, itself)
    return ModelComparison(
        names=(one, other),
        trained=first,
        deployed=second,
        outputs=outputs,
        agreement=places.agreement(top),
        common=places,
        self_agreement=itself,
        noise=apart,
        noise_from=noise_from,
        reasons=(*([reason] if reason else []), *found.notes, *on.notes, *apart_by_order),
        evidence=(*inputs_differ(seen, beside, found, names), *names_differ(seen, beside, names)),
        labels=right,
        sample_names=given,
    )


@contextmanager
def _speaking_of(name: str) -> Generator[None]:
    """Errors say which model they are about."""
    try:
        yield
    except PellucidError as error:
        raise type(error)(f"{name}: {error}") from error


def _two_names(names: Any) -> tuple[str, str]:
    if not isinstance(names, (tuple, list)) or len(names) != 2 or not all(isinstance(name, str) and name for name in names):
        raise InputError(f"names= must be two names, one for each model; got {names!r}.")
    if names[0] == names[1]:
        raise InputError(f"names= must tell the models apart; both are called {names[0]!r}.")
    return names[0], names[1]


def _wish(seen: Explanation, target: TargetLike) -> TargetLike:
    """The target that was resolved for the first model, for the second."""
    named = isinstance(target, tuple) and bool(target) and isinstance(target[0], str)
    indices = seen.target.indices
    if isinstance(target, (Target, Neuron)) or named or indices is None:
        return target
    if not indices.shape[1]:
        return np.zeros(len(seen), int)
    return indices[:, 0] if indices.shape[1] == 1 else indices


def _of_class(told: Explanation, seen: Explanation, probability: bool) -> Explanation:
    """An explanation of a probability, under the name of its class."""
    if not probability:
        return told
    notes = (*told.plan.notes, "the target is the probability of the class, the softmax of the outputs")
    return dataclasses.replace(told, target=seen.target, plan=dataclasses.replace(told.plan, notes=notes))


def _beside(second: Explanation, seen: Explanation, found: Way) -> Explanation:
    """The second explanation, with what is known of the samples from the first model, and the adapter that ran."""
    view, target = found.view, second.target
    if target.indices is not None and seen.target.indices is not None:
        target = dataclasses.replace(target, names=seen.target.names)
    versions = {**second.plan.versions, **view.versions}
    return dataclasses.replace(
        second,
        target=target,
        classes=second.classes or seen.classes,
        pixel_scale=second.pixel_scale or seen.pixel_scale,
        plan=dataclasses.replace(second.plan, adapter=view.adapter, device=view.device, versions=versions),
    )


def _back(found: Way, first: Explanation, second: Explanation) -> Back:
    """How values of the second explanation come into the first one's order of axes."""
    if second.over != "input" or second.layout == first.layout:
        return lambda _, values: values
    return found.back
