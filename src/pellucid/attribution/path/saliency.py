"""Saliency: the derivative of the target in each input."""

from dataclasses import dataclass
from typing import ClassVar

from array_api_compat import array_namespace

from ...core.declare import Attribution, Axiom, Passes, parameter
from ...core.view import Capability


@dataclass(frozen=True)
class Saliency:
    """The gradient of the target with respect to the input.

    Signed by default: an input with a positive value raises the target when it grows. Ids are differentiated at their
    embedding and summed over its axis. The gradient is local; where the target is saturated it says nothing, and
    ``evidence`` says so.

    Cost: one forward and one backward row per sample, and one forward row per baseline for the evidence.

    Source: simonyan2014deep.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Linear(3, 2)
    >>> e = pl.explain(net, torch.ones(1, 3), target=1, method="saliency")
    >>> bool(abs(e.values[0] - net.weight[1].detach().numpy()).max() < 1e-6)
    True
    """

    name: ClassVar[str] = "saliency"
    engine: ClassVar[str] = "path"
    summary: ClassVar[str] = "gradient of the target in each input"
    needs: ClassVar[frozenset[Capability]] = frozenset({"gradient"})
    modalities: ClassVar[tuple[str, ...]] = ("any",)
    axioms: ClassVar[tuple[Axiom, ...]] = ("dummy", "linearity", "implementation-invariance")
    cite: ClassVar[tuple[str, ...]] = ("simonyan2014deep",)

    absolute: bool = parameter(False, "magnitudes instead of signed values")

    def attribute(self, passes: Passes) -> list[Attribution]:
        """One gradient pass over the samples."""
        gradients = [passes.collapse(places) for places in passes.at_input().gradients]
        if self.absolute:
            gradients = [[array_namespace(g).abs(g) for g in places] for places in gradients]
        return [Attribution(places) for places in gradients]
