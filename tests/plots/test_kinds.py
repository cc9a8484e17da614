"""Every kind of drawing shows the numbers of the record: positions, lengths and colours are read back from the axes."""

from __future__ import annotations

import dataclasses
import io
import itertools
import warnings

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

import pellucid as pl
from pellucid import InputError
from pellucid.plots.beeswarms import level_colour, offsets, scale
from pellucid.plots.columns import Column
from pellucid.plots.dependences import accounted
from pellucid.plots.entries import top_of
from pellucid.plots.fonts import cjk_family
from pellucid.plots.graphs import graph, grouped
from pellucid.plots.reading import borders, drawable
from pellucid.plots.style import MISSING, NEGATIVE, NEUTRAL, POSITIVE
from plots.handmade import explanation, interactions, mixed, photos, players, positions, regions, segments, table, texts

PLOTS = pl.plots

EACH = {
    "bar": (PLOTS.bar, players(1)),
    "waterfall": (PLOTS.waterfall, players(1)),
    "beeswarm": (PLOTS.beeswarm, players(20)),
    "heatmap": (PLOTS.heatmap, regions()),
    "text": (PLOTS.text, texts("A very good film.")),
    "network": (PLOTS.network, interactions()),
    "series": (PLOTS.series, segments()),
    "dependence": (lambda e, **options: PLOTS.dependence(e, "column 1", **options), players(20)),
}


def labels(ax):
    return [text.get_text() for text in ax.get_yticklabels()]


def rendered(ax):
    """The axes' figure as a picture: anything that cannot be drawn fails here."""
    held = io.BytesIO()
    ax.figure.savefig(held, format="png", dpi=50)
    return held.getvalue()


@pytest.mark.parametrize("kind", EACH)
def test_every_kind_draws_into_the_axes_it_is_given_and_returns_them(kind):
    function, e = EACH[kind]
    figure = Figure(figsize=(6, 4))
    ax = figure.subplots()
    assert function(e, ax=ax) is ax
    assert "shapley" in ax.get_title(loc="left")
    assert rendered(ax).startswith(b"\x89PNG")
    own = function(e)
    assert own.figure is not figure
    assert own.figure._repr_png_().startswith(b"\x89PNG")


@pytest.mark.parametrize("kind", EACH)
def test_plot_dispatches_by_name(kind):
    e = EACH[kind][1]
    options = {"feature": "column 1"} if kind == "dependence" else {}
    figure = e.plot(kind=kind, **options)
    assert isinstance(figure, Figure)
    assert any("shapley" in ax.get_title(loc="left") for ax in figure.axes)


@pytest.mark.parametrize(
    ("e", "expected"),
    [
        (players(1), "waterfall"),
        (players(1, base_value=None), "bar"),
        (table(1), "bar"),
        (players(20), "beeswarm"),
        (regions(), "heatmap"),
        (positions(1), "heatmap"),
        (photos(1), "heatmap"),
        (texts("A film."), "text"),
        (segments(), "series"),
        (interactions(), "network"),
    ],
)
def test_the_usual_kind_follows_from_the_record(e, expected):
    from pellucid.plots.figure import usual

    assert usual(e, None, None, None) == expected
    assert rendered(e.plot().axes[0]).startswith(b"\x89PNG")


def test_plotting_is_reached_from_the_package_and_loads_nothing_before():
    assert set(PLOTS.__all__) == {*EACH, "benchmark", "card", "comparison", "methods", "plot"}
    for name in EACH:
        assert callable(getattr(PLOTS, name))
    with pytest.raises(AttributeError, match="no attribute 'pie'"):
        PLOTS.pie  # noqa: B018


# ---------------------------------------------------------------------- bars


