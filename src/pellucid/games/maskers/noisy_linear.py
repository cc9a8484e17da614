"""Removed pixels are the weighted means of their neighbours, and a little noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...core.declare import Passes
from ...core.features import Features
from .entries import Memo, draws_of, real, whole
from .imputed import Imputed, flat_where_all_gone
from .masker import Removal

WEIGHTS = {(0, 1): 1 / 6, (1, 0): 1 / 6, (1, 1): 1 / 12, (1, -1): 1 / 12}
"""Of neighbours beside and aslant; each stands for the opposite one too."""


@dataclass(frozen=True)
class NoisyLinear:
    """Removed pixels of an image are such that each is the weighted mean of its eight neighbours, and a little noise.

    The neighbours beside a pixel weigh 1/6 and those aslant 1/12 (at the edges, in proportion), which makes one linear system
    for all removed pixels. What is filled in this way is hard to tell from what was kept, so that the shape of a mask says
    little. Where no pixel is kept, the image is its own mean.

    Parameters
    ----------
    noise
        Standard deviation of the noise, in the units of the input; the same noise for all samples with a mask.
    seed
        Of the noise.

    Raises
    ------
    InputError
        For anything but images, and for features that own single channels.

    Notes
    -----
    Cost: one model row for each mask; and for each mask a sparse system of as many unknowns as pixels are removed, on the
    host: about 0.2 s for half of 224 x 224. Images that share a mask share the factors. Source: rong2022consistent.

    Examples
    --------
    >>> import pellucid as pl
    >>> pl.maskers.NoisyLinear()
    NoisyLinear(noise=0.01, seed=0)
    """

    noise: float = 0.01
    seed: int = 0

    def prepare(self, passes: Passes, leaf: str, features: Sequence[Features]) -> Removal:
        """The systems are solved when masks come."""
        noise = real(self.noise, "noise", "NoisyLinear", zero=True)
        seed = whole(self.seed, "seed", "NoisyLinear", least=0)
        channels = 1 if (given := passes.leaf(leaf)).ndim < 4 else int(given.shape[-1 if passes.channels_last else 1])
        says = f"linearly imputed from the pixels around, with noise of {noise:g}"
        return Imputed(passes, leaf, features, "NoisyLinear", (2,), Systems(noise, seed, channels), says)


class Systems:
    """Solves for removed pixels, and keeps the factors of the latest masks."""

    def __init__(self, noise: float, seed: int, channels: int) -> None:
        self._noise, self._seed, self._channels = noise, seed, channels
        self._memo: Memo[tuple[Any, Any]] = Memo()

    def __call__(self, key: bytes, kept: np.ndarray, layers: np.ndarray) -> np.ndarray:
        """Layers ``(height, width, layers)`` with the removed pixels filled."""
        filled = flat_where_all_gone(kept, layers)
        if filled is None:
            factors, known = self._memo.get(key) or self._factored(key, kept)
            filled = np.array(layers)
            filled[~kept] = factors.solve(known @ layers[kept])
        if not self._noise:
            return filled
        drawn = draws_of(self._seed, "noisy linear", key).standard_normal((*kept.shape, self._channels), np.float32)
        return filled + self._noise * np.tile(drawn, layers.shape[-1] // self._channels)

    def _factored(self, key: bytes, kept: np.ndarray) -> tuple[Any, Any]:
        from scipy.sparse.linalg import splu  # noqa: PLC0415 (slow to import)

        matrix, known = system(kept)
        symmetric = {"SymmetricMode": True}
        factors: Any = splu(matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options=symmetric)
        return self._memo.put(key, (factors, known), 12 * (factors.nnz + known.nnz))


def system(kept: np.ndarray) -> tuple[Any, Any]:
    """Sparse ``A`` and ``B`` with ``A removed = B kept``: what the weighted means are, pixels in row order."""
    from scipy.sparse import coo_array  # noqa: PLC0415 (slow to import)

    number = np.where(kept, np.cumsum(kept).reshape(kept.shape), np.cumsum(~kept).reshape(kept.shape)) - 1
    gone, diagonal = int((~kept).sum()), np.zeros(int((~kept).sum()))
    inner: list[tuple[np.ndarray, np.ndarray, float]] = []
    outer: list[tuple[np.ndarray, np.ndarray, float]] = []
    height, width = kept.shape
    for (down, right), weight in WEIGHTS.items():
        here = np.s_[: height - down, max(-right, 0) : width - max(right, 0)]
        there = np.s_[down:, max(right, 0) : width + min(right, 0)]
        for one, other in ((here, there), (there, here)):
            removed = ~kept[one]
            np.add.at(diagonal, number[one][removed], weight)
            for edges, among in ((inner, ~kept[other]), (outer, kept[other])):
                chosen = removed & among
                edges.append((number[one][chosen], number[other][chosen], weight))

    def sparse(edges: list[tuple[np.ndarray, np.ndarray, float]], columns: int) -> Any:
        rows, across = (np.concatenate([edge[side] for edge in edges]) for side in (0, 1))
        weights = np.concatenate([np.full(len(edge[0]), edge[2]) for edge in edges])
        return coo_array((weights, (rows, across)), shape=(gone, columns))

    own = coo_array((diagonal, (np.arange(gone), np.arange(gone))), shape=(gone, gone))
    return (own.tocsc() - sparse(inner, gone).tocsc()).tocsc(), sparse(outer, int(kept.sum())).tocsr()
