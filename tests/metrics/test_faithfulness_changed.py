"""Scores that change the input in ways of their own: noise, dimming, imputation, superpixels; against loops and closed forms."""

import dataclasses
import itertools

import numpy as np
import pytest
import torch

import pellucid as pl
from networks import cnn
from pellucid.games.maskers.noisy_linear import Systems
from pellucid.metrics.faithfulness.average_drop import soft_mask
from pellucid.metrics.faithfulness.irof import IROF
from pellucid.metrics.faithfulness.pgi import PGI
from pellucid.metrics.faithfulness.pgu import PGU
from pellucid.metrics.faithfulness.road import ROAD
from pellucid.verdict.evaluating import evaluate, measuring

WEIGHTS = np.array([3.0, -1.0, 0.5, -2.0, 0.1, 1.5, 0.2, 0.3])


@pytest.fixture(scope="module")
def images():
    torch.manual_seed(0)
    net = torch.nn.Sequential(cnn(), torch.nn.Softmax(1)).eval()
    x = torch.rand(3, 3, 8, 8)
    return net, x, pl.explain(net, x, target="predicted", method="integrated-gradients", steps=8)


def linear(values=WEIGHTS, base=10.0):
    """A linear model of 8 columns, and an explanation of its rows of ones."""
    net = torch.nn.Linear(8, 1).double()
    with torch.no_grad():
        net.weight[:] = torch.tensor(WEIGHTS)
        net.bias[:] = base
    x = torch.ones(2, 8, dtype=torch.float64)
    e = pl.explain(net, x, target=0, method="input-x-gradient")
    return net, replaced(e, np.broadcast_to(values, (2, 8)))


def replaced(e, values):
    """The explanation with other values."""
    return dataclasses.replace(e, values=np.array(values, float))


# ------------------------------------------------------------------ noise


def test_prediction_gaps_of_a_linear_model_have_a_closed_form():
    net, e = linear()
    important, rest = np.array([0, 3]), np.array([1, 2, 4, 5, 6, 7])  # a quarter of 8, by magnitude
    scores = evaluate(e, net, [PGI(draws=4000), PGU(draws=4000)])
    for name, players in (("pgi", important), ("pgu", rest)):
        expected = 0.1 * np.linalg.norm(WEIGHTS[players]) * np.sqrt(2 / np.pi)
        np.testing.assert_allclose(scores[name].values, expected, rtol=0.03)
        assert scores[name].values[0] == pytest.approx(scores[name].values[1])  # the same noise for every sample
        assert scores[name].cost.forward_rows == 8000


def test_prediction_gaps_are_those_of_the_draws_written_as_a_loop():
    net, e = linear()
    with measuring(e, net, seed=5, progress=False) as m:
        noise = 0.3 * m.rng("prediction gap").standard_normal((6, 8))
    for metric, players in ((PGI(draws=6, noise=0.3), [0, 3]), (PGU(draws=6, noise=0.3), [1, 2, 4, 5, 6, 7])):
        gaps = [abs(sum(WEIGHTS[p] * draw[p] for p in players)) for draw in noise]
        found = evaluate(e, net, metric, seed=5)[metric.name]
        np.testing.assert_allclose(found.values, np.mean(gaps))


def test_intervals_of_prediction_gaps_hold_the_expectation():
    net, e = linear()
    expected = 0.1 * np.linalg.norm(WEIGHTS[[0, 3]]) * np.sqrt(2 / np.pi)
    held = 0
    for seed in range(150):
        low, high = evaluate(e, net, PGI(draws=32), seed=seed, progress=False)["pgi"].interval[0]
        held += low <= expected <= high
    assert 0.9 <= held / 150 <= 0.99


def test_what_no_player_owns_gets_no_noise_and_is_not_dimmed():
    net, e = linear()
    features = pl.Features.from_groups([[0], [1]], columns=8)
    found = evaluate(e, net, [PGU(share=0.5, draws=8, noise=1.0), "average-drop"], features=features)
    with measuring(e, net, progress=False) as m:
        noise = m.rng("prediction gap").standard_normal((8, 8))
    np.testing.assert_allclose(found["pgu"].values, np.abs(noise[:, 1]).mean())  # the weight of column 1 is -1
    np.testing.assert_allclose(found["average-drop"].details["target under the map"], 10 + WEIGHTS.sum() + 1)


def test_nothing_left_over_has_no_gap():
    net, e = linear()
    assert np.isnan(evaluate(e, net, PGU(share=1.0))["pgu"].values).all()


# ------------------------------------------------------------------ dimming


def test_dimming_by_hand():
    net, e = linear()
    whole = 10 + WEIGHTS.sum()
    dimmed = 10 + sum(w * max(w, 0) / 3 for w in WEIGHTS)  # at most what it was
    scores = evaluate(e, net, ["average-drop", "average-increase"])
    np.testing.assert_allclose(scores["average-drop"].details["target under the map"], dimmed)
    np.testing.assert_allclose(scores["average-drop"].values, max(whole - dimmed, 0) / whole)
    assert scores["average-increase"].values.tolist() == [float(dimmed > whole)] * 2


