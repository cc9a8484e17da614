"""What a method is: a frozen dataclass that declares, and one function that computes.

::

    @dataclass(frozen=True)
    class Saliency:
        name: ClassVar[str] = "saliency"
        ...
        absolute: bool = parameter(False, "magnitudes instead of signed values")

        def attribute(self, passes: Passes) -> list[Attribution]: ...

Nothing registers itself: the catalog is a tuple in ``catalog.py``, and an unregistered method of a user's own works too.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar, Literal, NoReturn, Protocol, get_args, get_type_hints, runtime_checkable

import numpy as np

from .errors import InputError, nearest
from .features import Features
from .records import Finding
from .targets import Layer
from .types import MemoryFormat, Native, Over, Rows
from .view import Capability, Gradient, LayerInfo, Place

Axiom = Literal["completeness", "dummy", "linearity", "symmetry", "implementation-invariance"]


def parameter(
    default: Any,
    doc: str,
    *,
    above: float | None = None,
    least: float | None = None,
    most: float | None = None,
    choices: Sequence[Any] = (),
) -> Any:
    """A declared parameter of a method: its default, meaning and range.

    Parameters
    ----------
    default
        The value when the user says nothing.
    doc
        What it means, with its unit: the text of the command line and of the tables in the docs.
    above, least, most
        Open lower, closed lower and closed upper bound. ``None`` as a value is always allowed when it is the default.
    choices
        The only values allowed.
    """
    return field(default=default, metadata={"doc": doc, "above": above, "least": least, "most": most, "choices": tuple(choices)})


@dataclass(frozen=True)
class Parameter:
    """One declared parameter, as the command line and the docs read it; ``kind`` is its type without ``None``."""

    name: str
    kind: Any
    default: Any
    doc: str
    above: float | None = None
    least: float | None = None
    most: float | None = None
    choices: tuple[Any, ...] = ()

    @property
    def optional(self) -> bool:
        """Whether ``None`` is a value."""
        return self.default is None

    @property
    def type(self) -> str:
        """The type in words: ``"float"``, ``"int or None"``, ``"any"``."""
        name = "choice" if self.choices else "any" if self.kind is Any else getattr(self.kind, "__name__", str(self.kind))
        return f"{name} or None" if self.optional and name != "any" else name

    @property
    def range(self) -> str:
        """The values allowed, in words; empty where any will do."""
        if self.choices:
            return ", ".join(map(repr, self.choices))
        said = (("above", self.above), ("at least", self.least), ("at most", self.most))
        return " and ".join(f"{word} {bound:g}" for word, bound in said if bound is not None)


@dataclass(frozen=True)
class Attribution:
    """What a method computed for one target, native arrays still.

    ``values`` and ``standard_errors`` are by attributed place, in the engine's order (one entry for values that lie
    elsewhere); ``base_value`` and ``error`` are one number per sample where the method has them, ``tolerance`` the error that
    it was to reach. ``reference`` are the baselines that it used, ``removal`` says what stood in the place of removed
    features, ``layers`` are those that it read. ``details`` are further
    arrays with the samples first, ``evidence`` what the method itself found out.
    """

    values: Sequence[Native]
    over: Over = "input"
    standard_errors: Sequence[Native] | None = None
    base_value: np.ndarray | None = None
    error: np.ndarray | None = None
    tolerance: float | None = None
    reference: Reference | None = None
    removal: str | None = None
    layers: tuple[Layer, ...] = ()
    details: Mapping[str, Native] = field(default_factory=dict)
    evidence: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class AtInput:
    """The pass over the samples themselves: values ``[target]``, gradients ``[target][place]``, points ``[place]``."""

    values: tuple[np.ndarray, ...]
    gradients: tuple[tuple[Native, ...], ...]
    points: tuple[Native, ...]


@dataclass(frozen=True)
class Reference:
    """Baselines: ``points`` by place, ``(baselines, ...)``; ``index`` is int ``(samples, rows)`` into them.

    With several rows the method averages over them. ``name`` says what they are.
    """

    points: tuple[Native, ...]
    index: np.ndarray
    name: str

    @property
    def rows(self) -> int:
        """Baselines per sample."""
        return self.index.shape[1]


class Passes(Protocol):
    """What the engine offers a method: passes over packed rows, batched, counted and watched.

    ``points`` are the samples at the places where they are attributed: input leaves, the outputs of their embeddings, or the
    output of the layer in ``at=``; native arrays with the samples first.
    """

    samples: int
    """Size of the batch."""
    targets: int
    """How many targets are explained at once."""
    seed: int
    """Key of everything that is drawn."""
    places: tuple[Place, ...]
    """Where the method attributes."""
    leaves: tuple[str, ...]
    """The input leaf of each place."""
    at: Layer | None
    """The layer whose output takes the place of the input, if the user named one."""
    read: tuple[Layer, ...]
    """The layers that the user named, for methods that read layers."""
    features: Sequence[Features]
    """The players: one ``Features`` for all samples, or one for each."""
    masked: str
    """The leaf whose features are removed, for methods that remove them."""
    channels_last: bool
    """Whether images and feature maps have their channels last."""
    memory_format: MemoryFormat
    """How images lie in memory when the model gets them."""

    @property
    def target_values(self) -> tuple[np.ndarray, ...]:
        """The targets at the samples, ``[target]`` of float ``(samples,)``."""
        ...

    @property
    def points(self) -> tuple[Native, ...]:
        """The samples at ``places``."""
        ...

    def collapse(self, arrays: Sequence[Native]) -> list[Native]:
        """Numbers at ``places`` as numbers of the leaves: those of an embedding are summed over its axis, one per id.

        To be done before anything that is not linear (squares, norms, magnitudes).
        """
        ...

    def at_input(self, wrt: Sequence[Place] | None = None) -> AtInput:
        """Values and gradients at the samples themselves, computed once; ``wrt`` defaults to ``places``."""
        ...

    def at_input_parts(self, wrt: Sequence[Place]) -> Iterator[tuple[slice, AtInput]]:
        """The same for one part of the samples after the other, where layers of all of them would not fit in memory.

        Nothing of it is kept here. Before it is over ``predict`` takes the samples that it has given.
        """
        ...

    def forward(self, keep: Sequence[Layer]) -> Iterator[tuple[slice, AtInput]]:
        """Values at the samples and the outputs of these layers (``points``), without gradients, part by part as above."""
        ...

    def gradient(
        self,
        rows: Rows,
        build: Callable[[slice], tuple[Native, ...]],
        *,
        wrt: Sequence[Place] | None = None,
        targets: Sequence[int] | None = None,
        along: Callable[[slice], tuple[Native, ...]] | None = None,
        moving: Callable[[slice], tuple[Native, ...]] | None = None,
    ) -> Iterator[tuple[slice, Gradient]]:
        """Gradients at the points that ``build`` makes, by place, for each part of the packed rows.

        ``wrt`` defaults to ``places``; elsewhere it says where the gradient is read while the points move. ``targets`` are
        numbers of those that are differentiated, all by default. ``along`` makes
        directions by place, and asks for the derivative of the gradients in them too; ``moving`` makes directions by place,
        and asks for the rates at which the places in ``wrt`` follow.
        """
        ...

    def predict(
        self, rows: Rows, build: Callable[[slice], tuple[Native, ...]], at: Sequence[Place] | None = None
    ) -> Iterator[tuple[slice, tuple[np.ndarray, ...]]]:
        """Target values ``[target]`` at the points that ``build`` makes at ``at`` (by default ``places``), without gradients.

        Where all rows of a part belong to one sample and only layers are replaced, what lies before them is kept from one row.
        """
        ...

    def reference(self, baseline: Any) -> Reference:
        """A user's baseline (a number, an array, rows to average over, a callable) at ``places``."""
        ...

    def reference_values(self, reference: Reference) -> list[np.ndarray]:
        """Target values at the baselines, ``[target]`` of float ``(samples, rows)``."""
        ...

    def layers(self) -> tuple[LayerInfo, ...]:
        """Every layer call of the model, found by running it once."""
        ...

    def biases(self) -> list[tuple[Layer, Native]]:
        """The constant that each affine layer call adds, by channel ``(channels,)``, in the order in which they ran."""
        ...

    def spatial_leaf(self) -> str:
        """The leaf that maps are drawn over: that with most spatial axes."""
        ...

    def input_places(self) -> tuple[Place, ...]:
        """Where the inputs can be differentiated (a leaf, or the embedding of its ids), also if nothing is attributed there."""
        ...

    def leaf(self, name: str) -> Native:
        """A leaf of the input, all samples."""
        ...

    def spatial_size(self) -> tuple[int, ...]:
        """Height and width (or length, or three sizes) of that leaf; empty if it has none."""
        ...

    def host(self, array: Native) -> np.ndarray:
        """A copy as NumPy float64."""
        ...

    @property
    def rounding(self) -> float:
        """Relative differences of target values up to this are rounding."""
        ...

    def allowance(self) -> int:
        """Model rows that each sample may still cost."""
        ...

    def allowances(self, samples: Rows) -> np.ndarray:
        """The same for some samples, each by itself."""
        ...

    def refuse_budget(self, needed: int, samples: Rows | None = None) -> NoReturn:
        """Raise ``BudgetError``: the method cannot do with less than ``needed`` more rows per sample (of these, or of all)."""
        ...

    def finished(self, samples: float) -> None:
        """Tell the progress bar that so many samples are done."""
        ...

    def out_of_time(self) -> bool:
        """Whether the budget's seconds are spent."""
        ...


