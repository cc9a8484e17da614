"""Findings in words: sentences that can be checked against the numbers they were made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from scipy.stats import rankdata

from ..core.card import GRADES, KIND, OVERALL, Grade, TrustCard
from ..core.records import Explanation
from ..plots.entries import ninth, strongest
from ..plots.reading import Drawable, Names, drawables
from ..plots.style import floor_of, number, percent
from .groups import as_explanations, groups
from .labels import Entry, entries, labels

CELLS = 14
"""Maps are compared on a grid of so many cells a side."""


def findings(explanations: Any, names: Sequence[str] | None = None, features: Names = None) -> list[str]:
    """What explanations say, in plain sentences, sample by sample; what should be known about them comes last.

    Shares are shares of the sum of ``|values|`` (channels summed first), at full resolution: how much lies in the ninth of
    the picture that holds most (an even spread would give 11%), how much the three largest features hold. Methods are
    compared by Spearman's rank correlation of ``|values|`` summed over at most 14 × 14 cells.

    Parameters
    ----------
    explanations
        One explanation, or any nesting of lists and tuples of them.
    names
        One name per distinct sample, in order of appearance.
    features
        Names of the entries of the leaf (or a mapping of leaf to names), for tables.

    Returns
    -------
    list of str

    Raises
    ------
    InputError
        If there is no explanation, or names do not fit.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Linear(2, 1)
    >>> _ = net.weight.data.copy_(torch.tensor([[3.0, -1.0]])), net.bias.data.zero_()
    >>> e = pl.explain(net, torch.ones(1, 2), method="input-x-gradient")
    >>> for sentence in findings(e, names=["first"], features=["age", "height"]):
    ...     print(sentence)
    first: output 0 is 2.
    first: by input-x-gradient, age (+3) and height (-1) hold 100% of |values|.
    """
    listed = as_explanations(explanations)
    told: list[str] = []
    drawn = [drawables(explanation, features) for explanation in listed]
    titles = labels(listed)
    for group in groups(listed, names):
        held = entries(group, listed, titles)
        told.append(f"{group.name}: {headline(listed[held[0].position], held[0].sample)}.")
        targets = dict.fromkeys(entry.target for entry in held)
        for target in targets:
            about = f"{group.name} for {target}" if len(targets) > 1 else group.name
            told += [f"{about}: {clause}." for clause in clauses(held, target, listed, drawn)]
    return told + cautions(listed, titles)


def clauses(
    held: Sequence[Entry], target: str, explanations: Sequence[Explanation], drawn: Sequence[Mapping[str, Drawable]]
) -> list[str]:
    """Where each method puts one target's values, and how far the methods agree, for one sample."""
    mine = [entry for entry in held if entry.target == target]
    told: list[str] = []
    places: list[str] = []
    for entry in mine:
        quality = _quality(explanations[entry.position], entry.sample)
        parts = list(drawn[entry.position].values())
        if len(parts) == 1 and _floor(parts[0], entry.sample):
            quality.insert(0, "of what lies above the smallest value")
        where = _place(parts[0], entry.sample) if len(parts) == 1 else None
        if where is not None and parts[0].form == "map":
            places.append(f"{where[0]} by {entry.label} ({'; '.join([percent(where[1]), *quality])})")
        else:
            said = [describe(part, entry.sample) for part in parts]
            told.append(f"by {entry.label}, {'; '.join([*said, *quality])}")
    if places:
        share = "the ninth of the picture with the largest share of |values| (an even spread gives 11%)"
        told.insert(0, f"{share} is {', '.join(places)}")
    if agreement := _agreement(mine, drawn):
        told.append(agreement)
    if trusted := _trust(mine, explanations):
        told.append(trusted)
    return told


def headline(explanation: Explanation, sample: int) -> str:
    """The prediction: the two most probable classes, or the outputs there are."""
    prediction = np.asarray(explanation.prediction[sample], dtype=np.float64).reshape(-1)
    probabilities = explanation.probabilities
    shown = prediction if probabilities is None else probabilities[sample]
    if len(prediction) == 1:
        name = explanation.classes[0] if explanation.classes and len(explanation.classes) == 1 else "output 0"
        return f"{name} {'is' if probabilities is None else 'has probability'} {number(float(shown[0]))}"
    if explanation.prediction.ndim != 2:
        return f"the target {explanation.target.names[sample]} is {number(float(explanation.value[sample]))}"
    best = np.argsort(-shown, kind="stable")[:2]
    known = explanation.classes if explanation.classes and len(explanation.classes) == len(shown) else None
    named: list[tuple[str, float]] = [(known[index] if known else f"output {index}", float(shown[index])) for index in best]
    if probabilities is None:
        return ", ".join(f"{name} = {number(value)}" for name, value in named)
    return ", ".join(f"{name} {value:.2f}" for name, value in named) + " (probability)"


def describe(part: Drawable, sample: int) -> str:
    """Where the values of one leaf lie, as a clause."""
    floor = _floor(part, sample)
    values = np.abs(part.values[sample]) - floor
    total = float(values.sum())
    if total == 0:
        return f"every value is {number(floor) if floor else 'zero'}"
    place = _place(part, sample)
    if part.players:
        where = {"map": "ninth of the picture", "series": "third of the series"}.get(part.form, "")
        return _named(part, sample) + ("" if place is None else f"; {percent(place[1])} lies in the {place[0]} {where}")
    if part.form == "bars":
        return _named(part, sample)
    share = float(np.sort(values, axis=None)[::-1][: max(1, round(values.size / 10))].sum()) / total
    unit, whole = ("pixels", "ninth of the picture") if part.form == "map" else ("steps", "third of the series")
    what = "|values|" if not floor else f"|values| above the smallest ({number(floor)})"
    told = f"{percent(share)} of {what} lies in the strongest tenth of the {unit}"
    return told if place is None else f"{told}, {percent(place[1])} in the {place[0]} {whole}"


