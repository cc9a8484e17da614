"""Everything a report shows, as plain records: numbers, text and encoded maps. The page only draws them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TypedDict

import numpy as np

from ..core.card import CHECKS, KIND
from ..core.records import Explanation
from ..plots.entries import Entries, top_of
from ..plots.pieces import pieces
from ..plots.reading import Drawable, Names, borders, chosen_outputs, drawables, output_gradient, output_names
from ..plots.style import SIGNED, UNSIGNED, floor_of, number, percent
from ..verdict import Comparison
from .compared import Side, side
from .encode import Map, Picture, encode_map, encode_picture, shrunk
from .groups import Group, groups
from .labels import Entry, entries, labels
from .network import Network, network
from .trust import Trust, trust
from .words import cautions, clauses, describe, headline

TOP = 10
"""Bars in a table of features; the rest is summed."""
CHANNELS = 6
"""Most lines behind the values of a series."""


class Bar(TypedDict):
    """One named entry of a leaf. ``error`` is a standard error, ``None`` where nothing is known of it."""

    name: str
    given: str | None
    value: float
    error: float | None


class Span(TypedDict):
    """A run of a text: a word with the position of its value in ``values``, or what stands between words."""

    text: str
    player: int | None


class Part(TypedDict):
    """One attributed leaf: a map (over the picture named ``over``, if it has one), a series, a text, pairs, or bars.

    Values of players have ``bars`` whatever their form. ``regions`` is how many players a map or series is made of, 0 where
    they are none; each then has its whole value at all its positions, and ``borders`` are the lines between them as an SVG path.
    ``values`` are those of the words of a text.
    """

    leaf: str
    form: str
    words: str
    smooth: bool
    over: str
    note: str
    map: Map | None
    lines: list[str]
    bars: list[Bar]
    others: str
    total: float
    regions: int
    borders: str
    spans: list[Span]
    values: list[float]
    network: Network | None


class Row(TypedDict):
    """One output of the model. ``share`` is the length of its bar, -1 to 1."""

    name: str
    shown: str
    share: float
    gradient: str | None
    gradient_share: float
    explained: bool


class Prediction(TypedDict):
    """The outputs worth listing, and what their numbers are."""

    quantity: str
    rows: list[Row]
    more: int
    gradient_of: str | None


class Run(TypedDict):
    """What holds for a whole call."""

    label: str
    method: str
    samples: int
    command: str
    cost: str
    settings: str
    ran: str
    citations: str
    notes: list[str]


class Shown(TypedDict):
    """One method's explanation of one sample for one target."""

    run: int
    label: str
    target: int
    facts: list[tuple[str, str]]
    trust: Trust | None
    evidence: list[str]
    parts: list[Part]


class Card(TypedDict):
    """One sample. ``pictures`` are by leaf of the input, ``words`` and ``predictions`` by target."""

    name: str
    pictures: dict[str, Picture]
    headline: str
    words: list[list[str]]
    targets: list[str]
    predictions: list[Prediction]
    entries: list[Shown]


class Summary(TypedDict):
    """A whole report. ``checks`` are the gates of trust cards, where there are any: name, what is asked, what passes."""

    title: str
    cards: list[Card]
    runs: list[Run]
    cautions: list[str]
    comparisons: list[Side]
    checks: list[tuple[str, str, str]]
    palette: dict[str, list[str]]
    sign: str
    versions: str


def summary(
    explanations: Sequence[Explanation],
    title: str,
    names: Sequence[str] | None = None,
    features: Names = None,
    size: int = 224,
    comparisons: Sequence[Comparison] = (),
) -> Summary:
    """The records of a report about these explanations; maps and pictures are at most ``size`` pixels wide and high."""
    titles = labels(explanations, comparisons)
    trusted = any(finding.kind == KIND for explanation in explanations for finding in explanation.evidence)
    drawn = [drawables(explanation, features) for explanation in explanations]
    versions = dict(pair for explanation in explanations for pair in explanation.plan.versions.items())
    return {
        "title": title,
        "cards": [_card(group, explanations, drawn, titles, size) for group in groups(explanations, names)],
        "runs": [_run(explanation, label) for explanation, label in zip(explanations, titles, strict=True)],
        "cautions": cautions(explanations, titles),
        "comparisons": [side(each) for each in comparisons],
        "checks": [(check.name, check.asks, check.limit) for check in CHECKS if trusted],
        "sign": "signed" if all(part.players for leaves in drawn for part in leaves.values()) else "absolute",
        "palette": {"signed": list(SIGNED), "absolute": list(UNSIGNED)},
        "versions": ", ".join(f"{name} {version}" for name, version in versions.items()),
    }


