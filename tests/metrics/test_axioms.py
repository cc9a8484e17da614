"""Axioms: against all coalitions, written as loops; players that do nothing or the same, by construction; what is undefined."""

from itertools import combinations

import numpy as np
import pytest
import torch

import pellucid as pl
from pellucid.attribution.path.integrated_gradients import IntegratedGradients
from pellucid.metrics.axioms.completeness import Completeness
from pellucid.metrics.axioms.dummy import Dummy
from pellucid.metrics.axioms.input_invariance import InputInvariance
from pellucid.metrics.axioms.non_sensitivity import NonSensitivity
from pellucid.metrics.axioms.symmetry import Symmetry
from played import Played, additive, network

OVER_COALITIONS = [Dummy, Symmetry, NonSensitivity]


def scored(e, model, metric, **options):
    (score,) = pl.evaluate(e, model, metric, progress=False, **options).values()
    return score


def coalitions(players):
    for size in range(len(players) + 1):
        for chosen in combinations(players, size):
            yield list(chosen)


def worth(m, sample, chosen):
    present = np.zeros(m.counts[sample], bool)
    present[chosen] = True
    return m.game(sample, present)


def dummies(m, sample):
    """Players that change no coalition of the others."""
    players = range(m.counts[sample])
    return [
        one
        for one in players
        if all(
            abs(worth(m, sample, [*chosen, one]) - worth(m, sample, chosen)) < 1e-12
            for chosen in coalitions([p for p in players if p != one])
        )
    ]


def alike(m, sample):
    """Pairs of players that can stand for each other in every coalition of the rest."""
    players = range(m.counts[sample])
    return [
        (one, other)
        for one, other in combinations(players, 2)
        if all(
            abs(worth(m, sample, [*chosen, one]) - worth(m, sample, [*chosen, other])) < 1e-12
            for chosen in coalitions([p for p in players if p not in (one, other)])
        )
    ]


def gates(sample, present):
    """Three players of which two are needed, an exclusive or, two that add the same, and one that does nothing."""
    a, b, c, d, e, f, g, h = present
    return 2.0 * (int(a) + int(b) + int(c) >= 2) + 3.0 * (d != e) + 0.5 * f + 0.5 * g + 0 * h


@pytest.fixture
def played():
    return Played(np.random.default_rng(0).normal(size=(2, 8)), gates)


@pytest.mark.parametrize("seed", range(4))
def test_scores_are_those_of_all_coalitions(played, seed):
    played.seed = seed
    nothing, pairs = dummies(played, 0), alike(played, 0)
    assert nothing == [7]
    assert pairs == [(0, 1), (0, 2), (1, 2), (3, 4), (5, 6)]
    options = {"coalitions": 60}
    for sample, values in enumerate(played.values):
        largest = max(abs(value) for value in values)
        share = sum(abs(values[p]) for p in nothing) / sum(abs(value) for value in values)
        gaps = [abs(values[one] - values[other]) / largest for one, other in pairs]
        assert Dummy(**options).measure(played).values[sample] == pytest.approx(share)
        assert Symmetry(**options).measure(played).values[sample] == pytest.approx(max(gaps))
        assert Symmetry(**options).measure(played).details["mean"][sample] == pytest.approx(sum(gaps) / len(gaps))
        assert Symmetry(**options).measure(played).details["pairs"][sample] == len(pairs)
        assert NonSensitivity(**options).measure(played).values[sample] == 1


def test_non_sensitivity_counts_both_sides_of_the_difference():
    values = [[0.0, 1, 1, 1, 1e-9, 1, 1, 0.5]]  # two without value that count, one with a value that does not
    found = NonSensitivity(coalitions=60).measure(Played(values, gates))
    assert (found.values[0], found.details["valued"][0], found.details["missed"][0]) == (3, 1, 2)
    values[0][7], values[0][0], values[0][4] = 0, 1, 1
    assert NonSensitivity(coalitions=60).measure(Played(values, gates)).values[0] == 0


