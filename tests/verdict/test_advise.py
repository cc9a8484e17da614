"""Advice: within its rows, by measurement, with a reason for every method; and ``method="auto"`` on top of it."""

import numpy as np
import pytest
import torch
from torch import nn

import pellucid as pl
from pellucid import catalog
from pellucid.verdict.shortlist import OTHERWISE, SHORT
from pellucid.verdict.trial import QUICK


def network(seed=0, inputs=6):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(inputs, 16), nn.ReLU(), nn.Linear(16, 3))


def rows_of(cost):
    return cost.forward_rows + cost.backward_rows + cost.other_rows


def test_every_method_of_the_catalog_has_its_place():
    names = {method.name for method in catalog.METHODS}
    assert names == set(SHORT) | set(OTHERWISE)
    assert not set(SHORT) & set(OTHERWISE)
    advice = pl.advise(network(), torch.rand(4, 6))
    assert {each.method for each in advice.candidates} == names
    assert all(each.reason for each in advice.candidates if each.standing != "measured")
    assert [each.standing for each in advice.candidates].count("best") == 1


@pytest.mark.parametrize("samples", [1, 3, 8, 30])
@pytest.mark.parametrize("budget", [300, 2000])
def test_rows_stay_within_the_budget(samples, budget):
    net, counted = network(), []
    net.register_forward_hook(lambda module, args, out: counted.append(len(out)))
    advice = pl.advise(net, torch.rand(samples, 6), budget=budget)
    assert rows_of(advice.cost) <= budget
    assert sum(counted) <= budget + 64, "the model ran no more often than was told, but for padding of batches"


def test_pictures_stay_within_the_budget_too():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(128, 4))
    advice = pl.advise(net, torch.rand(8, 3, 28, 28))
    assert rows_of(advice.cost) <= 2000
    assert advice["grad-cam"].standing != "left out"
    assert len(advice.policies[0]) == 1
    assert len(advice.policies[1]) == 2
    assert not set(advice.policies[0]) & set(advice.policies[1])


def test_the_best_is_the_most_faithful_and_of_equals_the_one_that_adds_up_then_the_cheapest():
    torch.manual_seed(0)
    zeros = pl.maskers.Constant(0.0)
    advice = pl.advise(nn.Linear(6, 1), torch.rand(8, 6), masker=[zeros, zeros])
    known = {each.method: each for each in advice.candidates if each.standing != "left out"}
    assert known["input-x-gradient"].chosen_by == pytest.approx(1), "exact for a linear model"
    assert known["saliency"].chosen_by < 1
    assert advice.best == "integrated-gradients", "as exact, its values add up, and it takes fewer rows than shapley"
    assert known["integrated-gradients"].rows < known["shapley"].rows


def test_gates_of_purposes():
    net, x = network(), torch.rand(4, 6)
    justify = pl.advise(net, x, purpose="justify")
    assert {each.method for each in justify.candidates if each.standing != "left out"} <= {"shapley", "integrated-gradients"}
    select = pl.advise(net, x, purpose="select")
    assert "can give values to features without effect" in select["lime"].reason
    monitor = pl.advise(net, x, purpose="monitor")
    assert all(each.rows <= QUICK + 2 for each in monitor.candidates if each.standing != "left out")


def test_what_a_model_cannot_do_is_the_reason():
    weights = np.random.default_rng(0).normal(size=(6, 2))
    advice = pl.advise(pl.wrap(lambda x: x @ weights), np.random.default_rng(1).random((4, 6)))
    assert "'gradient'" in advice["saliency"].reason
    assert advice.best in ("shapley", "lime", "leave-one-out", "occlusion")
    words = pl.wrap(lambda texts: np.array([[t.count("good") - t.count("bad")] for t in texts], float))
    assert pl.advise(words, ["a good film", "a bad film", "good good bad"], target=0).best in SHORT


def test_one_sample_and_one_policy_leave_nothing_to_score_the_choice_on():
    advice = pl.advise(network(), torch.rand(1, 6))
    assert any("nothing was left" in note for note in advice.notes)
    assert np.isnan(advice[advice.best].held_out)


def test_targets_follow_the_samples():
    net, x = network(), torch.rand(8, 6)
    labels = torch.tensor([0, 1, 2, 0, 1, 2, 0, 1])
    loss = pl.Target(lambda out, y: nn.functional.cross_entropy(out, y, reduction="none"), labels=labels)
    assert pl.advise(net, x, target=loss).best in SHORT
    assert pl.advise(net, x, target=labels.numpy()).best in SHORT


def test_auto_takes_the_advice_once():
    net, x = network(), torch.rand(8, 6)
    advice = pl.advise(net, x)
    counted = []
    net.register_forward_hook(lambda module, args, out: counted.append(len(out)))
    first = pl.explain(net, x, method="auto")
    spent = sum(counted)
    counted.clear()
    again = pl.explain(net, x, method="auto")
    assert first.method == again.method == advice.best
    assert np.array_equal(first.values, again.values)
    assert spent - sum(counted) >= 0.9 * advice.cost.forward_rows, "the second time nothing is measured"
    assert any(advice.best in note and "method='auto'" in note for note in first.plan.notes)
    assert first.command.startswith("pl.explain(")
    assert advice.best in first.command


def test_auto_with_several_targets():
    found = pl.explain(network(), torch.rand(4, 6), targets=[0, 1], method="auto")
    assert len(found) == 2
    assert found[0].method == found[1].method


def test_a_named_method_is_as_before():
    net, x = network(), torch.rand(2, 6)
    assert pl.explain(net, x).method == "integrated-gradients"
    assert pl.explain(net, x, method="saliency").method == "saliency"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"purpose": "debugg"}, "Did you mean 'debug'"),
        ({"task": "sorting"}, "task="),
        ({"budget": 0}, "budget="),
        ({"budget": 2.5}, "budget="),
    ],
)
def test_bad_wishes(wrong, said):
    with pytest.raises(pl.InputError, match=said):
        pl.advise(network(), torch.rand(2, 6), **wrong)


def test_a_budget_in_which_nothing_fits():
    with pytest.raises(pl.BudgetError, match="no method could be measured"):
        pl.advise(network(), torch.rand(4, 6), budget=5)
