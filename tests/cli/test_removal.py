"""Features, maskers and texts from the command line: the same numbers as from Python, and what does not go together."""

import dataclasses
import shlex
import sys
from pathlib import Path

import numpy as np
import pandas
import pytest
from PIL import Image

import pellucid as pl
from pellucid.cli import masking, options
from pellucid.cli.masking import MASKERS
from pellucid.cli.typed import flag, kind

PICTURES = ["house:pictures", "wide.png", "tall.jpg", "-t", "left"]


def rows() -> np.ndarray:
    return np.load("rows.npy")


def house():
    import house

    return house


def pictures() -> list[Image.Image]:
    return [Image.open(name).convert("RGB") for name in ("wide.png", "tall.jpg")]


# ------------------------------------------------------------------ features


def test_cells_of_a_grid(pellucid):
    pellucid("explain", *PICTURES, "-m", "shapley", "--cell", "8", "-o", "one.pellucid")
    told = pl.load("one.pellucid")
    features = pl.Features.grid((3, 16, 16), cell=8)
    expected = pl.explain(house().pictures(), pictures(), target="left", method="shapley", features=features)
    assert told.features == features
    np.testing.assert_array_equal(told.values, expected.values)


def test_superpixels_are_those_of_each_prepared_picture(pellucid):
    pellucid("explain", *PICTURES, "-m", "leave-one-out", "--superpixels", "6", "-o", "one.pellucid")
    told = pl.load("one.pellucid")
    prepared = pl.ImageInput(size=16).prepare(pictures())
    assert list(told.features) == pl.Features.superpixels(prepared, n=6)
    expected = pl.explain(house().pictures(), pictures(), target="left", method="leave-one-out", features=list(told.features))
    np.testing.assert_array_equal(told.values, expected.values)


def test_segments_of_a_series(pellucid):
    pellucid("explain", "house:Series", "series.npy", "-m", "shapley", "-t", "0", "--segments", "4", "-o", "one.pellucid")
    told = pl.load("one.pellucid")
    assert told.features.names == ("steps 0-2", "steps 3-5", "steps 6-8", "steps 9-11")
    expected = pl.explain(house().Series(), np.load("series.npy"), target=0, method="shapley", features=told.features)
    np.testing.assert_array_equal(told.values, expected.values)


def test_gradients_are_summed_over_features_that_were_asked_for(pellucid):
    pellucid("explain", *PICTURES, "-m", "saliency", "-m", "grad-cam", "-m", "shapley", "--cell", "8", "-o", "all/")
    assert pl.load("all/saliency.pellucid").over == "players"
    assert pl.load("all/grad-cam.pellucid").over == "spatial"  # maps have no features, and the others do


def test_columns_of_a_table_are_called_as_in_its_headings(pellucid):
    pellucid("explain", "house:net", "numbers.csv", "-m", "shapley", "-m", "integrated-gradients", "-t", "0", "-o", "all/")
    told = pl.load("all/shapley.pellucid")
    assert told.features.names == ("a", "b", "c", "d")
    expected = pl.explain(house().net, told.inputs, target=0, method="shapley")
    np.testing.assert_array_equal(told.values, expected.values)
    gradients = pl.load("all/integrated-gradients.pellucid")
    assert gradients.over == "input"
    assert gradients.error is not None


def test_a_frame_is_explained_in_its_own_columns(pellucid):
    ran = pellucid(
        *("explain", "house:people", "people.csv", "-m", "shapley", "-t", "high"),
        *("--masker", "background", "--masker-rows", "others.csv", "-o", "one.pellucid"),
    )
    told = pl.load("one.pellucid")
    frame, others = pandas.read_csv("people.csv"), pandas.read_csv("others.csv")
    both = pandas.concat([frame, others[list(frame)]])
    features = pl.Features.from_frame(both, missing=["age"])
    masker = pl.maskers.Background(others)
    expected = pl.explain(house().people, frame, target="high", method="shapley", masker=masker, features=features)
    np.testing.assert_array_equal(told.values, expected.values)
    assert told.features.players[1].levels == ("Bonn", "Ulm")
    for text in ("town = Bonn", "age = missing", "income = 3000", "removed features are averaged over 2 background rows"):
        assert text in ran.stdout


