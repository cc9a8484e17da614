"""Slow, obvious twins of the fast methods: float64, one row at a time, formulas as the papers write them."""

import copy

import numpy as np
import scipy.linalg
import torch
from torch import nn


def gradient(net: nn.Module, x: torch.Tensor, target: int) -> np.ndarray:
    """Central differences, one input entry at a time; float64 ``x`` of one sample."""
    net = copy.deepcopy(net).double().eval()
    flat, step = x.double().reshape(-1), 1e-6
    out = []
    for i in range(len(flat)):
        ends = []
        for sign in (1, -1):
            moved = flat.clone()
            moved[i] += sign * step
            with torch.no_grad():
                ends.append(net(moved.reshape(1, *x.shape))[0, target].item())
        out.append((ends[0] - ends[1]) / (2 * step))
    return np.array(out).reshape(tuple(x.shape))


def autograd(net: nn.Module, x: torch.Tensor, target: int) -> np.ndarray:
    """Gradient of one sample, float64."""
    net = copy.deepcopy(net).double().eval()
    x = x.double()[None].clone().requires_grad_()
    net(x)[0, target].backward()
    return x.grad[0].numpy()


def integrated_gradients(net: nn.Module, x: torch.Tensor, base: torch.Tensor, target: int, nodes: int = 8000) -> np.ndarray:
    """Midpoint rule with many nodes, float64."""
    net = copy.deepcopy(net).double().eval()
    x, base = x.double(), base.double()
    total = torch.zeros_like(x)
    for alphas in torch.split((torch.arange(nodes, dtype=torch.float64) + 0.5) / nodes, 500):
        points = base + alphas.reshape(-1, *[1] * x.ndim) * (x - base)
        points.requires_grad_()
        (g,) = torch.autograd.grad(net(points)[:, target].sum(), points)
        total += g.sum(0)
    return ((x - base) * total / nodes).numpy()


def layer_pass(net: nn.Sequential, index: int, x: torch.Tensor, target: int) -> tuple[np.ndarray, np.ndarray]:
    """Activation of layer ``index`` of a Sequential and the target's gradient in it, for one sample, float64."""
    net = copy.deepcopy(net).double().eval()
    with torch.no_grad():
        activation = net[: index + 1](x.double()[None])
    activation = activation.detach().requires_grad_()
    net[index + 1 :](activation)[0, target].backward()
    return activation.detach()[0].numpy(), activation.grad[0].numpy()


def bilinear(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Bilinear interpolation with aligned pixel centres, pixel by pixel."""
    h, w = image.shape
    out = np.zeros((height, width))
    for i in range(height):
        for j in range(width):
            y = min(max((i + 0.5) * h / height - 0.5, 0), h - 1)
            x = min(max((j + 0.5) * w / width - 0.5, 0), w - 1)
            y0, x0 = int(y), int(x)
            y1, x1 = min(y0 + 1, h - 1), min(x0 + 1, w - 1)
            top = image[y0, x0] * (1 - (x - x0)) + image[y0, x1] * (x - x0)
            bottom = image[y1, x0] * (1 - (x - x0)) + image[y1, x1] * (x - x0)
            out[i, j] = top * (1 - (y - y0)) + bottom * (y - y0)
    return out


def diffused(image: np.ndarray, sigma: float) -> np.ndarray:
    """Diffusion of ``(channels, height, width)`` for time sigma^2 / 2 with reflecting edges: exponentials of the Laplacians."""

    def along(n: int) -> np.ndarray:
        laplacian = np.diag(np.full(n, -2.0)) + np.diag(np.ones(n - 1), 1) + np.diag(np.ones(n - 1), -1)
        laplacian[0, 0] = laplacian[-1, -1] = -1
        return scipy.linalg.expm(sigma**2 / 2 * laplacian)

    height, width = image.shape[1:]
    return np.stack([along(height) @ channel @ along(width).T for channel in image])


def blur_ig(net: nn.Module, x: torch.Tensor, sigma: float, target: int, nodes: int = 1000) -> np.ndarray:
    """Trapezoid sums of the gradient along the steps from blurred to sharp."""
    path = [diffused(x.double().numpy(), sigma * (1 - k / nodes)) for k in range(nodes + 1)]
    slopes = [autograd(net, torch.tensor(point), target) for point in path]
    return sum((slopes[k] + slopes[k + 1]) / 2 * (path[k + 1] - path[k]) for k in range(nodes))


def conductance(net: nn.Sequential, index: int, x: torch.Tensor, base: torch.Tensor, target: int) -> np.ndarray:
    """Trapezoid sums of the gradient at a layer along the steps of its own output."""
    nodes = 4000
    path = [layer_pass(net, index, base + k / nodes * (x - base), target) for k in range(nodes + 1)]
    return sum((path[k][1] + path[k + 1][1]) / 2 * (path[k + 1][0] - path[k][0]) for k in range(nodes))


def internal_influence(net: nn.Sequential, index: int, x: torch.Tensor, base: torch.Tensor, target: int) -> np.ndarray:
    """Midpoint rule of the gradient at a layer."""
    return np.mean([layer_pass(net, index, base + (k + 0.5) / 4000 * (x - base), target)[1] for k in range(4000)], axis=0)


def guided_ig(
    net: nn.Module, x: np.ndarray, base: np.ndarray, target: int, steps: int, fraction: float, distance: float
) -> np.ndarray:
    """The path entry by entry: sorted by gradient, moved in groups until the step's distance is covered."""
    shape, x, base = x.shape, x.reshape(-1), base.reshape(-1)
    point, values = base.copy(), np.zeros(x.size)
    together = int((x.size - 1) * fraction) + 1
    for step in range(1, steps + 1):
        slope = autograd(net, torch.tensor(point.reshape(shape)), target).reshape(-1)
        before = point.copy()
        behind = base + max(step / steps - distance, 0) * (x - base)
        ahead = base + min(step / steps + distance, 1) * (x - base)
        for i in range(x.size):
            if abs(x[i] - point[i]) > abs(x[i] - behind[i]):
                point[i] = behind[i]
        wanted = (1 - step / steps) * np.abs(x - base).sum()
        order = sorted((i for i in range(x.size) if point[i] != ahead[i]), key=lambda i: abs(slope[i]))
        for first in range(0, len(order), together):
            group, left = order[first : first + together], np.abs(x - point).sum() - wanted
            if left <= 1e-13:
                break
            part = min(left / sum(abs(ahead[i] - point[i]) for i in group), 1.0)
            for i in group:
                point[i] += part * (ahead[i] - point[i])
        values += (point - before) * slope
    return values.reshape(shape)


def integrated_hessian(net: nn.Module, x: torch.Tensor, base: torch.Tensor, feature: int, target: int, nodes: int) -> np.ndarray:
    """The paper's double integral, by the midpoint rule in both, from whole Hessians of one sample with one axis."""
    net = copy.deepcopy(net).double().eval()
    x, base = x.double(), base.double()
    delta, total = (x - base).numpy(), np.zeros(len(x))
    places = (np.arange(nodes) + 0.5) / nodes
    for a in places:
        for b in places:
            point = base + a * b * (x - base)
            hessian = torch.autograd.functional.hessian(lambda p: net(p[None])[0, target], point).numpy()
            total += a * b * hessian[feature] * delta[feature] * delta
            total[feature] += delta[feature] * autograd(net, point, target)[feature]
    return total / nodes**2
