"""Maskers written out: one row, one mask, one pixel at a time, in float64."""

import math

import numpy as np


def background_value(model, x, kept, rows, shares):
    """The mean of the model over rows that take the place of what is not kept."""
    total = 0.0
    for row, share in zip(rows, shares, strict=True):
        mixed = np.array([x[at] if kept[at] else row[at] for at in range(len(x))])
        total += share * float(model(mixed[None])[0])
    return total


def gaussian_given(mean, covariance, kept, x):
    """Mean and covariance of the columns that are not kept, by the textbook's blocks."""
    here, gone = np.flatnonzero(kept), np.flatnonzero(~kept)
    if not len(here):
        return mean[gone], covariance[np.ix_(gone, gone)]
    inverse = np.linalg.inv(covariance[np.ix_(here, here)])
    weights = covariance[np.ix_(gone, here)] @ inverse
    return mean[gone] + weights @ (x[here] - mean[here]), covariance[np.ix_(gone, gone)] - weights @ covariance[
        np.ix_(here, gone)
    ]


def ledoit_wolf(rows):
    """Mean and shrunk covariance, the correlations towards the identity; the share by Ledoit and Wolf's lemma 3.2 to 3.4."""
    mean, scale = rows.mean(axis=0), rows.std(axis=0)
    standard = (rows - mean) / scale
    n, d = standard.shape
    sample = sum(np.outer(row, row) for row in standard) / n
    wide = ((sample - np.trace(sample) / d * np.eye(d)) ** 2).sum() / d
    noise = sum(((np.outer(row, row) - sample) ** 2).sum() / d for row in standard) / n**2
    share = min(noise, wide) / wide
    return mean, scale[:, None] * ((1 - share) * sample + share * np.eye(d)) * scale, share


def agreeing(rows, x, kept, groups, least):
    """The rows from which is drawn: those that differ from the sample in the fewest kept features, till there are enough."""
    differences = [sum(any(row[at] != x[at] for at in group) for group in groups if kept[group[0]]) for row in rows]
    limit = 0
    while sum(each <= limit for each in differences) < min(least, len(rows)):
        limit += 1
    return [number for number, each in enumerate(differences) if each <= limit]


def linear_imputation(image, kept):
    """Each removed pixel as the weighted mean of its neighbours in the image: a dense system, ``(height, width)``."""
    height, width = kept.shape
    matrix, right = np.eye(height * width), np.where(kept, image, 0.0).reshape(-1)
    for row in range(height):
        for column in range(width):
            if kept[row, column]:
                continue
            total = 0.0
            near = []
            for down in (-1, 0, 1):
                for across in (-1, 0, 1):
                    if (down or across) and 0 <= row + down < height and 0 <= column + across < width:
                        weight = 1 / 12 if down and across else 1 / 6
                        near.append(((row + down) * width + column + across, weight))
                        total += weight
            for at, weight in near:
                matrix[row * width + column, at] -= weight / total
    return np.linalg.solve(matrix, right).reshape(height, width)


def blurred(signal, sigma):
    """Diffusion with reflecting ends for the time ``sigma^2 / 2``, in many small steps."""
    steps = math.ceil(400 * sigma**2)
    rate = sigma**2 / 2 / steps
    for _ in range(steps):
        ends = np.concatenate([signal[:1], signal, signal[-1:]])
        signal = signal + rate * (ends[2:] - 2 * signal + ends[:-2])
    return signal


def without(ids, kept, pad):
    """The ids that are kept, then padding."""
    left = [each for each, here in zip(ids, kept, strict=True) if here]
    return left + [pad] * (len(ids) - len(left))
