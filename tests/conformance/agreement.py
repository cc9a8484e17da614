"""Answers of one framework beside those of another: how far they are apart, and whether refusals say what they must."""

import re
from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pytest

from conformance.answers import COMPARED, FAILED, OUTPUTS, REFUSED
from conformance.asks import Ask
from pellucid import catalog
from twins.in_process import Arrays

TOLERANCE = 1e-4
"""Of the largest number."""

OUTPUTS_ALONE = ("predict",)
DERIVATIVES = ("predict", "gradient", "hessian")
INSIDE = ("predict", "layers", "replace")
EVERYTHING = (*DERIVATIVES, "layers", "replace")


def apart(found: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference, as a share of the largest number.

    >>> apart(np.array([1.0, 2.0]), np.array([1.0, 2.5]))
    0.2
    """
    assert found.shape == expected.shape, f"{found.shape} instead of {expected.shape}"
    assert np.isfinite(found).all()
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def apart_as_a_whole(found: np.ndarray, expected: np.ndarray) -> float:
    """The length of the difference, as a share of the length.

    >>> apart_as_a_whole(np.array([3.0, 5.0]), np.array([3.0, 4.0]))
    0.2
    """
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


def part(found: Arrays, prefix: str) -> Arrays:
    """What was found under a prefix.

    >>> list(part({"cnn/saliency/values": np.ones(1), "mlp/saliency/values": np.ones(1)}, "cnn/"))
    ['saliency/values']
    """
    return {key.removeprefix(prefix): array for key, array in found.items() if key.startswith(prefix)}


def differences(name: str, found: Arrays, expected: Arrays) -> dict[str, float]:
    """Of each array of one ask."""
    both = [part(answers, f"{name}/") for answers in (found, expected)]
    ours, theirs = ({what: own[what] for what in COMPARED if what in own} for own in both)
    assert set(ours) == set(theirs)
    return {what: apart(ours[what], theirs[what]) for what in theirs}


def check(
    asks: Mapping[str, Ask],
    found: Arrays,
    expected: Arrays,
    subtests: pytest.Subtests,
    capable: Collection[str],
    refused: Mapping[str, str] | None = None,
    title: str = "",
) -> None:
    """Every ask that the model is capable of has the expected numbers; every other is refused in words.

    Parameters
    ----------
    capable
        What this framework must be capable of.
    refused
        Those of which capabilities do not tell that they are refused, and what is said then.
    """
    capabilities, told = frozenset(found["capabilities"].tolist()), refused or {}
    assert capabilities >= set(capable)
    for place, array in part(found, f"{OUTPUTS}/").items():
        if f"{OUTPUTS}/{place}" in expected:  # else it is no layer there
            with subtests.test(f"{title}{OUTPUTS} {place}"):
                assert apart(array, expected[f"{OUTPUTS}/{place}"]) <= TOLERANCE
    for name, ask in asks.items():
        with subtests.test(f"{title}{name}"):
            if ask.needs <= capabilities and name not in told:
                assert f"{name}/{FAILED}" not in found, str(found[f"{name}/{FAILED}"])
                assert f"{name}/{REFUSED}" not in found, str(found[f"{name}/{REFUSED}"])
                worst = differences(name, found, expected)
                assert max(worst.values()) <= TOLERANCE, worst
                assert found[f"{name}/rows"] == expected[f"{name}/rows"]
            else:
                assert f"{name}/{REFUSED}" in found, str(found.get(f"{name}/{FAILED}", "an answer, where a refusal is due"))
                said = str(found[f"{name}/{REFUSED}"])
                if lacking := sorted(ask.needs - capabilities):
                    check_refusal(ask.method, lacking, said, found)
                else:
                    assert told[name] in said


def check_refusal(method: str, lacking: Sequence[str], said: str, found: Arrays) -> None:
    """A refusal names the method, what it needs, the adapter, and the methods that work."""
    capabilities = frozenset(found["capabilities"].tolist())
    needs, adapter = ", ".join(map(repr, lacking)), found["adapter"]
    parts = re.fullmatch(
        rf"CapabilityError: {re.escape(method)}( at a layer)? needs {needs}, which the {adapter} adapter does not have here"
        r"(: .+)?\. These methods work( without at= and pl\.Neuron)?: (?P<names>[^.]+)\.",
        said,
    )
    assert parts, said
    assert parts["names"].split(", ") == [other.name for other in catalog.METHODS if other.needs <= capabilities]
