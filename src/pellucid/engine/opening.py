"""From a model, samples and wishes to passes: everything that is the same whatever is then computed."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..core import tree
from ..core.declare import Method
from ..core.errors import InputError, nearest
from ..core.targets import Layer, RowTarget, TargetLike
from ..core.types import Budget, MemoryFormat
from ..core.view import Inputs, ModelView, Place
from . import finite, schema
from .passes import Passes
from .progress import Report, reporting
from .tune import packing
from .words import in_words


@contextmanager
def opened(
    view: ModelView,
    declared: Method,
    x: Any,
    *,
    wishes: Sequence[TargetLike],
    at: Any,
    wrt: Sequence[str] | None,
    features: Any,
    limits: Budget,
    seed: int,
    batch_size: int | None,
    memory_format: MemoryFormat | None,
    progress: bool | Report | None,
    started: float,
) -> Generator[Passes]:
    """Hold the model still and offer passes over the samples, for what was declared; see ``explain`` for the arguments."""
    reads = declared.engine == "map" or getattr(declared, "reads_layer", False)
    removes = declared.engine == "game"
    if features is not None and not schema.takes_features(declared):
        raise InputError(f"{declared.name} has no features: it looks at positions. Use leave-one-out, shapley or lime.")
    named = _layers_named(at, declared.engine == "map", declared.name)
    place = named[0] if named and not reads else None
    with view.session(seed), reporting(progress, declared.name) as report:
        given, features, rows_as = schema.encoded(declared, x, features)
        inputs = dataclasses.replace(view.inputs(given), rows_as=rows_as)
        finite.check_inputs(view, inputs, features)
        row_targets = [RowTarget(wish, inputs.samples, view.spec.classes, view.to_native, view.to_numpy) for wish in wishes]
        masked = schema.masked_leaf(inputs, features, wrt) if removes or features is not None else ""
        players = schema.features_of(view, inputs, masked, features) if masked else ()
        seams = _seams(view, inputs, declared, place, wrt if features is None or removes else [masked])
        by_looking = place is None and any(isinstance(seam, Layer) for seam in seams.values())
        how = packing(view, inputs, "gradient" if seams else "predict", batch_size, memory_format)
        free = batch_size is None and memory_format is None and limits == Budget()
        if players and not removes:
            schema.check_differentiable(declared, players, inputs.leaves[masked])
        yield Passes(
            view,
            inputs,
            row_targets,
            seams=seams,
            at=place,
            read=named if reads else (),
            features=players,
            masked=masked,
            seed=seed,
            budget=limits,
            batch_size=how.batch_size,
            memory_format=how.memory_format,
            report=report,
            started=started,
            format_told=memory_format is not None,
            work=inputs.samples * int(getattr(declared, "rows", 1)) if free else None,
            looked=int(by_looking),  # embeddings are found by running one row
        )


def _layers_named(at: Any, several: bool, method: str) -> tuple[Layer, ...]:
    """The layers in ``at=``."""
    given = () if at is None else (at,) if isinstance(at, (str, Layer)) else tuple(at) if isinstance(at, (list, tuple)) else None
    if given is None or not all(isinstance(layer, (str, Layer)) for layer in given) or (at is not None and not given):
        raise InputError(f"at= takes the name of a layer, pl.Layer(name, call=), or several in a list; got {at!r}.")
    if len(given) > 1 and not several:
        raise InputError(f"{method} takes one layer in at=; several are joined by class activation maps only. Got {at!r}.")
    return tuple(Layer(layer) if isinstance(layer, str) else layer for layer in given)


def _seams(view: ModelView, inputs: Inputs, method: Method, at: Layer | None, wrt: Sequence[str] | None) -> dict[str, Place]:
    """Where the method attributes: leaf names (or the layer's) to places."""
    if wrt is not None and (at is not None or method.engine == "map"):
        raise InputError("wrt= and features= are about inputs; they have no meaning with at= or for a class activation map.")
    if at is not None and method.engine == "game":
        raise InputError(f"{method.name} removes features of the input; at= has no meaning for it.")
    for name in wrt or ():
        if name not in inputs.batched:
            raise InputError(f"wrt={name!r} is not among the inputs.{nearest(name, inputs.batched)}")
    if method.engine in ("map", "game"):
        return {}
    if at is not None:
        return {tree.BARE: at}
    with in_words(view, inputs):
        return view.inside.seams(view.take(inputs, np.arange(1), "as-is"), wrt)