def test_a_frame_when_asked_for(pellucid):
    pellucid("explain", "house:net", "numbers.csv", "-m", "shapley", "-t", "0", "--frame", "-o", "one.pellucid")
    told = pl.load("one.pellucid")
    expected = pl.explain(house().net, told.inputs, target=0, method="shapley")
    np.testing.assert_allclose(told.values, expected.values, rtol=1e-6)
    assert told.features.columns[0].dtype == "float64"
    ran = pellucid("explain", "house:people", "people.csv", "-m", "shapley", "--no-frame", code=2)
    assert "'Bonn' is not a number" in ran.stderr


def test_texts_and_their_words(pellucid):
    ran = pellucid("explain", "house:reviews", "reviews.txt", "-m", "shapley", "-m", "leave-one-out", "-o", "all/")
    told = pl.load("all/shapley.pellucid")
    texts = ["a good film", "not good, bad"]
    expected = pl.explain(house().reviews(), texts, method="shapley")
    np.testing.assert_array_equal(told.values, expected.values)
    assert told.features[1].names == ("not", "good", "bad")
    assert "shapley, leave-one-out: removed features are deleted" in ran.stdout


# ------------------------------------------------------------------ maskers and parameters

GIVEN = {
    "constant": (["--masker-value", "0.5"], lambda: pl.maskers.Constant(0.5)),
    "mean": (["--masker-rows", "rows.npy"], lambda: pl.maskers.Mean(rows())),
    "background": (
        ["--masker-rows", "rows.npy", "--masker-size", "2", "--masker-summary", "kmeans", "--masker-seed", "3"],
        lambda: pl.maskers.Background(rows(), size=2, summary="kmeans", seed=3),
    ),
    "conditional": (
        ["--masker-rows", "rows.npy", "--masker-draws", "4", "--masker-kind", "gaussian"],
        lambda: pl.maskers.Conditional(rows(), draws=4, kind="gaussian"),
    ),
}


@pytest.mark.parametrize("name", GIVEN)
def test_maskers_of_tables(pellucid, name):
    words, made = GIVEN[name]
    pellucid("explain", "house:net", "rows.npy", "-m", "shapley", "-t", "0", "--masker", name, *words, "-o", "one.pellucid")
    told = pl.load("one.pellucid")
    expected = pl.explain(house().net, rows(), target=0, method="shapley", masker=made())
    np.testing.assert_array_equal(told.values, expected.values)
    assert told.removal == expected.removal


@pytest.mark.parametrize(
    ("words", "masker"),
    [
        (["--masker", "blur", "--masker-sigma", "3"], pl.maskers.Blur(3.0)),
        (["--masker", "noisy-linear", "--masker-noise", "0.1"], pl.maskers.NoisyLinear(noise=0.1)),
        (["--masker", "inpaint"], pl.maskers.Inpaint()),
        (["--masker", "constant", "--masker-value", "grey.npy"], pl.maskers.Constant(np.full((3, 1, 1), 0.5, np.float32))),
    ],
)
def test_maskers_of_pictures(pellucid, words, masker):
    np.save("grey.npy", np.full((3, 1, 1), 0.5, np.float32))
    pellucid("explain", *PICTURES, "-m", "occlusion", "--window", "3,8,8", "--stride", "3,8,8", *words, "-o", "one.pellucid")
    settings = {"method": "occlusion", "window": (3, 8, 8), "stride": (3, 8, 8), "masker": masker}
    expected = pl.explain(house().pictures(), pictures(), target="left", **settings)
    told = pl.load("one.pellucid")
    np.testing.assert_array_equal(told.values, expected.values)
    assert told.removal == expected.removal


