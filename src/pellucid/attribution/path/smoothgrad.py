"""SmoothGrad: the gradient averaged over noisy copies of the input."""

from dataclasses import dataclass
from typing import ClassVar

from array_api_compat import array_namespace

from ...arrays import draws
from ...arrays.rows import flat
from ...core.declare import Attribution, Axiom, Passes, parameter
from ...core.errors import InputError
from ...core.types import Native
from ...core.view import Capability
from .sampling import average


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

    noise: float = parameter(0.15, "standard deviation of the noise, as a share of each sample's range", above=0)
    sigma: float | None = parameter(None, "standard deviation of the noise in the input's units, instead of noise", above=0)
    tolerance: float = parameter(0.05, "estimated relative error of the map", above=0, most=1)
    samples: int | None = parameter(None, "fixed number of noisy copies instead of a tolerance", least=2, most=1_000_000)
    most: int = parameter(256, "noisy copies after which it stops short of the tolerance", least=2)

    def attribute(self, passes: Passes) -> list[Attribution]:
        """Average over draws, all samples together."""

        def noise(number: int) -> tuple[Native, ...]:
            return tuple(_noise(points, passes.seed, place, number) for place, points in enumerate(passes.points))

        scale = tuple(self._scale(points, passes) for points in passes.points)
        passes.at_input()
        wanted = self.samples or self.most
        most = min(wanted, passes.allowance())
        if most < (self.samples or 2):
            passes.refuse_budget(needed=self.samples or 2)
        means = average(passes, noise, scale, 2, most, None if self.samples else self.tolerance)
        sought = None if self.samples else self.tolerance
        return [Attribution(one.values, standard_errors=one.standard_errors, error=one.error, tolerance=sought) for one in means]

    def _scale(self, points: Native, passes: Passes) -> Native:
        """Standard deviation of the noise for each sample; a sample without a range has none of its own."""
        spans = _range(points)
        if self.sigma is not None:
            return array_namespace(spans).full_like(spans, self.sigma)
        constant = passes.host(flat(spans))[:, 0] == 0
        if constant.any():
            raise InputError(
                f"smoothgrad: all entries of an input are equal in sample {int(constant.argmax())}, so that a share of its range "
                "is no noise at all. Give the standard deviation in the input's own units, sigma=."
            )
        return self.noise * spans


def _noise(points: Native, seed: int, place: int, number: int) -> Native:
    drawn = draws.normal(tuple(points.shape[1:]), seed, f"smoothgrad {place}", number)
    return array_namespace(points).asarray(drawn[None], dtype=points.dtype, device=points.device)


def _range(points: Native) -> Native:
    """Largest minus smallest value of each sample, shaped to multiply it."""
    xp, rows = array_namespace(points), flat(points)
    spans = xp.max(rows, axis=1) - xp.min(rows, axis=1)
    return xp.reshape(spans, (-1,) + (1,) * (points.ndim - 1))
