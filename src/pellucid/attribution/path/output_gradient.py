"""Output gradient: what a loss asks of the outputs, and through them of the inputs."""

from dataclasses import dataclass
from typing import ClassVar

from ...core.declare import Attribution, Axiom, Passes
from ...core.view import OUTPUT, Capability


@dataclass(frozen=True)
class OutputGradient:
    """The gradient of a loss (or of any target) in the outputs, in the inputs, and the chain between them.

    ``details["output_gradient"]`` is dL/df with the shape of the outputs, ``values`` is dL/dx. They are taken in one
    backward pass and are tied by the chain rule: dL/dx is the sum over outputs c of dL/df_c times df_c/dx. Give the loss as
    ``target=pl.Target(loss, labels=y)``.

    Cost: one forward and one backward row per sample, and one forward row per baseline for the evidence.

    Source: rumelhart1986learning.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> loss = pl.Target(lambda f, y: torch.nn.functional.cross_entropy(f, y, reduction="none"), labels=torch.tensor([1]))
    >>> e = pl.explain(torch.nn.Linear(3, 2), torch.ones(1, 3), target=loss, method="output-gradient")
    >>> bool(e.details["output_gradient"][0, 0] > 0 > e.details["output_gradient"][0, 1])
    True
    """

    name: ClassVar[str] = "output-gradient"
    engine: ClassVar[str] = "path"
    summary: ClassVar[str] = "dL/df, dL/dx and the chain that ties them"
    needs: ClassVar[frozenset[Capability]] = frozenset({"gradient"})
    modalities: ClassVar[tuple[str, ...]] = ("any",)
    axioms: ClassVar[tuple[Axiom, ...]] = ("dummy", "linearity", "implementation-invariance")
    cite: ClassVar[tuple[str, ...]] = ("rumelhart1986learning",)

    def attribute(self, passes: Passes) -> list[Attribution]:
        """One gradient pass, taken at the inputs and at the model's output together."""
        at = passes.at_input([*passes.places, OUTPUT])
        return [Attribution(passes.collapse(places[:-1]), details={"output_gradient": places[-1]}) for places in at.gradients]
