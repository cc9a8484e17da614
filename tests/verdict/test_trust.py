"""Trust cards: closed forms, p-values that are right, cards that travel, and what cannot be checked said."""

import math
from dataclasses import dataclass, replace
from itertools import permutations
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import nn

import pellucid as pl
from pellucid.core.card import TrustCard
from pellucid.core.declare import Attribution
from pellucid.metrics.nulls import moved, places, smooth_nulls
from pellucid.verdict import gates
from played import Played

TERSE = {"changes": 1, "draws": 1}


@dataclass(frozen=True)
class InputItself:
    """A map that asks no model."""

    name: ClassVar[str] = "input-itself"
    engine: ClassVar[str] = "path"
    summary: ClassVar[str] = "the input"
    needs: ClassVar[frozenset] = frozenset({"gradient"})
    modalities: ClassVar[tuple] = ("any",)
    axioms: ClassVar[tuple] = ()
    cite: ClassVar[tuple] = ()

    def attribute(self, passes):
        passes.at_input()
        return [Attribution([passes.leaf("input")])]


def linear(weights):
    net = nn.Linear(len(weights), 1, bias=False)
    net.weight.data = torch.tensor([weights])
    return net


def network(seed=0, inputs=6):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(inputs, 16), nn.ReLU(), nn.Linear(16, 3))


def pictures(samples=2, size=28, seed=0):
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Conv2d(1, 4, 5, stride=4), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 3))
    return net, torch.rand(samples, 1, size, size)


def test_a_perfect_order_is_perfect_and_its_reverse_the_opposite():
    net = linear([3.0, -2.0, 1.0, 0.5, -0.25])
    x = torch.ones(2, 5)
    e = pl.explain(net, x, target=0, method="integrated-gradients")
    card = pl.trust(e, net, **TERSE)
    assert np.allclose(card["faithfulness"].values, 1)
    assert (card.random == 100).all()
    assert card["beats random orders"].grade == "pass"
    backwards = replace(e, values=-e.values)
    opposite = pl.trust(backwards, net, **TERSE)
    assert np.allclose(opposite["faithfulness"].values, -1)
    assert (opposite.random == 0).all()
    assert opposite.grade == "fail"
    assert opposite.verdict.startswith("Do not rely on it: ")


def test_faithfulness_of_a_linear_model_is_what_both_ends_give():
    weights = np.array([4.0, 1.0, -3.0, 2.0])
    values = np.array([[1.0, 3.0, 2.0, 0.0]])
    m = Played(values, lambda s, kept: float(weights @ kept))
    order = np.argsort(-values[0])

    def mean(order):
        gone = [np.isin(np.arange(4), order[:taken], invert=True) for taken in range(5)]
        return np.mean([weights @ kept for kept in gone])

    every = [mean(np.array(p)) for p in permutations(range(4))]
    expected = (mean(order[::-1]) - mean(order)) / (max(every) - min(every))
    assert gates.faithfulness(m, steps=4, orders=3, rows=100).scores[0, 0] == pytest.approx(expected)


def test_p_values_of_maps_that_know_nothing_are_as_often_small_as_they_say():
    rng = np.random.default_rng(0)
    samples, players = 400, 12
    weights = rng.normal(size=(samples, players))
    m = Played(rng.normal(size=(samples, players)), lambda s, kept: float(weights[s] @ kept))
    p = gates.faithfulness(m, steps=4, orders=10, rows=1).p_random[0]
    for level in (1 / 22, 0.25, 0.5):
        share = (p <= level + 1e-9).mean()
        assert abs(share - level) < 3 * math.sqrt(level * (1 - level) / samples) + 1 / 22, level
    assert p.min() == pytest.approx(1 / 22)


def test_a_map_that_asks_no_model_fails_the_gate_of_the_weights():
    net = network()
    x = torch.rand(3, 6)
    card = pl.trust(pl.explain(net, x, target=0, method=InputItself()), net, method=InputItself(), changes=1)
    gate = card["depends on the weights"]
    assert np.allclose(gate.values, 1)
    assert set(gate.grades) == {"fail"}
    assert card.grades == ("fail",) * 3
    honest = pl.trust(pl.explain(net, x, target=0, method="integrated-gradients"), net, changes=1)
    assert honest["depends on the weights"].grade == "pass"


def test_weights_and_mode_come_back():
    net = network().train()
    before = {name: each.clone() for name, each in net.state_dict().items()}
    pl.trust(pl.explain(net, torch.rand(2, 6), target=0), net)
    assert net.training
    assert all(torch.equal(before[name], each) for name, each in net.state_dict().items())


def test_no_gate_of_a_sample_depends_on_the_others():
    net, x = pictures(3)
    target = np.array([0, 1, 2])
    cards = [
        pl.trust(pl.explain(net, x[rows], target=target[rows], steps=8), net, **TERSE) for rows in ([0, 1, 2], [2, 0, 1], [1])
    ]
    for name in ("faithfulness", "beats random orders", "stability", "completeness", "in distribution", "depends on the weights"):
        whole = cards[0][name].values
        assert np.allclose(cards[1][name].values, whole[[2, 0, 1]], atol=1e-4), name
        assert np.allclose(cards[2][name].values, whole[[1]], atol=1e-4), name


