"""Internal influence: the gradient at a layer, averaged while the input goes from the baseline to the sample."""

from dataclasses import dataclass
from typing import Any, ClassVar

from ...core.declare import Attribution, Axiom, Passes, parameter
from ...core.view import Capability
from .curves import LinesAtLayer
from .integration import expected_rows, fixed_steps, integrate, map_tolerance
from .reading import layer_to_read


@dataclass(frozen=True, eq=False)
class InternalInfluence:
    """The gradient of the target in each unit of a layer, averaged on the straight line of the *input* from the baseline.

    The layer is named by ``at=``. Values are derivatives (units of the target per unit of the layer) and do not sum to the
    change of the target; ``conductance`` does. Nodes are added until the estimated error of the map is below ``tolerance``.

    Cost: gradient rows as for integrated-gradients and one more; with ``steps`` that many and one at the sample.

    Raises
    ------
    InputError
        If no layer is named.

    Source: leino2018influence.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
    >>> e = pl.explain(net, torch.ones(1, 4), target=0, method="internal-influence", at="1")
    >>> bool(abs(e.values[0] - net[2].weight[0].detach().numpy()).max() < 1e-6)
    True
    """

    name: ClassVar[str] = "internal-influence"
    engine: ClassVar[str] = "path"
    summary: ClassVar[str] = "gradient at a layer, averaged while the input goes from the baseline"
    needs: ClassVar[frozenset[Capability]] = frozenset({"gradient", "layers"})
    modalities: ClassVar[tuple[str, ...]] = ("any",)
    axioms: ClassVar[tuple[Axiom, ...]] = ("linearity",)
    cite: ClassVar[tuple[str, ...]] = ("leino2018influence",)
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
        curves = LinesAtLayer(passes, reference, layer, weighted=False)
        return integrate(passes, curves, self.tolerance, self.steps, reference, layer=layer, based=False)
