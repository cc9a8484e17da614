"""Training small networks on the spot: seeded, on one thread of the CPU, and without a trace in the user's torch."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn

BATCH = 64


@contextmanager
def undisturbed(seed: int) -> Generator[None]:
    """Seeded random numbers, float32, the CPU and one thread; all of it is put back."""
    dtype, threads = torch.get_default_dtype(), torch.get_num_threads()
    with torch.random.fork_rng(devices=[]), torch.inference_mode(False), torch.enable_grad(), torch.device("cpu"):
        torch.default_generator.manual_seed(seed)
        torch.set_default_dtype(torch.float32)
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_default_dtype(dtype)
            torch.set_num_threads(threads)


def trained(
    make: Callable[[], nn.Module],
    x: np.ndarray,
    y: np.ndarray,
    *,
    seed: int,
    epochs: int = 10,
    rate: float = 0.01,
    decay: float = 1e-4,
    each: bool = False,
) -> nn.Module:
    """A classifier, trained by Adam with one cycle of the learning rate, in evaluation mode.

    With ``each``, every class is told from all others on its own, so that a score below 0 speaks against a class.
    """
    with undisturbed(seed):
        network = make()
        inputs, labels = torch.from_numpy(np.ascontiguousarray(x, np.float32)), torch.from_numpy(np.asarray(y, np.int64))
        steps = epochs * -(-len(inputs) // BATCH)
        optimizer = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=decay)
        loss = _each if each else nn.functional.cross_entropy
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)
        network.train()
        for _ in range(epochs):
            for part in torch.randperm(len(inputs)).split(BATCH):
                optimizer.zero_grad()
                loss(network(inputs[part]), labels[part]).backward()
                optimizer.step()
                schedule.step()
        network.requires_grad_(False)
        return network.eval()


def _each(scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    wanted = nn.functional.one_hot(labels, scores.shape[1]).to(scores.dtype)
    return nn.functional.binary_cross_entropy_with_logits(scores, wanted, reduction="none").sum(1).mean()


def outputs(network: Any, x: np.ndarray) -> np.ndarray:
    """What a network says of these rows."""
    with undisturbed(0), torch.no_grad():
        parts = [network(part).numpy() for part in torch.from_numpy(np.ascontiguousarray(x, np.float32)).split(512)]
    return np.concatenate(parts)
