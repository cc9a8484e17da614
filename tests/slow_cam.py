"""Slow, obvious twins of the class activation maps: float64, one sample, one position and one channel at a time.

Each takes the activation ``(channels, *grid)`` of one sample, and what its formula needs besides, and gives the map on the grid.
"""

import copy
import itertools

import numpy as np
from torch import nn


def positions(array):
    return itertools.product(*map(range, array.shape))


def resized(image, size):
    """Linear interpolation with aligned pixel centres, for any number of axes, one pixel at a time."""
    out = np.zeros(size)
    for place in positions(out):
        corners = []
        for i, source, target in zip(place, image.shape, size, strict=True):
            at = min(max((i + 0.5) * source / target - 0.5, 0), source - 1)
            low = int(at)
            corners.append([(low, 1 - (at - low)), (min(low + 1, source - 1), at - low)])
        for corner in itertools.product(*corners):
            out[place] += np.prod([share for _, share in corner]) * image[tuple(i for i, _ in corner)]
    return out


def cam(activation, gradient):
    """The classifier's weight of a channel over the number of positions is the gradient, at any position."""
    heat = np.zeros(activation.shape[1:])
    for c in range(len(activation)):
        heat += gradient[c].flat[0] * activation[c]
    return heat


def grad_cam(activation, gradient):
    heat = np.zeros(activation.shape[1:])
    for c in range(len(activation)):
        weight = sum(gradient[c][place] for place in positions(gradient[c])) / gradient[c].size
        heat += weight * activation[c]
    return np.maximum(heat, 0)


def grad_cam_plus_plus(activation, gradient):
    """Equation 19 of the paper for an exponential score: derivatives of order two and three are powers of the first."""
    heat = np.zeros(activation.shape[1:])
    for c in range(len(activation)):
        total, weight = activation[c].sum(), 0.0
        for place in positions(gradient[c]):
            g = gradient[c][place]
            below = 2 * g**2 + total * g**3
            alpha = g**2 / below if below != 0 else 0.0
            weight += alpha * max(g, 0.0)
        heat += weight * activation[c]
    return np.maximum(heat, 0)


def xgrad_cam(activation, gradient):
    heat = np.zeros(activation.shape[1:])
    for c in range(len(activation)):
        total, weight = activation[c].sum(), 0.0
        for place in positions(activation[c]):
            if total != 0:
                weight += activation[c][place] / total * gradient[c][place]
        heat += weight * activation[c]
    return np.maximum(heat, 0)


def hires_cam(activation, gradient):
    heat = np.zeros(activation.shape[1:])
    for c in range(len(activation)):
        for place in positions(heat):
            heat[place] += gradient[c][place] * activation[c][place]
    return np.maximum(heat, 0)


def layer_cam(activation, gradient):
    heat = np.zeros(activation.shape[1:])
    for c in range(len(activation)):
        for place in positions(heat):
            heat[place] += max(gradient[c][place], 0.0) * activation[c][place]
    return np.maximum(heat, 0)


def projection(activation, along, center=False):
    """On the first right singular vector of positions by channels; the sign is that of the sum with ``along``."""
    rows = np.array([[channel[place] for channel in activation] for place in positions(activation[0])])
    if center:
        rows = rows - rows.mean(0)
    heat = (rows @ np.linalg.svd(rows)[2][0]).reshape(activation.shape[1:])
    return heat if sum(heat[place] * along[place] for place in positions(heat)) >= 0 else -heat


def eigen_cam(activation, gradient, center=False):
    lengths = np.zeros(activation.shape[1:])
    for place in positions(lengths):
        lengths[place] = sum(channel[place] ** 2 for channel in activation) ** 0.5
    return projection(activation, lengths, center)


def eigen_grad_cam(activation, gradient, center=False):
    return np.maximum(projection(activation * gradient, sum(activation * gradient), center), 0)


TWINS = {
    "grad-cam": grad_cam,
    "grad-cam++": grad_cam_plus_plus,
    "xgrad-cam": xgrad_cam,
    "hires-cam": hires_cam,
    "layer-cam": layer_cam,
    "eigen-cam": eigen_cam,
    "eigen-grad-cam": eigen_grad_cam,
}
"""Maps that follow from activation and gradient alone."""


def score_weights(value, x, activation, softmax=True):
    """``value(x)`` is the target; ``x`` has the channels first. The weights of the channels."""
    weights = np.zeros(len(activation))
    scores = {}
    for c, channel in enumerate(activation):
        if channel.max() > channel.min():
            mask = resized(channel, x.shape[1:])
            mask = (mask - mask.min()) / (mask.max() - mask.min())
            scores[c] = value(x * mask)
    for c, score in scores.items():
        weights[c] = np.exp(score) / sum(map(np.exp, scores.values())) if softmax else score - value(0 * x)
    return weights


def ablation_weights(rest, raw, axis):
    """``rest(raw)`` is the target from the layer on; ``raw`` the layer's output of one sample, channels along ``axis``."""
    whole, weights = rest(raw), []
    for c in range(raw.shape[axis]):
        without = raw.copy()
        without.swapaxes(0, axis)[c] = 0
        weights.append((whole - rest(without)) / abs(whole))
    return np.array(weights)


def summed(activation, weights):
    heat = np.zeros(activation.shape[1:])
    for weight, channel in zip(weights, activation, strict=True):
        heat += weight * channel
    return np.maximum(heat, 0)


def full_grad(net: nn.Module, xs, target: int, rescale: str = "channel"):
    """The map of one sample, and what input times gradient and all bias terms miss of the target, relative to it.

    ``xs`` is the sample, or a tuple of one array for each input; what has no place on the first one's grid is only counted.
    """
    net = copy.deepcopy(net).double().eval()
    given = [x.double()[None].requires_grad_() for x in (xs if isinstance(xs, tuple) else (xs,))]
    seen = []

    def keep(module, _, output):
        output.retain_grad()
        seen.append((module, output))

    for module in net.modules():
        if not list(module.children()):
            module.register_forward_hook(keep)
    value = net(*given)[0, target]
    value.backward()
    terms = [(x * x.grad)[0].detach().numpy() for x in given]
    for module, output in seen:
        bias = None
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            bias = module.bias - module.weight * module.running_mean / (module.running_var + module.eps) ** 0.5
        elif hasattr(module, "bias"):
            bias = module.bias
        if bias is not None:
            gradient = output.grad[0].numpy()
            terms.append(np.stack([b * g for b, g in zip(bias.detach().numpy(), gradient, strict=True)]))
    total = sum(term.sum() for term in terms)
    size = given[0].shape[2:]
    heat = np.zeros(size)
    for term in map(np.abs, terms):
        if term.ndim != 1 + len(size):
            continue
        low, high = term.min(), term.max()
        for channel in term:
            if rescale == "channel":
                low, high = channel.min(), channel.max()
            if rescale != "none":
                channel = (channel - low) / (high - low) if high > low else 0 * channel
            heat += resized(channel, size)
    return heat, abs(value.item() - total) / abs(value.item())
