"""Networks when they are first needed, and what they must be able to do."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from ..core.errors import InputError
from ..core.extras import require


def networks(file: str) -> Any:
    """A file of ``pellucid.suites.networks``; it needs torch.

    Raises
    ------
    MissingExtraError
        Without torch.
    """
    require("torch", "torch", "the networks of pl.suites")
    return import_module(f"pellucid.suites.networks.{file}")


def outputs(network: Any, x: np.ndarray) -> np.ndarray:
    """What a network says of these rows."""
    return networks("training").outputs(network, x)


def learned(what: str, accuracy: float, least: float) -> float:
    """The accuracy, where it is enough for the truth to be the network's.

    Raises
    ------
    InputError
        Where it is not.
    """
    if accuracy < least:
        raise InputError(
            f"{what}: the network learned {accuracy:.1%} where {least:.0%} are asked, so nothing is known of what it looks at; "
            "choose another seed."
        )
    return accuracy
