"""In which form an estimator takes rows: a frame of the columns that it was fitted on, an array, or as they come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer
from sklearn.pipeline import FeatureUnion

from ...core.errors import InputError, nearest
from ...core.extras import require
from .parts import first


@dataclass(frozen=True)
class Table:
    """What rows looked like when the model was fitted.

    Parameters
    ----------
    name
        What the model is called in errors.
    columns
        How many columns; ``None`` where it does not say (texts, an estimator of the user's own).
    titles
        What they were called; ``None`` where it was fitted on arrays, or does not say.
    ordered
        Whether they must come in that order, and no others with them; otherwise they are picked by name.
    texts
        Whether it reads texts.
    """

    name: str
    columns: int | None = None
    titles: tuple[str, ...] | None = None
    ordered: bool = True
    texts: bool = False

    def given(self, rows: Any) -> Any:
        """Rows (an array, a frame, texts) in the form that the model takes, so that scikit-learn has nothing to warn of."""
        framed = hasattr(rows, "columns")
        if isinstance(rows, (dict, tuple)):
            raise InputError(
                f"{self.name} takes one array, frame or list of strings; got a {type(rows).__name__} of {len(rows)}."
            )
        if self.texts and not isinstance(rows, list):
            column = f"its column, x[{rows.columns[0]!r}].tolist()" if framed else "a list of strings"
            raise InputError(f"{self.name} reads texts, and x is a{' frame' if framed else 'n array'}; pass {column}.")
        if self.columns is None:
            return rows
        if isinstance(rows, list):
            raise InputError(f"{self.name} was fitted on a table of {self.columns} columns; it takes no strings.")
        if framed:
            return rows.to_numpy() if self.titles is None else rows
        self._check_shape(rows)
        if self.titles is None:
            return rows
        pandas = require("pandas", "frames", f"{self.name}, which was fitted on a frame,")
        return pandas.DataFrame(rows, columns=list(self.titles))

    def numbers(self, rows: Any) -> np.ndarray:
        """Rows as float64 ``(rows, columns)``, in the order of the fit."""
        if hasattr(rows, "columns"):
            if said := self.wrong(rows):
                raise InputError(said)
            rows = rows.to_numpy()
        self._check_shape(rows)
        return np.asarray(rows, np.float64)

    def wrong(self, rows: Any) -> str:
        """What is wrong with the columns of a frame, as a sentence; empty where nothing is."""
        if not hasattr(rows, "columns"):
            return ""
        found = list(rows.columns)
        if self.titles is None:
            same = self.columns in (None, len(found))
            return "" if same else f"{self.name} was fitted on {self.columns} columns; the frame has {len(found)}."
        if missing := [title for title in self.titles if title not in found]:
            extra = [str(title) for title in found if title not in self.titles]
            return f"{self.name} was fitted on a column {missing[0]!r}, which the frame lacks.{nearest(missing[0], extra)}"
        if not self.ordered:
            return ""
        if extra := [title for title in found if title not in self.titles]:
            return f"{self.name} was not fitted on the column {extra[0]!r}; leave it out: x.drop(columns={extra!r})."
        if found != list(self.titles):
            at = next(at for at, title in enumerate(found) if title != self.titles[at])
            return (
                f"the columns are in another order than at the fit: column {at} is {found[at]!r} and was {self.titles[at]!r}. "
                "Pass x[list(model.feature_names_in_)]."
            )
        return ""

    def _check_shape(self, rows: np.ndarray) -> None:
        if np.ndim(rows) == 2 and self.columns in (None, rows.shape[1]):
            return
        alone = np.shape(rows) == (self.columns,)
        hint = " The leading batch axis is missing: pass x[None], or of a frame frame.iloc[[row]]." if alone else ""
        raise InputError(f"x has shape {np.shape(rows)}; {self.name} takes (samples, {self.columns}).{hint}")


def table_of(model: Any) -> Table:
    """What the first estimator that rows meet says of them."""
    met = first(model)
    titles = getattr(met, "feature_names_in_", None)
    return Table(
        type(model).__name__,
        getattr(met, "n_features_in_", None),
        None if titles is None else tuple(titles),
        ordered=not isinstance(met, (ColumnTransformer, FeatureUnion)),
        texts=isinstance(met, (CountVectorizer, HashingVectorizer)),
    )
