"""RISE against loops, closed forms of its masks, and calibrated errors."""

import numpy as np
import pytest
import torch

import networks
import pellucid as pl
import slow_removal
from pellucid.arrays.grid_masks import GridMasks


def linear(height=12, width=10):
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * height * width, 2)).double()
    return net, networks.rows(2, 3, height, width).double()


@pytest.mark.parametrize("probability", [0.5, 0.3])
def test_the_map_is_the_mean_behind_the_masks(probability):
    net, x = networks.cnn().double(), networks.rows(2, 3, 8, 8).double()
    e = pl.explain(net, x, target=1, method="rise", samples=40, cells=3, probability=probability, seed=5)
    masks = GridMasks((8, 8), 3, probability, 5)(np.arange(40), np.zeros(1))
    for sample in range(2):
        np.testing.assert_allclose(e.values[sample], slow_removal.rise(net.eval(), x[sample], 1, masks), rtol=1e-9)


@pytest.mark.parametrize("sizes", [(8, 8), (9, 5), (7,), (4, 6, 5)])
def test_masks_lie_between_0_and_1_and_show_each_position_as_often_as_asked(sizes):
    masks = GridMasks(sizes, 3, 0.3, 0)(np.arange(4000), np.zeros(1))
    assert masks.shape == (4000, *sizes)
    assert masks.min() >= 0
    assert masks.max() <= 1
    np.testing.assert_allclose(masks.mean(0), 0.3, atol=0.05)


def test_pairs_are_complements_and_a_mask_does_not_depend_on_how_many_are_asked():
    masks = GridMasks((8, 8), 3, 0.5, 1)
    all_of_them = masks(np.arange(600), np.zeros(1))
    np.testing.assert_allclose(all_of_them[::2] + all_of_them[1::2], 1)
    np.testing.assert_array_equal(masks(np.array([513, 2]), np.zeros(1)), all_of_them[[513, 2]])


def test_bilinear_between_the_cells():
    """Along one axis with shift s, position p lies at (p + s) / side between the corners."""
    masks = GridMasks((12,), 3, 0.4, 3)
    grids, shifts = masks._grids(np.arange(20))
    for mask, grid, shift in zip(masks(np.arange(20), np.zeros(1)), grids, shifts, strict=True):
        np.testing.assert_allclose(mask, np.interp((np.arange(12) + shift[0]) / 4, np.arange(4), grid), atol=1e-12)


@pytest.mark.parametrize("probability", [0.5, 0.3])
def test_standard_errors_are_calibrated(probability):
    net, x = linear()
    options = {"samples": 120, "cells": 3, "probability": probability}
    truth = pl.explain(net, x, target=0, method="rise", **{**options, "samples": 20_000}, seed=999).values
    runs = [pl.explain(net, x, target=0, method="rise", seed=seed, **options) for seed in range(100)]
    inside = np.mean([np.abs(e.values - truth) < 1.96 * e.standard_errors for e in runs])
    assert 0.9 < inside < 0.98


@pytest.mark.parametrize("probability", [0.5, 0.3])
def test_the_level_of_the_target_adds_no_noise(probability):
    net, x = linear()
    options = {"target": 0, "method": "rise", "samples": 200, "cells": 3, "probability": probability}
    before = pl.explain(net, x, **options)
    with torch.no_grad():
        net[1].bias += 1000
    after = pl.explain(net, x, **options)
    np.testing.assert_allclose(after.values - 1000, before.values, atol=1e-9)
    np.testing.assert_allclose(after.standard_errors, before.standard_errors, rtol=1e-5)


def test_a_tolerance_stops_samples_one_by_one():
    net = networks.Counting(networks.cnn())
    e = pl.explain(net, networks.rows(3, 3, 8, 8), method="rise", cells=2, tolerance=0.5)
    assert (e.error <= 0.5).all()
    assert sum(net.rows) < 3 * 16_000
    tight = pl.explain(net, networks.rows(3, 3, 8, 8), method="rise", cells=2, tolerance=0.05, budget=200)
    assert any(finding.kind == "tolerance-not-reached" for finding in tight.evidence)


def test_a_constant_target_is_known_at_once():
    net = networks.cnn()
    with torch.no_grad():
        net[-1].weight.zero_()
    e = pl.explain(net, networks.rows(2, 3, 8, 8), target=0, method="rise", cells=2, tolerance=0.01)
    np.testing.assert_array_equal(e.error, 0)
    assert e.cost.forward_rows < 200


def test_a_table_has_no_positions():
    with pytest.raises(pl.CapabilityError, match="shapley"):
        pl.explain(torch.nn.Linear(4, 2), torch.ones(1, 4), method="rise")


def test_the_budget():
    with pytest.raises(pl.BudgetError, match="at least 101"):
        pl.explain(networks.cnn(), networks.rows(1, 3, 8, 8), method="rise", samples=100, budget=50)
    e = pl.explain(networks.cnn(), networks.rows(1, 3, 8, 8), method="rise", budget=50)
    assert e.cost.forward_rows == 49
