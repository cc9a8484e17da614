"""What comes back from an explanation: frozen dataclasses of NumPy arrays that know no framework."""

from __future__ import annotations

import dataclasses
import importlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from . import exchange, tree
from .errors import InputError
from .features import Features
from .targets import TargetRecord
from .types import Layout, Over, PerSample, Tree

if TYPE_CHECKING:
    import pandas as pd
    import shap
    import xarray
    from matplotlib.figure import Figure

_OVER = {
    "input": "input",
    "spatial": "positions of",
    "layer": "units of",
    "players": "players",
    "interactions": "pairs of players",
}


@dataclass(frozen=True)
class Cost:
    """Model rows and time of one call.

    ``other_rows`` are forward rows that served only to look (layers, baselines, evidence). ``tuning_rows`` and
    ``tuning_seconds`` went into measuring the fastest batches, once per model and input shape, and are in no other number.
    """

    forward_rows: int = 0
    backward_rows: int = 0
    other_rows: int = 0
    seconds: float = 0.0
    tuning_rows: int = 0
    tuning_seconds: float = 0.0

    def __str__(self) -> str:
        tuned = f" (and {self.tuning_seconds:.2f} s of tuning, once)" if self.tuning_rows else ""
        return f"{self.forward_rows} forward and {self.backward_rows} backward rows, {self.seconds:.2f} s{tuned}"


@dataclass(frozen=True)
class Plan:
    """How the model was run: enough to run it again. ``notes`` say what was decided for the user."""

    batch_size: int
    memory_format: str
    device: str
    adapter: str
    seed: int
    versions: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finding:
    """One thing that should be known about an explanation, in a sentence, with its numbers per affected sample.

    ``samples`` are positions in a batch of size ``of``; a finding without samples is about all of it.
    """

    kind: str
    sentence: str
    samples: tuple[int, ...]
    numbers: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    of: int = 1

    def __str__(self) -> str:
        if not self.samples:
            return self.sentence
        if self.of == 1:
            return f"this sample: {self.sentence}"
        listed = ", ".join(map(str, self.samples[:8])) + (", ..." if len(self.samples) > 8 else "")
        return f"{len(self.samples)} of {self.of} samples ({listed}): {self.sentence}"


