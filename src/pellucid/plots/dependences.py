"""Dependence: what a feature is against what it contributes, coloured by another one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from ..core.errors import InputError, nearest
from ..core.records import Explanation
from .beeswarms import dots, level_colour, offsets, scale, shared
from .canvas import axes, heading
from .columns import Column, column
from .entries import given_of, names_of
from .reading import Drawable, Names, drawable
from .style import LEVELS, MISSING, NEUTRAL, cells

BINS = 8
"""Groups of samples with about the same value of the feature, within which another one is compared."""
LEAST = 0.05
"""Share of the variance within those groups below which no other feature is said to interact."""


def dependence(
    explanation: Explanation,
    feature: str | int,
    *,
    other: str | int | None = None,
    leaf: str | None = None,
    features: Names = None,
    ax: Axes | None = None,
) -> Axes:
    """A feature's values over the samples: what it is (across) against what it contributes (up).

    Categories stand at places of their own, missing ones at the far end. Whiskers are one standard error to each side. Dots are
    coloured by another feature: of pairs, the one whose interaction with this feature is strongest; otherwise the one that
    accounts best for differences between samples in which this feature is about the same (within eighths of the samples, or
    levels), if it accounts for 5% of their variance.

    Parameters
    ----------
    explanation
        What ``pl.explain`` returned, for samples that share their features.
    feature
        Name or number of the feature.
    other
        Name or number of the feature that gives the colours, in place of the strongest.
    leaf
        The attributed leaf, where there are several.
    features
        Names, where the explanation has none.
    ax
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        For a feature that is not there or is a group of columns, and where samples have features of their own.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> e = pl.explain(torch.nn.Linear(2, 1), torch.rand(30, 2), method="shapley")
    >>> ax = pl.plots.dependence(e, "x1")
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('x1', 'attribution of x1')
    """
    held = _table(explanation, leaf, features)
    at = _place(feature, held.names, "feature")
    own = held.columns[at]
    if own is None:
        raise InputError(f"{held.names[at]!r} is no single number or category in these samples; there is no axis to draw it on.")
    best, share = held.strongest(at) if other is None else (_place(other, held.names, "other"), None)
    second = None if best is None else held.columns[best]
    with axes(ax, (6.6, 4.4), (*held.texts, *explanation.target.names)) as ax:
        values, errors = held.values[:, at], None if held.errors is None else held.errors[:, at]
        across = _across(ax, own, values)
        if errors is not None and np.nan_to_num(errors).any():
            ax.errorbar(across, values, yerr=errors, fmt="none", ecolor="#bbbbbb", elinewidth=0.8, zorder=1)
        ax.scatter(
            across,
            values,
            c=dots(second, len(values)),
            s=float(np.clip(2500 / max(len(values), 1), 8, 30)),
            linewidths=0,
            zorder=2,
        )
        ax.axhline(0, color=NEUTRAL, linewidth=0.8, zorder=0)
        ax.set(xlabel=held.names[at], ylabel=f"attribution of {held.names[at]}")
        ax.spines[["top", "right"]].set_visible(False)
        if best is not None and second is not None:
            _key(ax, held.names[best], held.names[at], second, share)
        heading(ax, explanation, None)
    return ax


@dataclass(frozen=True, eq=False)
class _Held:
    """Values, standard errors and what the features are, over the samples; ``pairs`` where they are known."""

    names: tuple[str, ...]
    values: np.ndarray
    errors: np.ndarray | None
    columns: Sequence[Column | None]
    texts: tuple[str, ...]
    pairs: np.ndarray | None = None

    def strongest(self, at: int) -> tuple[int | None, float | None]:
        """The feature that interacts most with this one, and the share of the variance that it accounts for."""
        if self.pairs is not None:
            sizes = np.abs(self.pairs[:, at]).mean(axis=0)
            sizes[at] = 0
            best = int(sizes.argmax())
            return (best if sizes[best] > 0 and self.columns[best] is not None else None), None
        own = self.columns[at]
        assert own is not None
        shares = [
            0.0 if number == at or other is None else accounted(own, self.values[:, at], other)
            for number, other in enumerate(self.columns)
        ]
        best = int(np.argmax(shares))
        return (best, shares[best]) if shares[best] >= LEAST else (None, None)


def accounted(own: Column, values: np.ndarray, other: Column) -> float:
    """Share of the variance of ``values``, among samples whose own feature is about the same, that another one accounts for.

    >>> grid = np.tile(np.arange(8.0), 8)
    >>> second = np.repeat([0.0, 1.0], 32)
    >>> round(accounted(Column(grid), grid * second, Column(second)), 2)
    1.0
    """
    groups = _groups(own)
    left = explained = 0.0
    spent = 0
    for group in np.unique(groups):
        inside = (groups == group) & ~np.isnan(other.places)
        if inside.sum() < 4:
            continue
        here = np.zeros(int(inside.sum())) if own.levels else np.nan_to_num(own.places[inside])
        rest, apart = _level(values[inside], here), other.places[inside]
        left += float(rest @ rest)
        if other.has_scale:
            apart = _level(apart, here)
            explained += float((rest @ apart) ** 2 / (apart @ apart)) if apart.any() else 0.0
            spent += int(apart.any())
        else:
            levels = [rest[apart == level] for level in np.unique(apart)]
            explained += float(sum(len(each) * each.mean() ** 2 for each in levels))
            spent += len(levels) - 1
    freedom = len(values) - len(np.unique(groups)) - spent
    if left <= 1e-12 * float(values @ values) or freedom <= 0:
        return 0.0
    return max(0.0, 1 - (left - explained) / left * (freedom + spent) / freedom)


def _level(values: np.ndarray, along: np.ndarray) -> np.ndarray:
    """What is left of values without their mean and their straight trend."""
    values, along = values - values.mean(), along - along.mean()
    return values - along * (values @ along) / (along @ along) if along.any() else values


def _groups(own: Column) -> np.ndarray:
    """Samples with about the same value: levels, missing ones, or equal counts of rising numbers."""
    known = ~np.isnan(own.places)
    found = np.full(len(own.places), -1)
    if own.levels or len(np.unique(own.places[known])) <= BINS:
        found[known] = np.unique(own.places[known], return_inverse=True)[1]
    else:
        edges = np.quantile(own.places[known], np.linspace(0, 1, BINS + 1)[1:-1])
        found[known] = np.searchsorted(edges, own.places[known], side="right")
    return found


def _table(explanation: Explanation, leaf: str | None, names: Names) -> _Held:
    drawn = drawable(explanation, leaf, "bars", names)
    names_told, values = shared(drawn)
    if explanation.over == "interactions":
        return _of_pairs(explanation, drawn)
    errors = [drawn.entries(row).standard_errors for row in range(len(values))]
    known = [each for each in errors if each is not None]
    given = [drawn.entries(row).given for row in range(len(values))]
    stacked = np.stack(known) if len(known) == len(values) else None
    return _Held(names_told, values, stacked, _columns(given, drawn, len(names_told)), tuple(drawn.texts()))


def _of_pairs(explanation: Explanation, drawn: Drawable) -> _Held:
    """Pairs of players: a feature's value is its main effect and half of each of its pairs."""
    matrix = np.asarray(next(iter(explanation.leaves.values())), np.float64)
    names = names_of(drawn.features[0])
    columns = _columns(given_of(explanation), drawn, len(names))
    return _Held(names, matrix.sum(axis=2), None, columns, tuple(drawn.texts()), matrix + matrix.transpose(0, 2, 1))


