"""Class activation maps of many samples: layers are held for one batch at a time, and the maps are the same."""

import weakref

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import networks
import pellucid as pl
import slow_cam

METHODS = [*slow_cam.TWINS, "cam", "score-cam", "ablation-cam", "full-grad"]
CHANNELS, SIZE = 48, 8
ACTIVATION = CHANNELS * SIZE * SIZE * 4
"""Bytes of the wide layer at one sample."""


class Held(TorchDispatchMode):
    """Counts the bytes of tensors made while it is on, and the most that were alive at once."""

    def __init__(self):
        super().__init__()
        self.now = self.most = 0
        self.known = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(out):
            if isinstance(leaf, torch.Tensor):
                self.see(leaf.untyped_storage())
        return out

    def see(self, storage):
        key, size = storage._cdata, storage.nbytes()
        if key not in self.known:
            self.known.add(key)
            self.now += size
            self.most = max(self.most, self.now)
            weakref.finalize(storage, self.forget, key, size).atexit = False

    def forget(self, key, size):
        self.known.discard(key)
        self.now -= size


def most_held(net, x, method, **options):
    with Held() as held:
        pl.explain(net, x, target=1, method=method, batch_size=4, **options)
    return held.most


def wide():
    torch.manual_seed(0)
    head = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(CHANNELS, 3)
    return nn.Sequential(nn.Conv2d(1, CHANNELS, 3, padding=1), nn.ReLU(), *head)


def test_what_is_counted_is_what_is_held():
    with Held() as held:
        kept = [torch.zeros(100) + i for i in range(5)]
        assert held.now == 5 * 400
        assert 5 * 400 < held.most <= 6 * 400 + 100
        part = kept.pop()[:1]
        kept.clear()
        assert held.now == 400  # a view holds all of it
        del part
        assert held.now == 0


@pytest.mark.parametrize("method", METHODS)
def test_what_is_held_does_not_grow_with_the_samples(method):
    net, x = wide(), networks.rows(32, 1, SIZE, SIZE)
    few, many = (most_held(net, x[:n], method) for n in (8, 32))
    kept = 24 * SIZE * SIZE * 4  # one map or input of each further sample
    assert few > 4 * ACTIVATION
    assert many - few < 6 * kept < 24 * ACTIVATION / 4


@pytest.mark.parametrize("method", ["grad-cam", "score-cam", "full-grad"])
def test_neither_do_the_layers_of_tokens(method):
    net, x = networks.ViT((16, 16), leading=1), networks.rows(32, 1, 16, 16)
    few, many = (most_held(net, x[:n], method) for n in (8, 32))
    assert many - few < 24 * 16 * 16 * 4 * 6


@pytest.mark.parametrize("method", METHODS)
def test_part_by_part_the_maps_and_the_rows_are_the_same(method):
    net, x = networks.cnn(pooled=True).double(), networks.rows(7, 3, 8, 8).double()
    whole = pl.explain(net, x, targets=[0, "predicted"], method=method, batch_size=256)
    parts = pl.explain(net, x, targets=[0, "predicted"], method=method, batch_size=3)
    for a, b in zip(whole, parts, strict=True):
        np.testing.assert_allclose(b.values, a.values, rtol=1e-9, atol=1e-13)
        for name in a.details:
            np.testing.assert_allclose(b.details[name], a.details[name], rtol=1e-9, atol=1e-13)
        np.testing.assert_array_equal(a.prediction, b.prediction)
        assert (a.target.indices == b.target.indices).all()
        assert a.cost.forward_rows == b.cost.forward_rows
        assert a.cost.backward_rows == b.cost.backward_rows


@pytest.mark.parametrize("method", ["grad-cam", "hires-cam", "layer-cam", "eigen-grad-cam"])
def test_the_map_of_a_full_batch_is_the_same_bytes_whatever_follows(method):
    net, x = networks.cnn(), networks.rows(9, 3, 8, 8)
    few, many = (pl.explain(net, x[:n], target=0, method=method, batch_size=3) for n in (3, 9))
    np.testing.assert_array_equal(few.values, many.values[:3])


@pytest.mark.parametrize("method", ["score-cam", "ablation-cam"])
def test_a_budget_names_what_the_sample_itself_needs(method):
    net, x = networks.cnn(), networks.rows(6, 3, 8, 8)
    x[:4] = 0  # where the first layer is the same everywhere it makes no mask
    with torch.no_grad():
        net[0].bias[:5] = 0
        net[1].eval()
    options = {"method": method, "at": "0", "target": 0, "batch_size": 2}
    needed = pl.explain(net, x, **options).cost.forward_rows
    assert needed < 6 * 7
    with pytest.raises(pl.BudgetError, match="needs at least 7"):
        pl.explain(net, x, budget=6, **options)
    pl.explain(net, x, budget=7, **options)


class Gated(nn.Module):
    """Reads its second layer of tokens where the first pixel is positive, else its first, and none where it is zero."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.patches, self.first = nn.Conv2d(1, 8, 4, 4), nn.Linear(8, 8)
        self.second, self.head = nn.Tanh(), nn.Linear(8, 3)

    def forward(self, x):
        gate = x[:, 0, 0, 0]
        first = self.first(self.patches(x).flatten(2).mT)
        second = self.second(first)
        read = torch.where(gate[:, None, None] > 0, second, first) * gate.abs()[:, None, None]
        return self.head(read.mean(1))


@pytest.mark.parametrize("gates", [(-1, -1, 1), (1, -1, -1), (0, 1, -1), (0, -1, 0)])
def test_the_layer_that_counts_is_that_of_all_parts(gates):
    net, x = Gated().double(), networks.rows(3, 1, 16, 16).double()
    x[:, 0, 0, 0] = torch.tensor(gates)
    whole = pl.explain(net, x, target=0, method="hires-cam", relu=False)
    assert whole.layer == ("second" if 1 in gates else "first")
    for batch_size in (1, 2):
        parts = pl.explain(net, x, target=0, method="hires-cam", relu=False, batch_size=batch_size)
        assert parts.layer == whole.layer
        np.testing.assert_allclose(parts.values, whole.values, rtol=1e-9, atol=1e-13)
        assert parts.cost.forward_rows == parts.cost.backward_rows == 3
        assert [f.samples for f in parts.evidence] == [f.samples for f in whole.evidence]
    silent = tuple(i for i, gate in enumerate(gates) if gate != max(gates))
    if 1 in gates:
        assert whole.evidence[0].samples == silent


def test_a_search_that_found_no_layer_begins_anew(monkeypatch):
    monkeypatch.setattr("pellucid.attribution.cam.layers.LOOKED_AT", 1)
    net, x = Gated().double(), networks.rows(3, 1, 16, 16).double()
    x[:, 0, 0, 0] = -1
    e = pl.explain(net, x, target=0, method="grad-cam", batch_size=2)
    assert e.layer == "first"
    assert e.values.shape == (3, 16, 16)
    assert e.cost.backward_rows == 6
    x[:, 0, 0, 0] = 0
    with pytest.raises(pl.CapabilityError, match="no gradient at the positions of any layer"):
        pl.explain(net, x, target=0, method="grad-cam", batch_size=2)
