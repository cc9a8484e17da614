"""Methods through suites: what is said of those that know the truth, of those that know nothing, and of those that cannot."""

import csv
import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

import pellucid as pl
from pellucid.core.declare import Attribution
from pellucid.suites.built import patterns
from pellucid.suites.controls import LAPLACE, RANDOM, laplace_map
from pellucid.suites.intervals import beats, mean_interval

METHODS = ["shapley", "saliency", "grad-cam", "conductance"]


@dataclass(frozen=True)
class Same:
    """A method of a user's own that says the same everywhere."""

    name: ClassVar[str] = "same"
    engine: ClassVar[str] = "path"
    summary: ClassVar[str] = "ones"
    needs: ClassVar[frozenset] = frozenset({"predict"})
    modalities: ClassVar[tuple] = ("any",)
    axioms: ClassVar[tuple] = ()
    cite: ClassVar[tuple] = ()

    def attribute(self, passes):
        """Ones."""
        return [Attribution([point * 0 + 1 for point in passes.points]) for _ in range(passes.targets)]


@pytest.fixture(scope="module")
def results():
    return pl.suites.run(["logic", "tabular"], METHODS, samples=6)


def test_every_method_and_control_has_a_row_for_each_case(results):
    assert results.methods == (RANDOM, *METHODS)
    assert len(results) == (5 + 4) * (1 + len(METHODS))


def test_shapley_values_are_the_truth_of_closed_forms(results):
    assert results.skill("shapley", "logic") == pytest.approx(1)
    for case in ("effects", "products", "codes"):
        (row,) = results.of("tabular", "shapley", case)
        assert row.score == pytest.approx(1)
        assert row.beats_random
        assert 0 < row.forward_rows <= 512 * row.samples


def test_random_values_have_no_skill(results):
    (row,) = results.of("logic", RANDOM, "xor")
    assert abs(row.skill) < 0.2
    assert row.beats_random is None


def test_what_cannot_be_asked_says_why(results):
    (codes,) = results.of("tabular", "saliency", "codes")
    assert math.isnan(codes.score)
    assert "needs 'gradient'" in codes.reason
    assert all("units of a layer" in row.reason for row in results.of(method="conductance"))
    assert all("not for tabular" in row.reason for row in results.of("logic", "grad-cam"))
    (pairs,) = results.of("tabular", "shapley", "pairs")
    assert "no interactions" in pairs.reason
    assert all(row.reason or not math.isnan(row.score) for row in results)


def test_samples_of_which_nothing_is_said_count_as_chance():
    found = pl.suites.run("logic", ["saliency", Same()], samples=8)
    (row,) = found.of("logic", "saliency", "and")
    assert row.undefined == 6
    assert row.score == 1
    assert row.skill == pytest.approx(2 / 8)
    (row,) = found.of("logic", "same", "and")
    assert row.undefined == 8
    assert row.skill == 0
    assert "the same for all players" in row.reason


def test_the_same_seed_gives_the_same_scores(results):
    again = pl.suites.run(["logic", "tabular"], METHODS, samples=6)
    pairs = [(a, b) for a, b in zip(results, again, strict=True) if not math.isnan(a.score)]
    same = [(a.score, a.low, a.high, a.forward_rows) == (b.score, b.low, b.high, b.forward_rows) for a, b in pairs]
    assert all(same)
    assert len(same) > 20


def test_pictures_have_a_laplace_filter_beside_them():
    suite = pl.suites.Suite("one", "one", (patterns._case("linear", "white", 8, 0, 4),))
    found = pl.suites.run(suite, ["integrated-gradients", "grad-cam", "rise", "occlusion"])
    assert found.methods[:2] == (RANDOM, LAPLACE)
    (row,) = found.of(method="integrated-gradients")
    assert row.beats_random
    assert row.beats_laplace
    assert all(not row.reason for row in found)