def _card(
    group: Group,
    explanations: Sequence[Explanation],
    drawn: Sequence[Mapping[str, Drawable]],
    titles: Sequence[str],
    size: int,
) -> Card:
    held = entries(group, explanations, titles)
    targets = list(dict.fromkeys(entry.target for entry in held))
    seen = {
        part.source: part.pictures[entry.sample]
        for entry in held
        for part in drawn[entry.position].values()
        if part.pictures is not None
    }
    return {
        "name": group.name,
        "pictures": {leaf: encode_picture(pixels, size) for leaf, pixels in seen.items()},
        "headline": headline(explanations[held[0].position], held[0].sample),
        "words": [[f"{line[0].upper()}{line[1:]}." for line in clauses(held, target, explanations, drawn)] for target in targets],
        "targets": targets,
        "predictions": [_prediction([entry for entry in held if entry.target == target], explanations) for target in targets],
        "entries": [
            _shown(entry, explanations[entry.position], drawn[entry.position], targets.index(entry.target), size)
            for entry in held
        ],
    }


def _shown(entry: Entry, explanation: Explanation, drawn: Mapping[str, Drawable], target: int, size: int) -> Shown:
    sample = entry.sample
    facts = [("target value", number(float(explanation.value[sample])))]
    if explanation.base_value is not None:
        facts.append(("baseline value", number(float(explanation.base_value[sample]))))
    if explanation.error is not None:
        facts.append(("estimated error", percent(float(explanation.error[sample]))))
    if explanation.residual is not None:
        facts.append(("residual", percent(float(explanation.residual[sample]))))
    if explanation.layer:
        facts.append(("layer", explanation.layer))
    if explanation.removal is not None:
        facts.append(("removed means", explanation.removal))
    return {
        "run": entry.position,
        "label": entry.label,
        "target": target,
        "facts": facts,
        "trust": trust(explanation, sample),
        "evidence": [finding.sentence for finding in explanation[sample].evidence if finding.kind != KIND],
        "parts": [_part(explanation, part, sample, size, len(drawn) > 1) for part in drawn.values()],
    }


def _part(explanation: Explanation, part: Drawable, sample: int, size: int, several: bool) -> Part:
    values = part.values[sample]
    record: Part = {
        "leaf": part.leaf if several else "",
        "form": part.form,
        "words": describe(part, sample),
        "smooth": part.smooth,
        "over": part.source,
        "note": "",
        "map": None,
        "lines": [],
        "bars": [],
        "others": "",
        "total": float(np.abs(values).sum()),
        "regions": 0,
        "borders": "",
        "spans": [],
        "values": [],
        "network": None,
    }
    if part.form == "bars" or part.players:
        found = part.entries(sample)
        top = top_of(found.values, TOP)
        record["bars"] = [_bar(found, entry) for entry in top.chosen.tolist()]
        record["others"] = f"{top.words}: {number(top.rest)}" if top.others else ""
        record["total"] = float(np.abs(found.values).sum())
        if part.form == "text":
            record["spans"] = [{"text": piece.text, "player": piece.player} for piece in pieces(part.features[sample])]
            record["values"] = part.of_players(sample).tolist()
        elif part.form == "pairs":
            record["network"] = network(explanation, part, sample)
    if part.form in ("map", "series"):
        _place(record, part, sample, size)
    return record


def _place(record: Part, part: Drawable, sample: int, size: int) -> None:
    """Values with places, as a map one or many pixels high."""
    plane, values = part.plane(sample), part.painted(sample)
    whole = values if part.form == "map" else values[None]
    if plane is not None:
        shown = _thinned(whole, size if part.form == "map" else 2 * size)
        record["regions"] = len(part.features[sample])
        record["borders"] = _path(borders(plane if plane.ndim == 2 else plane[None]), shown.shape, whole.shape)
    else:
        shown = shrunk(whole, size if part.form == "map" else 2 * size)
    if plane is None and part.smooth and part.form == "map" and (low := floor_of(shown)):
        record["note"] = f"colours start at {number(low)}, the smallest value"
        shown = shown - low
    record["map"] = encode_map(shown)
    if plane is None and shown.shape != whole.shape:
        said = " × ".join(str(length) for length in whole.shape if part.form == "map" or length > 1)
        record["note"] = (
            f"{said} values, summed to {shown.shape[0]} × {shown.shape[1]}"
            if part.form == "map"
            else f"{said} steps in {shown.shape[1]} bins"
        )
    if part.inputs is not None:
        record["lines"] = [_polyline(line, shown.shape[1]) for line in np.atleast_2d(part.inputs[sample])[:CHANNELS]]