@runtime_checkable
class Method(Protocol):
    """The declaration of an attribution method.

    A path method with ``reads_layer = True`` moves the input and reads the gradient at the layer in ``at=``; others take that
    layer's output for the input. ``rows`` (a class attribute, or a property where parameters decide) is about how many
    model rows a sample costs, from which the engine sees whether measuring its packing pays; 1 where it is not given. A game
    method with ``takes_features = False`` looks at positions and refuses ``features=``.
    """

    name: ClassVar[str]
    engine: ClassVar[str]
    summary: ClassVar[str]
    needs: ClassVar[frozenset[Capability]]
    modalities: ClassVar[tuple[str, ...]]
    axioms: ClassVar[tuple[Axiom, ...]]
    cite: ClassVar[tuple[str, ...]]

    def attribute(self, passes: Passes) -> list[Attribution]:
        """One attribution per target."""
        ...


def parameters(declaration: Any) -> tuple[Parameter, ...]:
    """The declared parameters of a method (its class or an instance)."""
    types = _types(declaration if isinstance(declaration, type) else type(declaration))
    return tuple(
        Parameter(item.name, _without_none(types[item.name]), item.default, **(dict(item.metadata) or {"doc": ""}))
        for item in dataclasses.fields(declaration)
    )


@cache
def _types(declaration: type) -> dict[str, Any]:
    return get_type_hints(declaration)


