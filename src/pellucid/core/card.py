"""How far an explanation can be trusted: gates with a grade for each sample, and one sentence. No number averages them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from jaxtyping import Float

from .extras import require
from .records import Cost, Explanation, Finding
from .types import PerSample

if TYPE_CHECKING:
    import pandas as pd

Grade = Literal["pass", "caution", "fail", "unknown"]

GRADES: tuple[Grade, ...] = get_args(Grade)
"""In the order of the numbers that stand for them in a record."""

KIND = "trust"
"""Of the findings that a card leaves in the evidence of its explanation."""

NOTE, UNCHECKED = "trust: ", ": not checked; "
"""How a card's notes begin among those of the explanation's plan, and what stands before the reason of an unchecked gate."""

ROWS = ("forward_rows", "backward_rows", "other_rows")

OVERALL: Mapping[Grade, str] = {
    "pass": "Holds up",
    "caution": "Use with care",
    "fail": "Do not rely on it",
    "unknown": "Not checked",
}


@dataclass(frozen=True)
class Check:
    """What a gate asks. ``good`` and ``bad`` are its limits: beyond ``good`` it is passed, beyond ``bad`` it is failed."""

    name: str
    asks: str
    good: float
    bad: float
    caution: str
    fail: str

    def grades(self, values: PerSample) -> tuple[Grade, ...]:
        """One grade per sample; a value that is undefined is unknown."""
        sign = 1 if self.good < self.bad else -1

        def grade(value: float) -> Grade:
            if math.isnan(value):
                return "unknown"
            if sign * value <= sign * self.good:
                return "pass"
            return "caution" if sign * value <= sign * self.bad else "fail"

        return tuple(grade(float(value)) for value in values)

    @property
    def limit(self) -> str:
        """What passes, in words."""
        if self.good == self.bad or self.good == 0:
            return "yes" if self.good == 1 else "no"
        return f"{'at most' if self.good < self.bad else 'at least'} {self.good:g}"


CHECKS: tuple[Check, ...] = (
    Check(
        "a map",
        "1 for a map whose values are finite and not all alike, else 0",
        1.0,
        1.0,
        "",
        "the map is zero, constant or not finite, so that it says nothing",
    ),
    Check(
        "faithfulness",
        "mean target when the least important go first, less that when the most important do, over the most that was found",
        0.3,
        0.1,
        "it finds little of what the target depends on",
        "it finds no more of what the target depends on than a random order",
    ),
    Check(
        "agreement of policies",
        "how far that number moves between the ways to remove features",
        0.4,
        math.inf,
        "how faithful it is depends on what stands in the place of removed features",
        "",
    ),
    Check(
        "beats random orders",
        "middle p-value over the policies: the share of random orders that are as faithful",
        0.05,
        0.2,
        "some random orders of the features are as faithful",
        "many random orders of the features are as faithful",
    ),
    Check(
        "beats smooth maps",
        "middle p-value over the policies: the share of maps that know nothing of this sample's target and are as faithful",
        0.1,
        0.5,
        "some maps that know nothing of the target (moved copies, edges, the centre, other samples' maps) are as faithful",
        "most maps that know nothing of the target (moved copies, edges, the centre, other samples' maps) are as faithful",
    ),
    Check(
        "completeness",
        "how far the values miss the change of the target that the method promises to share out, relative to it",
        0.05,
        0.25,
        "its values do not quite add up to what they should; a finer setting of the method would mend that",
        "its values do not add up to what the method promises",
    ),
    Check(
        "stability",
        "rank correlation with the maps of slightly changed inputs that the model answers alike",
        0.8,
        0.5,
        "it changes noticeably where the input hardly does",
        "it changes beyond recognition where the input hardly does",
    ),
    Check(
        "depends on the weights",
        "rank correlation with the maps of the same network with random weights",
        0.5,
        0.8,
        "it resembles the map of a network that has learned nothing",
        "it stays nearly the same for a network that has learned nothing",
    ),
    Check(
        "saturation",
        "1 where the explanation says of itself that its gradient has vanished or explodes, or that it is mostly noise",
        0.0,
        1.0,
        "the gradient that it reads has vanished or explodes, or its values are mostly noise",
        "",
    ),
    Check(
        "in distribution",
        "how far random removals drive the target beyond both of its ends, over their distance",
        0.5,
        math.inf,
        "removed features drive the target beyond both ends: such inputs may be unlike any that the model was trained on, and "
        "then the faithfulness says little",
        "",
    ),
)

_CHECKS = {check.name: check for check in CHECKS}


@dataclass(frozen=True, eq=False)
class Gate:
    """One check of one explanation.

    ``values`` has one number per sample, NaN where the check could not be made (``note`` says why); ``details`` further numbers.
    """

    name: str
    values: PerSample
    note: str = ""
    details: Mapping[str, PerSample] = field(default_factory=dict)

    @property
    def check(self) -> Check:
        """What is asked, and the limits."""
        return _CHECKS[self.name]

    @property
    def grades(self) -> tuple[Grade, ...]:
        """``"pass"``, ``"caution"``, ``"fail"`` or ``"unknown"``, one per sample."""
        return self.check.grades(self.values)

    @property
    def grade(self) -> Grade:
        """That of the worst sample."""
        return worst(self.grades)

    def __str__(self) -> str:
        counted = ", ".join(f"{self.grades.count(grade)} {grade}" for grade in GRADES if grade in self.grades)
        known = self.values[~np.isnan(self.values)]
        middle = f"{np.median(known):.3g} in the middle" if known.size else "no value"
        return f"{self.name}: {middle}, passed with {self.check.limit} ({counted}){f'; {self.note}' if self.note else ''}"


@dataclass(frozen=True, eq=False)
class TrustCard:
    """What speaks for and against an explanation.

    Attributes
    ----------
    explanation
        What was checked, with this card in its ``evidence``.
    gates
        One ``Gate`` per check, with a value and a grade for each sample.
    policies, faithfulness
        What "removed" meant, and the normalised faithfulness under each policy: float ``(policies, samples)``.
    random, smooth
        Percent of the random orders (and their reverses), and of the smooth maps that know nothing of the target, that are less
        faithful; the middle one of the policies, float ``(samples,)``, 0 to 100; NaN where there are none.
    radius
        Of the changes that the stability is about, relative to the spread of each sample.
    cost
        Model rows and seconds of the check, explanations anew among them.
    notes
        What was decided, and what could not be checked.
    """

    explanation: Explanation
    gates: tuple[Gate, ...]
    policies: tuple[str, ...]
    faithfulness: Float[np.ndarray, "policies samples"]
    random: PerSample
    smooth: PerSample
    radius: float = math.nan
    cost: Cost = field(default_factory=Cost)
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.random)

    def __getitem__(self, name: str) -> Gate:
        """The gate of this name."""
        return next(gate for gate in self.gates if gate.name == name)

    @property
    def grades(self) -> tuple[Grade, ...]:
        """The worst grade of each sample."""
        return tuple(worst([gate.grades[sample] for gate in self.gates]) for sample in range(len(self)))

    @property
    def grade(self) -> Grade:
        """The worst grade of the worst sample."""
        return worst(self.grades)

    @property
    def verdicts(self) -> tuple[str, ...]:
        """One sentence per sample."""
        return tuple(self._said(sample) for sample in range(len(self)))

    @property
    def verdict(self) -> str:
        """One sentence: the worst gate, and the percentiles."""
        if len(self) == 1:
            return self.verdicts[0]
        found = self.grade
        number = self.grades.count(found)
        reasons = [gate.check for gate in self.gates if found in gate.grades]
        worst_of = max(reasons, key=lambda check: self[check.name].grades.count(found), default=None)
        said = OVERALL[found] if number == len(self) else f"{OVERALL[found]} for {number} of {len(self)} samples"
        if worst_of is None or found in ("pass", "unknown"):
            return f"{said}: nothing that was checked speaks against it{self._percentiles(slice(None))}."
        many = self[worst_of.name].grades.count(found)
        each = f" ({many} of {len(self)})" if many < len(self) else ""
        return f"{said}: {_reason(worst_of, found)}{each}{self._percentiles(slice(None))}."

    def findings(self) -> tuple[Finding, ...]:
        """The card as findings that an explanation can carry, cut and save: one for each reason, with its samples' numbers."""
        groups: dict[tuple[Grade, str], list[int]] = {}
        for sample, found in enumerate(self.grades):
            groups.setdefault((found, self._worst(sample, found)), []).append(sample)
        return tuple(self._finding(found, reason, samples) for (found, reason), samples in groups.items())

    @staticmethod
    def of(explanation: Explanation) -> TrustCard | None:
        """The card that an explanation carries, as far as its numbers go; ``None`` where it was not checked."""
        found = [finding for finding in explanation.evidence if finding.kind == KIND]
        if not found:
            return None
        names = list(found[0].numbers)
        values = {name: np.full(len(explanation), math.nan) for name in names}
        for finding in found:
            for name in names:
                values[name][list(finding.samples)] = finding.numbers[name]
        policies = tuple(name.partition(": ")[2] for name in names if name.startswith("faithfulness: "))
        notes = tuple(note.removeprefix(NOTE) for note in explanation.plan.notes if note.startswith(NOTE))
        why = dict(note.split(UNCHECKED, 1) for note in notes if UNCHECKED in note)
        gates = tuple(Gate(check.name, values[check.name], why.get(check.name, "")) for check in CHECKS if check.name in values)
        rows = [int(values[name][0]) for name in ROWS]
        return TrustCard(
            explanation,
            gates,
            policies,
            np.array([values[f"faithfulness: {policy}"] for policy in policies]).reshape(len(policies), -1),
            values["random"],
            values["smooth"],
            float(values["radius"][0]),
            Cost(*rows, seconds=float(values["seconds"][0])),
            notes,
        )

    def to_frame(self) -> pd.DataFrame:
        """One row per sample and gate: ``sample``, ``gate``, ``value``, ``grade``, ``limit``."""
        pandas = require("pandas", "frames", "to_frame()")
        rows = [
            {"sample": sample, "gate": gate.name, "value": value, "grade": grade, "limit": gate.check.limit}
            for gate in self.gates
            for sample, (value, grade) in enumerate(zip(gate.values, gate.grades, strict=True))
        ]
        return pandas.DataFrame(rows)

    def __str__(self) -> str:
        lines = [self.verdict, *(f"  {gate}" for gate in self.gates)]
        for policy, values in zip(self.policies, self.faithfulness, strict=True):
            lines.append(f"  faithfulness where removed is {policy}: {np.nanmedian(values) if values.size else math.nan:.3g}")
        if self.cost.forward_rows:
            lines.append(f"  cost: {self.cost}")
        return "\n".join([*lines, *(f"  note: {note}" for note in self.notes)])

    def _worst(self, sample: int, found: Grade) -> str:
        return next((gate.name for gate in self.gates if gate.grades[sample] == found and found != "pass"), "")

    def _said(self, sample: int) -> str:
        found = self.grades[sample]
        reason = self._worst(sample, found)
        because = _reason(_CHECKS[reason], found) if reason else "nothing that was checked speaks against it"
        missing = [gate.name for gate in self.gates if gate.grades[sample] == "unknown" and gate.name != "completeness"]
        unchecked = f" (not checked: {', '.join(missing)})" if missing else ""
        return f"{OVERALL[found]}: {because}{self._percentiles(sample)}{unchecked}."

    def _percentiles(self, samples: int | slice) -> str:
        random, smooth = (np.atleast_1d(values[samples]) for values in (self.random, self.smooth))
        parts = [
            f"{np.nanmedian(values):.0f}% of {name}"
            for name, values in (("random orders", random), ("the maps that know nothing of its target", smooth))
            if not np.isnan(values).all()
        ]
        return f"; it is more faithful than {' and '.join(parts)}" if parts else ""

    def _finding(self, found: Grade, reason: str, samples: Sequence[int]) -> Finding:
        because = _reason(_CHECKS[reason], found) if reason else "nothing that was checked speaks against it"
        numbers = {gate.name: gate.values for gate in self.gates}
        numbers |= {f"faithfulness: {p}": v for p, v in zip(self.policies, self.faithfulness, strict=True)}
        numbers |= {"random": self.random, "smooth": self.smooth}
        whole = {"radius": self.radius, "seconds": self.cost.seconds} | {name: getattr(self.cost, name) for name in ROWS}
        numbers |= {name: np.full(len(self), value) for name, value in whole.items()}
        taken = {name: tuple(float(values[s]) for s in samples) for name, values in numbers.items()}
        return Finding(KIND, f"{OVERALL[found].lower()}: {because}.", tuple(samples), taken, len(self))


def worst(grades: Sequence[Grade]) -> Grade:
    """The worst of several grades; those that are unknown do not count where others are known."""
    order: tuple[Grade, ...] = ("fail", "caution", "pass", "unknown")
    return next(grade for grade in order if grade in grades or grade == "unknown")


def carried(card: TrustCard) -> TrustCard:
    """The card of an explanation that carries it."""
    e = card.explanation
    others = tuple(finding for finding in e.evidence if finding.kind != KIND)
    notes = [note for note in e.plan.notes if not note.startswith(NOTE)] + [f"{NOTE}{note}" for note in card.notes]
    plan = dataclasses.replace(e.plan, notes=tuple(notes))
    return dataclasses.replace(card, explanation=dataclasses.replace(e, evidence=(*others, *card.findings()), plan=plan))


def _reason(check: Check, found: Grade) -> str:
    return check.fail if found == "fail" and check.fail else check.caution or check.asks