def test_bars_of_a_sample_are_its_values_with_their_errors():
    e = players(2, 6)
    ax = PLOTS.bar(e, sample=1, top=3)
    order = np.argsort(-np.abs(e.values[1]))
    lengths = [bar.get_width() for bar in ax.patches]
    np.testing.assert_allclose(lengths, [*e.values[1][order[:3]], e.values[1][order[3:]].sum()])
    assert sum(lengths) == pytest.approx(e.values[1].sum())
    assert labels(ax)[:3] == [f"column {at} = {e.inputs[1, at]:.3g}" for at in order[:3]]
    assert labels(ax)[3] == "3 smaller ones, summed"
    whiskers = ax.collections[0].get_segments()
    np.testing.assert_allclose([np.ptp(each[:, 0]) for each in whiskers[:3]], 2 * e.standard_errors[1, order[:3]])
    colours = [to_rgb(bar.get_facecolor()) for bar in ax.patches]
    signs = [to_rgb(POSITIVE if value > 0 else NEGATIVE) for value in e.values[1][order[:3]]]
    assert colours == [*signs, to_rgb(NEUTRAL)]


def test_bars_over_samples_are_mean_magnitudes_with_the_error_of_the_mean():
    e = players(15, 6)
    ax = PLOTS.bar(e, top=4)
    magnitudes = np.abs(e.values)
    order = np.argsort(-magnitudes.mean(axis=0))
    rest = magnitudes[:, order[4:]].sum(axis=1)
    lengths = [bar.get_width() for bar in ax.patches]
    np.testing.assert_allclose(lengths, [*magnitudes.mean(axis=0)[order[:4]], rest.mean()])
    spread = [np.ptp(each[:, 0]) / 2 for each in ax.collections[0].get_segments()]
    of_mean = [*magnitudes.std(axis=0, ddof=1)[order[:4]], rest.std(ddof=1)] / np.sqrt(15)
    np.testing.assert_allclose(spread, of_mean)


def test_exact_values_have_no_whiskers():
    e = players(1)
    tiny = dataclasses.replace(e, standard_errors=np.full_like(e.values, 1e-9))
    assert not PLOTS.bar(tiny).collections
    assert PLOTS.bar(e).collections


@pytest.mark.parametrize("count", [1, 2, 5])
def test_what_is_left_out_is_summed_and_one_alone_is_itself(count):
    values = np.arange(1.0, 6.0)
    found = top_of(values, count)
    assert len(found.chosen) + found.others == 5
    assert values[found.chosen].sum() + found.rest == pytest.approx(15)
    assert found.others != 1
    assert top_of(values, 4).others == 0


def test_features_are_given_in_the_users_terms():
    e = mixed()
    given = dict(label.split(" = ") for label in labels(PLOTS.bar(e, sample=0)))
    assert given["income"] == "missing"
    assert given["age"] == f"{e.inputs[0, 0]:.0f}"
    assert given["town"] == [*("Bonn", "Ulm", "北京"), "missing"][int(e.inputs[0, 1])]
    assert given["smoker"] in ("True", "False")


def test_texts_have_no_mean_over_samples():
    for draw in (PLOTS.bar, PLOTS.beeswarm):
        with pytest.raises(InputError, match="features of its own"):
            draw(texts("One film.", "Another one."))


# ---------------------------------------------------------------------- waterfall


@pytest.mark.parametrize("top", [2, 12])
def test_a_waterfall_goes_from_the_base_value_to_the_value(top):
    e = players(3, 7)
    ax = PLOTS.waterfall(e, sample=2, top=top)
    ends = [bar.get_x() + bar.get_width() for bar in ax.patches]
    starts = [bar.get_x() for bar in ax.patches]
    assert ends[0] == pytest.approx(e.value[2])
    assert starts[-1] == pytest.approx(e.base_value[2])
    np.testing.assert_allclose(starts[:-1], ends[1:])
    order = np.argsort(-np.abs(e.values[2]))[:top]
    np.testing.assert_allclose(np.subtract(ends, starts)[: len(order)], e.values[2][order])
    assert labels(ax)[-1] == "5 smaller ones, summed" if top == 2 else len(labels(ax)) == 7


def test_what_values_do_not_account_for_is_a_step_of_its_own():
    e = players(1, 4)
    short = dataclasses.replace(e, value=e.value + 1.5)
    ax = PLOTS.waterfall(short)
    assert labels(ax)[-1] == "not accounted for"
    last = ax.patches[-1]
    assert last.get_width() == pytest.approx(1.5)
    assert last.get_x() == pytest.approx(e.base_value[0])
    assert "not accounted for" not in labels(PLOTS.waterfall(e))