def build(declaration: type, given: Mapping[str, Any]) -> Any:
    """An instance of a method from keyword arguments; unknown ones are refused with the nearest valid names."""
    known = {item.name for item in dataclasses.fields(declaration)}
    for name in given:
        if name not in known:
            raise InputError(f"{declaration.name} has no parameter {name!r}.{nearest(name, sorted(known))}")
    return validated(declaration(**given))


def validated(method: Any) -> Any:
    """The method itself, if every parameter lies in its declared range."""
    for item in parameters(method):
        value = getattr(method, item.name)
        if value is None and item.optional:
            continue
        if item.choices:
            if value not in item.choices:
                raise InputError(f"{method.name}: {item.name} must be one of {item.range}; got {value!r}.")
            continue
        if item.kind is bool and not isinstance(value, (bool, np.bool_)):
            raise InputError(f"{method.name}: {item.name} must be True or False; got {value!r}.")
        if not item.range:
            continue
        if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
            raise InputError(f"{method.name}: {item.name} must be a number; got {value!r}.")
        if item.kind is int and not isinstance(value, (int, np.integer)):
            raise InputError(f"{method.name}: {item.name} must be a whole number; got {value!r}.")
        if not _within(float(value), item):
            raise InputError(f"{method.name}: {item.name} must be {item.range}; got {value!r}.")
    return method


def _within(value: float, item: Parameter) -> bool:
    return (
        value == value
        and (item.above is None or value > item.above)
        and (item.least is None or value >= item.least)
        and (item.most is None or value <= item.most)
    )


def _without_none(kind: Any) -> Any:
    """``int`` from ``int | None``."""
    members = [member for member in get_args(kind) if member is not type(None)]
    return members[0] if len(members) == 1 and type(None) in get_args(kind) else kind