@pytest.mark.parametrize(("typed", "token"), [("[MASK]", "[MASK]"), ("UNK", "UNK")])
def test_a_mask_token_is_text(pellucid, typed, token):
    words = ["--masker", "mask-token", "--masker-token", typed]
    pellucid("explain", "house:reviews", "reviews.txt", "-m", "shapley", *words, "-o", "one.pellucid")
    assert pl.load("one.pellucid").removal == f"replaced by '{token}'"


def test_a_mask_token_can_be_a_number():
    assert masking.made({"masker": "mask-token", "masker_token": "103"}) == pl.maskers.MaskToken(103)


@pytest.mark.parametrize("window", [("4", 4), ("3,4,8", (3, 4, 8))])
def test_windows(pellucid, window):
    pellucid("explain", *PICTURES, "-m", "occlusion", "--window", window[0], "-o", "one.pellucid")
    expected = pl.explain(house().pictures(), pictures(), target="left", method="occlusion", window=window[1])
    np.testing.assert_array_equal(pl.load("one.pellucid").values, expected.values)


def test_estimators(pellucid):
    words = ["-m", "shapley", "-t", "0", "--estimator", "permutation", "--budget", "12", "--seed", "4"]
    pellucid("explain", "house:net", "rows.npy", *words, "-o", "one.pellucid")
    told = pl.load("one.pellucid")
    expected = pl.explain(house().net, rows(), target=0, method="shapley", estimator="permutation", budget=12, seed=4)
    np.testing.assert_array_equal(told.values, expected.values)
    assert told.parameters["estimator"] == "permutation"


def test_every_masker_and_each_of_its_settings_can_be_typed(pellucid):
    shown = pellucid("explain", "--help").stdout
    assert len(MASKERS) == len(pl.maskers.__all__)
    for name, masker in MASKERS.items():
        assert name in shown
        for field in dataclasses.fields(masker):
            assert flag(f"masker_{field.name}") in shown


def test_every_default_of_a_masker_survives_its_own_spelling():
    for name, masker in MASKERS.items():
        for setting, parameter in masking.settings(name).items():
            if masking.required(parameter):
                assert kind(parameter) == "file"
            elif parameter.default is not None:
                needed = {each: "x.npy" for each, other in masking.settings(name).items() if masking.required(other)}
                made = masking.made({"masker": name, setting: str(parameter.default), **needed}, lambda file: file)
                assert type(made) is masker
                assert getattr(made, setting.removeprefix("masker_")) == parameter.default


def test_what_no_type_says():
    """Values of a parameter declared as anything: numbers, several, a switch, a name where the default is one."""
    shapley, occlusion = pl.catalog.method_named("shapley"), pl.catalog.method_named("occlusion")
    assert options.values(shapley, {"estimator": "leverage"}) == {"estimator": "leverage"}
    assert options.values(occlusion, {"window": "3,4"}) == {"window": [3, 4]}
    assert options.values(occlusion, {"window": "true"}) == {"window": True}
    assert options.values(occlusion, {"window": "1.5"}) == {"window": 1.5}


# ------------------------------------------------------------------ what is shown


def test_values_of_features_are_shown_with_their_errors(pellucid):
    words = ["-m", "shapley", "-t", "0", "--estimator", "permutation", "--budget", "12"]
    ran = pellucid("explain", "house:net", "numbers.csv", *words, "-o", "one.pellucid")
    told = pl.load("one.pellucid")
    lines = [line.split() for line in ran.stdout.splitlines()]
    assert ["input", "method", "target", "feature", "value", "standard", "error"] in lines
    order = np.argsort(-np.abs(told.values[1]))
    number, error = f"{told.values[1, order[0]]:.4g}", f"{told.standard_errors[1, order[0]]:.2g}"
    given = f"{told.inputs[1, order[0]]:.0f}"
    assert ["numbers.csv[1]", "shapley", "output", "0", "abcd"[order[0]], "=", given, number, error] in lines
    assert sum(line[:1] == ["numbers.csv[1]"] for line in lines) == 1 + 4
    assert "shapley: removed features are set to 0" in ran.stdout


