"""``pellucid demo``: a real network's decisions on real photos, explained and written to one report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from ..core.records import Explanation
from ..engine.run import explain
from .destinations import destinations
from .explain import write
from .inputs import Samples, read_picture
from .job import Job
from .terminal import say, waiting

NETWORK = "pellucid.demo:efficientnet_lite0"
QUICK = ("saliency", "input-x-gradient", "grad-cam", "grad-cam++")
METHODS = ("saliency", "input-x-gradient", "integrated-gradients", "smoothgrad", "grad-cam", "grad-cam++")
TOLD = ("integrated-gradients", "grad-cam")
"""Methods whose findings are printed, too; the report has those of all."""
PARAMETERS = {"samples": "64", "noise": "0.05"}
"""The usual noise, 0.15, would leave more noise than signal in a map of so few samples of this network."""


def demo(
    out: Annotated[str, typer.Option("--out", "-o", metavar="PATH", help="The report.")] = "report.html",
    quick: Annotated[bool, typer.Option("--quick", help="One photo, and the methods that take no time.")] = False,
) -> None:
    """Explain a real ImageNet network on real photos and write a report. Needs the `demo` extra."""
    from ..demo import efficientnet_lite0, photos
    from ..reporting import findings

    places = destinations([out], explanations=len(METHODS))
    with waiting("opening EfficientNet-Lite0"):
        model = efficientnet_lite0()
    chosen = dict(list(photos().items())[: 1 if quick else None])
    explained: list[Explanation] = []
    for name, path in chosen.items():
        told = explanations(model, path, QUICK if quick else METHODS)
        for sentence in findings([one for one in told[::2] if one.method in TOLD], [name]):
            say(sentence)
        say("")
        explained += told
    write(places, explained, tuple(chosen), f"EfficientNet-Lite0 on {', '.join(chosen)}")
    example = next(one for one in reversed(explained) if one.method in TOLD)
    say(f"the report shows the command behind each map, such as:\n{example.command}")


def explanations(model: Any, photo: Path, methods: tuple[str, ...]) -> list[Explanation]:
    """Explain a photo with every method: first for the class that the network predicts, then for the runner-up."""
    picture = read_picture(photo)
    parameters = PARAMETERS if "smoothgrad" in methods else {}
    job = Job(NETWORK, (str(photo),), methods, _first_two(model, picture), parameters=parameters)
    return job.run(model, Samples(picture, (photo.name,)))


def _first_two(model: Any, picture: Any) -> tuple[str, ...]:
    """The two likeliest classes as targets are typed: by name, or by index where a name stands for several classes."""
    first: Explanation = explain(model, picture, method="saliency", progress=False)
    assert first.classes is not None
    best = np.argsort(-first.prediction[0])[:2]
    return tuple(name if first.classes.count(name := first.classes[index]) == 1 else str(index) for index in best)
