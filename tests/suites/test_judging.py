"""Metrics through suites: one that knows the truth, one that says the opposite, and one that says nothing."""

import csv
import dataclasses
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from scipy.stats import spearmanr

import pellucid as pl
from pellucid import catalog
from pellucid.core.measure import Measurement
from pellucid.suites.asking import answer
from pellucid.suites.draws import drawn
from pellucid.suites.ranking import agreement
from pellucid.suites.scoring import scored
from pellucid.verdict.shortlist import SHORT

CASE = pl.suites.load("tabular", samples=10)["products"]
ONE = pl.suites.Suite("one", "A case alone.", (CASE,))


@dataclass(frozen=True)
class Truth:
    """A metric that was told the truth of the case."""

    name: ClassVar[str] = "truth"
    group: ClassVar[str] = "faithfulness"
    summary: ClassVar[str] = "how near to the truth"
    direction: ClassVar[str] = "higher"
    range: ClassVar[str] = "from -1 to 1"
    needs: ClassVar[frozenset] = frozenset({"predict"})
    asks: ClassVar[frozenset] = frozenset()
    cite: ClassVar[tuple] = ()

    def measure(self, m):
        """The score of the case itself, in single precision as explanations are."""
        return Measurement(scored(CASE.how, m.values, CASE.truth[: m.samples], None))


class Lower(Truth):
    """The same number, of which less is said to be better."""

    name: ClassVar[str] = "opposite"
    direction: ClassVar[str] = "lower"


class Same(Truth):
    """A metric to which all attributions are alike."""

    name: ClassVar[str] = "same"

    def measure(self, m):
        """Ones."""
        return Measurement(np.ones(m.samples))


@pytest.fixture(scope="module")
def judged():
    return pl.suites.judge(ONE, [Truth(), Lower(), Same(), "srg", "road"], samples=6, progress=False)


def test_a_metric_that_knows_the_truth_ranks_as_the_truth_does(judged):
    for policy in ("reference", "other samples"):
        standing = judged.mean("truth", policy)
        assert standing.correlation == pytest.approx(1)
        assert standing.best_two == 1
        assert judged.mean("opposite", policy).correlation == pytest.approx(-1)
        assert judged.mean("opposite", policy).best_two == 0


def test_a_metric_that_says_nothing_ranks_as_by_chance(judged):
    standing = judged.mean("same", "reference")
    assert standing.correlation == 0
    assert standing.best_two == pytest.approx(standing.chance)


def test_a_metric_that_cannot_be_asked_has_no_row(judged):
    assert judged.metrics == ("truth", "opposite", "same", "srg")
    assert judged.mean("road", "reference") is None


def test_the_same_seed_finds_the_same(judged):
    again = pl.suites.judge(ONE, ["srg", Truth()], samples=6, progress=False)
    for metric in ("srg", "truth"):
        assert [row for row in again if row.metric == metric] == [row for row in judged if row.metric == metric]


def test_the_ranking_is_that_of_evaluate(judged):
    """Another way there: every method explained and evaluated on its own."""
    case = dataclasses.replace(CASE, inputs=CASE.inputs[:6], target=CASE.target[:6], truth=CASE.truth[:6])
    given = {"random": drawn(0, "judge", case.name).normal(size=case.truth.shape)}
    for name in SHORT:
        method = catalog.method_named(name)()
        if {"any", "tabular"} & set(method.modalities):
            given[name], _ = answer(case, method, 0, 512, lambda *_: None)
    masker = pl.maskers.Background(CASE.inputs[-4:])
    e = pl.explain(case.model, case.inputs, target=case.target, method="leave-one-out", features=case.features, masker=masker)
    means = []
    for values in given.values():
        one = dataclasses.replace(e, values=values.astype(np.float32))
        found = pl.evaluate(one, case.model, "srg", masker=masker, features=case.features)["srg"].values
        means.append((np.round(found.mean(), 5), np.round(case.score(values).mean(), 5)))
    (row,) = [row for row in judged if row.metric == "srg" and row.policy == "other samples"]
    assert row.methods == len(given)
    assert row.correlation == pytest.approx(spearmanr(*zip(*means, strict=True)).statistic)


@pytest.mark.parametrize("seed", range(5))
def test_agreement_is_spearmans_correlation(seed):
    found, truth = np.random.default_rng(seed).integers(0, 6, (2, 9)).astype(float)
    correlation, best_two, chance = agreement(found, truth)
    assert correlation == pytest.approx(spearmanr(found, truth).statistic)
    second = np.sort(truth)[-2]
    among = truth >= second
    assert best_two == pytest.approx(among[found == found.max()].mean())
    assert chance == pytest.approx(among.mean())


def test_pictures_have_a_third_policy():
    judged = pl.suites.judge(
        pl.suites.Suite("few", "One of the patterns.", (pl.suites.load("patterns", samples=7)["linear-white-8"],)),
        ["srg", "irof", "road"],
        samples=3,
        progress=False,
    )
    assert judged.policies == ("reference", "blur", "other samples")
    road = {row.correlation for row in judged if row.metric == "road"}
    assert len(road) == 1  # it brings a policy of its own
    assert {row.kind for row in judged} == {"pictures"}


def test_tables_hold_what_was_found(judged, tmp_path):
    judged.to_csv(tmp_path / "judged.csv")
    with (tmp_path / "judged.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(judged) == len(judged.to_frame())
    assert [float(row["correlation"]) for row in rows] == pytest.approx([row.correlation for row in judged], abs=1e-5)
    heads, _, first, *_ = judged.markdown().splitlines()
    assert heads == "| metric | rows: reference | rows: other samples |"
    assert first == "| `truth` | 1.00, 100% | 1.00, 100% |"


def test_bad_input_is_refused_in_words():
    for given, words in (
        ({"metrics": []}, "metrics= is empty"),
        ({"metrics": ["srg", "srg"]}, "named twice"),
        ({"suites": []}, "suites= is empty"),
        ({"samples": 0}, "samples must be a positive whole number"),
        ({"suites": pl.suites.Suite("few", "", (pl.suites.load("logic", samples=4)["xor"],))}, "give more of them"),
    ):
        with pytest.raises(pl.InputError, match=words):
            pl.suites.judge(**({"suites": "logic", "metrics": "srg"} | given))
