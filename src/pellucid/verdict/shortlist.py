"""Which methods are measured where a choice is asked for, and why the others are not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from ..core import tree
from ..core.declare import Method
from ..core.view import ModelView
from ..engine import schema

Purpose = Literal["debug", "justify", "select", "monitor"]
Task = Literal["classification", "regression"]

SHORT = (
    "saliency",
    "input-x-gradient",
    "grad-cam",
    "hires-cam",
    "layer-cam",
    "integrated-gradients",
    "expected-gradients",
    "leave-one-out",
    "occlusion",
    "shapley",
    "lime",
)
"""What is measured where it can run, the cheapest first."""

OTHERWISE: Mapping[str, str] = {
    "output-gradient": "it is for embeddings and whole numbers; saliency is measured in its place",
    "blur-ig": "a variant of integrated-gradients",
    "guided-ig": "a variant of integrated-gradients without an error estimate",
    "smoothgrad": "on ground truth it finds what saliency finds, for many times its model rows",
    "smoothgrad-squared": "a variant of smoothgrad without signs",
    "vargrad": "a variant of smoothgrad without signs",
    "conductance": "it explains a layer",
    "internal-influence": "it explains a layer",
    "integrated-hessians": "it explains pairs",
    "shapley-interactions": "it explains pairs",
    "cam": "the same as grad-cam where it can run",
    "grad-cam++": "a variant of grad-cam",
    "xgrad-cam": "a variant of grad-cam",
    "eigen-cam": "it does not depend on the target",
    "eigen-grad-cam": "a variant of grad-cam",
    "score-cam": "a variant of grad-cam that takes a model row for each channel",
    "ablation-cam": "a variant of grad-cam that takes a model row for each channel",
    "full-grad": "a variant of grad-cam without signs",
    "rise": "it takes thousands of model rows for each sample; occlusion is measured in its place",
    "banzhaf": "a variant of shapley",
    "linear-surrogate": "a variant of lime",
}


def unfit(declared: type[Method], view: ModelView, kind: str, purpose: Purpose, task: Task | None) -> str | None:
    """Why a method is not measured, before it has run."""
    if declared.name in OTHERWISE:
        return OTHERWISE[declared.name]
    if missing := sorted(declared.needs - view.capabilities):
        return f"it needs {', '.join(map(repr, missing))}, which the {view.adapter} adapter does not have here"
    if "any" not in declared.modalities and kind not in declared.modalities:
        return f"it is for inputs of other kinds ({', '.join(declared.modalities)})"
    if purpose == "justify" and "completeness" not in declared.axioms:
        return "its values do not add up to the change of the output"
    if purpose == "select" and "dummy" not in declared.axioms:
        return "it can give values to features without effect"
    if task == "regression" and declared.engine == "map":
        return "its map shows what raises the output alone"
    return None


def modality(x: Any, features: Any) -> str:
    """The kind of input, as methods declare it."""
    if isinstance(x, list):
        return "text" if x and isinstance(x[0], str) else "image"
    if schema.is_frame(x):
        return "tabular"
    leaf = max(tree.flatten(x).values(), key=lambda leaf: len(leaf.shape))
    if str(leaf.dtype).startswith(("object", "<U", "str")) or (isinstance(features, list) and features and features[0].text):
        return "text"
    return {2: "tabular", 3: "series", 4: "image", 5: "volume"}.get(len(leaf.shape), "tabular")


def task_of(view: ModelView) -> Task | None:
    """The task, where the kind of output is known to be that of one."""
    return "classification" if view.spec.output in ("logits", "probabilities") else None
