"""Blur integrated gradients: the gradient along the way from a blurred to the sharp input."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...arrays.blur import Blur
from ...core.declare import Attribution, Axiom, Passes, Reference, parameter
from ...core.errors import CapabilityError
from ...core.types import Native
from ...core.view import Capability
from .curves import Unblurring
from .integration import expected_rows, fixed_steps, integrate, map_tolerance


@dataclass(frozen=True)
class BlurIG:
    """Gradients integrated along the way on which a blurred input becomes sharp.

    No colour has to be chosen as a baseline: details appear where they are. Blur is diffusion on the grid with edges that
    reflect, over the spatial axes; its standard deviation falls evenly from ``sigma`` to 0. The values sum to f(x) minus
    f(blurred x); nodes are added until the estimated error of the map is below ``tolerance``.

    Cost: gradient rows as for integrated-gradients; with ``steps`` that many and one at the sample.

    Raises
    ------
    CapabilityError
        If an attributed input has no spatial axes.

    Source: xu2020attribution; diffusion on a grid: lindeberg1990scale.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.Tanh(), torch.nn.Flatten(), torch.nn.LazyLinear(2))
    >>> e = pl.explain(net, torch.rand(1, 1, 8, 8), target=0, method="blur-ig")
    >>> bool(e.error[0] <= 0.05)
    True
    """

    name: ClassVar[str] = "blur-ig"
    engine: ClassVar[str] = "path"
    summary: ClassVar[str] = "gradient along the way from a blurred to the sharp input"
    needs: ClassVar[frozenset[Capability]] = frozenset({"gradient"})
    modalities: ClassVar[tuple[str, ...]] = ("image", "series", "volume")
    axioms: ClassVar[tuple[Axiom, ...]] = ("linearity", "implementation-invariance")
    cite: ClassVar[tuple[str, ...]] = ("xu2020attribution", "lindeberg1990scale")

    sigma: float | None = parameter(
        None, "standard deviation of the strongest blur, in pixels; a quarter of the longest side if not given", above=0
    )
    tolerance: float = map_tolerance()
    steps: int | None = fixed_steps()

    @property
    def rows(self) -> int:
        """About how many model rows a sample costs."""
        return expected_rows(self.tolerance, self.steps)

    def attribute(self, passes: Passes) -> list[Attribution]:
        """Integrate all samples together."""
        if passes.at is None and not all(isinstance(place, str) for place in passes.places):
            raise CapabilityError("blur-ig has nothing to blur in ids; integrated-gradients takes them through their embedding.")
        axes = [_spatial(points, passes) for points in passes.points]
        longest = max(points.shape[axis] for points, own in zip(passes.points, axes, strict=True) for axis in own)
        sigma = self.sigma or longest / 4
        blurs = [Blur(points, own) for points, own in zip(passes.points, axes, strict=True)]
        samples = np.arange(passes.samples)
        blurred = tuple(blur(samples, np.full(passes.samples, sigma)) for blur in blurs)
        reference = Reference(blurred, samples[:, None], f"the input blurred with sigma {sigma:g}")
        return integrate(passes, Unblurring(passes, blurs, sigma), self.tolerance, self.steps, reference)


def _spatial(points: Native, passes: Passes) -> tuple[int, ...]:
    if points.ndim < 3:
        raise CapabilityError(
            f"blur-ig needs inputs with channels and spatial axes; got shape {tuple(points.shape)}. "
            "integrated-gradients with baseline= takes any."
        )
    return tuple(range(1, points.ndim - 1)) if passes.channels_last else tuple(range(2, points.ndim))
