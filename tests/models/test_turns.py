"""Explanations in several threads, of a model that other threads use meanwhile."""

import threading
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

import networks
import pellucid as pl
from pellucid.models.turns import numpy_seeded, only_here


class Noisy(nn.Module):
    """Its dropout tells whether it was left in training, its layers whether they were edited from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.drop = nn.Conv2d(3, 8, 3, padding=1), nn.Dropout(0.5)
        self.second, self.last = nn.Conv2d(8, 8, 3, padding=1), nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.second(self.drop(torch.relu(self.first(x)))).mean((2, 3)))


def together(*works: Callable[[], None]) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


ASKED = {
    "saliency": {},
    "grad-cam": {"at": "second"},
    "integrated-gradients": {"at": "first", "steps": 8},
    "ablation-cam": {"at": "second"},
}


def test_explanations_in_threads_are_those_of_one_and_leave_the_model_as_it_was():
    net, x = Noisy().train(), networks.rows(3, 3, 12, 12)
    alone = {method: pl.explain(net, x, target=0, method=method, **asked).values for method, asked in ASKED.items()}
    found: dict[str, list[np.ndarray]] = {method: [] for method in ASKED}

    def explain(method: str) -> Callable[[], None]:
        def work() -> None:
            for _ in range(4):
                found[method].append(pl.explain(net, x, target=0, method=method, **ASKED[method]).values)

        return work

    state = np.random.get_state()  # noqa: NPY002
    together(*map(explain, ASKED))
    for method, expected in alone.items():
        assert len(found[method]) == 4
        for values in found[method]:
            np.testing.assert_array_equal(values, expected)
    assert all(module.training for module in net.modules())
    assert not any(module._forward_hooks for module in net.modules())
    np.testing.assert_array_equal(np.random.get_state()[1], state[1])  # noqa: NPY002


def test_another_thread_runs_the_model_as_it_is():
    net, x = Noisy().eval(), networks.rows(3, 3, 12, 12)
    with torch.no_grad():
        expected = net(x)
    wrong, stop = [], threading.Event()

    def serve() -> None:
        while not stop.is_set():
            with torch.no_grad():
                if not torch.equal(net(x), expected):
                    wrong.append("another output")

    def explain() -> None:
        try:
            for _ in range(5):
                pl.explain(net, x, target=0, method="ablation-cam", at="second")
                pl.explain(net, x, target=0, method="integrated-gradients", at="first", steps=8)
        finally:
            stop.set()

    together(serve, explain)
    assert not wrong


def test_a_function_for_this_thread_alone():
    said: list[str] = []
    either = only_here(lambda: said.append("ours"), lambda: said.append("theirs"))
    either()
    together(either)
    assert said == ["ours", "theirs"]


@pytest.mark.parametrize("first_to_leave", [0, 1])
def test_numpy_goes_on_as_the_first_of_several_threads_found_it(first_to_leave):
    np.random.seed(7)  # noqa: NPY002
    expected = np.random.RandomState(7).rand(3)
    begun, gone = [threading.Event(), threading.Event()], [threading.Event(), threading.Event()]

    def hold(number: int) -> Callable[[], None]:
        def work() -> None:
            if number:
                begun[0].wait(10)
            with numpy_seeded(3):
                begun[number].set()
                begun[1].wait(10)
                if number != first_to_leave:
                    gone[first_to_leave].wait(10)
            gone[number].set()

        return work

    together(hold(0), hold(1))
    np.testing.assert_array_equal(np.random.rand(3), expected)  # noqa: NPY002


def test_a_model_that_draws_from_numpy_is_repeatable_and_leaves_its_generator_alone():
    class Draws(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x * float(np.random.rand())  # noqa: NPY002

    x = networks.rows(2, 4)
    np.random.seed(5)  # noqa: NPY002
    first, second = (pl.explain(Draws(), x, target=0, method="saliency", seed=1).values for _ in range(2))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(np.random.rand(2), np.random.RandomState(5).rand(2))  # noqa: NPY002
