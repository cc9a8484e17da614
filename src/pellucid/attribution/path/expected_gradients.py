"""Expected gradients (GradientSHAP): integrated gradients in expectation over background rows, by sampling."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ...arrays import draws
from ...arrays.rows import spread, take
from ...core.declare import Attribution, Axiom, Passes, parameter
from ...core.errors import InputError
from ...core.types import Native, Rows
from ...core.view import Capability
from .noise import fixed_samples, most_samples
from .sampling import Draws, average


@dataclass(frozen=True, eq=False)
class ExpectedGradients:
    """Input minus background row, times the gradient at a random place between them, averaged over both, with standard errors.

    The values sum, in expectation, to f(x) minus the mean of f over the background. Background rows are used whole: the
    leaves of one row stay together, ids are real ids of the background (through their embedding), and what is not attributed
    (masks, labels of the target) stays that of the sample. Draws are shared by all samples; a sample stops when the standard
    error of its map is below ``tolerance``. With few background rows ``integrated-gradients`` gives the same expectation
    without chance.

    Cost: one gradient row per draw, one at the sample, and one forward row per background row, once for all samples.

    Raises
    ------
    InputError
        If ``baseline`` is not given: there is no expectation without a background.

    Source: erion2021improving; as GradientSHAP: lundberg2017unified.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 2))
    >>> background = torch.rand(20, 4)
    >>> e = pl.explain(net, torch.ones(1, 4), target=0, method="expected-gradients", baseline=background)
    >>> bool(e.error[0] <= 0.05)
    True
    """

    name: ClassVar[str] = "expected-gradients"
    engine: ClassVar[str] = "path"
    summary: ClassVar[str] = "integrated gradients in expectation over background rows (GradientSHAP), with standard errors"
    needs: ClassVar[frozenset[Capability]] = frozenset({"gradient"})
    modalities: ClassVar[tuple[str, ...]] = ("any",)
    axioms: ClassVar[tuple[Axiom, ...]] = ("dummy", "linearity", "implementation-invariance")
    cite: ClassVar[tuple[str, ...]] = ("erion2021improving", "lundberg2017unified")

    baseline: Any = parameter(None, "background rows, as for integrated-gradients; must be given")
    tolerance: float = parameter(0.05, "estimated relative error of the map", above=0, most=1)
    samples: int | None = fixed_samples()
    most: int = most_samples(4096)

    @property
    def rows(self) -> int:
        """About how many model rows a sample costs."""
        return self.samples or 256

    def attribute(self, passes: Passes) -> list[Attribution]:
        """Average over draws, all samples together."""
        if self.baseline is None:
            raise InputError(
                "expected-gradients averages over a background: give baseline=, rows of the data that the model was trained on."
            )
        reference = passes.reference(self.baseline)
        at = passes.at_input()

        def started(samples: Rows, numbers: Rows) -> list[Native]:
            chosen = reference.index[samples, _drawn(passes.seed, numbers, reference.rows)]
            return [take(start, chosen) for start in reference.points]

        def points(samples: Rows, numbers: Rows) -> tuple[Native, ...]:
            alphas = _alphas(passes.seed, numbers)
            both = zip(started(samples, numbers), passes.points, strict=True)
            return tuple(start + spread(alphas, start) * (take(end, samples) - start) for start, end in both)

        def products(samples: Rows, numbers: Rows, gradients: tuple[Native, ...]) -> list[Native]:
            all_three = zip(passes.points, started(samples, numbers), gradients, strict=True)
            return passes.collapse([(take(end, samples) - start) * g for end, start, g in all_three])

        everyone = np.arange(passes.samples)
        centre = [products(everyone, np.zeros_like(everyone), gradients) for gradients in at.gradients]
        base_values = passes.reference_values(reference)
        return average(
            passes,
            Draws(points, products, centre),
            self.samples,
            self.most,
            self.tolerance,
            base_values=base_values,
            reference=reference,
        )


def _drawn(seed: int, numbers: Rows, rows: int) -> Rows:
    """The background row of each draw."""
    drawn, each = np.unique(numbers, return_inverse=True)
    return np.array([draws.generator(seed, "expected-gradients", k).integers(rows) for k in drawn.tolist()])[each]


def _alphas(seed: int, numbers: Rows) -> np.ndarray:
    """Where each draw lies between its background row and the sample."""
    drawn, each = np.unique(numbers, return_inverse=True)
    return np.array([draws.generator(seed, "expected-gradients alpha", k).random() for k in drawn.tolist()])[each]
