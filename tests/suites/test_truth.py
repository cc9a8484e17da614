"""The truth of suites: by other implementations, by hand, and by looking at the networks."""

import numpy as np
import pytest
import torch

import pellucid as pl
from pellucid.suites.built import clusters, logic, tabular
from pellucid.suites.built.tetrominoes import SIDE, STRENGTH, pictures
from pellucid.suites.enumeration import interactions, shapley_values, worths


def say(network, x):
    with torch.no_grad():
        return network(torch.from_numpy(x)).numpy()


@pytest.fixture(scope="module")
def tables():
    return pl.suites.tabular(samples=4)


def test_enumeration_agrees_with_the_games_of_the_library(tables):
    case = tables["products"]
    worth = worths(tabular.with_products, case.inputs, case.reference, case.features)
    names, bits = len(case.features), 1 << np.arange(len(case.features))
    for row in range(2):
        played = pl.shapley(lambda sets, row=row: worth[row][sets @ bits], names, estimator="exact")
        assert np.allclose(played.values, case.truth[row], atol=1e-9)
        pairs = pl.interactions(lambda sets, row=row: worth[row][sets @ bits], names, index="sii", estimator="exact")
        expected = interactions(worth[[row]])[0]
        assert all(np.isclose(pairs.of(i, j), expected[i, j]) for i in range(names) for j in range(i))


def test_shapley_values_sum_to_the_change_of_the_formula(tables):
    case = tables["products"]
    worth = worths(tabular.with_products, case.inputs, case.reference, case.features)
    assert np.allclose(shapley_values(worth).sum(axis=1), worth[:, -1] - worth[:, 0])


def test_a_sum_of_effects_has_the_effects_as_truth(tables):
    case, luck = tables["effects"], 6
    x, rows = case.inputs.astype(float), case.reference.astype(float)
    assert np.allclose(case.truth[:, 0], 1.5 * (x[:, 0] - rows[:, 0].mean()))
    assert np.allclose(case.truth[:, 1], -(x[:, 1] - rows[:, 1].mean()))
    town = x[:, 3:6] @ [*tabular.TOWNS.values()] - (rows[:, 3:6] @ [*tabular.TOWNS.values()]).mean()
    assert np.allclose(case.truth[:, 3], town)
    assert not case.truth[:, luck].any()


@pytest.mark.parametrize("name", ["effects", "products"])
def test_networks_of_tables_are_their_formula(tables, name):
    formula = tabular.effects if name == "effects" else tabular.with_products
    case = tables[name]
    assert np.allclose(say(case.network, case.inputs)[:, 0], formula(case.inputs.astype(float)), atol=1e-4)
    assert np.allclose(tables["codes"].network(tables["codes"].inputs)[:, 0], tabular.with_products(case.inputs.astype(float)))


@pytest.mark.parametrize("name", logic.GATES)
def test_networks_of_logic_are_their_formula_and_say_what_they_should(name):
    case = pl.suites.logic(samples=12)[name]
    said = say(case.network, case.inputs)[:, 0]
    a, b = case.inputs[:, 0] > 0, case.inputs[:, 1] > 0
    expected = {"xor": a ^ b, "and": a & b, "or": a | b, "nuisance": a}
    truth = np.where(expected[name], 1, -1) if name in expected else 2 * case.inputs[:, 0] - case.inputs[:, 1]
    assert np.allclose(said, truth, atol=1e-5)
    assert np.allclose(said, logic.GATES[name][3](case.inputs.astype(float)), atol=1e-5)
    assert np.abs(case.truth[:, 2:]).max() < 1e-12
    assert np.abs(case.truth[:, 0]).min() > 0.1


def test_inputs_that_do_not_matter_are_read_and_change_nothing():
    case = pl.suites.xor(samples=8).tasks[0]
    moved = case.inputs.copy()
    moved[:, 2:] *= -3
    assert np.allclose(say(case.network, moved), say(case.network, case.inputs), atol=1e-5)
    assert case.network[0].weight[:, 3:].abs().sum() > 0


def test_gates_open_to_two_features_and_the_others_change_nothing():
    case = pl.suites.clusters(samples=16)["gates"]
    said = say(case.network, case.inputs)[:, 0]
    assert np.allclose(said, clusters.gated(case.inputs.astype(float)), atol=1e-4)
    assert np.allclose(said, case.truth.sum(axis=1), atol=1e-4)
    moved = case.inputs.copy()
    moved[:, 2:] = np.where(case.masks, moved[:, 2:], 5.0)
    assert np.allclose(say(case.network, moved)[:, 0], said, atol=1e-4)


@pytest.mark.parametrize("kind", STRENGTH)
@pytest.mark.parametrize("size", [8, 64])
def test_pictures_differ_from_noise_in_the_cells_of_the_masks_only(kind, size, monkeypatch):
    def drawn():
        return pictures(kind, "white", size, 12, np.random.default_rng(3))

    with_shape = drawn()
    monkeypatch.setitem(STRENGTH, kind, {"white": 0.0})
    changed = (with_shape.x != drawn().x)[:, 0].reshape(12, SIDE, size // SIDE, SIDE, size // SIDE).any(axis=(2, 4))
    assert changed.any(axis=(1, 2)).all()
    assert not (changed.reshape(12, -1) & ~with_shape.masks).any()
    cells = with_shape.masks.sum(axis=1)
    assert set(cells) == {4 if kind == "rotation" else 8}
