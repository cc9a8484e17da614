"""Pellucid explains, diagnoses and verifies deep-learning models.

``explain`` says why this output; ``report`` shows it; ``methods`` lists how. ``compare_models`` explains two models side by
side; ``evaluate`` measures an explanation. ``wrap`` states what a model does not say of itself; ``info`` looks into a model's
file and ``open_model`` opens it, if it is safe. ``suites`` holds networks of which the truth is known. Frameworks, plotting and
pandas are imported when they are first needed, not with this package.
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
from .games import maskers
from .games.interactions import interactions
from .games.shapley import shapley
from .models.images import ImageInput
from .models.wrap import wrap

if TYPE_CHECKING:
    from . import plots, suites
    from .core.card import TrustCard
    from .models.files.info import info
    from .models.files.record import FileInfo
    from .models.loading import open_model
    from .reporting import report
    from .verdict import Advice, Comparison, ModelComparison, advise, compare, compare_models, evaluate, explain, trust

_LATER = {
    "info": "pellucid.models.files.info",
    "FileInfo": "pellucid.models.files.record",
    "open_model": "pellucid.models.loading",
    "report": "pellucid.reporting",
    "Comparison": "pellucid.verdict",
    "compare": "pellucid.verdict",
    "compare_models": "pellucid.verdict",
    "ModelComparison": "pellucid.verdict",
    "evaluate": "pellucid.verdict",
    "explain": "pellucid.verdict",
    "Advice": "pellucid.verdict",
    "advise": "pellucid.verdict",
    "trust": "pellucid.verdict",
    "TrustCard": "pellucid.core.card",
}


def __getattr__(name: str) -> Any:
    if name in ("plots", "suites"):
        return import_module(f"pellucid.{name}")
    if name in _LATER:
        return getattr(import_module(_LATER[name]), name)
    raise AttributeError(f"module 'pellucid' has no attribute {name!r}")


__all__ = [
    "Advice",
    "Budget",
    "BudgetError",
    "CapabilityError",
    "Comparison",
    "Cost",
    "Explanation",
    "Features",
    "FileInfo",
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
    "TrustCard",
    "UnsafeFileError",
    "advise",
    "compare",
    "compare_models",
    "evaluate",
    "explain",
    "info",
    "interactions",
    "load",
    "maskers",
    "methods",
    "open_model",
    "plots",
    "report",
    "shapley",
    "suites",
    "trust",
    "wrap",
]
