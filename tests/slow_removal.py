"""Removal methods written out: one sample, one mask, one call of the model at a time, in float64."""

import itertools
import math

import numpy as np
import torch


def value(net, row, target):
    """The target at one sample, given without its batch axis."""
    with torch.no_grad():
        return float(net(torch.as_tensor(np.asarray(row)[None], dtype=torch.float64))[0, target])


def occlusion(net, x, target, window, stride, fill=0.0):
    """Slide a box over one sample, note what the target loses, average for each entry over the boxes that cover it."""
    x = np.asarray(x, float)
    starts = []
    for size, side, step in zip(x.shape, window, stride, strict=True):
        count = math.ceil(max(size - side, 0) / step) + 1
        starts.append([step * k for k in range(count) if step * k < size])
    total, times = np.zeros_like(x), np.zeros_like(x)
    whole = value(net, x, target)
    for corner in itertools.product(*starts):
        box = tuple(slice(start, start + side) for start, side in zip(corner, window, strict=True))
        covered = x.copy()
        covered[box] = fill
        total[box] += whole - value(net, covered, target)
        times[box] += 1
    return total / times


def coalition_value(net, x, labels, present, fills, target):
    """Mean of the target over fills, where the players that are not present take the fill's entries."""
    absent = np.isin(labels, [p for p in range(labels.max() + 1) if p not in present])
    absent = np.broadcast_to(absent, np.shape(x))
    return np.mean([value(net, np.where(absent, fill, x), target) for fill in fills])


def shapley(net, x, labels, fills, target):
    """Sum over all coalitions, weighted as in the definition."""
    n = int(labels.max()) + 1
    phi = np.zeros(n)
    for player in range(n):
        others = [p for p in range(n) if p != player]
        for size in range(n):
            weight = math.factorial(size) * math.factorial(n - size - 1) / math.factorial(n)
            for present in itertools.combinations(others, size):
                gain = coalition_value(net, x, labels, {*present, player}, fills, target)
                gain -= coalition_value(net, x, labels, set(present), fills, target)
                phi[player] += weight * gain
    return phi


def rise(net, x, target, masks):
    """The target behind each mask ``(masks, height, width)``, averaged at each position where the mask shows it."""
    scores = np.array([value(net, np.asarray(x) * mask, target) for mask in masks])
    return (scores[:, None, None] * masks).sum(0) / masks.sum(0)
