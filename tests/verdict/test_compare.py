"""Methods side by side: common players, tests over samples by the libraries' own numbers, rows that are shared."""

import itertools

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr, wilcoxon
from torch import nn

import pellucid as pl
from pellucid.core.card import TrustCard
from pellucid.verdict.comparing import holm

METHODS = ["shapley", "lime", "integrated-gradients"]


def network(seed=0, inputs=6):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(inputs, 16), nn.ReLU(), nn.Linear(16, 3))


@pytest.fixture(scope="module")
def found():
    return pl.compare(network(), torch.rand(8, 6), METHODS, target=1, settings=pl.verdict.Settings(changes=1, draws=1))


def test_each_method_says_what_it_says_alone(found):
    net, x = network(), torch.rand(8, 6)
    found = pl.compare(net, x, METHODS, target=1, metrics=["srg"], trust=False)
    assert found.names == tuple(METHODS)
    for name in METHODS:
        alone = pl.explain(net, x, target=1, method=name)
        assert np.allclose(found.players[name], alone.values, atol=1e-6)
        assert np.allclose(found.scores[name]["srg"].values, pl.evaluate(alone, net, ["srg"])["srg"].values, atol=1e-6)


def test_agreement_is_spearmans_correlation(found):
    for (i, one), (j, other) in itertools.product(enumerate(METHODS), repeat=2):
        for sample in range(8):
            expected = spearmanr(found.players[one][sample], found.players[other][sample]).statistic
            assert found.agreement[i, j, sample] == pytest.approx(expected, abs=1e-6)


def test_paired_tests_are_wilcoxons_and_corrected_together(found):
    assert len(found.tests) == 3 * 3
    for test in found.tests:
        gap = found.scores[test.one][test.metric].values - found.scores[test.other][test.metric].values
        gap = gap[~np.isnan(gap)]
        assert test.p == pytest.approx(wilcoxon(gap).pvalue if gap.any() else 1)
    assert np.allclose(holm(np.array([test.p for test in found.tests])), [test.p_holm for test in found.tests])


def test_holm_against_the_definition():
    p = np.array([0.04, 0.001, 0.03, 0.2, 0.03])
    order = np.argsort(p, kind="stable")
    expected, before = np.empty(5), 0.0
    for rank, place in enumerate(order):
        before = max(before, min(1.0, (5 - rank) * p[place]))
        expected[place] = before
    assert np.allclose(holm(p), expected)
    assert holm(np.array([])).size == 0


def test_too_few_samples_are_not_tested():
    assert pl.compare(network(), torch.rand(5, 6), METHODS[:2], metrics=["srg"], trust=False).tests == ()


def test_cards_travel_with_the_explanations(found):
    for name in METHODS:
        assert TrustCard.of(found.explanations[name]).verdicts == found.cards[name].verdicts


def test_removed_inputs_are_run_once_for_all():
    net, x = network(), torch.rand(3, 6)
    rows = []
    net.register_forward_hook(lambda module, args, out: rows.append(len(out)))
    pl.compare(net, x, {"one": "saliency", "other": "saliency"}, metrics=["srg"], trust=False)
    twice = sum(rows)
    rows.clear()
    e = pl.explain(net, x, method="saliency")
    alone = sum(rows)
    rows.clear()
    pl.evaluate(e, net, ["srg"], masker=pl.maskers.Constant(0.0))
    assert twice <= 2 * alone + sum(rows)


def test_pictures_meet_on_the_players_of_those_that_have_some():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16, 3))
    found = pl.compare(
        net, torch.rand(1, 1, 16, 16), ["grad-cam", "leave-one-out", "saliency"], at="0", metrics=["srg"], trust=False
    )
    sizes = {values.shape for values in found.players.values()}
    assert sizes == {(1, len(found.features))}
    assert "grad-cam and leave-one-out agree by" in str(found)


def test_frame_has_a_row_for_each_method_and_sample(found):
    frame = found.to_frame()
    assert list(frame.columns)[:3] == ["method", "sample", "target"]
    assert {"srg", "faithfulness-correlation", "sparseness", "grade", "verdict"} <= set(frame.columns)
    assert len(frame) == 24


@pytest.mark.parametrize(
    ("methods", "said"),
    [(["lime"], "two or more"), (["lime", "lime"], "twice"), (["lime", "shaply"], "no method 'shaply'"), ("lime", "two or more")],
)
def test_what_cannot_be_compared(methods, said):
    with pytest.raises(pl.InputError, match=said):
        pl.compare(network(), torch.rand(1, 6), methods)
