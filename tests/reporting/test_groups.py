from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from pellucid import InputError
from pellucid.core.targets import TargetRecord
from pellucid.reporting.groups import as_explanations, groups
from pellucid.reporting.labels import entries, labels
from plots.handmade import explanation, photos, positions, table


def seats(*explanations, names=None):
    return [group.seats for group in groups(explanations, names)]


def test_methods_of_one_sample_meet():
    assert seats(photos(), positions()) == [[(0, 0), (1, 0)], [(0, 1), (1, 1)]]


def test_slices_and_batches_meet():
    e = photos(samples=3)
    assert seats(e[1:], e) == [[(0, 0), (1, 1)], [(0, 1), (1, 2)], [(1, 0)]]


def test_twins_in_a_batch_stay_two_samples():
    e = table(samples=2, values=np.ones((2, 3)), inputs=np.ones((2, 3)), prediction=np.zeros((2, 3)))
    assert seats(e, e) == [[(0, 0), (1, 0)], [(0, 1), (1, 1)]]


def test_another_model_makes_another_group():
    e = table(samples=1)
    other = dataclasses.replace(e, prediction=e.prediction + 1)
    rounded = dataclasses.replace(e, prediction=e.prediction * (1 + 1e-5))
    assert seats(e, other, rounded) == [[(0, 0), (2, 0)], [(1, 0)]]


def test_inputs_that_differ_in_one_leaf_differ():
    x = {"a": np.ones((1, 2)), "b": np.ones((1, 2))}
    y = {"a": np.ones((1, 2)), "b": np.full((1, 2), 2.0)}
    assert len(groups([explanation(x, x), explanation(y, y)])) == 2


def test_names_are_one_per_distinct_sample():
    e = photos()
    assert [group.name for group in groups([e, e], ["a", "b"])] == ["a", "b"]
    assert [group.name for group in groups([e])] == ["sample 1", "sample 2"]
    with pytest.raises(InputError, match="each of the 2 samples; got 3"):
        groups([e, e], ["a", "b", "c"])


def test_nesting_is_flattened():
    e = table()
    assert as_explanations(e) == [e]
    assert as_explanations([e, (e, [e])]) == [e, e, e]
    assert as_explanations(each for each in (e, e)) == [e, e]


@pytest.mark.parametrize(
    ("wrong", "words"), [([], "empty"), ([()], "empty"), ("text", "got str"), ([1], "got int"), (None, "NoneType")]
)
def test_refuses_what_is_no_explanation(wrong, words):
    with pytest.raises(InputError, match=words):
        as_explanations(wrong)


def test_labels_tell_runs_of_a_method_apart_by_what_differs():
    one = table(parameters={"steps": 16, "baseline": 0})
    two = table(parameters={"steps": 64, "baseline": 0})
    deep = positions(layer="conv2")
    assert labels([one, two, deep, positions()]) == [
        "integrated-gradients (steps=16)",
        "integrated-gradients (steps=64)",
        "grad-cam at conv2",
        "grad-cam at features.8",
    ]
    assert labels([one, positions()]) == ["integrated-gradients", "grad-cam"]


def test_the_same_thing_is_said_once_and_what_differs_twice():
    e = table(samples=1)
    again = dataclasses.replace(e, values=e.values + 1)
    explanations = [e, e, again]
    (group,) = groups(explanations)
    assert [entry.label for entry in entries(group, explanations, labels(explanations))] == [
        "integrated-gradients",
        "integrated-gradients, run 2",
    ]


def test_two_classes_of_one_name_are_told_apart():
    e = table(samples=1)
    crane = [dataclasses.replace(e, target=TargetRecord(("crane",), np.array([[index]]))) for index in (134, 517)]
    (group,) = groups(crane)
    assert [entry.target for entry in entries(group, crane, labels(crane))] == ["crane (output 134)", "crane (output 517)"]
