"""Every method of the catalog compares two models: equal ones are equal, and different ones are not."""

import copy

import numpy as np
import pytest
import torch

import pellucid as pl
from pellucid import catalog
from verdict import planted

OPTIONS = {
    "integrated-hessians": {"feature": (0, 5, 5)},
    "expected-gradients": {"baseline": 0.3, "samples": 8},
    "shapley-interactions": {"budget": 200},
    **{name: {"samples": 6} for name in ("smoothgrad", "smoothgrad-squared", "vargrad")},
    **{name: {"budget": 60} for name in ("shapley", "banzhaf", "lime", "rise", "leave-one-out")},
}


def smooth(seed):
    torch.manual_seed(seed)
    layers = [torch.nn.Conv2d(3, 6, 3, padding=1), torch.nn.Tanh(), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()]
    return torch.nn.Sequential(*layers, torch.nn.Linear(6, 3)).eval()


@pytest.mark.parametrize("method", [method.name for method in catalog.METHODS])
def test_a_copy_is_equal_and_another_network_is_not(method):
    x = np.random.default_rng(0).random((2, 3, 12, 12), np.float32)
    if method == "linear-surrogate":
        net, other, x = planted.table(), planted.table(1), np.random.default_rng(0).random((2, 6), np.float32)
        options = {"background": x}
    else:
        net, other, options = smooth(0), smooth(1), OPTIONS.get(method, {})
    if method in ("conductance", "internal-influence"):
        options = {"at": "1"}
    same = pl.compare_models(net, copy.deepcopy(net), x, method=method, target=0, repeat=False, **options)
    assert same.equal.all()
    assert "explanations are equal" in same.verdict
    found = pl.compare_models(net, other, x, method=method, target=0, repeat=False, **options)
    assert not found.identical.any()
    assert all(found.where)
    assert not np.isnan(found.agreement.difference).any()
    assert found.change.leaves
    assert str(found).startswith("Trained (torch) and deployed (torch) on 2 samples")
    assert found.plot(samples=0).axes