def test_fair_values_keep_the_axioms_and_others_do_not():
    fair = np.array([[2 / 3, 2 / 3, 2 / 3, 0.7, 0.7, 0.5, 0.5, 0.0]])
    m = Played(fair, gates)
    for metric in OVER_COALITIONS:
        np.testing.assert_allclose(metric(coalitions=60).measure(m).values, 0, atol=1e-12)
    everything = np.zeros((1, 8))
    everything[0, 7] = 1
    assert Dummy().measure(Played(everything, gates)).values[0] == 1
    opposite = np.array([[1.0, -1, 0, 0, 0, 0, 0, 0]])
    assert Symmetry().measure(Played(opposite, gates)).values[0] == 2


def test_a_linear_model_shows_its_axioms_at_once():
    weights = [[1.0, 2, 2, 0, 3], [0.0, 0, 1, 5, 4]]
    values = np.array([[1.0, 2, 3, 2, 2], [1.0, 1, 1, 1, 1.5]])
    m = Played(values, additive(weights, base=1.0))
    np.testing.assert_allclose(Dummy(coalitions=2).measure(m).values, [0.2, 2 / 5.5])
    assert Dummy(coalitions=2).measure(m).details["dummies"].tolist() == [1, 2]
    np.testing.assert_allclose(Symmetry(coalitions=2).measure(m).values, [1 / 3, 0])
    assert NonSensitivity(coalitions=2).measure(m).values.tolist() == [1, 2]
    assert m.asked <= 2 * (1 + 2 * 5)


def test_more_coalitions_are_asked_only_of_players_in_doubt():
    weights = np.zeros((1, 50))
    weights[0, :45] = np.arange(1, 46)
    m = Played(np.random.default_rng(0).normal(size=(1, 50)), additive(weights))
    Dummy(coalitions=6).measure(m)
    first = m.asked
    assert first <= 1 + 50 + 5 + 4 * 6
    NonSensitivity(coalitions=6).measure(m)
    assert m.asked == first
    Symmetry(coalitions=6).measure(m)
    assert m.asked <= first + 50


def test_where_there_is_nothing_to_compare_a_score_is_undefined():
    values = np.random.default_rng(0).normal(size=(1, 6))
    constant, different = (lambda sample, present: 4.0), additive([[1.0, 2, 3, 4, 5, 6]])
    for metric in (Dummy, NonSensitivity):
        assert np.isnan(metric().measure(Played(values, constant)).values).all()
    assert np.isnan(Dummy().measure(Played(values, different)).values).all()
    assert np.isnan(Symmetry().measure(Played(values, different)).values).all()
    assert NonSensitivity().measure(Played(values, different)).values[0] == 0
    assert np.isnan(Completeness().measure(Played(values, constant)).values).all()


@pytest.mark.parametrize("metric", [*OVER_COALITIONS, Completeness], ids=lambda each: each.name)
def test_samples_score_the_same_alone_and_in_any_order(metric):
    game = network(9, 2)
    values, counts = np.random.default_rng(1).normal(size=(4, 9)), np.array([9, 5, 7, 9])

    def idle(sample, present):
        """Players 1 and 3 do nothing, 0 and 2 do the same."""
        kept = present.copy()
        kept[[1, 3]] = False
        kept[0], kept[2] = present[0] & present[2], present[0] | present[2]
        return game(0, kept)

    whole = metric().measure(Played(values, idle, counts=counts)).values
    assert np.isfinite(whole).all()
    np.testing.assert_array_equal(metric().measure(Played(values[::-1], idle, counts=counts[::-1])).values, whole[::-1])
    for sample, count in enumerate(counts):
        alone = metric().measure(Played(values[[sample], :count], idle)).values
        np.testing.assert_allclose(alone, whole[[sample]])


def test_completeness_is_the_residual_and_needs_no_rows_where_the_method_has_a_reference():
    m = Played([[1.0, 2, 3], [1.0, 1, 1]], additive([[1.0, 2, 4], [1.0, 1, 1]], base=1.0), base_value=np.array([1.0, 2.0]))
    found = Completeness().measure(m)
    np.testing.assert_allclose(found.values, [1 / 7, 1 / 2])  # 6 of 7, and 3 of 2
    assert m.asked == 0
    assert found.notes == ("the reference is that of the method",)
    m.base_value = None
    found = Completeness().measure(m)
    np.testing.assert_allclose(found.values, [1 / 7, 0], atol=1e-12)
    assert m.asked == 2
    assert "removed (gone)" in found.notes[0]


