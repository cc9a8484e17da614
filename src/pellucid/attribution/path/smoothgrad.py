"""SmoothGrad: the gradient averaged over noisy copies of the input."""

from dataclasses import dataclass
from typing import ClassVar

from ...core.declare import Attribution, Axiom, Passes, parameter
from ...core.view import Capability
from .noise import NoisyCopies, fixed_samples, most_samples, noise_share, noise_sigma
from .sampling import Draws, average


@dataclass(frozen=True)
class SmoothGrad:
    """The mean gradient around the input, with its standard error.

    Gaussian noise is added to the input; its standard deviation is ``noise`` times the range (largest minus smallest value)
    of each sample, or ``sigma`` in the input's own units. Draws are shared by all samples. A sample stops when the standard
    error of its map is below ``tolerance``, or after ``most`` draws; ``error`` says which accuracy was reached.

    Cost: one gradient row per draw, one at the sample, and one forward row per baseline for the evidence.

    Source: smilkov2017smoothgrad.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 2))
    >>> e = pl.explain(net, torch.rand(1, 4), target=0, method="smoothgrad", samples=16)
    >>> e.standard_errors.shape
    (1, 4)
    """

    name: ClassVar[str] = "smoothgrad"
    engine: ClassVar[str] = "path"
    summary: ClassVar[str] = "mean gradient over noisy copies of the input, with standard errors"
    needs: ClassVar[frozenset[Capability]] = frozenset({"gradient"})
    modalities: ClassVar[tuple[str, ...]] = ("any",)
    axioms: ClassVar[tuple[Axiom, ...]] = ("dummy", "linearity", "implementation-invariance")
    cite: ClassVar[tuple[str, ...]] = ("smilkov2017smoothgrad",)

    noise: float = noise_share()
    sigma: float | None = noise_sigma()
    tolerance: float = parameter(0.05, "estimated relative error of the map", above=0, most=1)
    samples: int | None = fixed_samples()
    most: int = most_samples()

    @property
    def rows(self) -> int:
        """About how many model rows a sample costs."""
        return self.samples or self.most

    def attribute(self, passes: Passes) -> list[Attribution]:
        """Average over draws, all samples together."""
        copies = NoisyCopies(passes, self.name, self.noise, self.sigma)
        centre = [passes.collapse(gradients) for gradients in passes.at_input().gradients]
        drawn = Draws(copies.points, lambda _, __, gradients: passes.collapse(gradients), centre)
        return average(passes, drawn, self.samples, self.most, self.tolerance)
