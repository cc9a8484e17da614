"""One pass with its derivatives, in calls of compiled sizes: gradients, second derivatives, and the speeds of layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...core.targets import Layer, RowTarget
from ...core.types import Rows
from ...core.view import OUTPUT, Gradient, Inputs, Place
from .. import refusals
from .arrays import native
from .compiled import Pass
from .depends import reached
from .outputs import Outputs
from .parts import Part
from .running import Running
from .slopes import Weights, change, slope


@dataclass(frozen=True)
class Asked:
    """What is differentiated, where, and what is given: leaves and replaced layers; see ``core.view.ModelView.gradient``."""

    batch: Inputs
    targets: Sequence[RowTarget]
    rows: Rows
    wrt: tuple[Place, ...]
    given: Mapping[Place, Any]
    along: Sequence[Any] | None
    moving: Mapping[Place, Any]

    def over(self, running: Running) -> tuple[list[Outputs], list[Gradient], list[Part]]:
        """What the model returned, and gradients without that, part by part."""
        moved = tuple(place for place in self.wrt if place in self.given)
        keep = tuple(dict.fromkeys(target.layer for target in self.targets if target.layer is not None))
        still = tuple(place for place in self.given if place not in moved)
        run = running.over(self.batch, moved=moved, still=still, added=self._inner, keep=keep)
        parts = running.parts(run, "linear", self.batch)
        made, pieces = zip(*(self._piece(running, run, part) for part in parts), strict=True)
        return list(made), list(pieces), parts

    @property
    def _inner(self) -> tuple[Layer, ...]:
        """Layers whose outputs the model makes itself."""
        return tuple(place for place in self.wrt if isinstance(place, Layer) and place not in self.given and place != OUTPUT)

    def _piece(self, running: Running, run: Pass, part: Part) -> tuple[Outputs, Gradient]:
        """One call, and its derivative once per target."""
        rows, moved, still = part.rows(self.rows), part.of(self.given, run.moved), part.of(self.given, run.still)
        outputs, kept, before, pull = running.call(run, "linear", moved, still)
        layers, like = dict(zip(run.keep, kept, strict=True)), (outputs.floats, kept)
        points: dict[Place, Any] = dict(zip((*run.moved, *run.added), (*moved, *before), strict=True))
        values, gradients, products = [], [], []
        for target in self.targets:
            at = slope(target, outputs, layers, rows, part.count)
            found = _by_place(run, running.back(run, pull, at.weights, like))
            _check_reached(running, run, target, found, at.weights, moved, still)
            if OUTPUT in self.wrt and OUTPUT not in found:
                number = at.only(outputs)
                found[OUTPUT], points[OUTPUT] = at.weights[0][number], outputs.floats[number]
            gradients.append(tuple(part.cut(found[place]) for place in self.wrt))
            values.append(native(at.value))
            if self.along is not None:
                given = dict(zip(self.wrt, self.along, strict=True))
                ways = [_ways(part, given, places, points) for places in (run.moved, run.added)]
                speeds, bends = running.call(run, "curved", moved, still, at.weights, *ways)
                bent = _by_place(run, bends)
                if (weights := change(at, outputs, speeds[0], rows)) is not None:
                    more = _by_place(run, running.back(run, pull, weights, like))
                    bent = {place: array + more[place] for place, array in bent.items()}
                products.append(tuple(part.cut(bent[place]) for place in self.wrt))
        cut = tuple(part.cut(points[place]) for place in self.wrt)
        rates = self._rates(running, part, cut) if self.moving else ()
        return outputs.map(part.cut), Gradient(tuple(values), tuple(gradients), cut, None, tuple(products), rates)

    def _rates(self, running: Running, part: Part, points: Sequence[Any]) -> tuple[Any, ...]:
        """How places follow when others move: layers by the chain rule, what is given not at all."""
        still = tuple(place for place in self.given if place not in self.moving)
        run = running.over(self.batch, moved=tuple(self.moving), still=still, keep=self._inner)
        moved = part.of(self.given, run.moved)
        ways = _ways(part, self.moving, run.moved, dict(zip(run.moved, moved, strict=True)))
        speeds = dict(zip(run.keep, running.call(run, "rates", moved, part.of(self.given, still), ways), strict=True))
        speeds |= {place: part.pad(way) for place, way in self.moving.items()}
        return tuple(
            part.cut(speeds[place]) if place in speeds else point - point for place, point in zip(self.wrt, points, strict=True)
        )


def _by_place(run: Pass, pulled: Any) -> dict[Place, Any]:
    return dict(zip((*run.moved, *run.added), (*pulled[0], *pulled[1]), strict=True))


def _ways(part: Part, ways: Mapping[Place, Any], places: Sequence[Place], like: Mapping[Place, Any]) -> tuple[Any, ...]:
    """Directions at places, in their dtypes."""
    return tuple(part.pad(ways[place]).astype(like[place].dtype) for place in places)


def _check_reached(
    running: Running, run: Pass, target: RowTarget, found: Mapping[Place, Any], weights: Weights, moved: Any, still: Any
) -> None:
    """Refuse a derivative that is zero whatever the inputs are; looked at once, where everything is zero."""
    key = (run, target.leaf, target.layer)
    if key in running.reaching or running.eager or any(bool((array != 0).any()) for array in found.values()):
        running.reaching.add(key)
        return

    def pulled(weights: Weights) -> Any:
        outputs, kept, _, pull = run.linear(running.state, moved, still)
        return run.back(pull, weights, (outputs.floats, kept))

    if any(running.traced(reached, pulled, weights)):
        running.reaching.add(key)
        return
    raise refusals.not_reached(list(found), "JAX", "stopped (stop_gradient)")