def test_completeness_on_a_model_is_that_of_the_record_and_counts_entries_of_nobody():
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
    x = torch.randn(3, 6)
    e = pl.explain(net, x, target=0, method="integrated-gradients", steps=1)
    assert (e.residual > 1e-4).all()
    np.testing.assert_allclose(scored(e, net, "completeness").values, e.residual, rtol=1e-4)
    some = pl.Features.from_labels(np.array([0, 0, 1, 1, -1, -1]))
    np.testing.assert_allclose(scored(e, net, "completeness", features=some).values, e.residual, rtol=1e-4)
    gradient = pl.explain(net, x, target=0, method="saliency")
    with torch.no_grad():
        change = (net(x) - net(torch.zeros_like(x)))[:, 0].double().numpy()
    expected = np.abs(gradient.values.sum(axis=1) - change) / np.abs(change)
    np.testing.assert_allclose(scored(gradient, net, "completeness").values, expected, rtol=1e-4)


def shift_of(method, weights, x, shift):
    """What the paper expects of a linear model: only methods that see where zero is move."""
    before = weights * (1 if method == "saliency" else x)
    after = weights * (1 if method == "saliency" else x + shift)
    return np.linalg.norm(after - before, axis=1) / np.linalg.norm(before, axis=1)


@pytest.mark.parametrize("shift", [1.0, -2.5])
@pytest.mark.parametrize("method", ["saliency", "input-x-gradient"])
def test_input_invariance_of_a_linear_model_by_hand(method, shift):
    torch.manual_seed(0)
    net, x = torch.nn.Linear(5, 2), torch.randn(4, 5)
    e = pl.explain(net, x, target=1, method=method)
    weights = net.weight.detach().numpy()[1].astype(float)
    expected = shift_of(method, np.tile(weights, (4, 1)), x.numpy().astype(float), shift)
    np.testing.assert_allclose(scored(e, net, InputInvariance(shift=shift)).values, expected, rtol=1e-4, atol=1e-6)


def test_input_invariance_depends_on_whether_the_baseline_moves_along():
    torch.manual_seed(0)
    net, x = torch.nn.Sequential(torch.nn.Linear(5, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1)), torch.randn(3, 5)
    fixed = pl.explain(net, x, target=0, method="integrated-gradients", steps=8)
    assert (scored(fixed, net, "input-invariance").values > 0.01).all()

    def lowest(samples):
        return np.broadcast_to(np.asarray(samples).min(axis=1, keepdims=True), samples.shape).copy()

    method = IntegratedGradients(steps=8, baseline=lowest)
    score = scored(pl.explain(net, x, target=0, method=method), net, "input-invariance", method=method)
    np.testing.assert_allclose(score.values, 0, atol=1e-4)
    assert score.cost.forward_rows > 0


def test_input_invariance_of_functions_and_refusals_in_words():
    weights = np.array([[1.0], [2.0], [-1.0]])
    model = pl.wrap(lambda x: np.tanh(x @ weights), gradient=lambda x: ((1 - np.tanh(x @ weights) ** 2) * weights.T)[:, None])
    x = np.random.default_rng(0).normal(size=(2, 3))
    e = pl.explain(model, x, target=0, method="saliency")
    np.testing.assert_allclose(scored(e, model, "input-invariance").values, 0, atol=1e-6)
    text = pl.wrap(lambda texts: np.array([[len(t)] for t in texts], float))
    with pytest.raises(pl.InputError, match=r"adds to the numbers of the input.*use completeness or dummy"):
        scored(pl.explain(text, ["a few words"], target=0, method="leave-one-out"), text, "input-invariance")


def test_frameworks_whose_input_is_not_shifted_are_refused_in_words():
    import jax

    model = jax.jit(lambda x: x @ np.ones((3, 1)))
    e = pl.explain(model, np.ones((1, 3), np.float32) * np.arange(3.0), target=0, method="input-x-gradient")
    with pytest.raises(pl.CapabilityError, match="a model of jax is not shifted here; known are models of torch"):
        scored(e, model, "input-invariance")
