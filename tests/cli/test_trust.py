"""``pellucid trust``, ``evaluate`` and ``compare``: the same numbers as from Python, in words, in JSON and in files."""

import csv
import json

import numpy as np
import pytest
import torch

import pellucid as pl
from pellucid.cli import cards
from pellucid.core.card import CHECKS, TrustCard
from pellucid.verdict import Settings

SMALL = ("--orders", "10", "--changes", "1", "--draws", "1")


def rows() -> np.ndarray:
    return np.load("rows.npy")


def network() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))


def expected(method="integrated-gradients", **given) -> TrustCard:
    e = pl.explain(network(), rows(), method=method, target=1, **given)
    return pl.trust(e, network(), orders=10, changes=1, draws=1)


def test_the_card_is_that_of_python(pellucid):
    ran = pellucid("trust", "house:named", "rows.npy", "-t", "dog", *SMALL)
    card = expected()
    lines = ran.stdout.splitlines()
    assert lines[2] == f"{cards.MARKS[card.grade]} {card.verdict}"
    gates = [line for line in lines if line.startswith(tuple(check.name for check in CHECKS))]
    assert len(gates) == len(CHECKS)
    stability = next(line for line in gates if line.startswith("stability"))
    assert f"{np.median(card['stability'].values):.3g}" in stability
    assert "at least 0.8" in stability
    for name, verdict in zip(("rows.npy[0]", "rows.npy[1]", "rows.npy[2]"), card.verdicts, strict=True):
        (line,) = [line for line in lines if line.startswith(f"{name}: ")]
        assert line.endswith(verdict)


def test_json_holds_every_number(pellucid):
    ran = pellucid("trust", "house:net", "rows.npy", "-t", "1", "--json", *SMALL)
    (told,) = json.loads(ran.stdout)
    card = expected()
    assert told["verdict"] == card.verdict
    assert [sample["verdict"] for sample in told["samples"]] == list(card.verdicts)
    for gate, found in zip(card.gates, told["gates"], strict=True):
        assert (found["gate"], tuple(found["grades"])) == (gate.name, gate.grades)
        np.testing.assert_allclose(np.array(found["values"], float), np.where(np.isfinite(gate.values), gate.values, np.nan))


def test_methods_with_parameters_are_asked_again_with_them(pellucid):
    np.save("base.npy", np.ones(4, np.float32))
    ran = pellucid("trust", "house:net", "rows.npy", "-t", "1", "--baseline", "base.npy", "--steps", "9", "--json", *SMALL)
    (told,) = json.loads(ran.stdout)
    stability = next(gate for gate in told["gates"] if gate["gate"] == "stability")
    np.testing.assert_allclose(stability["values"], expected(baseline=1.0, steps=9)["stability"].values, rtol=1e-5)


def test_cards_are_written_and_read_back(pellucid, here):
    pellucid(
        *("trust", "house:named", "rows.npy", "-t", "dog", "-o", "card.png", "-o", "one.pellucid", "-o", "report.html", *SMALL)
    )
    assert (here / "card.png").read_bytes().startswith(b"\x89PNG")
    card = TrustCard.of(pl.load("one.pellucid"))
    np.testing.assert_allclose(card["stability"].values, expected()["stability"].values)
    assert "Trust card of integrated-gradients" in (here / "report.html").read_text(encoding="utf-8")
    ran = pellucid("report", "one.pellucid", "-o", "again.html")
    assert "wrote" in ran.stdout
    assert "Trust card of" in (here / "again.html").read_text(encoding="utf-8")


def test_strict_fails_where_an_explanation_should_not_be_relied_on(pellucid, here):
    (here / "flat.py").write_text("import torch\nnet = torch.nn.Linear(4, 2)\nnet.weight.data[:] = 0\n")
    words = ("trust", "flat:net", "rows.npy", "-m", "saliency", "-t", "0", *SMALL)
    assert "Do not rely on it" in pellucid(*words).stdout
    pellucid(*words, "--strict", code=1)
    linear = "import torch\ntorch.manual_seed(1)\nnet = torch.nn.Linear(4, 2)\n"
    (here / "straight.py").write_text(linear)
    ran = pellucid("trust", "straight:net", "rows.npy", "-m", "shapley", "-t", "0", "--strict", "--draws", "0")
    assert "Do not rely" not in ran.stdout


def test_rows_of_data_give_tables_three_policies(pellucid):
    ran = pellucid("trust", "house:people", "people.csv", "-m", "shapley", "-t", "high", "--removal-rows", "others.csv", *SMALL)
    assert ran.stdout.count("  removed: ") == 3
    assert "nowhere.csv" in pellucid("trust", "house:net", "rows.npy", "--removal-rows", "nowhere.csv", code=2).stderr


def test_explain_adds_a_card(pellucid):
    ran = pellucid("explain", "house:named", "rows.npy", "-t", "dog", "--trust", "-o", "one.pellucid")
    assert ran.stdout.count("gate ") == 1
    card = TrustCard.of(pl.load("one.pellucid"))
    assert card.verdicts[1] in ran.stdout
    assert "integrated-gradients: do not rely" not in ran.stdout
    assert "integrated-gradients: use with care" not in ran.stdout


def test_names_with_terminal_codes_stay_text(pellucid):
    for command in ("trust", "evaluate"):
        assert "\x1b" not in pellucid(command, "house:named", "rows.npy", "-t", "2").stdout


