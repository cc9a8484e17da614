"""An explanation and its model as metrics see them: players, values of coalitions that are run once, explanations anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ..arrays.draws import generator
from ..core import tree
from ..core.errors import CapabilityError, InputError
from ..core.features import Features
from ..core.records import Cost, Explanation
from ..core.types import Layout
from ..engine.passes import Passes
from ..games.masked import Masked, PlayerMasks
from ..games.maskers.entries import blends, is_text, is_whole
from ..games.maskers.masker import Masker

PIECE = 1 << 16
"""Cases whose masks are made at a time."""


class Again(Protocol):
    """The method that made an explanation, asked again; ``verdict.again`` has it."""

    cost: Cost
    """What that has cost so far."""

    def at(self, owner: np.ndarray, points: np.ndarray) -> Explanation:
        """Explanations of changed copies of the leaf, each with the target of the sample that owns it."""
        ...

    def of_outputs(self, indices: np.ndarray) -> Explanation:
        """Explanations of the samples for other outputs."""
        ...

    def randomised(self, draw: int, layers: Sequence[str] | None) -> Explanation:
        """Explanations of the samples by a copy of the model with new weights."""
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
        Bool, like the input without its channels: what an explanation should find.
    features
        Whose values are scored; by default those of the passes.
    """

    def __init__(
        self,
        passes: Passes,
        e: Explanation,
        maskers: Sequence[Masker],
        again: Again | None,
        truth: np.ndarray | None = None,
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
        self.value, self.rounding = passes.target_values[0], passes.rounding
        leaf = passes.leaf(passes.masked)
        self.blends = not (is_text(leaf) or is_whole(leaf)) and blends(self._features)
        self._maskers: list[Masker] = []
        self._masked: list[Masked] = []
        self._known: list[list[dict[bytes, float]]] = []
        for masker in maskers:
            self._prepare(masker)
        self.policies = tuple(masked.removal.says for masked in self._masked)

    def policy(self, masker: Any) -> int:
        """The number of a masker's policy; it is made ready when it is first asked for."""
        known = [number for number, each in enumerate(self._maskers) if _same(each, masker)]
        return known[0] if known else self._prepare(masker)

    def _prepare(self, masker: Masker) -> int:
        leaf = self.passes.masked
        self._masked.append(Masked(self.passes, leaf, masker.prepare(self.passes, leaf, self._features)))
        self._maskers.append(masker)
        self._known.append([{} for _ in range(self.samples)])
        return len(self._maskers) - 1

    def regrouped(self, features: Sequence[Features]) -> Measuring:
        """The same over other players."""
        return Measuring(self.passes, self.explanation, self._maskers, self._again, self._truth, features)

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
        packed, full = np.packbits(present, axis=2), np.asarray(present.all(axis=2))
        known = self._known[policy]
        keys = [[row.tobytes() for row in rows] for rows in packed]
        unknown = {(s, key): case for s, row in enumerate(keys) for case, key in enumerate(row) if key not in known[s]}
        for (s, key), case in list(unknown.items()):
            if full[s, case]:
                known[s][key] = float(self.value[s])
                del unknown[s, key]
        samples = np.array([s for s, _ in unknown], int)
        self._run(list(unknown), present[samples, np.array(list(unknown.values()), int)], policy)
        return np.array([[known[s][key] for key in row] for s, row in enumerate(keys)]).reshape(self.samples, -1)

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
        e = self._asked().at(owner, points)
        before = self.explanation.prediction
        same = np.ones(len(owner), bool) if before.ndim < 2 else e.prediction.argmax(1) == before.argmax(1)[owner]
        if before.ndim == 2 and before.shape[1] == 1 and self.explanation.output in ("logits", "probabilities"):
            border = 0.0 if self.explanation.output == "logits" else 0.5
            same = (e.prediction[:, 0] > border) == (before[owner, 0] > border)
        return self._who.values(e, self.passes.masked, owner), same

    def outputs_at(self, owner: np.ndarray, points: np.ndarray) -> np.ndarray:
        """All outputs at changed copies."""
        return self._asked().at(owner, points).prediction.reshape(len(owner), -1)

    def randomised(self, draw: int, layers: Sequence[str] | None = None) -> np.ndarray:
        """The same method on a model with new weights."""
        return self._who.values(self._asked().randomised(draw, layers), self.passes.masked)

    def parameter_layers(self) -> tuple[str, ...]:
        """Layers with weights."""
        return self._asked().parameter_layers()

    def explained_target(self, indices: np.ndarray) -> np.ndarray:
        """The same method for other outputs."""
        return self._who.values(self._asked().of_outputs(indices), self.passes.masked)

    def truth(self) -> np.ndarray:
        """A player belongs to what should be found where more than half of its entries do."""
        if self._truth is None:
            raise InputError("this metric compares with what should be found; give masks=, bool (samples, *positions).")
        owners = self.owners()
        mask = np.broadcast_to(self._fitted(np.asarray(self._truth, bool), owners.shape), owners.shape)
        found = np.zeros((self.samples, self.players), bool)
        for sample in range(self.samples):
            held = np.where(owners[sample] < 0, self.players, owners[sample]).reshape(-1)
            sizes = np.bincount(held, minlength=self.players + 1)[:-1]
            inside = np.bincount(held, mask[sample].reshape(-1), self.players + 1)[:-1]
            found[sample] = (inside > sizes / 2) & (sizes > 0)
        return found

    def _fitted(self, mask: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        """A mask over positions (or over all entries) as one over entries."""
        channel = -1 if self.passes.channels_last else 1
        if mask.shape == shape:
            return mask
        if mask.ndim == len(shape) - 1 and mask.shape == tuple(np.delete(shape, channel)):
            return np.expand_dims(mask, channel)
        raise InputError(f"masks= has shape {mask.shape}; the input has {shape}: give bool (samples, *positions).")

    def _usable(self, given: np.ndarray) -> np.ndarray:
        usable = np.zeros(self.samples, bool)
        for sample, count in enumerate(self.counts):
            values = given[sample, :count]
            usable[sample] = bool(count) and bool(np.isfinite(values).all()) and bool((values != values[0]).any() or count == 1)
            usable[sample] &= bool((values != 0).any())
        return usable

    def _asked(self) -> Again:
        if self._again is None:
            raise CapabilityError("this metric explains anew, and there is nothing to explain with: give the model.")
        return self._again

    def _run(self, wanted: list[tuple[int, bytes]], present: np.ndarray, policy: int) -> None:
        """Coalitions, each of one sample; samples with equally many players share their masks."""
        sample = np.array([s for s, _ in wanted], int)
        for count in np.unique(self.counts[sample]) if wanted else ():
            chosen = np.flatnonzero(self.counts[sample] == count)
            members = np.unique(sample[chosen])
            features = self._features if len(self._features) == 1 else [self._who.of(int(m)) for m in members]
            masks = PlayerMasks(self._masked[policy], features)
            for start in range(0, len(chosen), PIECE):
                part = chosen[start : start + PIECE]
                made = masks(present[part, :count])
                place = np.searchsorted(members, sample[part])
                case = np.arange(len(part))
                values = self._masked[policy](sample[part], _by_case(made, place, case))[0]
                for number, value in zip(part, values, strict=True):
                    s, key = wanted[int(number)]
                    self._known[policy][s][key] = float(value)


def _same(one: Masker, other: Any) -> bool:
    """Whether two maskers have the same settings, which can be arrays."""
    return one is other or (type(one) is type(other) and all(np.array_equal(a, vars(other)[k]) for k, a in vars(one).items()))


def _by_case(made: Callable[[Any, Any], Any], place: np.ndarray, case: np.ndarray) -> Callable[[np.ndarray], Any]:
    return lambda cases: made(place[cases], case[cases])
