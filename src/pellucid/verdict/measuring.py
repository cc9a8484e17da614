"""An explanation and its model as metrics see them: players, values of coalitions that are run once, explanations anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ..arrays.draws import generator
from ..core import tree
from ..core.declare import Method
from ..core.errors import CapabilityError, InputError
from ..core.features import Features
from ..core.records import Cost, Explanation
from ..core.types import Layout
from ..engine.passes import Passes
from ..games.masked import Masked, PlayerMasks
from ..games.maskers.entries import blends, is_text, is_whole
from ..games.maskers.masker import Masker
from .memory import Memory
from .places import as_run, into_head, layer_named
from .truth import sought

PIECE = 1 << 16
"""Cases whose masks are made at a time."""


class Again(Protocol):
    """The method that made an explanation, asked again; ``verdict.again`` has it."""

    cost: Cost
    """What that has cost so far."""

    def at(self, owner: np.ndarray, points: np.ndarray) -> Explanation:
        """Explanations of changed copies of the leaf, each with the target of the sample that owns it."""
        ...

    def of(self, e: Explanation, method: Method) -> Again:
        """Another method, or another record, on the same model."""
        ...

    def of_outputs(self, indices: np.ndarray) -> Explanation:
        """Explanations of the samples for other outputs."""
        ...

    def randomised(self, draw: int, layers: Sequence[str] | None) -> Explanation:
        """Explanations of the samples with new weights."""
        ...

    def randomised_at(self, draw: int, layers: Sequence[str] | None, owner: np.ndarray, points: np.ndarray) -> Explanation:
        """Explanations of changed copies with new weights."""
        ...

    def shifted(self, shift: float) -> Explanation:
        """Explanations of the samples plus a shift, by a copy of the model that takes it off again."""
        ...

    def parameter_layers(self) -> tuple[str, ...]:
        """Layers with weights, from the input to the output."""
        ...


@dataclass(frozen=True)
class Players:
    """The players of each sample, side by side."""

    features: Sequence[Features]
    samples: int

    @property
    def counts(self) -> np.ndarray:
        """Players of each sample."""
        return np.array([len(self.of(sample)) for sample in range(self.samples)])

    def of(self, sample: int) -> Features:
        """The features of one sample."""
        return self.features[0 if len(self.features) == 1 else sample]

    def values(self, e: Explanation, leaf: str, owner: np.ndarray | None = None) -> np.ndarray:
        """What an explanation gives to each player, ``(rows, players)``; ``owner`` are the samples of its rows."""
        owner = np.arange(self.samples) if owner is None else owner
        most = int(self.counts.max(initial=0))
        found = np.zeros((len(owner), most))
        if e.over == "interactions":
            raise InputError("pairs of players are not scored; explain with a method that gives values to players.")
        if e.over == "players" and self._same(e):
            (values,) = e.leaves.values()
            return np.array(values[:, :most], np.float64)  # a part of the samples keeps the columns of the longest
        whole = tree.flatten(e.to_input()).get(leaf)
        if whole is None:
            raise InputError(f"the explanation has no values for the input {leaf!r}.")
        if len(self.features) == 1:
            return self.features[0].total(whole)
        for row, sample in enumerate(owner):
            each = self.of(int(sample))
            found[row, : len(each)] = each.total(whole[row : row + 1])[0]
        return found

    def _same(self, e: Explanation) -> bool:
        """Whether the explanation is in terms of these very players."""
        given = e.features if isinstance(e.features, tuple) else (e.features,)
        return len(given) == len(self.features) and all(one == other for one, other in zip(given, self.features, strict=True))


class Measuring:
    """See ``core.measure.Measured`` for what this promises.

    Parameters
    ----------
    passes
        Passes over the samples of the explanation, with its one target.
    e
        The explanation.
    maskers
        What "removed" means, policy by policy.
    again
        The method, to be asked again; ``None`` where that cannot be.
    truth
        What an explanation should find; see ``truth.sought``.
    features
        Whose values are scored; by default those of the passes.
    """

    def __init__(
        self,
        passes: Passes,
        e: Explanation,
        maskers: Sequence[Masker],
        again: Again | None,
        truth: Any = None,
        features: Sequence[Features] | None = None,
    ) -> None:
        self.passes, self.explanation, self._again, self._truth = passes, e, again, truth
        self.samples, self.seed = passes.samples, passes.seed
        self.layout: Layout = e.layout
        self._features = passes.features if features is None else features
        self._who = Players(self._features, passes.samples)
        self.counts = self._who.counts
        self.players = int(self.counts.max(initial=0))
        values = self._who.values(e, passes.masked)
        self.usable = self._usable(values)
        self.values = np.where(np.isfinite(values), values, 0.0)
        self.total = np.sum([each.reshape(len(e), -1).sum(axis=1, dtype=np.float64) for each in e.leaves.values()], axis=0)
        self.value, self.base_value, self.rounding = passes.target_values[0], e.base_value, passes.rounding
        self.outputs, self.indices = e.prediction, None if e.target.layer is not None else e.target.indices
        leaf = passes.leaf(passes.masked)
        self.blends = not (is_text(leaf) or is_whole(leaf)) and blends(self._features)
        tabular = any(each.columns is not None for each in self._features)
        self.sequence = is_text(leaf) or (is_whole(leaf) and leaf.ndim == 2 and not tabular)
        self._maskers: list[Masker] = []
        self._masked: list[Masked] = []
        self._known: list[list[dict[bytes, float]]] = []
        self._explained = Memory()
        self._randomised: dict[tuple[int, frozenset[str]], np.ndarray] = {}
        self._layers: tuple[str, ...] | None = None
        for masker in maskers:
            self._prepare(masker)
        self.policies = tuple(masked.removal.says for masked in self._masked)

    @property
    def features(self) -> Features | tuple[Features, ...]:
        """The players: of all samples, or of each."""
        return self._features[0] if len(self._features) == 1 else tuple(self._features)

    def policy(self, masker: Any) -> int:
        """The number of a masker's policy; it is made ready when it is first asked for."""
        known = [number for number, each in enumerate(self._maskers) if _same(each, masker)]
        return known[0] if known else self._prepare(masker)

    def _prepare(self, masker: Masker) -> int:
        leaf = self.passes.masked
        self._masked.append(Masked(self.passes, leaf, masker.prepare(self.passes, leaf, self._features)))
        self._maskers.append(masker)
        whole = np.packbits(np.ones(self.players, bool)).tobytes()
        self._known.append([{whole: value} for value in self.value.tolist()])
        return len(self._maskers) - 1

    def regrouped(self, features: Sequence[Features]) -> Measuring:
        """The same over other players."""
        return Measuring(self.passes, self.explanation, self._maskers, self._again, self._truth, features)

    def beside(self, e: Explanation, method: Method) -> Measuring:
        """Another explanation of the same samples and target over the same players; coalitions are run once for both."""
        again = None if self._again is None else self._again.of(e, method)
        made = Measuring(self.passes, e, (), again, self._truth, self._features)
        made._maskers, made._masked, made._known, made.policies = self._maskers, self._masked, self._known, self.policies
        return made

    def cost(self) -> Cost:
        """Rows so far: of coalitions, and of explanations anew."""
        passes, again = self.passes, Cost() if self._again is None else self._again.cost
        return Cost(
            passes.forward_rows + again.forward_rows,
            passes.backward_rows + again.backward_rows,
            passes.other_rows + again.other_rows,
        )

    def rng(self, name: str, draw: int = 0) -> np.random.Generator:
        """Keyed by seed, name and draw."""
        return generator(self.seed, name, draw)

    def empty(self, policy: int = 0) -> np.ndarray:
        """The target where all players are removed."""
        return self.worth(np.zeros((self.samples, 1, self.players), bool), policy)[:, 0]

    def worth(self, coalitions: np.ndarray, policy: int = 0) -> np.ndarray:
        """Run what is not known yet, in full batches over samples and cases."""
        beyond = np.arange(self.players) >= self.counts[:, None]
        present = coalitions | beyond[:, None, :]
        known, keys = self._known[policy], _keys(present)
        unknown = [{key: case for case, key in enumerate(row) if key not in held} for held, row in zip(known, keys, strict=True)]
        samples = np.repeat(np.arange(self.samples), [len(cases) for cases in unknown])
        cases = np.array([case for each in unknown for case in each.values()], int)
        values = iter(self._run(samples, present[samples, cases], policy).tolist())
        for held, each in zip(known, unknown, strict=True):
            held.update(zip(each, values, strict=False))  # as many as there are keys
        return np.array([[held[key] for key in row] for held, row in zip(known, keys, strict=True)]).reshape(self.samples, -1)

    def input(self) -> np.ndarray:
        """The leaf that is explained."""
        return self.passes.view.to_numpy(self.passes.leaf(self.passes.masked))

    def owners(self) -> np.ndarray:
        """The player of each entry."""
        shape = self.input().shape
        labels = [np.broadcast_to(self._who.of(sample).labels, shape[1:]) for sample in range(self.samples)]
        return np.stack(labels)

    def target_at(self, owner: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Values at changed copies of the leaf."""
        native = self.passes.view.to_native(points)
        found = np.empty(len(owner))
        for part, (values,) in self.passes.predict(owner, lambda part: (native[part],), at=[self.passes.masked]):
            found[part] = values
        return found

    def explained_at(self, owner: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The same method at changed copies."""
        values, same, _ = self._explained.of(owner, points, self._explain)
        return values, same

    def outputs_at(self, owner: np.ndarray, points: np.ndarray) -> np.ndarray:
        """All outputs at changed copies."""
        return self._explained.of(owner, points, self._explain)[2]

    def inside_at(self, owner: np.ndarray, points: np.ndarray, layer: str | None = None) -> tuple[str, np.ndarray]:
        """The output of a layer, in a pass of its own."""
        chosen = into_head(self.passes.layers(), self.outputs.shape[1:]) if layer is None else layer_named(layer)
        passes = self.passes
        leaves = {passes.masked: passes.view.to_native(points)}
        inputs = passes.view.take(passes.inputs, owner, passes.memory_format, leaves)
        found = passes.view.to_numpy(passes.activations(inputs, chosen))
        return str(chosen), found.reshape(len(owner), -1).astype(np.float64)

    def randomised(self, draw: int, layers: Sequence[str] | None = None) -> np.ndarray:
        """The same method with new weights; no set of layers is drawn twice."""
        known = self.parameter_layers()
        key = draw, frozenset(known if layers is None else layers)
        if key not in self._randomised:
            chosen = None if key[1] == frozenset(known) else layers
            self._randomised[key] = self._who.values(self._asked().randomised(draw, chosen), self.passes.masked)
        return self._randomised[key]

    def randomised_at(self, draw: int, layers: Sequence[str] | None, owner: np.ndarray, points: np.ndarray) -> np.ndarray:
        """The same method at changed copies with new weights."""
        return self._who.values(self._asked().randomised_at(draw, layers, owner, points), self.passes.masked, owner)

    def parameter_layers(self) -> tuple[str, ...]:
        """Layers with weights, in the order in which they run where that can be seen."""
        if self._layers is None:
            known = self._asked().parameter_layers()
            seen = self.passes.layers() if "layers" in self.passes.view.capabilities else ()
            self._layers = as_run(known, [info.name for info in seen])
        return self._layers

    def explained_target(self, indices: np.ndarray) -> np.ndarray:
        """The same method for other outputs."""
        return self._who.values(self._asked().of_outputs(indices), self.passes.masked)

    def shifted(self, shift: float) -> np.ndarray:
        """The same method where the input is shifted, and the model does not notice."""
        return self._who.values(self._asked().shifted(shift), self.passes.masked)

    def truth(self) -> np.ndarray:
        """From the masks that were given."""
        if self._truth is None:
            raise InputError("this metric compares with what should be found; give masks=, bool (samples, *positions).")
        leaf = self.passes.leaf(self.passes.masked)
        shape = None if is_text(leaf) else tuple(leaf.shape)
        return sought(self._truth, shape, self.owners, self.counts, self.passes.channels_last)

    def _usable(self, given: np.ndarray) -> np.ndarray:
        own = np.arange(self.players) < self.counts[:, None]
        finite = (np.isfinite(given) | ~own).all(axis=1)
        differs = ((given != given[:, :1]) & own).any(axis=1) | (self.counts == 1)
        return finite & differs & ((given != 0) & own).any(axis=1)

    def _explain(self, owner: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Values, whether the prediction is the same, and outputs."""
        e, output = self._asked().at(owner, points), self.explanation.output
        before = self.explanation.prediction
        same = np.ones(len(owner), bool)
        if before.ndim == 2 and before.shape[1] > 1 and output != "values":
            same = e.prediction.argmax(1) == before.argmax(1)[owner]
        elif before.ndim == 2 and output in ("logits", "probabilities"):
            border = 0.0 if output == "logits" else 0.5
            same = (e.prediction[:, 0] > border) == (before[owner, 0] > border)
        return self._who.values(e, self.passes.masked, owner), same, e.prediction.reshape(len(owner), -1)

    def _asked(self) -> Again:
        if self._again is None:
            raise CapabilityError("this metric explains anew, and there is nothing to explain with: give the model.")
        return self._again

    def _run(self, sample: np.ndarray, present: np.ndarray, policy: int) -> np.ndarray:
        """Values of coalitions, each of one sample; samples with equally many players share their masks."""
        found, counts = np.empty(len(sample)), self.counts[sample]
        for count in np.unique(counts):
            chosen = np.flatnonzero(counts == count)
            members = np.unique(sample[chosen])
            features = self._features if len(self._features) == 1 else [self._who.of(int(m)) for m in members]
            masks = PlayerMasks(self._masked[policy], features)
            for start in range(0, len(chosen), PIECE):
                part = chosen[start : start + PIECE]
                made = masks(present[part, :count])
                place = np.searchsorted(members, sample[part])
                case = np.arange(len(part))
                found[part] = self._masked[policy](sample[part], _by_case(made, place, case))[0]
        return found


def _same(one: Masker, other: Any) -> bool:
    """Whether two maskers have the same settings, which can be arrays."""
    return one is other or (type(one) is type(other) and all(np.array_equal(a, vars(other)[k]) for k, a in vars(one).items()))


def _keys(present: np.ndarray) -> list[list[bytes]]:
    """Coalitions ``(samples, cases, players)`` as bytes, a list for each sample."""
    packed = np.packbits(present, axis=2)
    width = packed.shape[2]
    return packed.view(f"V{width}")[..., 0].tolist() if width else [[b""] * present.shape[1] for _ in present]


def _by_case(made: Callable[[Any, Any], Any], place: np.ndarray, case: np.ndarray) -> Callable[[np.ndarray], Any]:
    return lambda cases: made(place[cases], case[cases])