def test_a_waterfall_needs_a_base_value():
    with pytest.raises(InputError, match="shapley has none: its values do not sum"):
        PLOTS.waterfall(players(1, base_value=None))
    with pytest.raises(InputError, match="has none"):
        players(2, base_value=None).plot(kind="waterfall")


# ---------------------------------------------------------------------- beeswarm


def test_dots_stand_at_the_values_row_by_row():
    e = players(30, 6)
    ax = PLOTS.beeswarm(e, top=3)
    order = np.argsort(-np.abs(e.values).mean(axis=0))
    rows = [np.asarray(each.get_offsets()) for each in ax.collections[:4]]
    for place, entry in enumerate(order[:3]):
        np.testing.assert_allclose(rows[place][:, 0], e.values[:, entry])
        assert np.abs(rows[place][:, 1] - place).max() <= 0.4
    np.testing.assert_allclose(rows[3][:, 0], e.values[:, order[3:]].sum(axis=1))
    assert sum(row[:, 0].sum() for row in rows) == pytest.approx(e.values.sum())
    assert labels(ax) == [*(f"column {at}" for at in order[:3]), "3 smaller ones, summed"]


def test_dots_are_coloured_by_what_the_feature_is():
    e = mixed()
    ax = PLOTS.beeswarm(e)
    rows = dict(zip(labels(ax), ax.collections, strict=False))
    age, town, income = (rows[name].get_facecolors() for name in ("age", "town", "income"))
    np.testing.assert_allclose(age[e.inputs[:, 0].argmin()], scale()(0.0))
    np.testing.assert_allclose(age[e.inputs[:, 0].argmax()], scale()(1.0))
    for level in range(3):
        held = town[e.inputs[:, 1] == level]
        assert {tuple(np.round(each[:3], 6)) for each in held} == {tuple(np.round(to_rgb(level_colour(level)), 6))}
    assert (np.round(town[e.inputs[:, 1] == 3, :3], 6) == np.round(to_rgb(MISSING), 6)).all()
    np.testing.assert_allclose(income[np.isnan(e.inputs[:, 4]), :3], np.tile(to_rgb(MISSING), (8, 1)))


def test_dots_at_one_value_do_not_hide_each_other():
    moved = offsets(np.zeros(9), 0.0, 1.0)
    assert len(set(moved.tolist())) == 9
    assert np.abs(moved).max() == pytest.approx(0.4)
    assert not offsets(np.array([0.0, 0.5, 1.0]), 0.0, 1.0).any()


# ---------------------------------------------------------------------- heat maps and series


def test_a_region_has_the_colour_of_its_whole_value():
    e = regions()
    ax = PLOTS.heatmap(e)
    shown = np.asarray(ax.images[1].get_array())
    labelled = e.features.labels[0]
    np.testing.assert_array_equal(shown, e.values[0][labelled])
    limit = ax.images[1].get_clim()[1]
    assert ax.images[1].get_clim()[0] == -limit
    assert [text.get_text() for text in ax.texts] == ["-4", "+2", "+1"]
    for text, region in zip(ax.texts, (1, 0, 2), strict=True):
        x, y = (int(place) for place in text.get_position())
        assert labelled[y, x] == region
    assert "of a region" in ax.figure.axes[1].get_ylabel()
    with pytest.raises(InputError, match="values are of regions"):
        PLOTS.heatmap(e, cell=4)


def test_spread_values_keep_their_sums():
    part = drawable(regions())
    np.testing.assert_allclose(part.features[0].total(part.values[:, None] / 1), regions().values)
    assert part.players[0].names[2] == "region 2, lower right"


def test_borders_are_where_neighbours_differ():
    plane = np.random.default_rng(0).integers(0, 3, (7, 9))
    drawn = set()
    for (x0, y0), (x1, y1) in borders(plane):
        assert x0 == x1 or y0 == y1
        for at in range(int(abs(x1 - x0) + abs(y1 - y0))):
            drawn.add((x0, y0 + at, "|") if x0 == x1 else (x0 + at, y0, "-"))
    expected = {(x + 0.5, y - 0.5, "|") for y in range(7) for x in range(8) if plane[y, x] != plane[y, x + 1]}
    expected |= {(x - 0.5, y + 0.5, "-") for y in range(6) for x in range(9) if plane[y, x] != plane[y + 1, x]}
    assert drawn == expected