def _place(part: Drawable, sample: int) -> tuple[str, float] | None:
    """The ninth of a picture, or third of a series, that holds most, with its share."""
    if part.form not in ("map", "series"):
        return None
    values = np.abs(part.values[sample]) - _floor(part, sample)
    thirds = _cells(values if values.ndim == 2 else values[None], 3)
    total, most = float(values.sum()), int(np.argmax(thirds))
    if total == 0 or thirds.size != (9 if part.form == "map" else 3):
        return None
    name = ("first", "middle", "last")[most] if part.form == "series" else ninth(most // 3, most % 3)
    return name, float(thirds.max()) / total


def cautions(explanations: Sequence[Explanation], titles: Sequence[str]) -> list[str]:
    """What the explanations themselves say should be known about them; a method's findings of one kind in one sentence."""
    told: dict[tuple[str, str], dict[str, str]] = {}
    for explanation, title in zip(explanations, titles, strict=True):
        for finding in (each for each in explanation.evidence if each.kind != KIND):
            told.setdefault((title, finding.kind), {}).setdefault(
                str(explanation.target), finding.sentence if len(finding.samples) == finding.of else str(finding)
            )
    return [_caution(title, sentences) for (title, _), sentences in told.items()]


def _caution(title: str, sentences: Mapping[str, str]) -> str:
    """The first of a method's findings of one kind, given by target, and for which targets there are more."""
    (target, sentence), *more = sentences.items()
    return f"{title} ({target}): {sentence}" + (f" Likewise for {', '.join(other for other, _ in more)}." if more else "")


def _floor(part: Drawable, sample: int) -> float:
    """Where the values of a map without a sign start, where that is far from 0; see ``floor_of``."""
    return floor_of(part.values[sample]) if part.form == "map" and not part.players else 0.0


def _named(part: Drawable, sample: int) -> str:
    found = part.entries(sample)
    values = found.values
    chosen: list[int] = [entry for entry in strongest(values, 3).tolist() if values[entry]]
    names = [f"“{name}”" if part.form == "text" else name for name in found.names]
    listed = [f"{names[entry]} ({values[entry]:+.3g})" for entry in chosen]
    joined = listed[0] if len(listed) == 1 else f"{', '.join(listed[:-1])} and {listed[-1]}"
    share = percent(float(np.abs(values[chosen]).sum() / np.abs(values).sum()))
    return f"{joined} {'holds' if len(listed) == 1 else 'hold'} {share} of |values|"


def _quality(explanation: Explanation, sample: int) -> list[str]:
    told: list[str] = []
    if explanation.error is not None:
        told.append(f"estimated error {percent(float(explanation.error[sample]))}")
    if explanation.residual is not None:
        told.append(f"completeness residual {percent(float(explanation.residual[sample]))}")
    return told


def _agreement(held: Sequence[Entry], drawn: Sequence[Mapping[str, Drawable]]) -> str:
    """Which methods agree most, and least, on where ``|values|`` lies."""
    parts = [(entry.label, next(iter(drawn[entry.position].values())), entry.sample) for entry in held]
    parts = [each for each in parts if each[1].leaf == parts[0][1].leaf and each[1].form == parts[0][1].form]
    maps = [np.abs(part.values[sample]) for _, part, sample in parts]
    if len(maps) < 2:
        return ""
    if parts[0][1].form == "map":
        cells = min(CELLS, *(min(values.shape) for values in maps))
        maps, over = [_cells(values, cells) for values in maps], f"{cells} × {cells} cells"
    else:
        over = f"{maps[0].size} {'steps' if parts[0][1].form == 'series' else 'entries'}"
    if any(values.size != maps[0].size or values.size < 3 or np.ptp(values) == 0 for values in maps):
        return ""
    pairs = [(_rank_correlation(maps[i], maps[j]), parts[i][0], parts[j][0]) for i, j in combinations(range(len(maps)), 2)]
    low, high = min(pairs), max(pairs)
    if len(pairs) == 1:
        return f"on where |values| lies, {high[1]} and {high[2]} agree with a rank correlation of {high[0]:.2f} over {over}"
    return (
        f"on where |values| lies, {high[1]} and {high[2]} agree most (rank correlation {high[0]:.2f} over {over}), "
        f"{low[1]} and {low[2]} least ({low[0]:.2f})"
    )


def _trust(held: Sequence[Entry], explanations: Sequence[Explanation]) -> str:
    """What the trust cards say, the methods of one verdict together; the reasons stand in the cards."""
    said: dict[Grade, list[str]] = {}
    for entry in held:
        if (card := TrustCard.of(explanations[entry.position][entry.sample])) is not None:
            said.setdefault(card.grade, []).append(entry.label)
    parts = [f"{OVERALL[grade][0].lower()}{OVERALL[grade][1:]} ({', '.join(said[grade])})" for grade in GRADES if grade in said]
    return f"how far to trust it: {'; '.join(parts)}" if parts else ""


def _rank_correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Spearman's: the correlation of ranks, ties at their mean rank."""
    return float(np.corrcoef(rankdata(one), rankdata(other))[0, 1])


def _cells(values: np.ndarray, cells: int) -> np.ndarray:
    """Sums over a grid of cells whose edges are rounded to whole pixels; fewer cells where there are fewer pixels."""
    for axis in (0, 1):
        edges = np.unique(np.floor(np.arange(cells) * values.shape[axis] / cells).astype(int))
        values = np.add.reduceat(values, edges, axis=axis)
    return values
