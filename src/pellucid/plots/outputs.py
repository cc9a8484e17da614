"""The prediction with the gradient of the target in every output beside it."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from ..core.records import Explanation
from .reading import chosen_outputs, output_gradient, output_names
from .style import NEGATIVE, NEUTRAL, POSITIVE


def outputs(left: Axes, right: Axes, explanation: Explanation, sample: int, top: int = 4) -> None:
    """Bars of the prediction in ``left`` and of dL/df in ``right``, row by row."""
    gradient = output_gradient(explanation)
    assert gradient is not None
    chosen: list[int] = chosen_outputs(explanation, sample, top).tolist()
    probabilities = explanation.probabilities
    shown = explanation.prediction if probabilities is None else probabilities
    names = output_names(explanation)
    places = np.arange(len(chosen))
    slopes = gradient[sample, chosen]
    left.barh(places, shown[sample, chosen], color=NEUTRAL, height=0.72)
    left.set_yticks(places, [names[index] for index in chosen])
    left.set_xlabel("output" if probabilities is None else "probability")
    right.barh(places, slopes, color=[POSITIVE if slope > 0 else NEGATIVE for slope in slopes], height=0.72)
    right.set_yticks(places, [""] * len(places))
    right.axvline(0, color="black", linewidth=0.8)
    right.set_xlabel("d target / d output")
    for ax in (left, right):
        ax.invert_yaxis()
        ax.spines[["top", "right", "left"]].set_visible(False)
        ax.tick_params(axis="y", length=0)