def test_what_is_not_shown_is_summed(pellucid):
    words = ["-m", "shapley", "-t", "0", "--segments", "12", "--estimator", "permutation", "--budget", "60"]
    ran = pellucid("explain", "house:Series", "series.npy", *words, "-o", "one.pellucid")
    values = pl.load("one.pellucid").values[0]
    rest = np.sort(np.abs(values))[:-3]
    assert f"9 smaller ones, summed {values[np.abs(values) <= rest.max()].sum():.4g}" in " ".join(ran.stdout.split())


def test_words_that_recur_are_told_apart_and_stay_text(pellucid):
    Path("t.txt").write_text("good \x1b[2J good [red]bad\n")
    ran = pellucid("explain", "house:reviews", "t.txt", "-m", "leave-one-out")
    assert "good (1)" in ran.stdout
    assert "good (2)" in ran.stdout
    assert "\x1b" not in ran.stdout


def test_pairs_of_features_are_shown(pellucid):
    """Both halves of a pair together."""
    ran = pellucid("explain", "house:net", "numbers.csv", "-m", "shapley-interactions", "-t", "0", "-o", "one.pellucid")
    told = pl.load("one.pellucid")
    matrix = told.values[0] + told.values[0].T - np.diag(np.diag(told.values[0]))
    found = {("a", "b", "c", "d")[i] + (f" × {'abcd'[j]}" if i != j else ""): matrix[i, j] for i in range(4) for j in range(i, 4)}
    best = max(found, key=lambda name: abs(found[name]))
    assert f"numbers.csv[0] shapley-interactions output 0 {best} {found[best]:.4g}" in " ".join(ran.stdout.split())


def test_methods_show_the_maskers(pellucid):
    assert "game" in pellucid("methods").stdout
    shown = " ".join(pellucid("methods", "shapley").stdout.split())
    for name in MASKERS:
        assert f"{name} " in shown
    assert "--masker-rows FILE [--masker-size]" in shown
    assert "Removed entries are taken together from a background row" in shown
    assert "blur" not in pellucid("methods", "saliency").stdout


# ------------------------------------------------------------------ again


@pytest.mark.parametrize(
    "words",
    [
        [*PICTURES, "-m", "shapley", "-m", "rise", "--cell", "8", "--samples", "20", "--masker", "blur", "--masker-sigma", "2"],
        [
            *PICTURES,
            "-m",
            "saliency",
            "-m",
            "leave-one-out",
            "--superpixels",
            "5",
            "--masker",
            "constant",
            "--masker-value",
            "-1",
        ],
        ["house:Series", "series.npy", "-m", "shapley", "-t", "1", "--segments", "3", "--masker", "interpolate"],
        ["house:people", "people.csv", "-m", "shapley", "--masker", "background", "--masker-rows", "others.csv", "--frame"],
        ["house:reviews", "reviews.txt", "-m", "shapley", "--masker", "mask-token", "--masker-token", "<a b>"],
        ["house:net", "numbers.csv", "-m", "shapley", "--no-frame", "--estimator", "kernel", "--budget", "20", "--seed", "2"],
        [*PICTURES, "-m", "occlusion", "--window", "3,8,8", "--stride", "3,4,8"],
    ],
)
def test_the_recorded_command_makes_the_same_explanation_again(pellucid, words):
    pellucid("explain", *words, "-o", "first/")
    for path in sorted(Path("first").iterdir()):
        first = pl.load(path)
        program, *again = shlex.split(first.command)
        assert program == "pellucid"
        pellucid(*again, "-o", "again/")
        second = pl.load(Path("again") / path.name)
        np.testing.assert_array_equal(first.values, second.values)
        assert (first.command, first.removal, first.features) == (second.command, second.removal, second.features)


