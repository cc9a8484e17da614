"""A network of interactions as plain records: where discs, lines and their texts stand in a drawing of 400 by 360."""

from __future__ import annotations

from typing import TypedDict

import numpy as np

from ..core.records import Explanation
from ..plots.entries import pairs_of, strongest
from ..plots.graphs import circle_places, graph, grouped
from ..plots.reading import Drawable
from ..plots.style import number, wrapped

NODES, WRITTEN, FAINT = 10, 4, 0.002
"""Players with a disc of their own, lines whose value is written, and the share of the thickest below which none is seen."""
RADIUS, CENTRE = 118.0, (200.0, 180.0)


class Node(TypedDict):
    """A player: a disc with lines of text beside it."""

    x: float
    y: float
    radius: float
    sign: str
    lines: list[str]
    text_x: float
    text_y: float
    anchor: str


class Edge(TypedDict):
    """An interaction; ``shown`` is its value where that is written, at ``x``, ``y``."""

    ends: tuple[float, float, float, float]
    width: float
    strength: float
    sign: str
    shown: str
    x: float
    y: float


class Network(TypedDict):
    """All of one sample, the strongest line first."""

    nodes: list[Node]
    edges: list[Edge]


def network(explanation: Explanation, drawn: Drawable, sample: int) -> Network:
    """The network of one sample; see ``pellucid.plots.network``."""
    found = grouped(graph(explanation, drawn, sample), NODES)
    places = circle_places(len(found.main)) * (RADIUS, -RADIUS) + CENTRE
    largest = float(np.abs(found.main).max(initial=0.0)) or 1.0
    nodes: list[Node] = []
    for name, value, place in zip(found.names, found.main.tolist(), places, strict=True):
        side, height = (place - CENTRE) / RADIUS
        lines = [*wrapped(name, 20).split("\n"), f"{value:+.3g}"]
        x, y = np.round(np.array(CENTRE) + (place - CENTRE) * 1.15, 1).tolist()
        drop = 11 * (0 if height > 0.9 else len(lines) - 1 if height < -0.9 else (len(lines) - 1) / 2)
        nodes.append(
            {
                "x": round(float(place[0]), 1),
                "y": round(float(place[1]), 1),
                "radius": round(3 + 8 * (abs(value) / largest) ** 0.5, 1),
                "sign": "positive" if value >= 0 else "negative",
                "lines": lines,
                "text_x": x,
                "text_y": round(y - drop + (8 if height > 0.9 else 3), 1),
                "anchor": "middle" if abs(side) < 0.25 else "start" if side > 0 else "end",
            }
        )
    return {"nodes": nodes, "edges": _edges(found.pairs, places)}


def _edges(pairs: np.ndarray, places: np.ndarray) -> list[Edge]:
    one, other = pairs_of(len(pairs))
    values = pairs[one, other]
    thickest = float(np.abs(values).max(initial=0.0))
    told: list[Edge] = []
    taken = list(places)
    for rank, pair in enumerate(strongest(values, len(values)).tolist()):
        value, first, second = float(values[pair]), places[one[pair]], places[other[pair]]
        if abs(value) <= FAINT * thickest:
            break
        along = [first + at * (second - first) for at in (0.5, 0.4, 0.6, 0.3, 0.7)]
        spot = max(along, key=lambda place: min(float(np.hypot(*(place - each))) for each in taken))
        if rank < WRITTEN:
            taken.append(spot)
        ends = np.round([*first, *second], 1).tolist()
        told.append(
            {
                "ends": (ends[0], ends[1], ends[2], ends[3]),
                "width": round(max(7 * abs(value) / thickest, 0.3), 2),
                "strength": round(0.25 + 0.5 * abs(value) / thickest, 2),
                "sign": "positive" if value > 0 else "negative",
                "shown": number(value) if rank < WRITTEN else "",
                "x": round(float(spot[0]), 1),
                "y": round(float(spot[1]), 1),
            }
        )
    return told
