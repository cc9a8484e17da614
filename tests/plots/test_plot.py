from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from pellucid import InputError
from pellucid.plots import plot
from pellucid.plots.style import colour_limit, facts, number, percent
from plots.handmade import explanation, photos, positions, table


def labels(ax):
    return [text.get_text() for text in ax.get_yticklabels()]


def image_axes(figure):
    """Axes with a photo under a map."""
    return [ax for ax in figure.axes if len(ax.images) == 2]


def test_a_signed_map_has_zero_in_the_middle_and_ends_at_the_percentile():
    e = photos()
    overlays = image_axes(plot(e, cell=1))
    assert len(overlays) == 2
    values = e.values[0].sum(axis=0)
    drawn = overlays[0].images[1]
    np.testing.assert_allclose(drawn.get_array(), values)
    limit = float(np.percentile(np.abs(values), 99.5))
    assert drawn.get_clim() == pytest.approx((-limit, limit))


def test_squares_are_summed_and_said():
    e = photos(size=112)
    figure = plot(e, samples=0, absolute=True)
    (ax,) = image_axes(figure)
    drawn = np.asarray(ax.images[1].get_array())
    assert drawn.shape == (56, 56)
    assert drawn.sum() == pytest.approx(np.abs(e.values[0].sum(axis=0)).sum())
    assert ax.images[1].get_clim()[0] == 0
    assert "|attribution|, 2 × 2 px" in [other.get_ylabel() for other in figure.axes]


def test_a_map_without_a_sign_starts_at_zero_and_covers_the_picture():
    (ax, _) = image_axes(plot(positions()))
    photo, heat = ax.images
    assert heat.get_clim()[0] == 0
    assert heat.get_extent() == photo.get_extent()


def test_cut_squares_keep_their_place():
    (ax,) = image_axes(plot(photos(samples=1, size=10), cell=4))
    assert ax.images[1].get_extent() == pytest.approx([-0.5, 11.5, 11.5, -0.5])
    assert ax.get_xlim() == (-0.5, 9.5)


def test_an_empty_map_is_drawn():
    figure = plot(photos(values=np.zeros((2, 3, 24, 24))))
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    assert len(image_axes(figure)) == 2
    assert buffer.getvalue().startswith(b"\x89PNG")


def test_bars_show_the_largest_and_sum_the_rest():
    e = table()
    ax = plot(e, samples=1, top=4, features=[f"f{i}" for i in range(20)]).axes[0]
    order = np.argsort(-np.abs(e.values[1]))
    assert [label.split(" = ")[0] for label in labels(ax)] == [f"f{i}" for i in order[:4]] + ["16 smaller ones, summed"]
    widths = [bar.get_width() for bar in ax.patches]
    np.testing.assert_allclose(widths, [*e.values[1][order[:4]], e.values[1][order[4:]].sum()])
    assert labels(ax)[0] == f"f{order[0]} = {e.inputs[1, order[0]]:.3g}"
    whiskers = ax.collections[0].get_segments()
    np.testing.assert_allclose(np.ptp(whiskers[0][:, 0]), 2 * e.standard_errors[1, order[0]])


def test_series_show_the_input_behind_the_values():
    values = np.sin(np.linspace(0, 9, 80))[None, None]
    figure = plot(explanation(values, values * 3, standard_errors=np.full_like(values, 0.1)))
    assert len(figure.axes) == 2
    np.testing.assert_allclose(figure.axes[1].lines[0].get_ydata(), 3 * values[0, 0])


def test_the_output_gradient_stands_beside_the_prediction():
    gradient = np.array([[-0.9, 0.5, 0.4]])
    e = photos(samples=1, details={"output_gradient": gradient})
    left, right = plot(e).axes[2:4]
    assert labels(left) == ["cat", "dog", "虎斑猫"]
    np.testing.assert_allclose([bar.get_width() for bar in left.patches], e.probabilities[0])
    np.testing.assert_allclose([bar.get_width() for bar in right.patches], gradient[0])


def test_title_says_what_is_known():
    e = photos(samples=1, error=np.array([0.041]), residual=np.array([0.0021]), base_value=np.array([0.5]))
    title = plot(e, names=["chelsea.png"]).axes[1].get_title(loc="left")
    assert title.replace("\n", " ") == f"chelsea.png: cat integrated-gradients {facts(e, 0)}"
    assert facts(e, 0) == "target 2 · baseline 0.5 · error 4.1% · residual 0.2%"


def test_draws_into_axes_of_ones_own():
    figure = Figure()
    left, right = figure.subplots(1, 2)
    assert plot(photos(samples=1), ax=left) is figure
    assert plot(table(), samples=1, ax=right) is figure
    assert len(left.images) == 2
    with pytest.raises(InputError, match="takes one sample"):
        plot(table(), ax=left)


def test_a_long_batch_is_cut_and_said():
    figure = plot(photos(samples=9))
    assert len(image_axes(figure)) == 6
    assert figure.get_suptitle() == "first 6 of 9 samples"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"samples": 2}, "holds 2"),
        ({"samples": []}, "is empty"),
        ({"top": 0}, "top= must be at least 1"),
        ({"cell": 0}, "cell= must be at least 1"),
        ({"names": ["one"]}, "one name for each of the 2 samples"),
        ({"names": "ab"}, "the string 'ab'"),
    ],
)
def test_errors_in_words(options, words):
    with pytest.raises(InputError, match=words):
        plot(photos(), **options)


def test_refuses_what_is_no_explanation():
    with pytest.raises(InputError, match="got ndarray"):
        plot(np.ones(3))  # type: ignore[arg-type]


def test_shows_itself_in_a_notebook_and_leaves_matplotlib_as_it_was():
    settings = [name for name in mpl.rcParams if name != "backend"]  # reading that one chooses a backend
    before = [mpl.rcParams[name] for name in settings]
    figure = plot(table(), features=[f"花瓣 {i}" for i in range(20)])
    assert figure._repr_png_().startswith(b"\x89PNG")
    assert [mpl.rcParams[name] for name in settings] == before


def test_names_with_dollars_stay_names():
    ax = plot(table(features=1), samples=0, features=["price $a_b$ {x}"]).axes[0]
    (text,) = ax.get_yticklabels()
    assert text.get_text().startswith("price $a_b$ {x}")
    assert not text.get_parse_math()


def test_reading_loads_no_plotting_and_plotting_no_pyplot():
    code = (
        "import sys; import pellucid.plots.reading, pellucid.plots.style, pellucid.reporting; "
        "assert 'matplotlib' not in sys.modules, 'reading'; from plots.handmade import photos; "
        "photos().plot(names=['甲', '乙'])._repr_png_(); assert 'matplotlib.pyplot' not in sys.modules, 'pyplot'"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, cwd=Path(__file__).parents[1])


def test_the_colour_limit_of_a_sparse_map_is_its_largest_value():
    sparse = np.zeros(1000)
    sparse[0] = -2
    assert colour_limit(sparse) == 2
    assert colour_limit(np.zeros(3)) == 0


def test_numbers_in_words():
    assert [percent(share) for share in (0.0, 0.0004, 0.0021, 0.0996, 0.1, 1.49, np.inf)] == [
        "0%", "<0.1%", "0.2%", "10%", "10%", "149%", "infinite"
    ]  # fmt: skip
    assert [number(value) for value in (9.214, -0.00458, -np.inf, np.nan)] == ["9.21", "-0.00458", "-infinite", "undefined"]
