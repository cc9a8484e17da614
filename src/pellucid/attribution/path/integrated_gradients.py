"""Integrated gradients: the gradient averaged along the way from a baseline to the input."""

from dataclasses import dataclass
from typing import Any, ClassVar

from ...core.declare import Attribution, Axiom, Passes, parameter
from ...core.view import Capability
from .curves import Lines
from .integration import expected_rows, fixed_steps, integrate, map_tolerance


@dataclass(frozen=True, eq=False)
class IntegratedGradients:
    """Input minus baseline, times the gradient averaged on the straight line between them.

    The values sum to f(x) - f(baseline); ``residual`` says how well. By default the number of nodes is not chosen but found:
    nodes are added, for each sample where its own gradient changes most, until the estimated error of the *map* is below
    ``tolerance``. A small residual alone does not show that: errors of opposite sign cancel in a sum and stay in the map.
    With several baseline rows the values are averaged over them.

    Cost: about 4 to 10 gradient rows per sample and baseline for small networks, 50 for an ImageNet network at the default
    tolerance; with ``steps`` exactly that many and one at the sample; and one forward row per baseline.

    Source: sundararajan2017axiomatic; nodes and error estimate are Pellucid's own (``arrays/refinement.py``).

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
    >>> e = pl.explain(net, torch.ones(1, 4), target=0, method="integrated-gradients", tolerance=0.01)
    >>> bool(e.error[0] <= 0.01)
    True
    """

    name: ClassVar[str] = "integrated-gradients"
    engine: ClassVar[str] = "path"
    summary: ClassVar[str] = "gradient averaged from a baseline to the input, times their difference"
    needs: ClassVar[frozenset[Capability]] = frozenset({"gradient"})
    modalities: ClassVar[tuple[str, ...]] = ("any",)
    axioms: ClassVar[tuple[Axiom, ...]] = ("completeness", "dummy", "linearity", "symmetry", "implementation-invariance")
    cite: ClassVar[tuple[str, ...]] = ("sundararajan2017axiomatic",)

    baseline: Any = parameter(
        None, "a number, an array shaped like one sample, rows to average over, or a function of the samples; 0 by default"
    )
    tolerance: float = map_tolerance()
    steps: int | None = fixed_steps()

    @property
    def rows(self) -> int:
        """About how many model rows a sample and baseline cost."""
        return expected_rows(self.tolerance, self.steps)

    def attribute(self, passes: Passes) -> list[Attribution]:
        """Integrate all samples together."""
        reference = passes.reference(self.baseline)
        return integrate(passes, Lines(passes, reference), self.tolerance, self.steps, reference)
