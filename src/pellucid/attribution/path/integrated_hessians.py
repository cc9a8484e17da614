"""Integrated Hessians: how one feature interacts with every other, from second derivatives along the path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from array_api_compat import array_namespace

from ...arrays import quadrature
from ...arrays.rows import row_sums, spread
from ...core.declare import Attribution, Axiom, Passes, parameter
from ...core.errors import InputError
from ...core.records import Finding
from ...core.types import Native
from ...core.view import Capability
from .curves import Lines, averaged, shaped
from .integration import add_by_owner, zeros

JUMPS = 0.05
"""Share of the feature's integrated gradient by which the interactions may miss it before jumps are the likely cause."""


@dataclass(frozen=True, eq=False)
class IntegratedHessians:
    """The interaction of one feature with every input, for smooth networks.

    Integrated gradients of the feature's own integrated gradient: its interactions with the other inputs, and with itself.
    They sum to the integrated gradient of the feature, in ``details["integrated_gradient"]``, and are symmetric: feature i
    with input j is what feature j with input i is. The double integral of the paper is one integral with the weight
    ``-log``, taken with the Gauss rule for that weight.

    A network with kinks (ReLU, max) bends in places where it has no second derivative; the interactions then miss the
    integrated gradient, and a finding says so. Shapley interactions need no derivative.

    Cost: ``steps`` rows per sample and baseline, each one forward and two backward passes, and one at the sample.

    Source: janizek2021explaining.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> product = pl.wrap(torch.nn.Bilinear(1, 1, 1, bias=False))
    >>> x = (torch.tensor([[2.0]]), torch.tensor([[3.0]]))
    >>> e = pl.explain(product, x, method="integrated-hessians", feature=("0", 0))
    >>> bool(abs(e.values[0][0] - e.values[1][0]) < 1e-5)  # x1 x2: half of the first feature's share is the interaction
    True
    """

    name: ClassVar[str] = "integrated-hessians"
    engine: ClassVar[str] = "path"
    summary: ClassVar[str] = "interactions of one feature with every input, from second derivatives along the path"
    needs: ClassVar[frozenset[Capability]] = frozenset({"gradient", "hessian"})
    modalities: ClassVar[tuple[str, ...]] = ("any",)
    axioms: ClassVar[tuple[Axiom, ...]] = ("dummy", "implementation-invariance")
    cite: ClassVar[tuple[str, ...]] = ("janizek2021explaining",)

    feature: Any = parameter(
        None,
        "index of the feature in one sample (an int or a tuple, after the leaf's name where there are several), or a boolean "
        "mask shaped like one sample for a group; by default the entry with the largest input times gradient of the first target",
    )
    baseline: Any = parameter(None, "as for integrated-gradients; 0 by default")
    steps: int = parameter(32, "nodes of the Gauss rule", least=2, most=512)

    @property
    def rows(self) -> int:
        """About how many model rows a sample and baseline cost."""
        return self.steps

    def attribute(self, passes: Passes) -> list[Attribution]:
        """One pass over all nodes; targets share it unless each has its own feature."""
        reference = passes.reference(self.baseline)
        at = passes.at_input()
        if passes.allowance() < self.steps * reference.rows:
            passes.refuse_budget(needed=self.steps * reference.rows)
        lines = Lines(passes, reference)
        products = [passes.collapse([p * g for p, g in zip(at.points, gs, strict=True)]) for gs in at.gradients]
        chosen = self._chosen(passes, products[0])
        nodes, weights = quadrature.gauss_log(self.steps)
        plain = quadrature.interpolatory(nodes)
        count = len(lines.sample)
        owners, alphas = np.repeat(np.arange(count), self.steps), np.tile(nodes, count)
        logarithmic, even = np.tile(weights, count), np.tile(plain, count)

        def direction(part: slice) -> tuple[Native, ...]:
            masks = self._at_places(passes, chosen, lines.sample[owners[part]])
            return tuple(delta * mask for delta, mask in zip(lines.delta(owners[part]), masks, strict=True))

        totals, first = zeros(passes, lines), [np.zeros(count) for _ in range(passes.targets)]
        passing = passes.gradient(lines.sample[owners], lambda part: lines.points(owners[part], alphas[part]), along=direction)
        for part, gradient in passing:
            own = owners[part]
            along = direction(part)
            for t, (slopes, bends) in enumerate(zip(gradient.gradients, gradient.hessian_products, strict=True)):
                straight = lines.products(own, bends)
                itself = passes.collapse([v * g for v, g in zip(along, slopes, strict=True)])
                itself = [array_namespace(leaf).reshape(leaf, (leaf.shape[0], -1)) for leaf in itself]
                both = zip(straight, itself, strict=True)
                parts = [spread(alphas[part] * logarithmic[part], a) * a + spread(logarithmic[part], b) * b for a, b in both]
                add_by_owner(totals[t], parts, own)
                np.add.at(first[t], own, even[part] * passes.host(row_sums(*itself)))
        return [self._told(passes, lines, total, one, reference) for total, one in zip(totals, first, strict=True)]

    def _told(self, passes: Passes, lines: Lines, total: list[Native], first: np.ndarray, reference: Any) -> Attribution:
        values = shaped(lines, averaged(lines, total))
        own = first.reshape(passes.samples, reference.rows).mean(axis=1)
        missed = np.abs(passes.host(row_sums(*values)) - own)
        size = np.maximum(np.abs(own), 1e-12)
        jumps = missed > JUMPS * size
        found = ()
        if jumps.any():
            worst = float((missed / size)[jumps].max())
            sentence = (
                f"the interactions miss the feature's integrated gradient by up to {worst:.0%}: the gradient jumps on the way "
                "(ReLU, max), which second derivatives do not see. Do not read these values; Shapley interactions need none."
            )
            samples = tuple(int(i) for i in np.flatnonzero(jumps))
            numbers = {"missed": tuple(float(missed[i] / size[i]) for i in samples)}
            found = (Finding("not-smooth", sentence, samples, numbers, passes.samples),)
        like = values[0]
        share = array_namespace(like).asarray(own, dtype=like.dtype, device=like.device)
        return Attribution(values, reference=reference, details={"integrated_gradient": share}, evidence=found)

    def _chosen(self, passes: Passes, products: list[Native]) -> list[np.ndarray]:
        """Which entries are the feature: a mask per place, ``(samples or 1, ...)``, embedded ids as one entry each."""
        shapes = [tuple(product.shape[1:]) for product in products]
        if self.feature is None:
            return _largest([passes.host(product) for product in products])
        leaves, where, feature = passes.leaves, 0, self.feature
        if isinstance(feature, tuple) and feature and isinstance(feature[0], str):
            if feature[0] not in leaves:
                raise InputError(f"feature={feature!r}: the attributed inputs are {', '.join(map(repr, leaves))}.")
            where, feature = leaves.index(feature[0]), feature[1:]
        elif len(leaves) > 1:
            raise InputError(f"feature={feature!r}: say of which input, ({leaves[0]!r}, index); there are {', '.join(leaves)}.")
        masks = [np.zeros((1, *shape), bool) for shape in shapes]
        given = np.asarray(feature)
        try:
            if given.dtype == bool and given.shape == shapes[where]:
                masks[where][0] = given
            elif given.dtype.kind in "iu" and given.ravel().shape == (len(shapes[where]),):
                masks[where][0][tuple(given.ravel().tolist())] = True
            else:
                raise IndexError("neither as many indices as axes nor a mask of the sample's shape")
        except IndexError as error:
            raise InputError(
                f"feature={feature!r} is no entry of a sample of shape {shapes[where]}: give an index, an index tuple, or a "
                "boolean mask of that shape."
            ) from error
        if not masks[where].any():
            raise InputError("feature= is an empty mask.")
        return masks

    def _at_places(self, passes: Passes, chosen: list[np.ndarray], samples: np.ndarray) -> list[Native]:
        """The masks of these samples, shaped to multiply the points."""
        masks: list[Native] = []
        for mask, points in zip(chosen, passes.points, strict=True):
            rows = mask[samples] if len(mask) > 1 else mask
            rows = rows[..., None] if rows.ndim < points.ndim else rows
            masks.append(array_namespace(points).asarray(rows.astype(np.float64), dtype=points.dtype, device=points.device))
        return masks


def _largest(products: list[np.ndarray]) -> list[np.ndarray]:
    """The largest entry of each sample, over all places."""
    joined = np.concatenate([product.reshape(len(product), -1) for product in products], axis=1)
    mask = np.zeros(joined.shape, bool)
    mask[np.arange(len(joined)), np.abs(joined).argmax(axis=1)] = True
    ends = np.cumsum([product[0].size for product in products])[:-1]
    return [part.reshape(product.shape) for part, product in zip(np.split(mask, ends, axis=1), products, strict=True)]
