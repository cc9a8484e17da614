"""What a model can do, in the words of no framework.

An adapter in ``models/`` implements ``ModelView`` for one framework. The engine asks it for passes over packed rows; kernels
see only the native arrays that come back. State (mode, hooks, gradients, random numbers, buffers) is the adapter's business
and is restored when the session ends, also after an error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

import numpy as np

from . import tree
from .targets import Layer, RowTarget
from .types import Layout, MemoryFormat, Native, OutputKind, Rows

Place = str | Layer
"""Where a derivative is taken: a leaf of the input by name, or the output of a layer."""

Capability = Literal["predict", "gradient", "hessian", "replace", "layers"]

OUTPUT = Layer("")
"""The model's own output as a place: the derivative there is dL/df."""


@dataclass(frozen=True)
class Spec:
    """What is known of a model's inputs and outputs; ``pl.wrap`` states what cannot be inferred.

    ``static`` names leaves without a batch axis; ``shapes`` gives expected shapes without the batch axis (``None`` where any
    size will do) by leaf.
    """

    layout: Layout = "NCHW"
    output: OutputKind = "unknown"
    classes: tuple[str, ...] | None = None
    static: tuple[str, ...] = ()
    shapes: Mapping[str, tuple[int | None, ...]] = field(default_factory=dict)
    preprocess: Any = None


@dataclass(frozen=True)
class Inputs:
    """A batch as named native leaves; ``skeleton`` says how the model takes them.

    ``rows_as``, where it is set, makes what the model takes of the one leaf's rows: a frame of the user's columns.
    """

    leaves: dict[str, Native]
    skeleton: Any
    static: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    rows_as: Callable[[np.ndarray], Any] | None = None

    @property
    def batched(self) -> dict[str, Native]:
        """The leaves with a batch axis."""
        return {name: leaf for name, leaf in self.leaves.items() if name not in self.static}

    @property
    def samples(self) -> int:
        """Size of the batch axis."""
        return int(next(iter(self.batched.values())).shape[0])

    def put(self, leaves: Mapping[str, Native]) -> Inputs:
        """The same inputs with some leaves exchanged."""
        return replace(self, leaves={**self.leaves, **leaves})

    def tree(self) -> Any:
        """The leaves in the shape that the model takes."""
        return tree.fill(self.skeleton, self.leaves)


@dataclass(frozen=True)
class LayerInfo:
    """One call of a layer, as seen when the model ran: ``shape`` is that of its output without the batch axis."""

    name: str
    call: int
    calls: int
    kind: str
    shape: tuple[int, ...]

    @property
    def layer(self) -> Layer:
        """The place to name in ``at=``."""
        return Layer(self.name, self.call if self.calls > 1 else None)


@dataclass(frozen=True)
class Gradient:
    """What one forward and its backwards gave, detached; gradients are ``[target][place]``, values ``[target]``.

    ``hessian_products`` are the derivatives of the gradients along given directions, like ``gradients``; ``rates`` are those of
    ``points``.
    """

    values: tuple[Native, ...]
    gradients: tuple[tuple[Native, ...], ...]
    points: tuple[Native, ...]
    outputs: Any
    hessian_products: tuple[tuple[Native, ...], ...] = ()
    rates: tuple[Native, ...] = ()


class Inside(Protocol):
    """The inside of a model, found out by running one row."""

    def layers(self, batch: Inputs) -> tuple[tuple[LayerInfo, ...], int]:
        """Every layer call in the order in which it was over, and the rows that it took to find out."""
        ...

    def biases(self, batch: Inputs) -> tuple[list[tuple[Layer, Native]], int]:
        """What each affine layer call adds, by channel, in the order of the calls, and the rows that it took to find out."""
        ...

    def seams(self, batch: Inputs, wrt: Sequence[str] | None) -> dict[str, Place]:
        """For each attributed leaf the place where it can be differentiated: itself, or its embedding's output."""
        ...

    def embedding_baseline(self, place: Layer, ids: int | None) -> tuple[Native, str]:
        """One vector that stands for an absent id (a given id, the padding id, or the mean of the table), and its name."""
        ...

    def first_nonfinite(self, batch: Inputs, targets: Sequence[RowTarget], rows: Rows) -> str:
        """Which layer first made a NaN or an infinity, as the end of a sentence."""
        ...

    def expected(self) -> str:
        """What shape the first layer takes, as a clause; empty when it is not known."""
        ...


class ModelView(Protocol):
    """A model, seen through what it can do. ``subject`` is the model itself: what is known of it is forgotten with it."""

    adapter: str
    subject: Any
    spec: Spec
    inside: Inside
    device: str
    versions: Mapping[str, str]
    capabilities: frozenset[Capability]
    absent: Mapping[Capability, str]
    """Why there is no such capability, where more can be said than that."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What running the model has shown, for the plan."""
        ...

    def session(self, seed: int) -> AbstractContextManager[None]:
        """Hold the model in the state in which it is explained, and give it back as it was."""
        ...

    def inputs(self, x: Any) -> Inputs:
        """A user's data as native leaves on the model's device; refuses what does not fit, in words."""
        ...

    def take(self, inputs: Inputs, rows: Rows, memory_format: MemoryFormat, leaves: Mapping[str, Native] | None = None) -> Inputs:
        """Packed rows: copies of the batched leaves at these indices, with some leaves given as they are to be instead;
        floats in the dtype that the model computes in.
        """
        ...

    def predict(
        self,
        batch: Inputs,
        *,
        keep: Sequence[Layer] = (),
        replace: Mapping[Layer, Native] | None = None,
        prefix: Any = None,
    ) -> tuple[Any, list[Native]]:
        """Outputs for packed rows, as the model returns them, and the outputs of the layers in ``keep``; no graph.

        ``prefix`` serves what comes before the replaced layers, where all rows are one sample.
        """
        ...

    def prefix(self, row: Inputs, layers: Sequence[Layer]) -> Any:
        """What the model computes of one row before these layers; ``None`` where an adapter cannot keep it."""
        ...

    def gradient(
        self,
        batch: Inputs,
        targets: Sequence[RowTarget],
        rows: Rows,
        *,
        wrt: Sequence[Place],
        replace: Mapping[Layer, Native] | None = None,
        along: Sequence[Native] | None = None,
        moving: Mapping[Place, Native] | None = None,
    ) -> Gradient:
        """One forward, one backward per target; the derivative at a layer is that of a zero added to its output.

        ``along`` gives a direction for each place in ``wrt``, and asks for Hessian-vector products. ``moving`` says how other
        places (leaves, or replaced layers) move, and asks for the rates at which those in ``wrt`` follow.
        """
        ...

    def out_of_memory(self, error: BaseException) -> bool:
        """Whether this error means that the batch was too large."""
        ...

    def to_native(self, array: Any) -> Native:
        """An array on the model's device; floats in the working dtype, at least float32."""
        ...

    def to_numpy(self, array: Native) -> np.ndarray:
        """A detached copy on the host (bfloat16 as float32)."""
        ...
