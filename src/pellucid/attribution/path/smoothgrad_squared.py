"""SmoothGrad-squared: the squared gradient averaged over noisy copies of the input."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from ...core.declare import Attribution, Axiom, Passes, parameter
from ...core.types import Native
from ...core.view import Capability
from .noise import NoisyCopies, fixed_samples, most_samples, noise_share, noise_sigma
from .sampling import Draws, average


@dataclass(frozen=True)
class SmoothGradSquared:
    """The mean squared gradient around the input, with its standard error: sensitivity, whatever its sign.

    Noise, draws and stopping are those of ``smoothgrad``. Values are not negative, in squared units of the target per unit of
    the input.

    Cost: one gradient row per draw, one at the sample, and one forward row per baseline for the evidence.

    Source: hooker2019benchmark.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Linear(4, 2)
    >>> e = pl.explain(net, torch.rand(1, 4), target=0, method="smoothgrad-squared", samples=4)
    >>> bool(abs(e.values[0] - net.weight[0].detach().numpy() ** 2).max() < 1e-6)
    True
    """

    name: ClassVar[str] = "smoothgrad-squared"
    engine: ClassVar[str] = "path"
    summary: ClassVar[str] = "mean squared gradient over noisy copies of the input, with standard errors"
    needs: ClassVar[frozenset[Capability]] = frozenset({"gradient"})
    modalities: ClassVar[tuple[str, ...]] = ("any",)
    axioms: ClassVar[tuple[Axiom, ...]] = ("dummy", "implementation-invariance")
    cite: ClassVar[tuple[str, ...]] = ("hooker2019benchmark",)

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

        def squares(gradients: Sequence[Native]) -> list[Native]:
            return [g**2 for g in passes.collapse(gradients)]

        copies = NoisyCopies(passes, self.name, self.noise, self.sigma)
        centre = [squares(gradients) for gradients in passes.at_input().gradients]
        drawn = Draws(copies.points, lambda _, __, gradients: squares(gradients), centre)
        return average(passes, drawn, self.samples, self.most, self.tolerance)