def _columns(given: Sequence[tuple[Any, ...] | None], drawn: Drawable, count: int) -> list[Column | None]:
    rows = [each for each in given if each is not None]
    found: list[Column | None] = [None] * count  # of sets of features, too
    if len(rows) == len(given):
        for at in range(min(map(len, rows), default=0)):
            found[at] = column([row[at] for row in rows], drawn.features[0].players[at] if drawn.features else None)
    return found


def _place(wanted: str | int, names: Sequence[str], argument: str) -> int:
    """The number of a feature, from its name or number."""
    if isinstance(wanted, str):
        if wanted in names:
            return names.index(wanted)
        raise InputError(f"{argument}= names {wanted!r}, which is not there.{nearest(wanted, names)}")
    if not -len(names) <= wanted < len(names):
        raise InputError(f"{argument}={wanted} is outside the {len(names)} features (0 to {len(names) - 1}).")
    return int(wanted) % len(names)


def _across(ax: Axes, own: Column, values: np.ndarray) -> np.ndarray:
    """Where the dots stand: numbers at themselves, levels spread a little around their place, missing ones at the right."""
    return _by_level(ax, own, values) if own.levels else _by_number(ax, own)


def _by_level(ax: Axes, own: Column, values: np.ndarray) -> np.ndarray:
    missing = np.isnan(own.places)
    labels = [*own.levels, *(["missing"] if missing.any() else [])]
    places = np.where(missing, len(own.levels), own.places)
    for level in range(len(labels)):
        here = places == level
        places[here] += 0.7 * offsets(values[here], float(values.min()), float(values.max()))
    ax.set_xticks(range(len(labels)), labels, rotation=30 if sum(map(cells, labels)) > 60 else 0)
    ax.set_xlim(-0.6, len(labels) - 0.4)
    return places


