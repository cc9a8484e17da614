"""A linear model of the model around each sample, in the units of its columns."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float

from ...arrays.weighted_fit import Fit, Rows, fit
from ...core.declare import Attribution, Axiom, Passes, parameter
from ...core.types import Native
from ...core.view import Capability
from ...games.maskers.entries import native
from .neighbourhood import Draws, Neighbourhood, Reading, neighbourhood, owner_of
from .playing import said


@dataclass(frozen=True)
class LinearSurrogate:
    """A weighted linear regression of the target on rows around each sample: ``prediction = intercept + sum(w_i * x_i)``.

    Numbers move by Gaussian noise of ``scale`` standard deviations of ``background``, always with the opposite move beside it;
    categories, and one-hot groups as wholes, are drawn from their frequencies there. Rows count with the kernel
    ``exp(-d**2 / (2 kernel_width**2))``, where ``d**2`` is the sum of the squared moves in standard deviations, and 1 for each
    category that is another one. The kernel is folded into the draws, so that all rows weigh the same. What no feature owns, is
    missing or never varies stays.

    One value per player of ``features=``, ``(samples, players)``: the contribution ``w_i * x_i``, summed over what it owns, with
    a standard error (the jackknife over pairs). Values and ``details["intercept"]`` sum to ``details["prediction"]``, the
    surrogate's own at the sample, exactly. ``details["coefficients"]`` are the slopes ``w_i``, in the target's unit per unit of
    the entry, in the shape of a sample, with ``details["coefficient_standard_errors"]``. A category has a weight for each level,
    and their mean over the background is 0: a one-hot column shows its own, a column of codes that of the sample's level, which
    is then the contribution. ``details["weighted_r2"]`` says how much of the target's variance around the sample is linear.

    Cost: one forward row per sample, and ``samples`` around it; fewer where ``budget=`` is smaller.

    Source: ribeiro2016lime (local linear models), mackinnon1985heteroskedasticity (standard errors).

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net, x = torch.nn.Linear(3, 1).double(), torch.rand(1, 3).double()
    >>> e = pl.explain(net, x, method="linear-surrogate", background=torch.rand(50, 3).double())
    >>> bool(abs(e.details["coefficients"] - net.weight.detach().numpy()).max() < 1e-9)
    True
    """

    name: ClassVar[str] = "linear-surrogate"
    engine: ClassVar[str] = "game"
    summary: ClassVar[str] = "a linear regression around the sample, with slopes in the units of its columns"
    needs: ClassVar[frozenset[Capability]] = frozenset({"predict"})
    modalities: ClassVar[tuple[str, ...]] = ("tabular",)
    axioms: ClassVar[tuple[Axiom, ...]] = ("linearity",)
    cite: ClassVar[tuple[str, ...]] = ("ribeiro2016lime", "mackinnon1985heteroskedasticity")

    samples: int = parameter(1000, "rows around each sample", least=2, most=10_000_000)
    background: Any = parameter(None, "rows, of which standard deviations and frequencies of categories are taken")
    sigma: Any = parameter(None, "standard deviations in the input's units, a number or one per entry, instead of background's")
    scale: float = parameter(1.0, "how far numbers move, in standard deviations", above=0)
    kernel_width: float | None = parameter(
        None, "width of the kernel in standard deviations; by default 0.75 times the root of how many entries move", above=0
    )

    @property
    def rows(self) -> int:
        """About what a sample costs."""
        return self.samples

    def attribute(self, passes: Passes) -> list[Attribution]:
        """Run the rows around all samples, then regress."""
        _ = passes.target_values
        around = neighbourhood(passes, self.background, self.sigma, self.scale, self.kernel_width)
        count = min(int(self.samples), passes.allowance()) // 2 * 2
        if count < 2:
            passes.refuse_budget(2)
        draws = Draws(around, count, passes.seed)
        given = passes.leaf(passes.masked)
        flat = passes.host(given).reshape(passes.samples, -1)
        values = _run(passes, draws, flat, given, count)
        gathered = _Gathered(passes, flat.shape[1])
        means = values.mean(axis=2)
        values -= means[:, :, None]
        readings = [Reading(around, sample, *_owner(passes, around, at)) for at, sample in enumerate(flat)]
        if around.shared and all(each.one_each for each in readings):
            entries = readings[0].combine[: flat.shape[1]]
            together = fit(_rows(draws.moves / around.spread), values.reshape(-1, count).T, told=entries)
            for at, reading in enumerate(readings):
                gathered.add(at, reading, _with_players(together, reading, at, passes.samples), means[:, at])
        else:
            for at, (sample, reading) in enumerate(zip(flat, readings, strict=True)):
                made = reading.regressors(draws.rows(sample))
                gathered.add(at, reading, fit(_rows(made), values[:, at].T, told=reading.combine), means[:, at])
        return gathered.attributions(around, count)


def _owner(passes: Passes, around: Neighbourhood, sample: int) -> tuple[np.ndarray, int]:
    """The player of each entry of a sample, and how many players there are."""
    features = passes.features[0 if len(passes.features) == 1 else sample]
    return owner_of(features, around.shape), len(features)


def _with_players(together: Fit, reading: Reading, sample: int, samples: int) -> Fit:
    """One sample of a regression of all of them, with the contributions of players that own one entry each."""
    weights, errors = together.coefficients[:, sample::samples], together.standard_errors[:, sample::samples]
    player, entry = reading.alone
    times = reading.sample[entry, None]
    shares, share_errors = np.zeros((2, reading.players, weights.shape[1]))
    shares[player] = times * weights[entry]
    share_errors[player] = np.abs(times) * np.where(times == 0, 0.0, errors[entry])
    return replace(
        together,
        coefficients=np.concatenate([weights, shares]),
        standard_errors=np.concatenate([errors, share_errors]),
        intercept=together.intercept[sample::samples],
        r2=together.r2[sample::samples],
    )


def _run(passes: Passes, draws: Draws, flat: np.ndarray, given: Native, count: int) -> Float[np.ndarray, "targets samples rows"]:
    """The targets at the rows around every sample."""
    owner = np.repeat(np.arange(passes.samples), count)
    values = np.empty((passes.targets, len(owner)))

    def build(part: slice) -> tuple[Native, ...]:
        made: list[np.ndarray] = []
        for sample in range(part.start // count, (part.stop - 1) // count + 1):
            begin = sample * count
            made.append(draws.rows(flat[sample], slice(max(part.start - begin, 0), min(part.stop - begin, count))))
        return (native(np.concatenate(made).reshape(-1, *draws.around.shape), given),)

    for part, found in passes.predict(owner, build, at=[passes.masked]):
        values[:, part] = found
        passes.finished((part.stop - part.start) / count)
    return values.reshape(passes.targets, passes.samples, count)


def _rows(regressors: np.ndarray) -> Rows:
    """All count the same, two by two."""
    count = len(regressors)
    return Rows(lambda part: regressors[part], regressors.shape[1], np.full(count, 1 / count), np.ones(count), 0)


class _Gathered:
    """Regressions of the samples, put together by target."""

    def __init__(self, passes: Passes, entries: int) -> None:
        shape, self._inner = (passes.targets, passes.samples), tuple(passes.leaf(passes.masked).shape[1:])
        most = max(map(len, passes.features))
        self.values, self.errors = np.zeros((*shape, most)), np.zeros((*shape, most))
        self.weights, self.weight_errors = np.zeros((*shape, entries)), np.zeros((*shape, entries))
        self.intercept, self.prediction, self.r2 = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        self.missing = 0

    def add(self, sample: int, reading: Reading, found: Fit, mean: np.ndarray) -> None:
        """One sample; ``mean`` was taken off the targets."""
        entries = self.weights.shape[2]
        told, errors = found.coefficients.T, found.standard_errors.T
        self.weights[:, sample], self.weight_errors[:, sample] = told[:, :entries], errors[:, :entries]
        players = told.shape[1] - entries
        self.values[:, sample, :players], self.errors[:, sample, :players] = told[:, entries:], errors[:, entries:]
        moving = told[:, :entries] @ reading.numbers
        self.intercept[:, sample] = found.intercept + mean - moving
        self.prediction[:, sample] = self.intercept[:, sample] + told[:, entries:].sum(axis=1)
        self.r2[:, sample] = found.r2
        self.missing = max(self.missing, found.missing)

    def attributions(self, around: Neighbourhood, count: int) -> list[Attribution]:
        """One for each target."""
        inner, notes = self._inner, ()
        if self.missing:
            notes = (
                f"{count} rows do not tell what moves apart: {self.missing} directions are missing, and the smallest weights "
                "that agree with what was seen are given, without standard errors. Give more samples=, or fewer features.",
            )
        return [
            Attribution(
                [self.values[t]],
                over="players",
                standard_errors=[self.errors[t]],
                details={
                    "coefficients": self.weights[t].reshape(-1, *inner),
                    "coefficient_standard_errors": self.weight_errors[t].reshape(-1, *inner),
                    "intercept": self.intercept[t],
                    "prediction": self.prediction[t],
                    "weighted_r2": self.r2[t],
                },
                removal=f"not removed: {len(around.numbers)} numbers and {len(around.choices)} categories move around the sample",
                evidence=said(notes, "rank"),
            )
            for t in range(len(self.values))
        ]
