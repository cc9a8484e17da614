"""``pellucid benchmark``: the table in the terminal, and its files."""

import csv


def test_a_benchmark_is_shown_and_written(pellucid, here):
    done = pellucid("benchmark", "--suite", "logic", "--methods", "shapley", "-m", "grad-cam", "--samples", "4", "--out", "found")
    assert "shapley" in done.stdout
    assert "1.00" in done.stdout
    assert "have no score" in done.output
    assert {path.name for path in (here / "found").iterdir()} == {"benchmark.md", "benchmark.csv", "benchmark.png"}
    text = (here / "found" / "benchmark.md").read_text(encoding="utf-8")
    assert text.startswith("# Methods on ground truth")
    assert "not for tabular ones" in text
    with (here / "found" / "benchmark.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["method"] for row in rows} == {"control: random", "shapley", "grad-cam"}


def test_metrics_are_judged_beside(pellucid, here):
    asked = ["--suite", "logic", "--methods", "shapley", "--samples", "2", "--metrics", "--out", "found"]
    done = pellucid("benchmark", *asked)
    assert "normalised-aopc" in done.stdout
    text = (here / "found" / "metrics.md").read_text(encoding="utf-8")
    assert text.startswith("# Metrics on ground truth")
    with (here / "found" / "metrics.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {"srg", "deletion", "insertion"} <= {row["metric"] for row in rows}


def test_mistakes_are_one_sentence(pellucid, here):
    (here / "file").write_text("")
    for asked, words in (
        (["--suite", "logik"], "there is no suite 'logik'"),
        (["--suite", "logic", "--methods", "shaply"], "there is no method 'shaply'"),
        (["--suite", "logic", "--out", "file"], "is, or lies in, a file"),
    ):
        done = pellucid("benchmark", *asked, code=2)
        assert words in done.output
