"""Activations projected on their main direction, with a sign that means something."""

from array_api_compat import array_namespace

from ...core.types import Native


def principal(activations: Native, along: Native, center: bool) -> Native:
    """Projection of ``(samples, channels, *spatial)`` on each sample's first right singular vector: ``(samples, *spatial)``.

    Positions are rows, channels columns. Of the two signs that a singular vector can have, the one is taken whose projection goes
    with ``along``, ``(samples, *spatial)``: their product sums to no less than zero.
    """
    xp = array_namespace(activations)
    samples, channels = activations.shape[:2]
    rows = xp.matrix_transpose(xp.reshape(activations, (samples, channels, -1)))
    if center:
        rows = rows - xp.mean(rows, axis=1, keepdims=True)
    left, strength, _ = xp.linalg.svd(rows, full_matrices=False)
    projection = left[:, :, 0] * strength[:, :1]
    agrees = xp.sum(projection * xp.reshape(along, (samples, -1)), axis=1, keepdims=True)
    return xp.reshape(xp.where(agrees < 0, -projection, projection), along.shape)
