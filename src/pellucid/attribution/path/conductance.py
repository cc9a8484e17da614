"""Conductance: what flows through each unit of a layer on the way from the baseline to the input."""

from dataclasses import dataclass
from typing import Any, ClassVar

from ...core.declare import Attribution, Axiom, Passes, parameter
from ...core.view import Capability
from .curves import LinesAtLayer
from .integration import expected_rows, fixed_steps, integrate, map_tolerance
from .reading import layer_to_read


@dataclass(frozen=True, eq=False)
class Conductance:
    """The gradient at each unit of a layer, integrated along the unit's own change while the *input* goes from the baseline.

    The layer is named by ``at=``. The values sum to f(x) - f(baseline) when everything passes through the layer; ``residual``
    says what went around it. Nodes are added until the estimated error of the map is below ``tolerance``.

    Cost: gradient rows as for integrated-gradients and three more, each with two more backward passes up to the layer (how fast
    its output moves); with ``steps`` that many and one at the sample.

    Raises
    ------
    InputError
        If no layer is named.

    Source: dhamdhere2019important.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
    >>> e = pl.explain(net, torch.ones(1, 4), target=0, method="conductance", at="1", tolerance=0.01)
    >>> e.values.shape, bool(e.residual[0] < 0.05)
    ((1, 8), True)
    """

    name: ClassVar[str] = "conductance"
    engine: ClassVar[str] = "path"
    summary: ClassVar[str] = "what flows through each unit of a layer from the baseline to the input"
    needs: ClassVar[frozenset[Capability]] = frozenset({"gradient", "layers"})
    modalities: ClassVar[tuple[str, ...]] = ("any",)
    axioms: ClassVar[tuple[Axiom, ...]] = ("linearity",)
    cite: ClassVar[tuple[str, ...]] = ("dhamdhere2019important",)
    reads_layer: ClassVar[bool] = True

    baseline: Any = parameter(None, "as for integrated-gradients; 0 by default")
    tolerance: float = map_tolerance()
    steps: int | None = fixed_steps()

    @property
    def rows(self) -> int:
        """About how many model rows a sample and baseline cost."""
        return expected_rows(self.tolerance, self.steps)

    def attribute(self, passes: Passes) -> list[Attribution]:
        """Integrate all samples together."""
        layer, reference = layer_to_read(passes, self.name), passes.reference(self.baseline)
        curves = LinesAtLayer(passes, reference, layer, weighted=True)
        return integrate(passes, curves, self.tolerance, self.steps, reference, layer=layer)