def _bar(found: Entries, entry: int) -> Bar:
    error = math.inf if found.standard_errors is None else float(found.standard_errors[entry])
    return {
        "name": found.names[entry],
        "given": found.given_of(entry),
        "value": float(found.values[entry]),
        "error": error if math.isfinite(error) else None,
    }


def _thinned(values: np.ndarray, size: int) -> np.ndarray:
    """A map at most ``size`` wide and high, by leaving out rows and columns: values of regions are not summed."""
    factor = max(max(values.shape) / size, 1.0)
    places = [np.floor((np.arange(max(1, round(length / factor))) + 0.5) * factor).astype(int) for length in values.shape]
    return values[np.ix_(*(np.minimum(place, length - 1) for place, length in zip(places, values.shape, strict=True)))]


def _path(lines: Sequence[Sequence[tuple[float, float]]], shown: tuple[int, ...], whole: tuple[int, ...]) -> str:
    """Lines between pixels as an SVG path over the map as it is shown."""
    down, across = shown[0] / whole[0], shown[1] / whole[1]
    ends = [[(round((x + 0.5) * across, 1), round((y + 0.5) * down, 1)) for x, y in line] for line in lines]
    return "".join(f"M{a:g} {b:g}L{c:g} {d:g}" for (a, b), (c, d) in ends)


def _polyline(series: np.ndarray, width: int) -> str:
    """Points of a line in a box ``width`` wide and 100 high, by the means of equal bins."""
    means = shrunk(series[None], width)[0] * (width / len(series) if width < len(series) else 1)
    low, spread = float(means.min()), float(np.ptp(means)) or 1.0
    return " ".join(f"{x + 0.5:g},{95 - 90 * (y - low) / spread:.1f}" for x, y in enumerate(means))


def _prediction(held: Sequence[Entry], explanations: Sequence[Explanation]) -> Prediction:
    """The outputs for one target; with the gradient of the target in each of them, if a method gave it."""
    gradients = [entry for entry in held if output_gradient(explanations[entry.position]) is not None]
    entry = (gradients or list(held))[0]
    explanation, sample = explanations[entry.position], entry.sample
    probabilities = explanation.probabilities
    quantity = "value" if probabilities is None else "probability"
    if explanation.prediction.ndim != 2:
        row: Row = {
            "name": headline(explanation, sample),
            "shown": "",
            "share": 0.0,
            "gradient": None,
            "gradient_share": 0.0,
            "explained": False,
        }
        return {"quantity": quantity, "rows": [row], "more": 0, "gradient_of": None}
    shown = np.asarray(explanation.prediction if probabilities is None else probabilities, dtype=np.float64)[sample]
    gradient = output_gradient(explanation)
    target = explanation.target
    own = None if target.indices is None or target.layer is not None else target.indices[sample]
    explained = int(own[0]) if own is not None and len(own) == 1 else None
    chosen: list[int] = chosen_outputs(explanation, sample, 5).tolist()
    if explained is not None and explained not in chosen:
        chosen.append(explained)
    names = output_names(explanation)
    longest = 1.0 if probabilities is not None else float(np.abs(shown[chosen]).max()) or 1.0
    steepest = 1.0 if gradient is None else float(np.abs(gradient[sample][chosen]).max()) or 1.0
    rows: list[Row] = [
        {
            "name": names[index],
            "shown": f"{shown[index]:.3f}" if probabilities is not None else number(float(shown[index])),
            "share": _finite(float(shown[index]) / longest),
            "gradient": None if gradient is None else f"{gradient[sample, index]:+.3g}",
            "gradient_share": 0.0 if gradient is None else _finite(float(gradient[sample, index]) / steepest),
            "explained": index == explained,
        }
        for index in chosen
    ]
    return {
        "quantity": quantity,
        "rows": rows,
        "more": len(shown) - len(rows),
        "gradient_of": None if gradient is None else entry.target,
    }


def _run(explanation: Explanation, label: str) -> Run:
    plan, rows = explanation.plan, len(explanation)
    return {
        "label": label,
        "method": explanation.method,
        "samples": rows,
        "command": explanation.command,
        "cost": f"{explanation.cost}{f' for all {rows} samples' if rows > 1 else ''}",
        "settings": ", ".join(f"{name}={value}" for name, value in explanation.parameters.items()),
        "ran": f"{plan.adapter} on {plan.device}, batches of {plan.batch_size}, {plan.memory_format}, seed {plan.seed}",
        "citations": ", ".join(explanation.citations),
        "notes": list(plan.notes),
    }


def _finite(share: float) -> float:
    return share if math.isfinite(share) else 0.0
