"""A Keras model as its backends share it: how it is read, called, held still and shown. ``on_*`` put it on an array framework."""

from __future__ import annotations

import warnings
from collections.abc import Generator, Hashable, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

import keras
import numpy as np

from ...core import tree
from ...core.errors import PellucidWarning
from ...core.view import Spec
from ..identity import Identity
from ..reading import Read
from ..wrap import Wrapped
from . import head
from .arguments import Arguments
from .layers import KerasLayers
from .state import as_function, described, every_layer, is_stateful, restored

_PROBABILITIES: WeakKeyDictionary[keras.Layer, tuple[Hashable, bool]] = WeakKeyDictionary()
"""Whether a model whose last layer is not known gives probabilities; forgotten with it."""


class KerasNetwork:
    """One model. A view on a backend reads data with ``read``, runs ``call`` within ``held``, and edits ``layers``.

    Attributes
    ----------
    model
        The user's model.
    layers
        Its layers, for ``models.layers.edited`` and ``Inside``; they can be edited while a call is traced.
    spec
        What was stated, completed by what the model says: its layout, and logits where a softmax is left off.
    notes
        What was decided; ``read`` puts them among its own.
    """

    adapter = "keras"

    def __init__(self, wrapped: Wrapped) -> None:
        self.model: keras.Layer = wrapped.model
        self.layers = KerasLayers(self.model)
        self.versions: Mapping[str, str] = {"keras": keras.__version__}
        self._arguments = Arguments(self.model)
        spec = wrapped.laid_out(self.layers.layout())
        made = head.makers(self.model, self.layers, self._arguments.symbols()) if spec.output == "unknown" else {}
        self._heads = head.heads(made)
        known = bool(made) and all(head.linear(operation) or head.squash(operation) for operation in made.values())
        self._unsure = spec.output == "unknown" and not known
        self.spec: Spec = replace(spec, output="logits") if self._heads and len(self._heads) == len(made) else spec
        self.notes = (
            *(
                f"{each} is left off: its logits are explained; pl.wrap(model, output='probabilities') explains what it gives"
                for each in self._heads
            ),
            *(
                f"the stateful layer {layer.name!r} starts from zeros in each pass"
                for layer in every_layer(self.model)
                if is_stateful(layer)
            ),
        )

    @cached_property
    def variables(self) -> list[keras.Variable]:
        """Weights, statistics and the states of random numbers: all that a call reads beside its inputs."""
        return list({id(v): v for v in self.model.variables}.values())

    @cached_property
    def key(self) -> Hashable:
        """What a compiled call depends on beside inputs and variables: layers, their settings, heads that are left off.

        Asked for before the model is held, which changes some of it.
        """
        return described(self.model), tuple(Identity(each.operation) for each in self._heads)

    def read(self, x: Any, spec: Spec) -> Read:
        """The user's data as leaves that fit the model's inputs; takes the place of ``reading.leaves_of``, within ``held``.

        Raises
        ------
        InputError
            If names, number, shapes or dtypes are not what the model takes.
        """
        read = self._arguments.read(x, spec)
        if self._unsure and self._gives_probabilities(read):
            warnings.warn(
                "the outputs look like probabilities (each row sums to 1), and no last softmax was found that could be left off: "
                "the probabilities are explained. Their gradients vanish where the model is sure; a model that returns logits is "
                "explained better. pl.wrap(model, output='probabilities') says that they are meant.",
                PellucidWarning,
                stacklevel=2,
            )
        return replace(read, notes=(*read.notes, *self.notes))

    def call(self, given: Any) -> Any:
        """The outputs of a pass in inference mode, for arrays of the backend in the shape in which the user gave them."""
        args, keywords, originals = self._arguments(given)
        with self.layers.given_for(originals):
            return self.model(*args, **keywords, training=False)

    @contextmanager
    def held(self, seed: int) -> Generator[None]:
        """Heads left off, random numbers seeded; what calls write (variables, attributes of layers, losses) is put back."""
        with ExitStack() as stack:
            stack.enter_context(restored(self.model, seed))
            stack.enter_context(as_function(self.model))
            for each in self._heads:
                stack.enter_context(each.off())
            yield

    def _gives_probabilities(self, read: Read) -> bool:
        """Whether the outputs of the first row sum to 1; one pass, remembered."""
        known = _PROBABILITIES.get(self.model)
        if known is None or known[0] != self.key:
            rows = {name: leaf if name in self.spec.static else leaf[:1] for name, leaf in read.leaves.items()}
            given = tree.fill(read.skeleton, {name: keras.ops.convert_to_tensor(leaf) for name, leaf in rows.items()})
            try:
                outputs = tree.flatten(self.call(given)).values()
            except Exception:  # what fails here fails in the first pass, where it is said which inputs it failed on
                return False
            _PROBABILITIES[self.model] = known = (self.key, any(_sums_to_one(tree.on_host(leaf)) for leaf in outputs))
        return known[1]


def _sums_to_one(output: np.ndarray) -> bool:
    several = output.ndim > 1 and output.shape[-1] > 1 and output.dtype.kind == "f"
    return several and bool((output >= 0).all()) and bool(np.allclose(output.sum(-1), 1, atol=1e-3))
