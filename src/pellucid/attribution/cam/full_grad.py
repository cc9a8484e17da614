"""FullGrad: the gradient of the input and that of every bias, drawn together."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from array_api_compat import array_namespace

from ...arrays.resample import Interpolation, resize
from ...arrays.rows import row_sums
from ...core.declare import Attribution, Axiom, Passes, parameter
from ...core.records import Finding
from ...core.types import Native
from ...core.view import Capability
from .decomposition import decomposed, sources
from .grids import Reshape
from .weighting import UPSAMPLE

INCOMPLETE = 0.05
"""Share of the target that the terms may miss before it is said."""


@dataclass(frozen=True)
class FullGrad:
    """Magnitudes of input times gradient, and of each layer's bias times the gradient there, brought to input size and summed.

    A network of linear layers, ReLU, max pooling and the like is its input times its gradient plus, for each layer, its bias
    times the gradient there; a batch norm's bias is what it gives for zero. Terms of layers with positions are drawn, those of
    dense layers are only counted. How far all terms together miss the target, relative to it, is
    ``details["completeness_residual"]``: a network with other parts (SiLU, ReLU6, constants that are added) misses it, and a
    finding says so.

    Values are ``(samples, height, width)`` and not negative. With ``rescale="channel"``, as in the paper, every channel of every
    layer is brought to 0 ... 1 before it is added, and values have no unit; ``"layer"`` keeps the proportions within a layer;
    with ``"none"`` values are in units of the target. With ``at=`` the input is that layer's output, and the layers after it are
    read.

    Every input that can be differentiated is a term, and those with the axes of the map are drawn.

    Cost: one forward row and one backward row per sample.

    Source: srinivas2019full.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.LazyLinear(2)).double()
    >>> e = pl.explain(net, torch.rand(1, 3, 8, 8), target=0, method="full-grad")
    >>> e.values.shape, bool(e.details["completeness_residual"][0] < 1e-9)
    ((1, 8, 8), True)
    """

    name: ClassVar[str] = "full-grad"
    engine: ClassVar[str] = "map"
    summary: ClassVar[str] = "input times gradient and every bias times its gradient, over positions"
    needs: ClassVar[frozenset[Capability]] = frozenset({"gradient", "layers"})
    modalities: ClassVar[tuple[str, ...]] = ("image", "series", "volume")
    axioms: ClassVar[tuple[Axiom, ...]] = ()
    cite: ClassVar[tuple[str, ...]] = ("srinivas2019full",)

    rescale: Literal["channel", "layer", "none"] = parameter(
        "channel", "what is brought to 0 ... 1 before terms are added", choices=("channel", "layer", "none")
    )
    upsample: Interpolation = parameter("bilinear", UPSAMPLE, choices=("bilinear", "nearest"))
    reshape: Reshape = parameter(None, "sizes of the grid on which tokens lie; found from their number where it is None")

    def attribute(self, passes: Passes) -> list[Attribution]:
        """One pass with the gradient at the input and at every layer that has a bias."""
        found = sources(passes, self.reshape, self.name)
        values, totals = (np.zeros((passes.targets, passes.samples)) for _ in range(2))
        heats: list[list[Native]] = [[] for _ in range(passes.targets)]
        for part, target, value, terms in decomposed(passes, found):
            values[target, part] = value
            totals[target, part] = sum(passes.host(row_sums(term)) for term in terms)
            drawn = [
                resize(self._magnitude(source.reading(term)), passes.spatial_size(), self.upsample)
                for source, term in zip(found, terms, strict=True)
                if source.reading is not None
            ]
            heats[target].append(sum(drawn[1:], drawn[0]))
        attributions: list[Attribution] = []
        for target, blocks in enumerate(heats):
            missing = np.abs(values[target] - totals[target])
            size = np.abs(values[target])
            residual = np.divide(missing, size, out=np.where(missing > 0, np.inf, 0.0), where=size > 0)
            attributions.append(
                Attribution(
                    [array_namespace(*blocks).concat(blocks)],
                    over="spatial",
                    layers=passes.read,
                    details={"completeness_residual": residual},
                    evidence=_incomplete(residual),
                )
            )
        passes.finished(passes.samples)
        return attributions

    def _magnitude(self, terms: Native) -> Native:
        """Absolute terms, each channel or the whole on a scale of 0 ... 1, summed over channels: ``(samples, *spatial)``."""
        terms = abs(terms)
        xp = array_namespace(terms)
        if self.rescale != "none":
            within = tuple(range(2 if self.rescale == "channel" else 1, terms.ndim))
            low, high = xp.min(terms, axis=within, keepdims=True), xp.max(terms, axis=within, keepdims=True)
            terms = (terms - low) / xp.where(high > low, high - low, 1.0)
        return xp.sum(terms, axis=1)


def _incomplete(residual: np.ndarray) -> tuple[Finding, ...]:
    missed = np.flatnonzero(residual > INCOMPLETE)
    if not len(missed):
        return ()
    sentence = (
        f"input times gradient and all bias terms miss the target by up to {residual.max():.2g} of it: the network is not "
        "piecewise linear with known constants, as full-grad assumes (ReLU6, SiLU, GELU, softmax, normalisation, masks "
        "and constants leave such rests). What is missing is not drawn; integrated-gradients does not assume it."
    )
    numbers = {"completeness_residual": tuple(float(residual[i]) for i in missed)}
    return (Finding("incomplete-decomposition", sentence, tuple(map(int, missed)), numbers, len(residual)),)