def test_a_map_far_from_zero_starts_at_its_smallest_value():
    heat = 9 + np.random.default_rng(0).random((1, 6, 6))
    ax = PLOTS.heatmap(positions(1, values=heat))
    assert ax.images[1].get_clim()[0] == pytest.approx(heat.min())
    assert PLOTS.heatmap(positions(1)).images[1].get_clim()[0] == 0


def test_segments_are_as_high_as_their_value():
    e = segments()
    ax = PLOTS.series(e)
    assert [bar.get_height() for bar in ax.patches] == e.values[0].tolist()
    assert [(bar.get_x(), bar.get_width()) for bar in ax.patches] == [(-0.5, 5), (4.5, 5), (9.5, 5), (14.5, 5)]
    behind = ax.figure.axes[1]
    for line, channel in zip(behind.lines, e.inputs[0], strict=True):
        np.testing.assert_allclose(line.get_ydata(), channel)


# ---------------------------------------------------------------------- text


def test_words_stand_on_the_colour_of_their_value():
    e = texts("Not a very good, good film!")
    ax = PLOTS.text(e, top=2)
    rendered(ax)
    words = {}
    for word in ax.texts:
        if word.get_bbox_patch() is not None:
            words.setdefault(word.get_text(), []).append(word.get_bbox_patch().get_facecolor())
    assert list(words) == ["Not", "a", "very", "good", "film"]
    assert len(words["good"]) == 2
    for name, at in (("Not", 0), ("a", 1), ("film", 5)):
        red, _, blue, _ = words[name][0]
        assert (red > blue) == (e.values[0, at] > 0)
    notes = [text.get_text() for text in ax.texts if text.get_text()[:1] in "+-" and text.get_text().strip("+-").isdigit()]
    assert notes == ["+5", "-6"]
    assert "".join(text.get_text() for text in ax.texts if text.get_text() not in notes) == "Not a very good, good film!"


def test_lines_of_a_text_break_inside_the_axes_and_keep_its_order():
    e = texts(" ".join(f"word{at}" for at in range(60)))
    ax = PLOTS.text(e)
    ax.figure.draw_without_rendering()
    words = [text for text in ax.texts if text.get_text().startswith("word")]
    box = ax.get_window_extent()
    places = [text.get_position() for text in words]
    assert len({round(y, 3) for _, y in places}) > 3
    assert all(b[1] < a[1] or b[0] > a[0] for a, b in itertools.pairwise(places))
    for text in words:
        held = text.get_window_extent()
        assert held.x0 >= box.x0 - 1
        assert held.x1 <= box.x1 + 1
        assert held.y0 >= box.y0 - 2


def test_a_long_text_shrinks_to_fit_the_axes_it_is_given():
    figure = Figure(figsize=(4, 2.5))
    ax = PLOTS.text(texts(" ".join(f"word{at}" for at in range(80))), ax=figure.subplots())
    ax.figure.draw_without_rendering()
    assert min(text.get_window_extent().y0 for text in ax.texts if text.get_visible()) >= ax.get_window_extent().y0 - 3


@pytest.mark.skipif(cjk_family() is None, reason="no font with Chinese characters is installed")
def test_chinese_texts_find_their_characters():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ax = PLOTS.text(texts("这家酒店的位置很好，但是房间太小。"))
        rendered(ax)
    assert "酒店" in [text.get_text() for text in ax.texts]


def test_tokens_are_drawn_as_they_are_named():
    ids = np.array([[101, 7, 8, 102]])
    features = pl.Features.tokens(ids, special=[101, 102])
    e = explanation(np.array([[1.0, -1.0]]), ids, over="players", features=tuple(features), method="shapley")
    words = [text.get_text() for text in PLOTS.text(e).texts if text.get_bbox_patch() is not None]
    assert words == ["7", "8"]