@dataclass(frozen=True, eq=False)
class Explanation:
    """The values that a method gave to a batch of samples, and what is known about them.

    Attributes
    ----------
    values
        Attributions in the shape of the input: an array, or a tuple or dict of arrays with one leaf per attributed leaf.
        The first axis is the samples.
    standard_errors
        Like ``values``, where the method samples; else ``None``.
    over
        What the values are numbers of: ``"input"`` (its entries), ``"spatial"`` (positions), ``"layer"`` (units of
        ``layer``), ``"players"`` (``features``: ``(samples, players)``) or ``"interactions"`` (pairs of them:
        ``(samples, players, players)``).
    features
        The players of the input: of all samples, or a tuple with those of each sample; ``None`` where the entries stand for
        themselves. Where samples have fewer players than others, the rest of their row of values is 0.
    inputs
        The samples, all leaves, as the model got them.
    prediction
        The model's outputs, ``(samples, ...)``.
    value, base_value
        The target at the sample and, where the method has a baseline, there; float ``(samples,)``.
    residual
        Relative completeness residual ``|sum(values) - (value - base_value)| / |value - base_value|``, where
        there is a base value; ``(samples,)`` or ``None``.
    error
        Estimated relative error of the values, ``||error|| / ||values||``, ``(samples,)`` or ``None``.
    evidence
        Findings about this explanation, such as a saturated gradient.
    target
        What was explained: ``names`` per sample, ``indices`` where it is an entry of the outputs.
    details
        Further arrays of the method, such as the output gradient.
    method, engine, parameters, baselines, removal, layer, citations
        What ran: names, the method's parameters, what the baseline was, what "removed" meant where features were removed, the
        layer that was read, keys of the bibliography.
    output, classes, layout, static, pixel_scale
        What was stated of the model: kind of output, class names, axis order, unbatched leaves, mean and standard deviation
        of pixels.
    cost, plan
        Model rows and seconds; batch size, memory format, device, versions and notes.
    command
        The call that gives this explanation again.
    """

    method: str
    values: Tree
    inputs: Tree
    prediction: np.ndarray
    target: TargetRecord
    value: PerSample
    plan: Plan
    cost: Cost
    engine: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    over: Over = "input"
    features: Features | tuple[Features, ...] | None = None
    standard_errors: Tree = None
    baselines: str | None = None
    removal: str | None = None
    base_value: PerSample | None = None
    residual: PerSample | None = None
    error: PerSample | None = None
    layer: str | None = None
    output: str = "unknown"
    classes: tuple[str, ...] | None = None
    layout: Layout = "NCHW"
    static: tuple[str, ...] = ()
    pixel_scale: tuple[Any, Any] | None = None
    details: Mapping[str, np.ndarray] = field(default_factory=dict)
    evidence: tuple[Finding, ...] = ()
    citations: tuple[str, ...] = ()
    command: str = ""

    def __len__(self) -> int:
        return len(self.value)

    def __iter__(self) -> Iterator[Explanation]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, rows: int | slice) -> Explanation:
        """Some of the samples, still as a batch: ``e[0]`` is a batch of one. The cost stays that of the whole call."""
        if not isinstance(rows, (int, np.integer, slice)):
            raise TypeError(f"an explanation is sliced by an int or a slice, e[0] or e[1:3]; got {type(rows).__name__}")
        if not isinstance(rows, slice):
            if not -len(self) <= rows < len(self):
                raise IndexError(f"sample {rows} of {len(self)}")
            rows = slice(rows % len(self), rows % len(self) + 1)

        def cut(array: Any) -> Any:
            return np.ascontiguousarray(array[rows])  # torch does not take arrays backwards

        batched = {name: leaf if name in self.static else cut(leaf) for name, leaf in tree.flatten(self.inputs).items()}
        changed = {
            name: tree.map_leaves(cut, getattr(self, name))
            for name in ("values", "standard_errors", "prediction", "value", "base_value", "residual", "error")
        }
        kept = range(len(self))[rows]
        return dataclasses.replace(
            self,
            **changed,
            inputs=tree.fill(tree.skeleton(self.inputs), batched),
            features=self.features[rows] if isinstance(self.features, tuple) else self.features,
            target=self.target[rows],
            details={name: cut(array) for name, array in self.details.items()},
            evidence=tuple(finding for each in self.evidence if (finding := _only(each, kept)) is not None),
        )

    @property
    def leaves(self) -> dict[str, np.ndarray]:
        """The values by leaf name."""
        return {name: leaf for name, leaf in tree.flatten(self.values).items() if leaf is not None}

    @property
    def players(self) -> tuple[Features, ...]:
        """The features of each sample; empty where there are none."""
        if self.features is None:
            return ()
        return self.features if isinstance(self.features, tuple) else (self.features,) * len(self)

    @property
    def probabilities(self) -> np.ndarray | None:
        """Class probabilities ``(samples, classes)``, where the kind of output is known to have them."""
        if self.prediction.ndim != 2 or self.output not in ("logits", "probabilities"):
            return None
        if self.output == "probabilities":
            return self.prediction
        if self.prediction.shape[1] == 1:
            return 1 / (1 + np.exp(-self.prediction))
        shifted = np.exp(self.prediction - self.prediction.max(axis=1, keepdims=True))
        return shifted / shifted.sum(axis=1, keepdims=True)

    def to_input(self) -> Tree:
        """The values spread over the entries of the input, sum-preserving.

        A value per position is shared equally by the channels there; a map smaller than the input is spread over the pixels
        that each of its cells covers; a player's value is shared equally by its entries. Values over a layer other than a map,
        pairs of players and words of a text have no place in the input and are refused.
        """
        if self.over == "input":
            return self.values
        if self.over == "players":
            return self._players_to_input()
        if self.over != "spatial":
            what = "pairs of players" if self.over == "interactions" else f"the {self.over} {self.layer or ''}".rstrip()
            hint = "; explain with at=None to attribute to the input itself" if self.over == "layer" else ""
            raise InputError(f"values over {what} have no place in the input{hint}.")
        (values,) = self.leaves.values()
        shaped = [(name, leaf) for name, leaf in tree.flatten(self.inputs).items() if leaf.ndim == values.ndim + 1]
        name, leaf = shaped[0]
        return tree.fill(tree.skeleton(self.inputs), {name: _spread(values, leaf.shape, self.layout)})

    def _players_to_input(self) -> Tree:
        (values,) = self.leaves.values()
        players, inputs = self.players, tree.flatten(self.inputs)
        if any(each.text is not None for each in players):
            raise InputError("values over words have no place in an array; features.spans says where in the text each word is.")
        first = players[0] if players else None
        named = [
            name for name in inputs if first is not None and (name == first.leaf if first.leaf else self._fits(name, inputs))
        ]
        if not named:
            raise InputError("no leaf of the input has the shape that the players were described for.")
        leaf = inputs[named[0]]
        if not isinstance(self.features, tuple):
            whole = players[0].spread(values, leaf.shape[1:])
        else:
            rows = zip(players, values, strict=True)
            whole = np.concatenate([each.spread(row[None, : len(each)], leaf.shape[1:]) for each, row in rows])
        return tree.fill(tree.skeleton(self.inputs), {named[0]: whole.astype(values.dtype)})

    def _fits(self, name: str, inputs: Mapping[str, Any]) -> bool:
        return name not in self.static and self.players[0].fits(inputs[name].shape[1:])

    def to_frame(self) -> pd.DataFrame:
        """One row per sample and value: ``sample``, ``leaf``, ``index``, ``value``, and ``standard_error``, ``input`` where
        there are any. Values of players have their names as ``feature``, pairs as ``feature`` and ``other``. Needs the
        ``frames`` extra.
        """
        return exchange.to_frame(self)

    def to_xarray(self) -> xarray.Dataset:
        """The values as ``value`` (by leaf: ``value_image``, ...), with ``standard_error`` and ``prediction``, over named axes;
        names of players are the coordinate ``feature``. Needs the ``frames`` extra.
        """
        return exchange.to_xarray(self)

    def to_shap(self, leaf: str | None = None) -> shap.Explanation:
        """The values as shap's own record, for shap's plots. Needs the ``shap`` extra.

        Values of players are ``(samples, players)`` under their names; values of an image have their channels last, as shap
        draws them. ``base_values`` is ``base_value``, or ``None`` where the method has no baseline.

        Parameters
        ----------
        leaf
            Which attributed leaf, where there are several.

        Raises
        ------
        InputError
            If there are several and none is named, or there is none of that name.
        MissingExtraError
            If shap is not installed.
        """
        return exchange.to_shap(self, leaf)

    def plot(self, **options: Any) -> Figure:
        """Draw the explanation; see ``pellucid.plots.plot`` for the options."""
        return importlib.import_module("pellucid.plots").plot(self, **options)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write to one file (safetensors with JSON in its header: no code is stored, none is run when it is loaded)."""
        importlib.import_module("pellucid.core.storage").save(self, path)

    def __repr__(self) -> str:
        lines = [f"Explanation of {len(self)} sample{'s' * (len(self) != 1)} by {self.method}, target: {self.target}"]
        shapes = ", ".join(f"{name} {leaf.shape}" for name, leaf in self.leaves.items())
        lines.append(f"  values    {shapes}, over the {_OVER[self.over]}" + (f" {self.layer}" if self.layer else ""))
        if self.features is not None:
            of = self.players[0].describe(4) if self.players else "no samples"
            each = f" (sample 0 of {len(self)}, each with its own)" if isinstance(self.features, tuple) and len(self) > 1 else ""
            lines.append(f"  features  {of}{each}")
        if self.removal is not None:
            lines.append(f"  removed   {self.removal}")
        lines.append(f"  value     {_range(self.value)}")
        known = {"base": self.base_value, "residual": self.residual, "error": self.error}
        lines += [f"  {name.ljust(9)} {_range(numbers)}" for name, numbers in known.items() if numbers is not None]
        lines.append(f"  cost      {self.cost}")
        lines += [f"  note      {note}" for note in self.plan.notes]
        lines += [f"  evidence  {finding}" for finding in self.evidence]
        return "\n".join(lines)


def _range(numbers: np.ndarray) -> str:
    if not len(numbers):
        return "no samples"
    low, high = float(np.min(numbers)), float(np.max(numbers))
    return f"{low:.4g}" if len(numbers) == 1 else f"{low:.4g} to {high:.4g}"


def _only(finding: Finding, kept: range) -> Finding | None:
    """A finding reduced to some samples, renumbered; ``None`` if it touches none of them."""
    held = [(kept.index(sample), at) for at, sample in enumerate(finding.samples) if sample in kept]
    if finding.samples and not held:
        return None
    numbers = {name: tuple(values[at] for _, at in held) for name, values in finding.numbers.items()}
    return dataclasses.replace(finding, samples=tuple(new for new, _ in held), numbers=numbers, of=len(kept))


def _spread(maps: np.ndarray, shape: tuple[int, ...], layout: Layout) -> np.ndarray:
    """Maps ``(samples, *spatial)`` over an input of this shape: each cell's value is shared equally by what it covers."""
    channel_axis = 1 if layout == "NCHW" else len(shape) - 1
    sizes = [size for axis, size in enumerate(shape) if axis not in (0, channel_axis)]
    for axis, size in enumerate(sizes, start=1):
        cell = np.floor((np.arange(size) + 0.5) * maps.shape[axis] / size).astype(int)
        shares = 1 / np.bincount(cell, minlength=maps.shape[axis])[cell]
        maps = np.take(maps, cell, axis=axis) * shares.reshape(-1, *[1] * (maps.ndim - axis - 1))
    return np.broadcast_to(np.expand_dims(maps / shape[channel_axis], channel_axis), shape).astype(maps.dtype)
