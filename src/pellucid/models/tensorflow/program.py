"""What the view of TensorFlow asks of a model."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from ...core.view import Spec
from ..layers import Layers
from ..reading import Read


class Program(Protocol):
    """A model as it runs on TensorFlow tensors.

    Attributes
    ----------
    subject
        The user's model: traced passes are kept with it, and forgotten with it.
    layers
        Its layers, where it shows them: also while it is traced.
    whole
        What it is called in errors: ``"a TensorFlow function"``.
    dtype
        The floating dtype in which it computes (``"float16"``); ``None`` where it takes what it is given.
    """

    adapter: str
    subject: Any
    versions: Mapping[str, str]
    layers: Layers | None
    whole: str
    dtype: str | None

    @property
    def key(self) -> Hashable:
        """What a trace depends on besides inputs and variables: Python values that are read while tracing."""
        ...

    def variables(self) -> Sequence[Any]:
        """The variables that a call may read or write, as far as they are known."""
        ...

    def read(self, x: Any, spec: Spec) -> Read:
        """The user's data as leaves that fit the model; ``models.reading.leaves_of`` where there is nothing to add."""
        ...

    def run(self, given: Any) -> Any:
        """The outputs for tensors in the shape that the model takes; traced with any number of rows, or run as it stands."""
        ...

    def held(self, seed: int) -> AbstractContextManager[None]:
        """Hold the model in the state in which it is explained. Variables that a pass writes are put back by the view."""
        ...
