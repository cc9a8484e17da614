"""Pellucid explains, diagnoses and verifies deep-learning models.

``explain`` says why this output; ``report`` shows it; ``methods`` lists how. ``compare_models`` explains two models side by
side; ``evaluate`` measures an explanation. ``wrap`` states what a model does not say of itself. Frameworks, plotting and pandas
are imported when they are first needed, not with this package.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .catalog import methods
from .core.errors import (
    BudgetError,
    CapabilityError,
    InputError,
    LayerError,
    MissingExtraError,
    NonFiniteError,
    PellucidError,
    PellucidWarning,
    TargetError,
    UnsafeFileError,
)
from .core.features import Features
from .core.records import Cost, Explanation, Finding, Plan
from .core.storage import load
from .core.targets import Layer, Neuron, Target
from .core.types import Budget
from .engine.run import explain
from .games import maskers
from .games.interactions import interactions
from .games.shapley import shapley
from .models.images import ImageInput
from .models.wrap import wrap

if TYPE_CHECKING:
    from . import plots
    from .reporting import report
    from .verdict import ModelComparison, compare_models, evaluate

_LATER = {
    "report": "pellucid.reporting",
    "compare_models": "pellucid.verdict",
    "ModelComparison": "pellucid.verdict",
    "evaluate": "pellucid.verdict",
}


def __getattr__(name: str) -> Any:
    if name == "plots":
        return import_module("pellucid.plots")
    if name in _LATER:
        return getattr(import_module(_LATER[name]), name)
    raise AttributeError(f"module 'pellucid' has no attribute {name!r}")


__all__ = [
    "Budget",
    "BudgetError",
    "CapabilityError",
    "Cost",
    "Explanation",
    "Features",
    "Finding",
    "ImageInput",
    "InputError",
    "Layer",
    "LayerError",
    "MissingExtraError",
    "ModelComparison",
    "Neuron",
    "NonFiniteError",
    "PellucidError",
    "PellucidWarning",
    "Plan",
    "Target",
    "TargetError",
    "UnsafeFileError",
    "compare_models",
    "evaluate",
    "explain",
    "interactions",
    "load",
    "maskers",
    "methods",
    "plots",
    "report",
    "shapley",
    "wrap",
]
