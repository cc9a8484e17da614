"""``pellucid advise``, ``--method auto``, and what ``compare`` takes where no method was named."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import pellucid as pl
from pellucid import catalog
from pellucid.core.records import Cost
from pellucid.verdict.advising import Candidate


def rows() -> np.ndarray:
    return np.load("rows.npy")


def network() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))


def test_json_is_the_advice_of_python(pellucid):
    ran = pellucid("advise", "house:net", "rows.npy", "-t", "1", "--purpose", "justify", "--rows", "600", "--json")
    told, advice = json.loads(ran.stdout), pl.advise(network(), rows(), target=1, purpose="justify", budget=600)
    assert (told["best"], told["reason"], told["purpose"]) == (advice.best, advice.reason, "justify")
    assert [each["method"] for each in told["methods"]] == [each.method for each in advice.candidates]
    assert len(told["methods"]) == len(catalog.METHODS)
    for each in told["methods"]:
        expected = advice[each["method"]]
        assert (each["standing"], each["reason"]) == (expected.standing, expected.reason)
        number = np.nan if each["chosen_by"] is None else each["chosen_by"]
        np.testing.assert_allclose(number, expected.chosen_by)
    assert told["cost"]["forward rows"] + told["cost"]["backward rows"] <= 600


def test_the_table_has_a_reason_for_every_method_and_the_command_to_go_on_with(pellucid):
    ran = pellucid("advise", "house:named", "rows.npy", "-t", "dog")
    advice = pl.advise(pl.wrap(network(), output="logits"), rows(), target=1)
    lines = ran.stdout.splitlines()
    assert lines[0] == "house:named on 3 samples"
    assert lines[2].split()[:3] == [advice.best, "best", f"{advice[advice.best].chosen_by:.2f}"]
    for each in advice.candidates:
        (line,) = [line for line in lines if line.split()[:1] == [each.method]]
        assert each.standing in line
        assert each.reason in line
    assert lines[-1] == f"explain with it: pellucid explain house:named rows.npy --method {advice.best} --target dog"


def test_rows_of_data_stand_for_removed_columns(pellucid):
    np.save("others.npy", np.random.default_rng(1).normal(size=(5, 4)).astype(np.float32))
    ran = pellucid("advise", "house:net", "rows.npy", "-t", "1", "--removal-rows", "others.npy", "--json")
    advice = pl.advise(network(), rows(), target=1, background=np.load("others.npy"))
    told = json.loads(ran.stdout)
    assert told["removed features"] == {"chosen with": list(advice.policies[0]), "held out": list(advice.policies[1])}
    assert told["best"] == advice.best


@pytest.mark.parametrize(
    ("model", "file", "more"),
    [
        ("pictures", "wide.png", ("--cell", "8")),
        ("reviews", "reviews.txt", ("-t", "0")),
        ("people", "people.csv", ("-t", "high")),
    ],
)
def test_pictures_texts_and_tables_have_advice(pellucid, model, file, more):
    told = json.loads(pellucid("advise", f"house:{model}", file, *more, "--json").stdout)
    assert told["best"] in {method.name for method in catalog.METHODS}


@pytest.fixture
def advised(monkeypatch):
    """Make advice choose a method."""

    def choose(method):
        best = Candidate(method.name, "best", "it is the one method that suits")
        advice = pl.Advice(method.name, method, (best,), ((), ()), "debug", None, Cost(3, 2))
        monkeypatch.setattr("pellucid.verdict.advise", lambda *_, **__: advice)

    return choose


def test_auto_explains_with_the_method_that_was_chosen_and_says_why(pellucid):
    ran = pellucid("explain", "house:net", "rows.npy", "-t", "1", "-m", "auto", "-o", "chosen.pellucid")
    advice, e = pl.advise(network(), rows(), target=1), pl.load("chosen.pellucid")
    assert f"note: --method auto took {advice.best}: {advice.reason}" in ran.stdout
    assert e.method == advice.best
    assert any(advice.reason in note for note in e.plan.notes)
    np.testing.assert_array_equal(e.values, pl.explain(network(), rows(), target=1, method=advice.method).values)
    _, *again = e.command.split()
    pellucid(*again, "-o", "again.pellucid")
    np.testing.assert_array_equal(pl.load("again.pellucid").values, e.values)


def test_the_command_names_the_method_that_was_chosen(pellucid, advised):
    advised(catalog.method_named("shapley")())
    ran = pellucid("explain", "house:net", "rows.npy", "-t", "1", "-m", "auto", "-o", "one.pellucid")
    assert pl.load("one.pellucid").command == "pellucid explain house:net rows.npy --method shapley --target 1"
    assert "note: --method auto took shapley: it is the one method that suits (5 model rows)" in ran.stdout


def test_parameters_that_cannot_be_typed_leave_auto_in_the_command(pellucid, advised):
    method = catalog.method_named("expected-gradients")(baseline=rows(), samples=8)
    advised(method)
    pellucid("explain", "house:net", "rows.npy", "-t", "1", "-m", "auto", "-o", "one.pellucid")
    e = pl.load("one.pellucid")
    np.testing.assert_array_equal(e.values, pl.explain(network(), rows(), target=1, method=method).values)
    assert e.command == "pellucid explain house:net rows.npy --method auto --target 1"


def test_a_method_that_is_named_beside_auto_is_explained_once(pellucid, advised):
    advised(catalog.method_named("saliency")())
    pellucid("explain", "house:net", "rows.npy", "-t", "1", "-m", "auto", "-m", "saliency", "-m", "lime", "-o", "both/")
    assert sorted(path.stem for path in Path("both").iterdir()) == ["lime", "saliency"]


@pytest.mark.parametrize("command", ["trust", "evaluate"])
def test_other_commands_take_auto_too(pellucid, command):
    best = pl.advise(network(), rows(), target=1).best
    (told,) = json.loads(pellucid(command, "house:net", "rows.npy", "-t", "1", "-m", "auto", "--json").stdout)
    assert told["method"] == best


def test_compare_takes_the_usual_methods_that_the_model_allows(pellucid):
    words = ("--no-trust", "--metric", "sparseness", "--json")
    told = json.loads(pellucid("compare", "house:net", "rows.npy", "-t", "1", *words).stdout)
    assert list(told["methods"]) == ["shapley", "lime", "integrated-gradients"]
    told = json.loads(pellucid("compare", "house:reviews", "reviews.txt", "-t", "0", *words).stdout)
    assert list(told["methods"]) == ["shapley", "lime"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("advise", "-m", "saliency"), "advise looks at every method"),
        (("advise", "--budget", "8"), "--rows says how many"),
        (("advise", "--steps", "8"), "name one of them with --method"),
        (("advise", "--purpose", "play"), "purpose= must be one of"),
        (("advise", "--rows", "1"), "no method could be measured"),
        (("advise", "--removal-rows", "nowhere.npy"), "there is no file 'nowhere.npy'"),
        (("explain", "-m", "auto", "-t", "0", "-t", "1"), "a method is chosen for one --target"),
        (("explain", "-m", "auto", "--steps", "8"), "name one of them with --method"),
        (("compare", "-m", "auto"), "compare sets two or more methods side by side"),
        (("compare", "--steps", "8"), "name one of them with --method"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(pellucid, words, said):
    command, *rest = words
    ran = pellucid(command, "house:net", "rows.npy", *rest, code=2)
    assert said in " ".join(ran.stderr.split())
    assert ran.stderr.startswith("error: ")


def test_the_help_tells_the_exit_codes(pellucid):
    assert "Exit codes: 0 done;" in " ".join(pellucid("advise", "--help").stdout.split())
