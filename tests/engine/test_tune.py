"""How batches are packed: told, measured once, or taken from a table."""

import itertools

import numpy as np
import pytest
import torch

import networks
import pellucid as pl
from pellucid.engine import tune
from pellucid.models.lookup import view_of


@pytest.fixture
def pictures():
    """A view of a small network, and inputs of 48 KB a row."""
    view = view_of(torch.nn.Sequential(torch.nn.Conv2d(3, 2, 3), torch.nn.Flatten(), torch.nn.LazyLinear(2)))
    return view, view.inputs(np.zeros((2, 3, 64, 64), np.float32))


def clock(monkeypatch, costs):
    """Time that passes as the batches cost: ``costs(size, memory_format)`` seconds a row."""
    now = [0.0]
    monkeypatch.setattr(tune.time, "perf_counter", lambda: now[0])

    def run(size, memory_format):
        now[0] += size * costs(size, memory_format)

    return run


def test_the_fastest_is_found_once_and_kept_for_the_model(pictures, monkeypatch):
    view, inputs = pictures
    usual = tune.packing(view, inputs, "gradient", None, None)
    assert usual == tune.Packing(5, "channels-last")
    run = clock(monkeypatch, lambda size, _: 1.0 if size == 10 else 2.0)
    found = tune.measure(view, inputs, "gradient", 10**6, run)
    assert found.packing == tune.Packing(10, "channels-last")
    assert found.rows == tune.ROUNDS * (20 * 4 - 0)
    assert found.seconds == found.rows * 2.0 - tune.ROUNDS * 20 * 1.0
    assert tune.measure(view, inputs, "gradient", 10**6, run) is None
    assert tune.packing(view, inputs, "gradient", None, None) == found.packing
    assert tune.packing(view, inputs, "predict", None, None) == tune.Packing(10, "channels-last")  # keeps no activations
    assert tune.packing(view, inputs, "gradient", 3, None) == tune.Packing(3, "channels-last")
    assert tune.packing(view, inputs, "gradient", None, "as-is") == tune.Packing(10, "as-is")


def test_little_work_is_not_measured_but_adds_up(pictures, monkeypatch):
    view, inputs = pictures
    run = clock(monkeypatch, lambda *_: 1.0)
    worth = tune.WORTH * tune.ROUNDS * 20 * 4
    assert tune.measure(view, inputs, "gradient", worth // 2, run) is None
    assert tune.measure(view, inputs, "gradient", worth // 2 - 1, run) is None
    assert tune.measure(view, inputs, "gradient", 1, run) is not None


def test_a_small_gain_and_a_noisy_machine_change_nothing(pictures, monkeypatch):
    view, inputs = pictures
    usual = tune.packing(view, inputs, "gradient", None, None)
    run = clock(monkeypatch, lambda size, _: 0.99 if size == 10 else 1.0)
    assert tune.measure(view, inputs, "gradient", 10**6, run).packing == usual
    jitter = itertools.cycle([1.0, 0.4, 2.0, 1.7, 0.6])
    told = tune.measure(view, inputs, "predict", 10**6, clock(monkeypatch, lambda *_: next(jitter)))
    assert told.packing == tune.packing(view, inputs, "predict", None, None) == tune.Packing(10, "channels-last")
    assert "too noisy" in told.note


def test_a_batch_that_does_not_fit_into_memory_is_no_candidate(pictures, monkeypatch):
    view, inputs = pictures
    run = clock(monkeypatch, lambda *_: 1.0)

    def tight(size, memory_format):
        if size > 5:
            raise MemoryError
        run(size, memory_format)

    assert tune.measure(view, inputs, "gradient", 10**6, tight).packing.batch_size == 5


def test_measuring_is_reported_apart_and_never_done_under_a_budget(monkeypatch):
    monkeypatch.setattr(tune, "WORTH", 0.1)
    net = networks.Counting(networks.cnn(size=64))
    x = networks.rows(4, 3, 64, 64)
    options = {"target": 0, "method": "smoothgrad", "samples": 12}
    bounded = pl.explain(net, x, budget=14, **options)
    assert bounded.cost.tuning_rows == 0
    net.rows.clear()
    e = pl.explain(net, x, **options)
    assert e.cost.tuning_rows > 0
    assert e.cost.tuning_seconds > 0
    assert e.cost.forward_rows + e.cost.other_rows + e.cost.tuning_rows == sum(net.rows)
    again = pl.explain(net, x, **options)
    assert again.cost.tuning_rows == 0
    assert again.plan.batch_size == e.plan.batch_size
    np.testing.assert_allclose(again.values, bounded.values, rtol=1e-3, atol=1e-5)
