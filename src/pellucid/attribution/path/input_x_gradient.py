"""Input x gradient: each input times the derivative of the target in it."""

from dataclasses import dataclass
from typing import ClassVar

from ...core.declare import Attribution, Axiom, Passes
from ...core.view import Capability


@dataclass(frozen=True)
class InputXGradient:
    """The input times the gradient of the target.

    The first-order estimate of what each input contributes against zero. For a linear model it is the contribution itself;
    for a network with ReLU and no biases the values sum to the output.

    Cost: one forward and one backward row per sample, and one forward row per baseline for the evidence.

    Source: shrikumar2016just.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Linear(3, 2, bias=False)
    >>> e = pl.explain(net, torch.ones(1, 3), target=0, method="input-x-gradient")
    >>> bool(abs(e.values.sum() - e.value[0]) < 1e-6)
    True
    """

    name: ClassVar[str] = "input-x-gradient"
    engine: ClassVar[str] = "path"
    summary: ClassVar[str] = "input times gradient, the first-order contribution against zero"
    needs: ClassVar[frozenset[Capability]] = frozenset({"gradient"})
    modalities: ClassVar[tuple[str, ...]] = ("any",)
    axioms: ClassVar[tuple[Axiom, ...]] = ("dummy", "linearity", "implementation-invariance")
    cite: ClassVar[tuple[str, ...]] = ("shrikumar2016just",)

    def attribute(self, passes: Passes) -> list[Attribution]:
        """One gradient pass over the samples."""
        at = passes.at_input()
        products = [[point * g for point, g in zip(at.points, gradients, strict=True)] for gradients in at.gradients]
        return [Attribution(passes.collapse(places)) for places in products]