def test_the_laplace_filter_is_that_of_every_pixel():
    case = patterns._case("linear", "white", 8, 0, 2)
    x = np.pad(case.inputs[:, 0].astype(float), ((0, 0), (1, 1), (1, 1)), mode="symmetric")
    slow = np.zeros((2, 8, 8))
    for i in range(8):
        for j in range(8):
            slow[:, i, j] = x[:, i, j + 1] + x[:, i + 2, j + 1] + x[:, i + 1, j] + x[:, i + 1, j + 2] - 4 * x[:, i + 1, j + 1]
    assert np.allclose(laplace_map(case), np.abs(slow).reshape(2, -1))
    assert laplace_map(pl.suites.xor(samples=2)["xor"]) is None


def test_alarms_are_counted_apart():
    found = pl.suites.run("watermark", ["integrated-gradients"], samples=3)
    assert found.skill("integrated-gradients", "watermark") > 0.9
    assert found.alarms("integrated-gradients", "watermark") <= 0.05
    assert all(math.isnan(row.skill) for row in found if row.how == "alarm")
    assert "false alarms" in found.markdown()


def test_the_table_goes_to_frames_files_and_words(results, tmp_path):
    frame = results.to_frame()
    assert len(frame) == len(results)
    assert set(frame["suite"]) == {"logic", "tabular"}
    results.to_csv(tmp_path / "table.csv")
    with (tmp_path / "table.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["method"] for row in rows] == [row.method for row in results]
    assert float(rows[0]["score"]) == pytest.approx(results.rows[0].score, rel=1e-4, abs=1e-6)
    text = results.markdown()
    assert "## Skill by suite" in text
    assert "| `shapley` | 1.00 |" in text
    assert "(0." in text
    widths = {line.count("|") for line in text.split("\n## ")[1].splitlines() if line.startswith("|")}
    assert len(widths) == 1


def test_the_figure_has_a_row_for_each_method_that_can_be_asked(results):
    figure = results.plot()
    (ax,) = figure.axes
    assert {label.get_text() for label in ax.get_yticklabels()} == {"shapley", "saliency", RANDOM}
    assert {label.get_text() for label in ax.get_xticklabels()} == {"logic", "tabular"}
    assert "1.00" in {text.get_text() for text in ax.texts}
    with pytest.raises(pl.InputError, match=r"draws what pl.suites.run returned"):
        pl.plots.benchmark("table")


def test_progress_goes_from_nothing_to_all():
    seen = []
    pl.suites.run("logic", ["saliency", "shapley"], samples=4, progress=lambda share, rows: seen.append((share, rows)))
    shares, rows = zip(*seen, strict=True)
    assert shares[0] == 0
    assert shares[-1] == 1
    assert list(shares) == sorted(shares)
    assert list(rows) == sorted(rows)


def test_intervals_hold_the_mean_about_as_often_as_they_say():
    rng = np.random.default_rng(0)
    held = 0
    for trial in range(200):
        low, high = mean_interval(rng.normal(size=30), seed=trial)
        held += low <= 0 <= high
    assert 176 <= held <= 198
    assert beats(np.ones(5) + 0.1 * np.arange(5), np.zeros(5)) is True
    assert beats(np.array([1.0, -1.0, 1.0, -1.0]), np.zeros(4)) is False
    assert beats(np.ones(1), np.zeros(1)) is None
    assert all(map(math.isnan, mean_interval(np.array([1.0, np.nan]))))


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"suites": "logics"}, "there is no suite 'logics'"),
        ({"suites": []}, "suites= is empty"),
        ({"methods": "shaply"}, "there is no method 'shaply'.*shapley"),
        ({"methods": []}, "methods= is empty"),
        ({"methods": [3]}, "names and instances of methods; got 3"),
        ({"methods": ["lime", "lime"]}, "'lime' is named twice"),
        ({"budget": 0}, "budget must be a positive whole number"),
        ({"seed": 1.5}, "seed must be a whole number"),
    ],
)
def test_mistakes_are_refused_in_words(asked, words):
    with pytest.raises(pl.InputError, match=words):
        pl.suites.run(**{"suites": "logic", "methods": "saliency", "samples": 4, **asked})
