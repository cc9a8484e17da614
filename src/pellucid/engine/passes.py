"""Passes over packed rows: batched, counted, kept within the budget, and watched for what goes wrong."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

import numpy as np
from array_api_compat import array_namespace

from ..arrays.rows import flat, take
from ..core import tree
from ..core.declare import AtInput, Reference
from ..core.errors import BudgetError, InputError, NonFiniteError, PellucidError
from ..core.targets import Layer, RowTarget
from ..core.types import Budget, MemoryFormat, Native, Rows
from ..core.view import Gradient, Inputs, LayerInfo, ModelView, Place
from . import baselines
from .progress import Report

Build = Callable[[slice], tuple[Native, ...]]


class Passes:
    """The engine's side of ``core.declare.Passes``."""

    def __init__(
        self,
        view: ModelView,
        inputs: Inputs,
        targets: Sequence[RowTarget],
        *,
        seams: Mapping[str, Place],
        at: Layer | None,
        seed: int,
        budget: Budget,
        batch_size: int,
        memory_format: MemoryFormat,
        report: Report,
        started: float,
    ) -> None:
        self.view, self.inputs, self.row_targets = view, inputs, list(targets)
        self.seams, self.at, self.seed = seams, at, seed
        self.samples, self.targets = inputs.samples, len(self.row_targets)
        self.places = tuple(seams.values())
        self.channels_last = view.spec.layout == "NHWC"
        self.batch_size = batch_size
        self.memory_format: MemoryFormat = memory_format
        self.outputs: Any = None
        self.notes: list[str] = list(inputs.notes)
        self.forward_rows = self.backward_rows = self.other_rows = 0
        self._budget, self._report, self._started = budget, report, started
        self._spent = np.zeros(self.samples, int)
        self._done = 0.0
        self._at_input: dict[tuple[Place, ...], AtInput] = {}
        self._references: dict[int, Reference] = {}

    @property
    def target_values(self) -> tuple[np.ndarray, ...]:
        """The targets at the samples, by whichever pass over them came first."""
        return next(iter(self._at_input.values())).values

    @property
    def points(self) -> tuple[Native, ...]:
        """The samples at ``places``."""
        if all(isinstance(place, str) for place in self.places):
            return tuple(self.inputs.leaves[place] for place in self.places if isinstance(place, str))
        return self.at_input().points

    def at_input(self, wrt: Sequence[Place] | None = None) -> AtInput:
        """Values and gradients at the samples themselves. The first call resolves the targets and keeps the outputs."""
        places = self.places if wrt is None else tuple(wrt)
        if places not in self._at_input:
            self._at_input[places] = self._first_pass(places)
            if places[: len(self.places)] == self.places:
                full = self._at_input[places]
                count = len(self.places)
                shorter = tuple(gradients[:count] for gradients in full.gradients)
                self._at_input.setdefault(self.places, AtInput(full.values, shorter, full.points[:count]))
        return self._at_input[places]

    def gradient(self, rows: Rows, build: Build) -> Iterator[tuple[slice, Gradient]]:
        """Gradients at built points; see ``core.declare.Passes``."""
        self.at_input()

        def run(part: slice) -> tuple[Inputs, Gradient]:
            batch, replace = self._batch(rows[part], build(part))
            return batch, self.view.gradient(batch, self.row_targets, rows[part], wrt=self.places, replace=replace)

        self._spend(rows, backward=self.targets)
        for part, (batch, gradient) in self._parts(len(rows), run):
            self._check_finite(gradient, batch, rows[part])
            yield part, gradient

    def reference(self, baseline: Any) -> Reference:
        """A user's baseline at ``places``; made once, so that a function that draws is asked only once."""
        key = id(baseline)
        if key not in self._references:
            self._references[key] = baselines.reference(self, baseline)
        return self._references[key]

    def reference_values(self, reference: Reference) -> list[np.ndarray]:
        """Target values at the baselines. A baseline that is the same for all samples is run once."""
        self.at_input()
        rows = reference.rows
        owner = np.repeat(np.arange(self.samples), rows)
        if self._independent(reference):
            held = np.zeros(len(reference.points[0]), int)
            outputs = self._outputs(held, lambda part: tuple(points[part] for points in reference.points))
            spread = tree.map_leaves(lambda leaf: take(leaf, reference.index.reshape(-1)), outputs)
            values = [self.host(target.evaluate(spread, owner)) for target in self.row_targets]
            self._spend(np.arange(self.samples).repeat(rows), other=0)
        else:
            index = reference.index.reshape(-1)
            parts = self._values(owner, lambda part: tuple(take(points, index[part]) for points in reference.points))
            values = [np.concatenate(part) for part in zip(*parts, strict=True)]
            self._spend(owner, other=len(owner))
        return [value.reshape(self.samples, rows) for value in values]

    def activations(self, inputs: Inputs, at: Layer) -> Native:
        """Output of a layer for other inputs of the same kind (baselines), all rows."""
        rows = np.arange(inputs.samples)
        self.other_rows += len(rows)

        def run(part: slice) -> Native:
            return self.view.activations(self.view.take(inputs, rows[part], self.memory_format), [at])[0]

        blocks = [block for _, block in self._parts(len(rows), run)]
        return array_namespace(*blocks).concat(blocks)

    def layers(self) -> tuple[LayerInfo, ...]:
        """Every layer call, from one row."""
        self.other_rows += 1
        with in_words(self.view, self.inputs):
            return self.view.layers(self.view.take(self.inputs, np.arange(1), self.memory_format))

    def spatial_size(self) -> tuple[int, ...]:
        """Spatial axes of the leaf that has most of them."""
        shapes = [tuple(leaf.shape) for leaf in self.inputs.batched.values() if leaf.ndim >= 3]
        if not shapes:
            return ()
        shape = max(shapes, key=len)
        return shape[1:-1] if self.channels_last else shape[2:]

    def host(self, array: Native) -> np.ndarray:
        """NumPy float64."""
        return self.view.to_numpy(array).astype(np.float64)

    def allowance(self) -> int:
        """Rows that each sample may still cost."""
        return 2**40 if self._budget.rows is None else self._budget.rows - int(self._spent.max())

    def refuse_budget(self, needed: int) -> NoReturn:
        """The smallest answer is not within the budget."""
        least = int(self._spent.max()) + needed
        raise BudgetError(f"budget={self._budget.rows} rows per sample is too small: this method needs at least {least}.")

    def finished(self, samples: float) -> None:
        """So many more samples are done."""
        self._done += samples
        self._report(min(self._done / self.samples, 1.0), self.forward_rows)

    def out_of_time(self) -> bool:
        """Whether the budget's seconds are spent."""
        return self._budget.seconds is not None and time.perf_counter() - self._started > self._budget.seconds

    def _first_pass(self, places: tuple[Place, ...]) -> AtInput:
        rows = np.arange(self.samples)
        outputs: list[Any] = []
        values: list[list[np.ndarray]] = [[] for _ in self.row_targets]
        gradients: list[list[tuple[Native, ...]]] = [[] for _ in self.row_targets]
        points: list[tuple[Native, ...]] = []

        def run(part: slice) -> tuple[Inputs, Gradient]:
            batch = self.view.take(self.inputs, rows[part], self.memory_format)
            return batch, self.view.gradient(batch, self.row_targets, rows[part], wrt=places)

        self._spend(rows, backward=self.targets)
        with in_words(self.view, self.inputs):
            for part, (batch, gradient) in self._parts(self.samples, run):
                self._check_outputs(gradient.outputs, part)
                self._check_finite(gradient, batch, rows[part])
                outputs.append(gradient.outputs)
                points.append(gradient.points)
                for t in range(self.targets):
                    values[t].append(self.host(gradient.values[t]))
                    gradients[t].append(gradient.gradients[t])
        if self.outputs is None:
            self.outputs = _joined_trees(outputs)
        return AtInput(
            tuple(np.concatenate(value) for value in values),
            tuple(_joined(blocks) for blocks in gradients),
            _joined(points),
        )

    def _batch(self, rows: Rows, built: tuple[Native, ...]) -> tuple[Inputs, dict[Layer, Native]]:
        leaves = {place: points for place, points in zip(self.places, built, strict=True) if isinstance(place, str)}
        replace = {place: points for place, points in zip(self.places, built, strict=True) if isinstance(place, Layer)}
        return self.view.take(self.inputs, rows, self.memory_format, leaves), replace

    def _outputs(self, rows: Rows, build: Build) -> Any:
        self.other_rows += len(rows)

        def run(part: slice) -> Any:
            batch, replace = self._batch(rows[part], build(part))
            return self.view.predict(batch, replace=replace)

        return _joined_trees([outputs for _, outputs in self._parts(len(rows), run)])

    def _values(self, rows: Rows, build: Build) -> list[list[np.ndarray]]:
        def run(part: slice) -> list[np.ndarray]:
            batch, replace = self._batch(rows[part], build(part))
            outputs = self.view.predict(batch, replace=replace)
            layers = [
                [] if t.layer is None else self.view.activations(batch, [t.layer], replace=replace) for t in self.row_targets
            ]
            both = zip(self.row_targets, layers, strict=True)
            return [self.host(t.evaluate(outputs, rows[part], layer[0] if layer else None)) for t, layer in both]

        return [values for _, values in self._parts(len(rows), run)]

    def _independent(self, reference: Reference) -> bool:
        """Whether the outputs at the baselines are the same for every sample."""
        covered = set(self.places) == set(self.inputs.batched)
        shared = bool((reference.index == reference.index[:1]).all())
        return covered and shared and all(target.layer is None for target in self.row_targets)

    def _parts(self, count: int, run: Callable[[slice], Any]) -> Iterator[tuple[slice, Any]]:
        """Run part after part; when memory runs out, in halves from there on."""
        start = 0
        while start < count:
            part = slice(start, min(start + self.batch_size, count))
            size = part.stop - start
            result = None
            try:
                result = run(part)
            except Exception as error:
                if not self.view.out_of_memory(error) or size == 1:
                    raise
            if result is None:  # tried again outside of the handler, whose traceback keeps the failed batch alive
                self.batch_size = size // 2
                self.notes.append(f"memory ran out at {size} rows a batch; went on with {self.batch_size}")
                continue
            yield part, result
            start = part.stop

    def _spend(self, rows: Rows, backward: int = 0, other: int | None = None) -> None:
        """Count rows before they are run, and refuse what the budget does not hold."""
        np.add.at(self._spent, rows, 1)
        if self._budget.rows is not None and self._spent.max() > self._budget.rows:
            raise BudgetError(f"budget={self._budget.rows} rows per sample is too small: this needs {int(self._spent.max())}.")
        if other is None:
            self.forward_rows += len(rows)
            self.backward_rows += backward * len(rows)
        else:
            self.other_rows += other

    def _check_outputs(self, outputs: Any, part: slice) -> None:
        rows = part.stop - part.start
        for name, leaf in tree.flatten(outputs).items():
            if getattr(leaf, "ndim", 0) and leaf.shape[0] == rows:
                return
            shape = tuple(getattr(leaf, "shape", ()))
            raise InputError(
                f"{rows} rows went in and output {name!r} came back with shape {shape}: the first axis must be the samples."
                f"{self.view.expected()} Was the batch axis of x left out (x[None])?"
            )

    def _check_finite(self, gradient: Gradient, batch: Inputs, rows: Rows) -> None:
        named = [("value of the target", value) for value in gradient.values]
        named += [("gradient", g) for gradients in gradient.gradients for g in gradients]
        for what, array in named:
            xp = array_namespace(array)
            if bool(xp.all(xp.isfinite(array))):
                continue
            bad = int(np.argmin(self.view.to_numpy(xp.all(xp.isfinite(flat(array)), axis=1))))
            alone = self.view.take(batch, np.array([bad]), self.memory_format)
            where = self.view.first_nonfinite(alone, self.row_targets, rows[bad : bad + 1])
            raise NonFiniteError(f"the {what} of sample {int(rows[bad])} is NaN or infinite, {where}.")


@contextmanager
def in_words(view: ModelView, inputs: Inputs) -> Generator[None]:
    """Turn what a model raises on its very first run into an error that says what it was given and what it takes."""
    try:
        yield
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        if isinstance(error, PellucidError) or view.out_of_memory(error):
            raise
        shapes = ", ".join(f"{name} {tuple(leaf.shape)}" for name, leaf in inputs.leaves.items())
        raise InputError(
            f"the model failed on these inputs ({shapes}).{view.expected()} It said: {type(error).__name__}: {error}"
        ) from error


def _joined(blocks: list[tuple[Native, ...]]) -> tuple[Native, ...]:
    return tuple(array_namespace(*place).concat(place) for place in zip(*blocks, strict=True))


def _joined_trees(outputs: list[Any]) -> Any:
    """Outputs of several batches, joined leaf by leaf; leaves that are no arrays with samples first are left out."""
    leaves = [tree.flatten(each) for each in outputs]
    joined = {
        name: array_namespace(leaf).concat([each[name] for each in leaves])
        for name, leaf in leaves[0].items()
        if getattr(leaf, "ndim", 0)
    }
    return tree.fill(tree.skeleton(outputs[0]), joined)