def test_a_command_holds_what_its_method_takes(pellucid):
    words = ["-m", "rise", "-m", "saliency", "-m", "shapley", "--cell", "8", "--samples", "20", "--masker", "blur"]
    pellucid("explain", *PICTURES, *words, "-o", "all/")
    start = "pellucid explain house:pictures wide.png tall.jpg --method"
    assert pl.load("all/rise.pellucid").command == f"{start} rise --target left --samples 20 --masker blur"
    assert pl.load("all/saliency.pellucid").command == f"{start} saliency --target left --cell 8"
    assert pl.load("all/shapley.pellucid").command == f"{start} shapley --target left --cell 8 --masker blur"


# ------------------------------------------------------------------ what does not go together


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            [*PICTURES, "-m", "shapley", "--cell", "8", "--superpixels", "5"],
            "--cell and --superpixels both say what a feature is",
        ),
        ([*PICTURES, "-m", "shapley", "--cell", "0"], "--cell must be at least 1; got 0"),
        ([*PICTURES, "-m", "shapley", "--superpixels", "-3"], "--superpixels must be at least 1; got -3"),
        ([*PICTURES, "-m", "shapley", "--superpixels", "999"], "--superpixels must be at most 256, the pixels of a sample"),
        (
            [*PICTURES, "-m", "shapley", "--segments", "3"],
            "does not cut samples of the shape (3, 16, 16). Use --cell or --superp",
        ),
        ([*PICTURES, "-m", "rise", "--cell", "8"], "--cell makes features, and rise has none: it looks at positions"),
        ([*PICTURES, "-m", "shapley", "--at", "0"], "at= has no meaning"),
        (["house:Series", "series.npy", "-m", "shapley", "--superpixels", "3"], "Use --cell or --segments."),
        (["house:Series", "series.npy", "-m", "shapley", "--segments", "13"], "--segments must be at most 12, the steps"),
        (["house:net", "numbers.csv", "-m", "shapley", "--cell", "2"], "columns are the features of a table"),
        (["house:reviews", "reviews.txt", "-m", "shapley", "--segments", "2"], "words are the features of texts"),
        (["house:reviews", "reviews.txt", "-m", "saliency"], "saliency needs 'gradient'"),
        (["house:feel", "reviews.txt", "-m", "shapley"], "a function that is the model itself needs pl.wrap(function)"),
        (["house:net", "reviews.txt", "-m", "shapley"], "not of numbers"),
        ([*PICTURES, "-m", "shapley", "--masker", "blurr"], "there is no masker 'blurr'. Did you mean 'blur'?"),
        ([*PICTURES, "-m", "shapley", "--masker", "blur(3)"], "there is no masker 'blur(3)'. Did you mean 'blur'?"),
        ([*PICTURES, "-m", "shapley", "--masker", "__all__"], "there is no masker '__all__'"),
        ([*PICTURES, "-m", "shapley", "--masker-sigma", "3"], "--masker-sigma is a setting of the masker blur; name it"),
        (
            [*PICTURES, "-m", "shapley", "--masker", "constant", "--masker-rows", "rows.npy"],
            "--masker-rows is a setting of the masker background or conditional or mean; constant does not have it.",
        ),
        ([*PICTURES, "-m", "shapley", "--masker", "blur", "--masker-sigma", "wide"], "--masker-sigma takes a number; got 'wide'"),
        ([*PICTURES, "-m", "shapley", "--masker", "blur", "--masker-sigma", "nan"], "sigma must be"),
        ([*PICTURES, "-m", "shapley", "--masker", "mean"], "--masker mean needs --masker-rows, a file"),
        ([*PICTURES, "-m", "shapley", "--masker", "mean", "--masker-rows", "3"], "takes a .npy, .npz or .csv file; got '3'"),
        ([*PICTURES, "-m", "shapley", "--masker", "mean", "--masker-rows", "no.npy"], "there is no file 'no.npy'"),
        ([*PICTURES, "-m", "shapley", "--masker", "mean", "--masker-rows", "rows.npy"], "rows must be like the samples"),
        (
            [
                "house:net",
                "rows.npy",
                "-m",
                "shapley",
                "--masker",
                "background",
                "--masker-rows",
                "rows.npy",
                "--masker-summary",
                "x",
            ],
            "--masker-summary must be one of 'sample', 'kmeans', 'stratified'; got 'x'",
        ),
        (
            ["house:people", "people.csv", "-m", "shapley", "--masker", "mean", "--masker-rows", "numbers.csv"],
            "'numbers.csv' has the columns a, b, c, d; the samples: age, town, income",
        ),
        ([*PICTURES, "-m", "saliency", "--masker", "blur"], "--masker is a parameter of occlusion,"),
        ([*PICTURES, "-m", "saliency", "--masker-sigma", "3"], "--masker-sigma is a parameter of occlusion,"),
        (["house:net", "rows.npy", "-m", "shapley", "--estimator", "levrage"], "Did you mean 'leverage'?"),
        ([*PICTURES, "-m", "occlusion", "--window", "1,8,8", "--masker", "noisy-linear"], "masks remove single channels of them"),
        ([*PICTURES, "-m", "occlusion", "--window", "wide"], "--window takes a number, integers joined by commas, or"),
    ],
)
def test_errors_are_one_sentence(pellucid, words, sentence):
    ran = pellucid("explain", *words, code=2)
    assert sentence in ran.stderr
    assert ran.stderr.startswith("error: ")
    assert ran.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "words",
    [
        ["house:reviews", "reviews.txt", "-m", "shapley", "--cell", "8"],
        ["house:pictures", "wide.png", "-m", "shapley", "--masker", "blurr"],
        ["house:pictures", "wide.png", "-m", "shapley", "--masker", "blur", "--masker-sigma", "x"],
        ["house:pictures", "wide.png", "-m", "shapley", "--masker", "mean"],
        ["house:pictures", "wide.png", "-m", "rise", "--cell", "8"],
    ],
)
def test_nothing_is_opened_before_the_order_is_understood(pellucid, words):
    sys.modules.pop("house", None)
    pellucid("explain", *words, code=2)
    assert "house" not in sys.modules


