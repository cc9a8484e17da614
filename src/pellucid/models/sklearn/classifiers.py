"""What a classifier says of its classes: probabilities, scores, log-odds, or a label alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.multioutput import ClassifierChain
from sklearn.neural_network import MLPClassifier

from ...core.errors import CapabilityError, InputError
from ...core.types import OutputKind
from . import networks
from .asked import Ask, Outputs
from .parts import behind, does_as, opened, plain


def outputs_of(model: Any, name: str, said: OutputKind) -> Outputs:
    """Probabilities where it has them and nothing else was said; scores of two classes are one number."""
    if said == "values":
        raise InputError(f"{name} is a classifier: output= is 'probabilities' or 'logits'; 'values' are those of a regression.")
    classes, scores, notes = _class_names(model), _scores(model), _odd_labels(model)
    has_probabilities = hasattr(model, "predict_proba")
    if said != "logits" and has_probabilities:
        instead = f"pl.wrap(model, output='logits') explains {scores[1]}" if scores and said == "unknown" else ""
        return Outputs(model.predict_proba, "predict_proba", "probabilities", classes, instead, notes)
    if said == "probabilities":
        raise InputError(
            f"{name} has no predict_proba; sklearn.calibration.CalibratedClassifierCV gives it one, and output='logits' explains "
            f"{'its decision_function' if scores else 'nothing of it either'}."
        )
    if scores is not None:
        ask, what = scores
        names = _score_names(model, classes)
        alone = f", one number for two classes, above 0 for {names[0]!r}" if names and len(names) == 1 else ""
        kind: OutputKind = "logits" if said == "logits" else "values"
        asked: Ask = lambda rows: _columns(ask(rows))  # noqa: E731
        return Outputs(asked, "decision_function", kind, names, notes=(*notes, f"explained: {what}{alone}"))
    if has_probabilities:
        names = classes[1:] if classes and len(classes) == 2 else classes
        note = "logarithms of the probabilities are explained" + (", as log-odds" if names != classes else "")
        return Outputs(lambda rows: _log_odds(model.predict_proba(rows), name), "log-odds", "logits", names, notes=(*notes, note))
    return of_labels(model, name, None if said == "logits" else getattr(model, "classes_", None), notes)


def of_labels(model: Any, name: str, labels: Any, notes: tuple[str, ...] = ()) -> Outputs:
    """A one for the label that is predicted."""
    if labels is None or isinstance(labels, list):
        raise CapabilityError(
            f"{name} gives labels alone (no predict_proba, no decision_function); a function that makes numbers of them is "
            "explained with pl.wrap(fn)."
        )
    note = f"{name} gives labels alone: an output is 1 where its label is predicted, and 0 elsewhere"
    asked: Ask = lambda rows: (np.asarray(model.predict(rows))[:, None] == labels).astype(float)  # noqa: E731
    return Outputs(asked, "labels", "values", tuple(map(str, labels)), notes=(*notes, note))


def _scores(model: Any) -> tuple[Ask, str] | None:
    """Scores from minus to plus infinity, and what they are; ``None`` where it has none."""
    if hasattr(model, "decision_function"):
        return model.decision_function, "its decision_function"
    last = opened(model)[1]
    if not does_as(last, "predict_proba", MLPClassifier):
        return None
    before, sums = behind(model), networks.layers(last)
    return lambda rows: sums(plain(before(rows)))[0], "the sums before its last activation"


def _class_names(model: Any) -> tuple[str, ...] | None:
    """Labels as names; of several outputs only where all have the same."""
    classes = getattr(model, "classes_", None)
    if classes is None or isinstance(opened(model)[1], ClassifierChain):
        return None
    if isinstance(classes, list):
        each = {tuple(map(str, labels)) for labels in classes}
        return each.pop() if len(each) == 1 else None
    return tuple(map(str, classes))


def _score_names(model: Any, classes: tuple[str, ...] | None) -> tuple[str, ...] | None:
    last = opened(model)[1]
    if classes is None:
        return None
    if len(classes) == 2:
        of_each_label = getattr(last, "multilabel_", False) or getattr(last, "n_outputs_", 1) == 2
        return classes if of_each_label or np.shape(getattr(last, "coef_", ()))[:1] == (2,) else classes[1:]
    if getattr(last, "decision_function_shape", "") == "ovo":
        return tuple(f"{a} against {b}" for at, a in enumerate(classes) for b in classes[at + 1 :])
    return classes


def _odd_labels(model: Any) -> tuple[str, ...]:
    """A note on whole numbers as labels that are not their own places."""
    labels = getattr(model, "classes_", None)
    if labels is None or isinstance(labels, list) or np.asarray(labels).dtype.kind not in "iu":
        return ()
    if np.array_equal(labels, np.arange(len(labels))):
        return ()
    return (f"a whole number as target is a place: 0 stands for class {labels[0]}, whose name is {str(labels[0])!r}",)


def _columns(scores: Any) -> np.ndarray:
    scores = plain(scores)
    return scores[:, None] if scores.ndim == 1 else scores


def _log_odds(probabilities: Any, name: str) -> np.ndarray:
    found = np.asarray(probabilities, float)
    if found.ndim != 2 or not np.allclose(found.sum(axis=1), 1):
        raise InputError(f"{name} has several outputs, and no log-odds here; explain its probabilities.")
    if not found.all():
        raise InputError(f"{name} says a probability of 0, whose logarithm is infinite; explain output='probabilities'.")
    logarithms = np.log(found)
    return logarithms[:, 1:] - logarithms[:, :1] if found.shape[1] == 2 else logarithms
