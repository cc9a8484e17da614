"""What belongs together in the samples: ``--cell``, ``--superpixels``, ``--segments``, and the columns of a table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .. import catalog
from ..core.declare import Method
from ..core.errors import InputError
from ..core.extras import require
from ..core.features import Features
from ..engine import schema
from ..models.lookup import view_of
from .inputs import Samples
from .typed import flag

RANKS = {"cell": (2, 3, 4), "superpixels": (3,), "segments": (1, 2)}
"""Axes of one sample, channels included, that each can cut."""


@dataclass(frozen=True)
class Pieces:
    """How pictures and series are cut, as it was typed; one at most."""

    cell: int | None = None
    superpixels: int | None = None
    segments: int | None = None

    @property
    def given(self) -> dict[str, int]:
        """Those that were typed."""
        return {name: size for name, size in vars(self).items() if size is not None}

    def check(self, methods: Sequence[type[Method]], samples: Samples | None = None) -> None:
        """Refuse two ways at once, pieces of nothing, methods without features, and samples that are not cut.

        Raises
        ------
        InputError
            In words.
        """
        if not self.given:
            return
        name, size = next(iter(self.given.items()))
        if len(self.given) > 1:
            raise InputError(f"{' and '.join(map(flag, self.given))} both say what a feature is; give one of them.")
        if size < 1:
            raise InputError(f"{flag(name)} must be at least 1; got {size}.")
        if not any(map(schema.takes_features, methods)):
            others = [method.name for method in catalog.METHODS if schema.takes_features(method) and method.engine == "game"]
            chosen = ", ".join(method.name for method in methods)
            raise InputError(
                f"{flag(name)} makes features, and {chosen} has none: it looks at positions. Use {', '.join(others)}."
            )
        if samples is not None and (samples.texts or samples.columns is not None):
            what = "words are the features of texts" if samples.texts else "columns are the features of a table"
            raise InputError(f"{flag(name)} cuts pictures and series; {what}.")

    def of(self, model: Any, samples: Samples, wrt: Sequence[str] | None) -> Any:
        """Features of the samples as the model gets them, one for each sample where they differ."""
        view = view_of(model)
        inputs = view.inputs(samples.x)
        leaf = schema.masked_leaf(inputs, None, wrt)
        array, layout = inputs.leaves[leaf], view.spec.layout
        shape, (name, size) = tuple(int(side) for side in array.shape[1:]), next(iter(self.given.items()))
        if len(shape) not in RANKS[name]:
            fitting = [flag(other) for other, ranks in RANKS.items() if len(shape) in ranks]
            instead = f" Use {' or '.join(fitting)}." if fitting else ""
            raise InputError(f"{flag(name)} does not cut samples of the shape {shape}.{instead}")
        channels_last = layout == "NHWC"
        entries = math.prod(shape if len(shape) == 1 else shape[:-1] if channels_last else shape[1:])
        if name != "cell" and size > entries:
            raise InputError(
                f"{flag(name)} must be at most {entries}, the {'pixels' if name == 'superpixels' else 'steps'} of a sample."
            )
        named = leaf if len(inputs.batched) > 1 else None
        if name == "cell":
            return Features.grid(shape, cell=size, layout=layout, leaf=named)
        if name == "superpixels":
            return Features.superpixels(view.to_numpy(array), n=size, layout=layout, leaf=named)
        axes = "T" if len(shape) == 1 else "TC" if channels_last else "CT"
        return Features.segments(entries, n=size, layout=axes, leaf=named)


def of_table(samples: Samples, others: Sequence[Any] = ()) -> Features | None:
    """The columns of a table by their names; those of a frame as it and the frames among ``others`` show them."""
    if samples.framed:
        pandas = require("pandas", "frames", "a frame")
        rows = pandas.concat([samples.x, *(each[list(samples.x)] for each in others if schema.is_frame(each))])
        return Features.from_frame(rows, missing=[name for name in rows if rows[name].isna().any()])
    if samples.columns is None:
        return None
    return Features.from_arrays([name or f"x{at}" for at, name in enumerate(samples.columns)])