# ---------------------------------------------------------------------- network


def test_a_network_has_main_effects_at_its_discs_and_pairs_on_its_lines():
    e = interactions(count=4)
    ax = PLOTS.network(e)
    matrix = e.values[0]
    whole = matrix + matrix.T
    pairs = sorted((abs(whole[i, j]) for i in range(4) for j in range(i)), reverse=True)
    widths = [line.get_linewidth() for line in ax.lines]
    assert len(widths) == 6
    np.testing.assert_allclose(widths, [max(0.25, 7 * pair / pairs[0]) for pair in pairs])
    discs = [each for each in ax.collections if len(each.get_offsets()) == 1]
    sizes = [float(each.get_sizes()[0]) for each in discs]
    main = np.abs(np.diagonal(matrix))
    np.testing.assert_allclose(sizes, 40 + 460 * main / main.max())
    written = [text.get_text() for text in ax.texts]
    assert any(text.startswith("column 0\n= ") and text.endswith(f"{matrix[0, 0]:+.2g} ± 0.05") for text in written)


def test_players_beyond_the_strongest_are_one_disc_and_sums_stay():
    e = interactions(count=9)
    whole = graph(e, drawable(e), 0)
    few = grouped(whole, 4)
    assert few.names[-1] == "5 smaller ones"
    assert len(few.names) == 5
    total = few.main.sum() + few.pairs.sum() / 2
    assert total == pytest.approx(e.values.sum())
    assert grouped(whole, 8) is whole
    assert rendered(PLOTS.network(e, top=4)).startswith(b"\x89PNG")


def test_interactions_are_bars_and_waterfalls_too():
    e = interactions(count=4)
    bars = PLOTS.bar(e)
    assert sum(bar.get_width() for bar in bars.patches) == pytest.approx(e.value[0])
    assert "column 0 × column 1" in labels(bars)
    assert PLOTS.waterfall(e).patches[0].get_width() == pytest.approx(bars.patches[0].get_width())
    with pytest.raises(InputError, match="no places in a map"):
        e.plot(kind="heatmap")
    with pytest.raises(InputError, match="explain interactions"):
        PLOTS.network(players(1))


def test_sets_beside_the_values_are_not_dropped():
    triples = {"triples": np.array([[[0, 1, 2], [-1, -1, -1]]]), "triple_values": np.array([[0.75, 0.0]])}
    e = interactions(count=3, details={**triples, "triple_errors": np.array([[0.01, 0.0]])})
    assert "column 0 × column 1 × column 2" in labels(PLOTS.bar(e))
    assert "triples, not drawn: 1, sum 0.75" in [text.get_text() for text in PLOTS.network(e).get_legend().get_texts()]
    pairs = {"pairs": np.array([[[0, 1]], [[1, 2]]]), "pair_weights": np.array([[5.0], [-6.0]])}
    lime = players(2, 3, details=pairs, method="lime", base_value=None)
    assert labels(PLOTS.bar(lime, sample=1))[0] == "column 1 × column 2"
    assert PLOTS.bar(lime, sample=1).patches[0].get_width() == -6
    assert set(labels(PLOTS.bar(lime))) >= {"column 0 × column 1", "column 1 × column 2"}


# ---------------------------------------------------------------------- dependence


def test_dependence_shows_the_feature_against_its_value():
    e = mixed()
    ax = PLOTS.dependence(e, "age")
    dots = next(each for each in ax.collections if len(each.get_offsets()) == 40)
    np.testing.assert_allclose(np.asarray(dots.get_offsets()), np.column_stack([e.inputs[:, 0], e.values[:, 0]]))
    assert ax.get_legend().get_title().get_text().startswith("smoker\n")
    shades = dots.get_facecolors()
    assert len({tuple(each) for each in shades[e.inputs[:, 2] == 1]}) == 1
    named = PLOTS.dependence(e, 0, other="grade")
    assert named.get_legend().get_title().get_text() == "grade"


