"""Class activation maps beside their slow twins."""

import numpy as np
import pytest
import torch

import networks
import pellucid as pl
import slow


@pytest.mark.parametrize(("method", "twin"), [("grad-cam", slow.grad_cam), ("grad-cam++", slow.grad_cam_plus_plus)])
@pytest.mark.parametrize("at", [1, 4, 5])
def test_maps_are_those_of_the_formula(method, twin, at):
    net, x = networks.cnn().double().eval(), networks.rows(2, 3, 8, 8)
    e = pl.explain(net, x, target=2, method=method, at=str(at))
    assert e.values.shape == (2, 8, 8)
    for i in range(2):
        np.testing.assert_allclose(e.values[i], twin(*slow.layer_pass(net, at, x[i], 2), (8, 8)), atol=1e-12)


def test_the_layer_is_found_by_running():
    e = pl.explain(networks.cnn(), networks.rows(2, 3, 8, 8), target=0, method="grad-cam")
    assert e.layer == "6"  # dropout after the last pooling still has extent
    assert pl.explain(networks.Series(), networks.rows(2, 2, 9), target=0, method="grad-cam").values.shape == (2, 9)


def test_without_relu_the_map_is_signed_and_without_upsampling_small():
    net, x = networks.cnn(), networks.rows(2, 3, 8, 8)
    signed = pl.explain(net, x, target=0, method="grad-cam", relu=False, upsample="none")
    assert signed.values.shape == (2, 4, 4)
    clipped = pl.explain(net, x, target=0, method="grad-cam", upsample="none")
    np.testing.assert_array_equal(clipped.values, np.maximum(signed.values, 0))
    spread = signed.to_input()
    assert spread.shape == (2, 3, 8, 8)
    np.testing.assert_allclose(spread.sum((1, 2, 3)), signed.values.sum((1, 2)), rtol=1e-5)


def test_grad_cam_of_a_network_with_global_pooling_sums_to_the_logit():
    """CAM: with global average pooling and a linear head without bias, the map's mean is the logit."""
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Conv2d(3, 5, 3), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(5, 2, False)
    )
    e = pl.explain(net, networks.rows(3, 3, 8, 8), target=1, method="grad-cam", relu=False, upsample="none")
    np.testing.assert_allclose(e.values.sum((1, 2)), e.value, rtol=1e-5)
