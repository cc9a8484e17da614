"""What can be found out about the inside of a model by running one row of it: layer calls, embeddings, broken numbers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from ..core import tree
from ..core.errors import CapabilityError, InputError, LayerError
from ..core.targets import Layer, RowTarget
from ..core.types import Native, Rows
from ..core.view import Inputs, LayerInfo, Place
from .layers import Layers, Seen, is_floating

# Names by which leaves that say how to read the others are commonly called; wrt= attributes to them all the same.
_NOT_ATTRIBUTED = frozenset({"attention_mask", "position_ids", "token_type_ids", "key_padding_mask", "mask"})

_CALLS: WeakKeyDictionary[Any, dict[Any, tuple[LayerInfo, ...]]] = WeakKeyDictionary()
"""Layer calls as last seen, by model; forgotten with it."""


class Look(Protocol):
    """One pass of a view with layers watched."""

    def __call__(self, batch: Inputs, names: Collection[str] | None, seen: Seen) -> Inputs:
        """Run the batch and tell ``seen`` of the layer calls; the inputs come back as the model got them, for ``same``."""
        ...


class Inside:
    """The inside of one model. Without ``layers`` it is closed: leaves of floats are all that can be differentiated.

    Parameters
    ----------
    layers
        The layers, where the model shows them.
    look
        One pass of the view with layers watched.
    same
        Whether what a layer was given is a leaf of the inputs, as it is.
    broken
        Runs the targets and names the layer that made the first NaN or infinity, as the end of a sentence.
    whole
        What a model without layers is called in errors: ``"a function"``.
    """

    def __init__(
        self,
        layers: Layers | None = None,
        look: Look | None = None,
        same: Callable[[Any, Native], bool] = lambda given, leaf: given is leaf,
        broken: Callable[[Inputs, Sequence[RowTarget], Rows], str] | None = None,
        whole: str = "the model",
    ) -> None:
        self._layers, self._look, self._same, self._broken, self._whole = layers, look, same, broken, whole

    def layers(self, batch: Inputs) -> tuple[tuple[LayerInfo, ...], int]:
        """Every layer call in the order in which they were over, and the rows that it took to find out.

        Kept until the model's structure or the input's shape changes.
        """
        if self._layers is None:
            return (), 0
        shapes = tuple((name, tuple(leaf.shape[1:])) for name, leaf in batch.leaves.items())
        key = (self._layers.structure(), shapes)
        try:
            known = _CALLS.setdefault(self._layers.subject, {})
        except TypeError:  # an object that cannot be remembered
            known = {}
        if key in known:
            return known[key], 0
        found = self._run(batch, self._layers)
        known.clear()
        known[key] = found
        return found, batch.samples

    def biases(self, batch: Inputs) -> tuple[list[tuple[Layer, Native]], int]:
        """What each affine layer call adds, by channel, in the order of the calls, and the rows that it took to find out."""
        if self._layers is None:
            return [], 0
        infos, rows = self.layers(batch)
        found = [(info.layer, self._layers.bias(info.name)) for info in infos]
        return [(layer, bias) for layer, bias in found if bias is not None], rows

    def seams(self, batch: Inputs, wrt: Sequence[str] | None) -> dict[str, Place]:
        """For each attributed leaf the place where it can be differentiated: itself, or its embedding's output."""
        places: dict[str, Place] = {}
        ids = [name for name, leaf in batch.batched.items() if not is_floating(leaf)]
        wanted = wrt if wrt is not None else [name for name in batch.batched if name.split(".")[-1] not in _NOT_ATTRIBUTED]
        looked_up = self._embedding_calls(batch, [name for name in ids if name in wanted]) if set(ids) & set(wanted) else {}
        for name in wanted:
            if name not in ids:
                places[name] = name
            elif name in looked_up:
                places[name] = looked_up[name]
            elif wrt is not None:
                raise InputError(
                    f"leaf {name!r} holds integers, and no embedding layer of the model looks them up as they are: they have no "
                    "derivative. Leave it out of wrt=, pass floats, or name the layer that reads them: at=."
                )
        if not places:
            kinds = ", ".join(f"{name} ({leaf.dtype})" for name, leaf in batch.batched.items())
            raise InputError(
                f"none of the inputs can be differentiated: {kinds}. Pass floats, or ids of an embedding layer; a leaf whose "
                "name is that of a mask is attributed when wrt= names it."
            )
        return places

    def embedding_baseline(self, place: Layer, ids: int | None) -> tuple[Native, str]:
        """One vector that stands for an absent id (a given id, the padding id, or the mean of the table), and its name."""
        if self._layers is None:
            raise CapabilityError(f"{self._whole} shows no embedding layer.")
        table = self._layers.table(place.name)
        ids = table.padding if ids is None else ids
        if ids is None:
            return table.vectors.mean(axis=0), "mean of the embedding table"
        if not 0 <= ids < len(table.vectors):
            raise InputError(f"baseline={ids} is not an id of {place.name!r}, which has {len(table.vectors)}.")
        return table.vectors[ids], f"embedding of id {ids}"

    def first_nonfinite(self, batch: Inputs, targets: Sequence[RowTarget], rows: Rows) -> str:
        """Which layer first made a NaN or an infinity, as the end of a sentence."""
        return f"inside {self._whole}" if self._broken is None else self._broken(batch, targets, rows)

    def expected(self) -> str:
        """What shape the first layer takes, as a clause; empty when it is not known."""
        return "" if self._layers is None else self._layers.expected()

    def _run(self, batch: Inputs, layers: Layers) -> tuple[LayerInfo, ...]:
        kinds = layers.kinds()
        calls: list[tuple[str, tuple[int, ...]]] = []

        def seen(name: str, _args: tuple[Any, ...], output: Any) -> None:
            arrays = [leaf for leaf in tree.flatten(output).values() if hasattr(leaf, "shape")]
            if arrays:
                calls.append((name, tuple(int(size) for size in arrays[0].shape[1:])))

        assert self._look is not None
        self._look(batch, None, seen)
        counted: dict[str, int] = {}
        infos: list[tuple[str, int, tuple[int, ...]]] = []
        for name, shape in calls:
            counted[name] = counted.get(name, 0) + 1
            infos.append((name, counted[name], shape))
        return tuple(LayerInfo(name, call, counted[name], kinds[name], shape) for name, call, shape in infos)

    def _embedding_calls(self, batch: Inputs, ids: list[str]) -> dict[str, Layer]:
        """For each of these leaves the one embedding call that looks it up."""
        if self._layers is None or self._look is None or not (names := self._layers.embeddings()):
            return {}
        calls: list[tuple[str, Any]] = []
        given = self._look(batch, names, lambda name, args, _: calls.append((name, args[0])) if args else None)
        found: dict[str, Layer] = {}
        for leaf in ids:
            users = [
                (name, sum(other == name for other, _ in calls[: at + 1]))
                for at, (name, argument) in enumerate(calls)
                if self._same(argument, given.leaves[leaf])
            ]
            if len(users) > 1:
                raise LayerError(
                    f"ids {leaf!r} are looked up in {len(users)} places ({', '.join(name for name, _ in users)}); "
                    "their attribution would be counted for one of them only. Name the place with at=."
                )
            if users:
                name, call = users[0]
                found[leaf] = Layer(name, call if sum(other == name for other, _ in calls) > 1 else None)
        return found
