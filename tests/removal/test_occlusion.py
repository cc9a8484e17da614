"""Occlusion against loops over boxes, and what it refuses."""

import numpy as np
import pytest
import torch

import networks
import pellucid as pl
import slow_removal


@pytest.mark.parametrize(
    ("window", "stride"),
    [((3, 4, 4), (3, 2, 2)), ((1, 3, 5), (1, 2, 3)), ((3, 8, 8), (3, 8, 8)), ((2, 3, 3), (1, 3, 3)), ((3, 5, 2), (2, 4, 1))],
)
def test_boxes_over_an_image(window, stride):
    net, x = networks.cnn().double(), networks.rows(2, 3, 8, 8).double()
    e = pl.explain(net, x, target=1, method="occlusion", window=window, stride=stride, masker=pl.maskers.Constant(0.3))
    assert e.over == "input"
    for sample in range(2):
        slow = slow_removal.occlusion(net.eval(), x[sample], 1, window, stride, fill=0.3)
        np.testing.assert_allclose(e.values[sample], slow, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("memory_format", ["as-is", "channels-last"])
def test_the_memory_format_does_not_matter(memory_format):
    net, x = networks.cnn().double(), networks.rows(2, 3, 8, 8).double()
    e = pl.explain(net, x, target=1, method="occlusion", window=(2, 3, 3), stride=(1, 2, 2), memory_format=memory_format)
    slow = slow_removal.occlusion(net.eval(), x[1], 1, (2, 3, 3), (1, 2, 2))
    np.testing.assert_allclose(e.values[1], slow, rtol=1e-9, atol=1e-12)


def test_a_linear_model_over_a_table_gives_weight_times_change():
    net = torch.nn.Linear(5, 2).double()
    x = networks.rows(3, 5).double()
    e = pl.explain(net, x, target=1, method="occlusion", masker=pl.maskers.Constant(0.25))
    np.testing.assert_allclose(e.values, (net.weight[1] * (x - 0.25)).detach(), rtol=1e-9, atol=1e-12)


def test_series_and_channels_last_images():
    class Last(torch.nn.Module):
        def __init__(self, net):
            super().__init__()
            self.net = net

        def forward(self, x):
            return self.net(x.permute(0, 3, 1, 2))

    net, x = networks.cnn().double(), networks.rows(1, 3, 8, 8).double()
    first = pl.explain(net, x, target=0, method="occlusion", window=4).values
    last = pl.explain(pl.wrap(Last(net), layout="NHWC"), x.permute(0, 2, 3, 1), target=0, method="occlusion", window=4).values
    np.testing.assert_allclose(last.transpose(0, 3, 1, 2), first, rtol=1e-9, atol=1e-12)
    series = torch.nn.Sequential(torch.nn.Conv1d(2, 3, 3), torch.nn.Tanh(), torch.nn.Flatten(), torch.nn.Linear(24, 2)).double()
    wave = networks.rows(1, 2, 10).double()
    e = pl.explain(series, wave, target=1, method="occlusion", window=3, stride=2)
    slow = slow_removal.occlusion(series, wave[0], 1, (2, 3), (2, 2))
    np.testing.assert_allclose(e.values[0], slow, rtol=1e-9, atol=1e-12)


def test_every_row_is_one_place_and_the_budget_is_asked_first():
    net = networks.Counting(networks.cnn())
    pl.explain(net, networks.rows(2, 3, 8, 8), method="occlusion", window=4, stride=4)
    assert sum(net.rows) == 2 * (1 + 4)
    with pytest.raises(pl.BudgetError, match="at least 5"):
        pl.explain(net, networks.rows(2, 3, 8, 8), method="occlusion", window=4, stride=4, budget=4)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"window": (3, 4)}, "one for each axis"),
        ({"window": 0}, "at least 1"),
        ({"window": "big"}, "whole number"),
        ({"window": 2, "stride": 3}, "longer than the window"),
        ({"masker": 0.0}, "pl.maskers"),
        ({"masker": pl.maskers.Constant}, "pl.maskers"),
        ({"features": pl.Features.grid((3, 8, 8), cell=4)}, "leave-one-out"),
        ({"at": "0"}, "at="),
    ],
)
def test_what_is_refused(options, said):
    with pytest.raises(pl.InputError, match=said):
        pl.explain(networks.cnn(), networks.rows(1, 3, 8, 8), method="occlusion", **options)


def test_words_are_left_out_one_by_one_instead():
    with pytest.raises(pl.InputError, match="leave-one-out"):
        pl.explain(pl.wrap(lambda texts: [[len(text)] for text in texts]), ["a b"], method="occlusion")
