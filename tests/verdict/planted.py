"""Networks with a difference that is known: where it is, and in which samples."""

import copy

import numpy as np
import torch

ROWS, COLUMNS = slice(8, 12), slice(4, 8)
"""Where the blue patch lies."""
BLUE = (1, 3)
"""The samples that have one."""


def network() -> torch.nn.Module:
    """Class 0 sums the red in a picture of 16 x 16, class 1 the blue, each through a channel of its own."""
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 1), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(2 * 256, 2))
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([[1.0, 0, 0], [0, 0, 1.0]])[..., None, None])
        net[0].bias.zero_()
        net[3].weight.zero_()
        net[3].weight[0, :256] = 0.01
        net[3].weight[1, 256:] = 1.0
        net[3].bias.copy_(torch.tensor([0.5, 0.0]))
    return net.eval()


def without_blue() -> torch.nn.Module:
    """The same network, with the weights of its blue channel lost."""
    net = copy.deepcopy(network())
    with torch.no_grad():
        net[0].weight[1] = 0
    return net


def pictures() -> np.ndarray:
    """Five pictures with red everywhere; two have a blue patch."""
    x = np.zeros((5, 3, 16, 16), np.float32)
    x[:, 0] = np.random.default_rng(0).random((5, 16, 16))
    for sample in BLUE:
        x[sample, 2, ROWS, COLUMNS] = 1
    return x


def convolutional(seed: int = 0) -> torch.nn.Module:
    """A small network of everything usual, with random weights."""
    torch.manual_seed(seed)
    layers = [torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.ReLU(), torch.nn.Conv2d(8, 8, 3, padding=1), torch.nn.ReLU()]
    head = [torch.nn.AdaptiveAvgPool2d(4), torch.nn.Flatten(), torch.nn.Linear(128, 5)]
    return torch.nn.Sequential(*layers, *head).eval()


def table(seed: int = 0) -> torch.nn.Module:
    torch.manual_seed(seed)
    return torch.nn.Sequential(torch.nn.Linear(6, 16), torch.nn.ReLU(), torch.nn.Linear(16, 3)).eval()


def as_function(net: torch.nn.Module):
    """What a network computes, as a plain function of NumPy arrays."""

    def run(batch: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return net(torch.from_numpy(np.ascontiguousarray(batch, np.float32))).numpy()

    return run


def channels_last(net: torch.nn.Module):
    """The same with the channels last."""
    return lambda batch: as_function(net)(np.moveaxis(batch, -1, 1))
