"""Estimators of Shapley values, by name; each is a design and a solver.

``auto.py`` · ``exact.py`` all coalitions · ``permutation.py`` ``owen.py`` orders · ``kernel.py`` ``leverage.py`` by
``regression.py`` · ``gaussian_process.py`` · ``odd_regression.py`` ``regression_msr.py`` proxies, by ``cross_fit.py``
"""

from __future__ import annotations

from importlib import import_module

from ...core.errors import InputError, nearest
from ..estimator import Estimator

ESTIMATORS: dict[str, str] = {
    "auto": "auto:Auto",
    "exact": "exact:Exact",
    "permutation": "permutation:Permutation",
    "kernel": "kernel:Kernel",
    "leverage": "leverage:Leverage",
    "gaussian-process": "gaussian_process:GaussianProcess",
    "odd-regression": "odd_regression:OddRegression",
    "regression-msr": "regression_msr:RegressionMSR",
    "owen": "owen:Owen",
}
"""Where each is; imported on first use, for SciPy takes a moment to load."""


def estimator(which: str | Estimator) -> Estimator:
    """The estimator of this name; one that is already built stays as it is."""
    if not isinstance(which, str):
        if isinstance(which, type) or not all(hasattr(which, part) for part in ("name", "index", "least", "design", "solve")):
            raise InputError(f"estimator must be a name or have name, index, least, design and solve; got {which!r}.")
        return which
    if which not in ESTIMATORS:
        raise InputError(f"there is no estimator {which!r}.{nearest(which, ESTIMATORS)}")
    module, _, name = ESTIMATORS[which].partition(":")
    return getattr(import_module(f".{module}", __name__), name)()