def test_a_constant_map_says_nothing():
    net = linear([0.0, 0.0, 0.0])
    card = pl.trust(pl.explain(net, torch.rand(1, 3), target=0), net, **TERSE)
    assert card["a map"].grade == "fail"
    assert np.isnan(card["faithfulness"].values).all()
    assert "says nothing" in card.verdict


def test_a_card_travels_with_its_explanation(tmp_path):
    net, x = pictures(3)
    e = pl.explain(net, x, target=0, steps=8)
    card = pl.trust(e, net, **TERSE)
    assert e.evidence == tuple(finding for finding in card.explanation.evidence if finding.kind != "trust")
    card.explanation.save(tmp_path / "e.pellucid")
    read = TrustCard.of(pl.load(tmp_path / "e.pellucid"))
    assert read.verdicts == card.verdicts
    assert read.policies == card.policies
    assert np.allclose(read.faithfulness, card.faithfulness)
    assert read.notes == card.notes
    assert read.cost == card.cost
    assert [gate.note for gate in read.gates] == [gate.note for gate in card.gates]
    part = TrustCard.of(card.explanation[1:])
    assert part.verdicts == card.verdicts[1:]
    assert TrustCard.of(e) is None
    again = pl.trust(card.explanation, net, **TERSE)
    assert len(again.explanation.evidence) == len(card.explanation.evidence)


def test_rows_stay_within_what_was_said():
    net, x = pictures(2)
    features = pl.Features.grid((1, 28, 28), cell=2)
    e = pl.explain(net, x, target=0, steps=8)
    card = pl.trust(e, net, features=features, changes=0, draws=0)
    assert len(features) == 196
    assert len(card.policies) == 3
    assert 400 < card.cost.forward_rows / 2 <= 700
    assert card.cost.backward_rows == 0


def test_what_cannot_be_checked_is_said():
    def lengths(texts):
        return np.array([[float("good" in t) - float("bad" in t), len(t) / 10] for t in texts])

    model = pl.wrap(lengths, output="values")
    e = pl.explain(model, ["a good film", "a bad and long film"], target=0, method="shapley")
    card = pl.trust(e, model)
    assert len(card.policies) == 3
    assert card["stability"].grade == card["depends on the weights"].grade == "unknown"
    assert any("cannot be changed a little" in note for note in card.notes)
    assert "not checked: " in card.verdicts[0]
    assert card["completeness"].grade == "pass"
    table = pl.trust(pl.explain(network(), torch.rand(2, 6), target=0), network(), **TERSE)
    assert len(table.policies) == 1
    assert table["agreement of policies"].grade == "unknown"
    rows = torch.rand(20, 6)
    assert len(pl.trust(pl.explain(network(), rows[:2], target=0), network(), background=rows, **TERSE).policies) == 3


def test_saturation_is_read_off_the_explanation():
    net = nn.Sequential(nn.Linear(2, 1, bias=False), nn.Sigmoid())
    net[0].weight.data = torch.tensor([[40.0, 40.0]])
    e = pl.explain(net, torch.ones(1, 2), target=0, method="input-x-gradient")
    assert any("gradient" in finding.kind for finding in e.evidence)
    assert pl.trust(e, net, **TERSE)["saturation"].grade == "caution"


def test_a_moved_map_keeps_its_values_and_loses_its_place():
    rows, columns = np.meshgrid(np.arange(6), np.arange(6), indexing="ij")
    where = (np.stack([rows.ravel(), columns.ravel()], axis=1) + 0.5) / 6
    values = np.arange(36.0)
    found = moved(values, where, np.random.default_rng(1))
    assert sorted(found) == sorted(values)
    assert (found != values).mean() > 0.5


def test_smooth_maps_of_a_batch_of_images():
    net, x = pictures(3)
    e = pl.explain(net, x, target=0, steps=8)
    with pl.verdict.evaluating.measuring(e, net) as m:
        where = places(m)
        assert len(where) == 3
        assert where[0].shape == (m.counts[0], 2)
        nulls = smooth_nulls(m, 10)
        assert nulls.shape == (10, 3, m.players)
        assert not np.isnan(nulls).any()
        assert np.array_equal(nulls[2][0], m.values[1]), "the map of the next sample"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"steps": 1}, "steps="), ({"orders": 9}, "orders="), ({"radius": 0.0}, "radius="), ({"rows": 0}, "rows=")],
)
def test_settings_that_cannot_be(wrong, said):
    net = network()
    with pytest.raises(pl.InputError, match=said):
        pl.trust(pl.explain(net, torch.rand(1, 6), target=0), net, **wrong)


def test_a_card_reads_well():
    net = network()
    card = pl.trust(pl.explain(net, torch.rand(4, 6), target=0), net, **TERSE)
    text = str(card)
    assert text.splitlines()[0] == card.verdict
    assert all(gate.name in text for gate in card.gates)
    frame = card.to_frame()
    assert list(frame.columns) == ["sample", "gate", "value", "grade", "limit"]
    assert len(frame) == 4 * len(card.gates)
