"""VarGrad: the variance of the gradient over noisy copies of the input."""

from dataclasses import dataclass
from typing import ClassVar

from ...core.declare import Attribution, Axiom, Passes, parameter
from ...core.view import Capability
from .noise import NoisyCopies, noise_share, noise_sigma
from .sampling import Draws, average


@dataclass(frozen=True)
class VarGrad:
    """The variance of the gradient around the input, with its standard error: where the gradient itself is unsteady.

    Noise, draws and stopping are those of ``smoothgrad``. Values are unbiased variances, in squared units of the target per
    unit of the input; a linear model has none.

    Cost: one gradient row per draw, one at the sample, and one forward row per baseline for the evidence.

    Source: adebayo2018local.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 2))
    >>> e = pl.explain(net, torch.rand(1, 4), target=0, method="vargrad", samples=16)
    >>> bool((e.values > 0).all())
    True
    """

    name: ClassVar[str] = "vargrad"
    engine: ClassVar[str] = "path"
    summary: ClassVar[str] = "variance of the gradient over noisy copies of the input, with standard errors"
    needs: ClassVar[frozenset[Capability]] = frozenset({"gradient"})
    modalities: ClassVar[tuple[str, ...]] = ("any",)
    axioms: ClassVar[tuple[Axiom, ...]] = ("dummy", "implementation-invariance")
    cite: ClassVar[tuple[str, ...]] = ("adebayo2018local",)

    noise: float = noise_share()
    sigma: float | None = noise_sigma()
    tolerance: float = parameter(0.1, "estimated relative error of the map", above=0, most=1)
    samples: int | None = parameter(None, "fixed number of draws instead of a tolerance", least=4, most=1_000_000)
    most: int = parameter(256, "draws after which it stops short of the tolerance", least=4)

    @property
    def rows(self) -> int:
        """About how many model rows a sample costs."""
        return self.samples or self.most

    def attribute(self, passes: Passes) -> list[Attribution]:
        """Variance over draws, all samples together."""
        copies = NoisyCopies(passes, self.name, self.noise, self.sigma)
        centre = [passes.collapse(gradients) for gradients in passes.at_input().gradients]
        drawn = Draws(copies.points, lambda _, __, gradients: passes.collapse(gradients), centre)
        return average(passes, drawn, self.samples, self.most, self.tolerance, statistic="variance")
