"""Passes over packed rows: batched, counted, kept within the budget, and watched for what goes wrong."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NoReturn, TypeVar

import numpy as np
from array_api_compat import array_namespace

from ..arrays.rows import take
from ..core import tree
from ..core.declare import AtInput, Reference
from ..core.errors import BudgetError
from ..core.features import Features
from ..core.targets import Layer, RowTarget
from ..core.types import Budget, MemoryFormat, Native, Rows
from ..core.view import Gradient, Inputs, LayerInfo, ModelView, Place
from . import baselines, finite
from .blocks import joined_outputs, joined_parts, rows_first
from .progress import Report
from .tune import Packing, Tuning, measure
from .words import in_words

T = TypeVar("T")
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
        read: tuple[Layer, ...],
        features: Sequence[Features] = (),
        masked: str = "",
        seed: int,
        budget: Budget,
        batch_size: int,
        memory_format: MemoryFormat,
        report: Report,
        started: float,
        work: int | None = None,
        format_told: bool = False,
        looked: int = 0,
    ) -> None:
        self.view, self.inputs, self.row_targets = view, inputs, list(targets)
        self.seams, self.at, self.read, self.seed = seams, at, read, seed
        self.features, self.masked = features, masked
        self.samples, self.targets = inputs.samples, len(self.row_targets)
        self.leaves, self.places = tuple(seams), tuple(seams.values())
        self.channels_last = view.spec.layout == "NHWC"
        self.batch_size = batch_size
        self.memory_format: MemoryFormat = memory_format
        self.outputs: dict[str, Native] | None = None
        self.notes: list[str] = list(inputs.notes)
        self.forward_rows = self.backward_rows = self.other_rows = 0
        self.tuning = Tuning(Packing(batch_size, memory_format))
        self._work, self.format_told = work, format_told
        self._budget, self._report, self._started = budget, report, started
        self._spent = np.zeros(self.samples, int)
        self._done = 0.0
        self._given = 0
        self._input_places: tuple[Place, ...] | None = None
        self._target_values: tuple[np.ndarray, ...] = ()
        self._at_input: dict[tuple[Place, ...], AtInput] = {}
        self._references: dict[int, tuple[Any, Reference]] = {}
        self._reference_values: dict[int, tuple[Reference, list[np.ndarray]]] = {}
        self._keeps_prefix: dict[tuple[Layer, ...], bool] = {}
        self._prefix: tuple[tuple[Layer, ...], int, Any] | None = None
        if looked:
            self._spend_on_all(1, looked)

    @property
    def target_values(self) -> tuple[np.ndarray, ...]:
        """The targets at the samples, by whichever pass over them came first."""
        self._look()
        return self._target_values

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
            self._at_input[places] = joined_parts([at for _, at in self.at_input_parts(places)])
            if places[: len(self.places)] == self.places:
                full = self._at_input[places]
                count = len(self.places)
                shorter = tuple(gradients[:count] for gradients in full.gradients)
                self._at_input.setdefault(self.places, AtInput(full.values, shorter, full.points[:count]))
        return self._at_input[places]

    def at_input_parts(self, wrt: Sequence[Place]) -> Iterator[tuple[slice, AtInput]]:
        """The same for each part of the samples in turn, and kept by whoever asks."""
        rows, places = np.arange(self.samples), tuple(wrt)

        def run(part: slice) -> tuple[Any, AtInput]:
            batch = self.view.take(self.inputs, rows[part], self.memory_format)
            given = self.view.gradient(batch, self.row_targets, rows[part], wrt=places)
            self._check_gradient(given, batch, rows[part])
            return given.outputs, AtInput(tuple(map(self.host, given.values)), given.gradients, given.points)

        self._spend(rows, backward=self.targets)
        yield from self._over_samples(run)

    def forward(self, keep: Sequence[Layer]) -> Iterator[tuple[slice, AtInput]]:
        """Values and layer outputs at the samples, without gradients, part by part."""
        rows, layers = np.arange(self.samples), list(dict.fromkeys([*keep, *self._target_layers]))

        def run(part: slice) -> tuple[Any, AtInput]:
            batch = self.view.take(self.inputs, rows[part], self.memory_format)
            outputs, kept = self.view.predict(batch, keep=layers)
            seen = dict(zip(layers, kept, strict=True))
            of_layers = [seen[target.layer] if target.layer else None for target in self.row_targets]
            made = [target.evaluate(outputs, rows[part], at) for target, at in zip(self.row_targets, of_layers, strict=True)]
            values = tuple(map(self.host, made))
            for value in values:
                finite.check_values(value, rows[part])
            return tree.plain(outputs), AtInput(values, tuple(() for _ in values), tuple(seen[layer] for layer in keep))

        self._spend(rows)
        yield from self._over_samples(run)

    def gradient(
        self,
        rows: Rows,
        build: Build,
        *,
        wrt: Sequence[Place] | None = None,
        targets: Sequence[int] | None = None,
        along: Build | None = None,
        moving: Build | None = None,
    ) -> Iterator[tuple[slice, Gradient]]:
        """Gradients at built points; see ``core.declare.Passes``."""
        self._look()
        self._tune()
        places = self.places if wrt is None else tuple(wrt)
        wanted = self.row_targets if targets is None else [self.row_targets[t] for t in targets]

        def run(part: slice) -> tuple[Inputs, Gradient]:
            batch, replace = self._batch(rows[part], build(part), self.places)
            directions = None if along is None else along(part)
            ways = None if moving is None else dict(zip(self.places, moving(part), strict=True))
            return batch, self.view.gradient(
                batch, wanted, rows[part], wrt=places, replace=replace, along=directions, moving=ways
            )

        self._spend(rows, backward=len(wanted) * (1 if along is None else 2) + (0 if moving is None else 2))
        for part, (batch, gradient) in self._parts(len(rows), run):
            self._check_gradient(gradient, batch, rows[part])
            yield part, gradient

    def predict(
        self, rows: Rows, build: Build, at: Sequence[Place] | None = None
    ) -> Iterator[tuple[slice, tuple[np.ndarray, ...]]]:
        """Target values at built points; see ``core.declare.Passes``."""
        self._look()
        self._tune()
        places = self.places if at is None else tuple(at)
        self._spend(rows)
        for part, values in self._parts(len(rows), lambda part: self._values(rows[part], build(part), places)):
            for value in values:
                finite.check_values(value, rows[part])
            yield part, values

    def reference(self, baseline: Any) -> Reference:
        """A user's baseline at ``places``; made once, so that a function that draws is asked only once."""
        key = id(baseline)
        if key not in self._references:  # the baseline is kept, so that its number is no other's
            self._references[key] = baseline, baselines.reference(self, baseline)
        return self._references[key][1]

    def reference_values(self, reference: Reference) -> list[np.ndarray]:
        """Target values at the baselines. A baseline that is the same for all samples is run once, where targets allow."""
        if id(reference) not in self._reference_values:
            self._reference_values[id(reference)] = reference, self._run_reference(reference)
        return self._reference_values[id(reference)][1]

    def _run_reference(self, reference: Reference) -> list[np.ndarray]:
        self._look()
        shape = (self.samples, reference.rows)
        if self._independent(reference):
            return [value.reshape(shape) for value in self._shared_values(reference)]
        owner, index = np.repeat(np.arange(self.samples), reference.rows), reference.index.reshape(-1)
        self._spend(owner, other=len(owner))

        def run(part: slice) -> tuple[np.ndarray, ...]:
            built = tuple(take(points, index[part]) for points in reference.points)
            return self._evaluated(owner[part], *self._batch(owner[part], built, self.places))

        parts = [values for _, values in self._parts(len(owner), run)]
        return [np.concatenate(values).reshape(shape) for values in zip(*parts, strict=True)]

    def activations(self, inputs: Inputs, at: Layer) -> Native:
        """Output of a layer for other inputs of the same kind (baselines), all rows."""
        rows = np.arange(inputs.samples)
        self._spend_on_all(math.ceil(len(rows) / self.samples), len(rows))

        def run(part: slice) -> Native:
            return self.view.predict(self.view.take(inputs, rows[part], self.memory_format), keep=[at])[1][0]

        blocks = [block for _, block in self._parts(len(rows), run)]
        return array_namespace(*blocks).concat(blocks)

    def layers(self) -> tuple[LayerInfo, ...]:
        """Every layer call, from one row if they are not known from before."""
        if self.allowance() < 2:
            self.refuse_budget(needed=2)
        with in_words(self.view, self.inputs):
            infos, rows = self._in_format(lambda: self.view.inside.layers(self._first()))
        if rows:
            self._spend_on_all(1, rows)
        return infos

    def collapse(self, arrays: Sequence[Native]) -> list[Native]:
        """Vectors of embedded ids summed to one number per id; everything else as it is."""
        embedded = [self.at is None and isinstance(place, Layer) for place in self.places]
        return [array_namespace(a).sum(a, axis=-1) if ids else a for a, ids in zip(arrays, embedded, strict=True)]

    def biases(self) -> list[tuple[Layer, Native]]:
        """What each affine layer call adds; one row if the layers are not known from before."""
        if self.allowance() < 2:
            self.refuse_budget(needed=2)
        with in_words(self.view, self.inputs):
            found, rows = self._in_format(lambda: self.view.inside.biases(self._first()))
        if rows:
            self._spend_on_all(1, rows)
        return found

    def spatial_leaf(self) -> str:
        """The leaf with most axes."""
        return max(self.inputs.batched, key=lambda name: self.inputs.leaves[name].ndim)

    def input_places(self) -> tuple[Place, ...]:
        """Where the inputs are differentiated, whether or not the method attributes to them; one row where ids are looked up."""
        if self._input_places is None:
            with in_words(self.view, self.inputs):
                seams = self.view.inside.seams(self._first(), None)
            self._input_places = tuple(seams.values())
            if any(isinstance(place, Layer) for place in self._input_places):
                self._spend_on_all(1, 1)
        return self._input_places

    def leaf(self, name: str) -> Native:
        """All samples of that leaf."""
        return self.inputs.leaves[name]

    def spatial_size(self) -> tuple[int, ...]:
        """Spatial axes of that leaf."""
        shape = tuple(self.inputs.leaves[self.spatial_leaf()].shape)
        return shape[1:-1] if self.channels_last else shape[2:]

    def host(self, array: Native) -> np.ndarray:
        """NumPy float64."""
        return self.view.to_numpy(array).astype(np.float64)

    def allowance(self) -> int:
        """Rows that each sample may still cost."""
        return 2**40 if self._budget.rows is None else self._budget.rows - int(self._spent.max())

    def allowances(self, samples: Rows) -> np.ndarray:
        """The same for some samples, each by itself."""
        return np.full(len(samples), 2**40) if self._budget.rows is None else self._budget.rows - self._spent[samples]

    @property
    def rounding(self) -> float:
        """Sixteen units in the last place of the model's outputs."""
        named = [leaf for leaf in (self.outputs or {}).values() if array_namespace(leaf).isdtype(leaf.dtype, "real floating")]
        return 16 * max((float(array_namespace(leaf).finfo(leaf.dtype).eps) for leaf in named), default=1e-7)

    def refuse_budget(self, needed: int, samples: Rows | None = None) -> NoReturn:
        """The smallest answer is not within the budget."""
        least = int(self._spent[slice(None) if samples is None else samples].max()) + needed
        raise BudgetError(f"budget={self._budget.rows} rows per sample is too small: this method needs at least {least}.")

    def finished(self, samples: float) -> None:
        """So many more samples are done."""
        self._done += samples
        self._report(min(self._done / self.samples, 1.0), self.forward_rows)

    def out_of_time(self) -> bool:
        """Whether the budget's seconds are spent."""
        return self._budget.seconds is not None and time.perf_counter() - self._started > self._budget.seconds

    def _first(self) -> Inputs:
        """One row to look at."""
        return self.view.take(self.inputs, np.arange(1), self.memory_format)

    def _over_samples(self, run: Callable[[slice], tuple[Any, AtInput]]) -> Iterator[tuple[slice, AtInput]]:
        """A pass over the samples. The first one resolves the targets, and keeps the outputs when it is over."""
        outputs: list[dict[str, Native]] = []
        values: list[tuple[np.ndarray, ...]] = []
        try:
            with in_words(self.view, self.inputs):
                for part, (made, at) in self._parts(self.samples, run):
                    outputs.append(rows_first(made, part.stop - part.start))
                    values.append(at.values)
                    self._given = max(self._given, part.stop)
                    yield part, at
                    del made, at  # not held while the next part runs
            self._seen(outputs, tuple(np.concatenate(value) for value in zip(*values, strict=True)))
        finally:
            self._given = 0 if self.outputs is None else self.samples

    @property
    def _target_layers(self) -> list[Layer]:
        """Layers whose neurons are explained."""
        return list(dict.fromkeys(target.layer for target in self.row_targets if target.layer is not None))

    def _look(self) -> None:
        """Make sure that the samples themselves were run: targets are resolved by what the model says of them."""
        if self.outputs is None and not self._given:  # else such a pass is on its way
            if self.places:
                self.at_input()
            else:
                deque(self.forward([]), maxlen=0)

    def _tune(self) -> None:
        """Measure, once, how the bulk of the rows is best packed; not where the user has said or counts every row."""
        work, self._work = self._work, None
        if work is None:
            return

        def run(size: int, memory_format: MemoryFormat) -> None:
            rows = np.arange(size) % self._given
            batch = self.view.take(self.inputs, rows, memory_format)
            if self.places:
                given = self.view.gradient(batch, self.row_targets[:1], rows, wrt=self.places)
                self.host(given.values[0])  # waits for devices that run behind
            else:
                self._evaluated(rows, batch, {})

        kind = "gradient" if self.places else "predict"
        if (found := measure(self.view, self.inputs, kind, work, run)) is not None:
            self.tuning = found
            self.batch_size, self.memory_format = found.packing.batch_size, found.packing.memory_format
            if found.note:
                self.notes.append(found.note)

    def _seen(self, outputs: list[dict[str, Native]], values: tuple[np.ndarray, ...]) -> None:
        if self.outputs is None:
            self.outputs, self._target_values = joined_outputs(outputs), values

    def _batch(self, rows: Rows, built: tuple[Native, ...], places: Sequence[Place]) -> tuple[Inputs, dict[Layer, Native]]:
        leaves = {place: points for place, points in zip(places, built, strict=True) if isinstance(place, str)}
        replace = {place: points for place, points in zip(places, built, strict=True) if isinstance(place, Layer)}
        return self.view.take(self.inputs, rows, self.memory_format, leaves), replace

    def _values(self, rows: Rows, built: tuple[Native, ...], places: tuple[Place, ...]) -> tuple[np.ndarray, ...]:
        """Target values of one batch.

        Where every row replaces layers of the same sample, what the model computes before them is kept from one row. Whether
        the model takes that is tried for each sample, beside its first batch in full.
        """
        layers = tuple(place for place in places if isinstance(place, Layer))
        same = len(rows) > 1 and len(layers) == len(places) and bool((rows == rows[0]).all())
        if not same or self._keeps_prefix.get(layers) is False:
            return self._evaluated(rows, *self._batch(rows, built, places))
        sample, known = int(rows[0]), self._prefix is not None and self._prefix[:2] == (layers, int(rows[0]))
        if known:
            return self._shortened(rows, built, places, layers) or self._evaluated(rows, *self._batch(rows, built, places))
        full = self._evaluated(rows, *self._batch(rows, built, places))
        if self.allowances(rows[:1])[0] < 1 + len(rows):
            return full
        self._spent[sample] += 1 + len(rows)
        self.other_rows += 1 + len(rows)
        one = self.view.take(self.inputs, rows[:1], self.memory_format)
        self._prefix = layers, sample, self.view.prefix(one, layers)
        short = self._shortened(rows, built, places, layers)
        self._keeps_prefix[layers] = short is not None and all(
            np.allclose(a, b, rtol=1e-4, atol=1e-5 * float(np.abs(b).max())) for a, b in zip(short, full, strict=True)
        )
        return full

    def _shortened(
        self, rows: Rows, built: tuple[Native, ...], places: tuple[Place, ...], layers: tuple[Layer, ...]
    ) -> tuple[np.ndarray, ...] | None:
        """Target values with what was kept of the sample; ``None`` where the model does not take that."""
        assert self._prefix is not None
        try:
            return self._evaluated(rows, *self._batch(rows, built, places), self._prefix[2])
        except (RuntimeError, ValueError, TypeError, LookupError, AttributeError) as error:
            if self.view.out_of_memory(error):
                raise
            self._keeps_prefix[layers] = False
            return None

    def _evaluated(
        self, rows: Rows, batch: Inputs, replace: Mapping[Layer, Native], prefix: Any = None
    ) -> tuple[np.ndarray, ...]:
        """Target values of a batch that is ready to run."""
        layers = self._target_layers
        with in_words(self.view, batch, "changed copies of the samples"):
            outputs, kept = self.view.predict(batch, keep=layers, replace=replace, prefix=prefix)
        seen = dict(zip(layers, kept, strict=True))
        targets = ((target, seen[target.layer] if target.layer else None) for target in self.row_targets)
        return tuple(self.host(target.evaluate(outputs, rows, layer)) for target, layer in targets)

    def _shared_values(self, reference: Reference) -> list[np.ndarray]:
        """Values at baselines whose outputs are the same for every sample: each is run once, and read for every sample."""
        count, owner = len(reference.points[0]), np.repeat(np.arange(self.samples), reference.rows)
        self._spend_on_all(reference.rows, count)

        def run(part: slice) -> Any:
            points = tuple(p[part] for p in reference.points)
            batch, replace = self._batch(np.zeros(part.stop - part.start, int), points, self.places)
            return self.view.predict(batch, replace=replace)[0]

        parts = [(tree.flatten(outputs), part) for part, outputs in self._parts(count, run)]
        values = []
        for target in self.row_targets:
            blocks = [leaves[target.leaf or ""] for leaves, _ in parts]
            blocks = [block.reshape(1) if not block.ndim else block for block in blocks]
            spread = take(array_namespace(*blocks).concat(blocks), reference.index.reshape(-1))
            values.append(self.host(target.evaluate({target.leaf: spread}, owner)))
        return values

    def _independent(self, reference: Reference) -> bool:
        """Whether the outputs at the baselines are the same for every sample."""
        covered = set(self.places) == set(self.inputs.batched)
        shared = bool((reference.index == reference.index[:1]).all())
        return covered and shared and all(target.leaf is not None for target in self.row_targets)

    def _parts(self, count: int, run: Callable[[slice], Any]) -> Iterator[tuple[slice, Any]]:
        """Run part after part; when memory runs out, in halves from there on."""
        start = 0
        while start < count:
            part = slice(start, min(start + self.batch_size, count))
            size = part.stop - start
            result = None
            try:
                result = self._in_format(lambda: run(part))
            except Exception as error:
                if not self.view.out_of_memory(error) or size == 1:
                    raise
            if result is None:  # tried again outside of the handler, whose traceback keeps the failed batch alive
                self.batch_size = size // 2
                self.notes.append(f"memory ran out at {size} rows a batch; went on with {self.batch_size}")
                continue
            yield part, result
            start = part.stop

    def _in_format(self, run: Callable[[], T]) -> T:
        """Run; where the model fails on the memory format that was chosen for it (``view`` of channels-last), as the data lie."""
        if self.memory_format == "as-is" or self.format_told:
            return run()
        try:
            return run()
        except RuntimeError as error:
            if self.view.out_of_memory(error):
                raise
            self.memory_format, failed = "as-is", error
        try:
            made = run()
        except Exception as error:
            self.memory_format = "channels-last"
            raise failed if isinstance(error, RuntimeError) else error from None
        self.notes.append("the model cannot read channels-last images; it got them as they lie")
        self._work = None  # nothing is left to choose from when packing is measured
        return made

    def _spend(self, rows: Rows, backward: int = 0, other: int | None = None) -> None:
        """Count rows before they are run, and refuse what the budget does not hold."""
        np.add.at(self._spent, rows, 1)
        self._refuse_overspending()
        if other is None:
            self.forward_rows += len(rows)
            self.backward_rows += backward * len(rows)
        else:
            self.other_rows += other

    def _spend_on_all(self, each: int, rows: int) -> None:
        """Count rows that serve all samples, ``each`` of them to the account of every sample."""
        self._spent += each
        self.other_rows += rows
        self._refuse_overspending()

    def _refuse_overspending(self) -> None:
        if self._budget.rows is not None and self._spent.max() > self._budget.rows:
            raise BudgetError(f"budget={self._budget.rows} rows per sample is too small: this needs {int(self._spent.max())}.")

    def _check_gradient(self, gradient: Gradient, batch: Inputs, rows: Rows) -> None:
        finite.check_gradient(self.view, self.row_targets, gradient, batch, rows, self.memory_format)