def _by_number(ax: Axes, own: Column) -> np.ndarray:
    missing = np.isnan(own.places)
    if not missing.any():
        return own.places
    low, high = float(np.nanmin(own.places)), float(np.nanmax(own.places))
    step = (high - low) / 10 or 1.0
    apart = high + 1.5 * step
    ax.axvline(apart - 0.75 * step, color=NEUTRAL, linewidth=0.6, linestyle=":")
    ticks = MaxNLocator(6).tick_values(low, high)
    kept = [float(tick) for tick in ticks if low - step / 2 <= tick <= high - step / 2]
    ax.set_xticks([*kept, apart], [*(f"{tick:g}" for tick in kept), "missing"])
    return np.where(missing, apart, own.places)


def _key(ax: Axes, name: str, own: str, second: Column, share: float | None) -> None:
    """What the colours are: a scale, or levels by name."""
    figure = ax.get_figure()
    assert figure is not None
    why = "" if share is None else f"\n(tells {share:.0%} of the spread\nat equal {own})"
    missing = bool(np.isnan(second.places).any())
    if second.has_scale and not second.levels:
        low, high = np.percentile(second.places[~np.isnan(second.places)], [5, 95])
        shades = ScalarMappable(Normalize(low, high if high > low else low + 1), scale())
        bar = figure.colorbar(shades, ax=ax, aspect=30, fraction=0.05, pad=0.02)
        bar.set_label(name + why + (" (grey: missing)" if missing else ""))
        bar.outline.set_visible(False)
        return
    count = len(second.levels) if second.has_scale else min(len(second.levels), len(LEVELS))
    colours = [scale()(at / max(count - 1, 1)) if second.has_scale else level_colour(at) for at in range(count)]
    named = list(zip(second.levels, colours, strict=False))
    if len(second.levels) > count:
        named.append((f"{len(second.levels) - count} more", NEUTRAL))
    if missing:
        named.append(("missing", MISSING))
    marks = [Line2D([], [], marker="o", linestyle="", color=colour, label=level) for level, colour in named]
    ax.legend(
        handles=marks,
        title=name + why,
        title_fontsize="small",
        loc="upper left",
        bbox_to_anchor=(1.01, 1),
        frameon=False,
        alignment="left",
    )