def test_scores_are_those_of_python(pellucid, here):
    words = ("evaluate", "house:named", "rows.npy", "-t", "dog", "--metric", "deletion", "--metric", "faithfulness-correlation")
    ran = pellucid(*words, "-o", "scores.csv")
    e = pl.explain(network(), rows(), target=1)
    scores = pl.evaluate(e, network(), ["deletion", "faithfulness-correlation"])
    assert f"{scores['deletion'].mean:.3g}" in ran.stdout
    with (here / "scores.csv").open(newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    assert len(table) == 6
    found = [float(line["value"]) for line in table if line["metric"] == "faithfulness-correlation"]
    np.testing.assert_allclose(found, scores["faithfulness-correlation"].values)
    assert float(table[3]["low"]) == pytest.approx(scores["faithfulness-correlation"].interval[0, 0])
    (told,) = json.loads(pellucid(*words, "--json").stdout)
    np.testing.assert_allclose(list(told["scores"]["deletion"]["values"].values()), scores["deletion"].values)
    assert told["scores"]["deletion"]["better"] == "lower"


def test_masks_say_what_should_be_found(pellucid):
    np.save("masks.npy", np.eye(4, dtype=bool)[:3])
    ran = pellucid("evaluate", "house:net", "rows.npy", "-t", "1", "--metric", "pointing-game", "--masks", "masks.npy", "--json")
    (told,) = json.loads(ran.stdout)
    e = pl.explain(network(), rows(), target=1)
    hits = (e.values.argmax(axis=1) == np.arange(3)).tolist()
    found = list(told["scores"]["pointing-game"]["values"].values())
    assert [bool(value) for value in found] == hits


def test_methods_are_compared(pellucid, here):
    ran = pellucid(
        *("compare", "house:named", "rows.npy", "-t", "dog", "-m", "shapley", "-m", "integrated-gradients", "--metric", "srg"),
        *("-o", "figure.png", "-o", "report.html", "-o", "table.csv", "-o", "both/"),
    )
    found = pl.compare(network(), rows(), ["shapley", "integrated-gradients"], target=1, metrics=["srg"], settings=Settings())
    for name in found.names:
        assert f"{name}: {cards.MARKS[found.cards[name].grade]} {found.cards[name].verdict}" in ran.stdout
    said = f"shapley and integrated-gradients agree to rank correlation {found.agreement[0, 1].mean():.3g}"
    assert said in ran.stdout
    assert (here / "figure.png").stat().st_size > 5000
    assert "Methods compared" in (here / "report.html").read_text(encoding="utf-8")
    with (here / "table.csv").open(newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    np.testing.assert_allclose([float(line["srg"]) for line in table[:3]], found.scores["shapley"]["srg"].values)
    assert table[3]["grade"] == found.cards["integrated-gradients"].grades[0]
    saved = pl.load("both/shapley.pellucid")
    np.testing.assert_array_equal(saved.values, found.explanations["shapley"].values)
    assert saved.command.startswith("pellucid explain house:named rows.npy --method shapley")


def test_comparisons_of_pictures_texts_and_tables(pellucid):
    pictures = (
        "compare",
        "house:pictures",
        "wide.png",
        "-m",
        "lime",
        "-m",
        "grad-cam",
        "--cell",
        "8",
        "--no-trust",
        "-o",
        "c.svg",
    )
    assert "lime and grad-cam agree" in pellucid(*pictures).stdout
    said = pellucid("compare", "house:reviews", "reviews.txt", "-m", "shapley", "-m", "leave-one-out", "-t", "0", "--no-trust")
    assert "shapley and leave-one-out agree" in said.stdout
    framed = ("compare", "house:people", "people.csv", "-m", "shapley", "-m", "banzhaf", "-t", "high", "--no-trust", "--json")
    told = json.loads(pellucid(*framed).stdout)
    assert set(told["methods"]) == {"shapley", "banzhaf"}
    assert len(told["agreement"]["shapley, banzhaf"]) == 3


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("trust", "-o", "card.bmp"), "nothing is written to '.bmp' files"),
        (("trust", "-m", "salency"), "there is no method 'salency'. Did you mean 'saliency'?"),
        (("trust", "--orders", "0"), "orders= at least 10"),
        (("evaluate", "--metric", "deletoin"), "there is no metric 'deletoin'. Did you mean 'deletion'?"),
        (("evaluate", "-o", "scores.txt"), "scores are written to a .csv file"),
        (("evaluate", "--masks", "nowhere.npy"), "there is no file 'nowhere.npy'"),
        (("evaluate", "-m", "saliency", "--steps", "8"), "--steps is a parameter of"),
        (("compare", "-m", "saliency"), "compare sets two or more methods side by side"),
        (("compare", "-m", "saliency", "-m", "lime", "-t", "0", "-t", "1"), "compare takes one --target"),
        (("compare", "-m", "saliency", "-m", "lime", "-o", "one.pellucid"), "a comparison is written to"),
        (("compare", "-m", "saliency", "-m", "lime", "--metric", "srgg"), "there is no metric 'srgg'"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(pellucid, words, said):
    command, *rest = words
    ran = pellucid(command, "house:net", "rows.npy", *rest, code=2)
    assert said in " ".join(ran.stderr.split())
    assert ran.stderr.startswith("error: ")


@pytest.mark.parametrize("command", ["trust", "evaluate", "compare"])
def test_the_help_tells_the_exit_codes(pellucid, command):
    assert "Exit codes: 0 done;" in " ".join(pellucid(command, "--help").stdout.split())