def test_categories_have_places_of_their_own_and_missing_is_one():
    e = mixed()
    ax = PLOTS.dependence(e, "town")
    assert [text.get_text() for text in ax.get_xticklabels()] == ["Bonn", "Ulm", "北京", "missing"]
    dots = next(each for each in ax.collections if len(each.get_offsets()) == 40)
    np.testing.assert_array_equal(np.rint(np.asarray(dots.get_offsets())[:, 0]), e.inputs[:, 1])
    income = PLOTS.dependence(e, "income")
    assert [text.get_text() for text in income.get_xticklabels()][-1] == "missing"
    dots = next(each for each in income.collections if len(each.get_offsets()) == 40)
    places = np.asarray(dots.get_offsets())[:, 0]
    gone = np.isnan(e.inputs[:, 4])
    np.testing.assert_allclose(places[~gone], e.inputs[~gone, 4])
    assert places[gone].min() > e.inputs[~gone, 4].max()


def test_the_strongest_pair_gives_the_colours_of_interactions():
    e = interactions(samples=12, count=4)
    strengths = np.abs(e.values[:, 1]).mean(axis=0)
    strengths[1] = 0
    ax = PLOTS.dependence(e, "column 1")
    assert ax.figure.axes[1].get_ylabel() == f"column {strengths.argmax()}"
    dots = next(each for each in ax.collections if len(each.get_offsets()) == 12)
    np.testing.assert_allclose(np.asarray(dots.get_offsets())[:, 1], e.values[:, 1].sum(axis=1))


def test_a_trend_of_the_feature_itself_is_no_interaction():
    rng = np.random.default_rng(0)
    own = rng.normal(size=400)
    twin, apart = own + 0.05 * rng.normal(size=400), rng.normal(size=400)
    assert accounted(Column(own), own + 0.02 * rng.normal(size=400), Column(twin)) < 0.1
    assert accounted(Column(own), own * (1 + apart), Column(apart)) > 0.3
    assert accounted(Column(own), own, Column(apart)) == pytest.approx(0, abs=0.05)


# ---------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: players(1).plot(kind="waterfal"), "Did you mean 'waterfall'"),
        (lambda: PLOTS.dependence(mixed(), "agee"), "Did you mean 'age'"),
        (lambda: PLOTS.dependence(mixed(), "age", other="twon"), "Did you mean 'town'"),
        (lambda: PLOTS.dependence(mixed(), 9), "outside the 5 features"),
        (lambda: players(2).plot(kind="dependence"), "name it, feature="),
        (lambda: players(1).plot(kind="bar", feature="column 1"), "are for kind='dependence'"),
        (lambda: PLOTS.waterfall(players(3)), "sample=0 to sample=2"),
        (lambda: PLOTS.bar(players(3), sample=3), "outside the explanation, which holds 3"),
        (lambda: PLOTS.bar(players(3), top=0), "top= must be at least 1"),
        (lambda: PLOTS.heatmap(players(1)), "have no places in a map"),
        (lambda: PLOTS.series(players(1)), "have no places in a series"),
        (lambda: PLOTS.text(players(1)), "of no words or tokens"),
        (lambda: players(9).plot(kind="beeswarm", samples=3), "takes none, or several"),
        (lambda: players(9).plot(kind="beeswarm", samples=[0, 2]), "a range without gaps"),
        (lambda: PLOTS.bar(players(1, 3), features=["a"]), "3 players and 1 names"),
        (lambda: PLOTS.bar(texts("A film."), features=["a"]), "each sample has its own"),
    ],
)
def test_errors_in_words(call, words):
    with pytest.raises(InputError, match=words):
        call()


def test_hostile_names_are_drawn_as_they_are():
    features = pl.Features.from_arrays(["$x_1$", "a\nb", "<b>c</b>"])
    e = players(1, 3, features=features)
    for ax in (PLOTS.bar(e), PLOTS.waterfall(e), PLOTS.beeswarm(players(9, 3, features=features))):
        assert any(label.startswith("$x_1$") for label in labels(ax))
        rendered(ax)


def test_a_saved_record_draws_the_same(tmp_path):
    e = mixed(12)
    e.save(tmp_path / "e.safetensors")
    again = pl.load(tmp_path / "e.safetensors")
    assert rendered(PLOTS.beeswarm(e)) == rendered(PLOTS.beeswarm(again))