def test_a_target_below_zero_and_a_map_without_positive_values_are_undefined():
    for net, e in (linear(base=-100.0), linear(values=-np.abs(WEIGHTS))):
        scores = evaluate(e, net, ["average-drop", "average-increase"])
        assert np.isnan([scores[name].values for name in scores]).all()


def test_soft_masks_of_zeros_are_zeros():
    assert soft_mask(np.zeros((1, 3))).tolist() == [[0, 0, 0]]


# ------------------------------------------------------------------ imputation


def imputed(image, gone):
    """Each pixel that is gone is the weighted mean of its neighbours: one dense system."""
    channels, height, width = image.shape
    unknown = [(r, c) for r in range(height) for c in range(width) if gone[r, c]]
    matrix, right = np.zeros((len(unknown),) * 2), np.zeros((len(unknown), channels))
    for row, (r, c) in enumerate(unknown):
        for down in (-1, 0, 1):
            for across in (-1, 0, 1):
                here = r + down, c + across
                if (down, across) == (0, 0) or not (0 <= here[0] < height and 0 <= here[1] < width):
                    continue
                weight = 1 / 12 if down and across else 1 / 6
                matrix[row, row] += weight
                if gone[here]:
                    matrix[row, unknown.index(here)] -= weight
                else:
                    right[row] += weight * image[:, here[0], here[1]]
    filled = image.copy()
    for place, value in zip(unknown, np.linalg.solve(matrix, right), strict=True):
        filled[:, place[0], place[1]] = value
    return filled


def test_road_is_that_of_a_dense_system_and_loops(images):
    net, x, e = images
    found = evaluate(e, net, ROAD(noise=0.0))["road"]
    target = e.prediction.argmax(1)
    for s in range(3):
        values = e.values[s].sum(0).reshape(-1)
        order = np.argsort(-values, kind="stable")
        gains = []
        for share in range(1, 10):
            y = []
            for way in (order[::-1], order):
                gone = np.zeros(64, bool)
                gone[way[: round(share * 6.4)]] = True
                filled = imputed(x[s].double().numpy(), gone.reshape(8, 8))
                y.append(float(net(torch.tensor(filled[None], dtype=torch.float32))[0, target[s]].detach()))
            gains.append((y[0] - y[1]) / 2)
        np.testing.assert_allclose(found.curve.y[s], gains, atol=2e-6)
        assert found.values[s] == pytest.approx(np.mean(gains), abs=2e-6)
    assert found.cost.forward_rows == 3 * 18


def test_road_solves_once_for_each_mask_whatever_the_masker(images, monkeypatch):
    net, _x, e = images
    solved, factored = [], Systems._factored

    def counted(self, key, kept):
        solved.append(key)
        return factored(self, key, kept)

    monkeypatch.setattr(Systems, "_factored", counted)
    same = replaced(e, np.broadcast_to(e.values[:1], e.values.shape))
    with_blur, plain = (evaluate(same, net, "road", masker=m)["road"] for m in (pl.maskers.Blur(), None))
    assert len(solved) == 2 * 18  # three samples of three channels share each mask
    np.testing.assert_array_equal(with_blur.values, plain.values)


def test_road_leaves_the_policies_of_others_alone(images):
    net, _, e = images
    with measuring(e, net, masker=[pl.maskers.Constant(), pl.maskers.Blur()], progress=False) as m:
        assert len(m.policies) == 2
        assert m.policy(pl.maskers.Blur()) == 1
        assert m.policy(pl.maskers.NoisyLinear()) == m.policy(pl.maskers.NoisyLinear(0.01)) == 2
        assert len(m.policies) == 2
    fresh = evaluate(e, net, "deletion")["deletion"].values
    after = evaluate(e, net, ["road", "deletion"])["deletion"].values
    np.testing.assert_array_equal(fresh, after)


# ------------------------------------------------------------------ superpixels


def test_irof_is_that_of_loops(images):
    net, x, e = images
    found = evaluate(e, net, IROF(superpixels=9))["irof"]
    target = e.prediction.argmax(1)
    for s, pieces in enumerate(pl.Features.superpixels(x.numpy(), 9)):
        labels = pieces.labels[0]
        means = [e.values[s].sum(0)[labels == piece].mean() for piece in range(len(pieces))]
        image = x[s].clone()
        left = [1.0]
        for piece in np.argsort(-np.array(means), kind="stable"):
            image[:, torch.tensor(labels == piece)] = 0
            left.append(float(net(image[None])[0, target[s]].detach()) / float(net(x[s : s + 1])[0, target[s]].detach()))
        over = 1 - sum((a + b) / 2 for a, b in itertools.pairwise(left)) / len(pieces)
        assert found.values[s] == pytest.approx(over, abs=1e-5)
        assert found.details["superpixels"][s] == len(pieces)


def test_irof_needs_a_target_above_zero(images):
    net, x, _ = images
    below = torch.nn.Sequential(net[0], torch.nn.LogSoftmax(1)).eval()
    e = pl.explain(below, x, target=0, method="saliency")
    assert np.isnan(evaluate(e, below, "irof")["irof"].values).all()