def test_pickled_rows_are_refused(pellucid):
    np.save("evil.npy", np.array([{}], dtype=object), allow_pickle=True)
    words = ["-m", "shapley", "--masker", "background", "--masker-rows", "evil.npy"]
    assert "is not opened" in pellucid("explain", "house:net", "rows.npy", *words, code=2).stderr


def test_files_of_parameters_are_read_as_the_samples_were_and_before_the_model_is_opened(pellucid):
    sys.modules.pop("house", None)
    Path("base.csv").write_text("b,a,c,d\n1,2,3,4\n")
    ran = pellucid("explain", "house:net", "numbers.csv", "--baseline", "base.csv", code=2)
    assert "'base.csv' has the columns b, a, c, d; the samples: a, b, c, d" in ran.stderr
    pellucid("explain", "house:net", "numbers.csv", "--baseline", "no.npy", code=2)
    assert "house" not in sys.modules
    Path("base.csv").write_text("a,b,c,d\n1,2,3,4\n")
    pellucid("explain", "house:net", "numbers.csv", "-t", "0", "--baseline", "base.csv", "-o", "one.pellucid")
    told = pl.load("one.pellucid")
    expected = pl.explain(house().net, told.inputs, target=0, baseline=np.array([[1.0, 2, 3, 4]]))
    np.testing.assert_array_equal(told.values, expected.values)
