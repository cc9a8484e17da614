"""``pellucid explain``: why a model said what it said about some samples."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Annotated, Any

import typer

from .. import catalog
from ..core.errors import PellucidWarning
from ..core.records import Explanation
from ..models.loading import KNOWN, open_model
from ..models.wrap import Wrapped
from . import inputs as files
from .destinations import Destination, destinations
from .job import Job, target
from .options import Given
from .players import Pieces
from .tables import show
from .terminal import say, waiting

_DEFAULT = Job("", ())


_METHOD = f"A name from `pellucid methods`, by default {_DEFAULT.methods[0]}; repeatable."
_TARGET = (
    "What is explained: an index, a class name, 'predicted' (the default), or indices joined by commas for outputs with more "
    "axes; repeatable."
)
_OUT = "Where to write: report.html, one.pellucid, figure.png, or a folder; repeatable."


TRUST_MODEL = "Open the file of MODEL also if that runs code of its author, such as a pickle."
TRUSTED_TYPE = "A type that a .skops file may hold, as `pellucid info` names it; repeatable."


def _method_names() -> list[str]:
    return [method.name for method in catalog.METHODS]


def explain(
    model: Annotated[str, typer.Argument(metavar="MODEL", help=KNOWN, show_default=False)],
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT", help="Pictures, or .npy, .npz, .csv, .txt files; together one batch.", show_default=False
        ),
    ],
    method: Annotated[
        list[str] | None, typer.Option("--method", "-m", metavar="NAME", help=_METHOD, autocompletion=_method_names)
    ] = None,
    target: Annotated[list[str] | None, typer.Option("--target", "-t", metavar="TARGET", help=_TARGET)] = None,
    out: Annotated[list[str] | None, typer.Option("--out", "-o", metavar="PATH", help=_OUT)] = None,
    arch: Annotated[
        str | None, typer.Option(metavar="MODULE:FACTORY", help="The network, where MODEL is a file of weights.")
    ] = None,
    trust_model: Annotated[bool, typer.Option("--trust-model", help=TRUST_MODEL)] = False,
    trusted_type: Annotated[list[str] | None, typer.Option(metavar="MODULE.CLASS", help=TRUSTED_TYPE)] = None,
    at: Annotated[
        list[str] | None,
        typer.Option(metavar="LAYER", help="The layer to attribute to, or to read; the maps of several are joined."),
    ] = None,
    call: Annotated[
        int | None, typer.Option(metavar="INTEGER", help="Which call of LAYER, if there are several; 1 is the first.")
    ] = None,
    wrt: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Attribute to this input only, of several; repeatable.")
    ] = None,
    seed: Annotated[int, typer.Option(metavar="INTEGER", help="Seed of everything that is drawn.")] = _DEFAULT.seed,
    batch_size: Annotated[
        int | None, typer.Option(metavar="ROWS", help="Rows per batch; by default as the device likes it.")
    ] = None,
    memory_format: Annotated[
        str | None,
        typer.Option(metavar="as-is|channels-last", help="How pictures lie in memory; by default as the device likes it."),
    ] = None,
    budget: Annotated[int | None, typer.Option(metavar="ROWS", help="Most model rows per sample.")] = None,
    budget_seconds: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Time after which methods that refine stop.")
    ] = None,
    cell: Annotated[
        int | None,
        typer.Option(metavar="PIXELS", help="Cells of a grid over pictures are the features, with sides of so many pixels."),
    ] = None,
    superpixels: Annotated[
        int | None, typer.Option(metavar="NUMBER", help="About so many superpixels of each picture are the features.")
    ] = None,
    segments: Annotated[
        int | None, typer.Option(metavar="NUMBER", help="So many segments of time of a series are the features.")
    ] = None,
    frame: Annotated[
        bool | None,
        typer.Option(
            "--frame/--no-frame",
            help="Whether the model gets a .csv file as a pandas frame; by default where it holds text or missing values.",
        ),
    ] = None,
    *,
    parameters: Given,
) -> None:
    """Explain a model's outputs for some samples, print what was found, and write it where --out says."""
    job = Job(
        model=model,
        inputs=tuple(inputs),
        methods=tuple(method or _DEFAULT.methods),
        targets=tuple(target or _DEFAULT.targets),
        arch=arch,
        trust_model=trust_model,
        trusted_types=tuple(trusted_type or ()),
        at=tuple(at or ()),
        call=call,
        wrt=tuple(wrt or ()),
        seed=seed,
        batch_size=batch_size,
        memory_format=memory_format,
        budget=budget,
        budget_seconds=budget_seconds,
        frame=frame,
        pieces=Pieces(cell, superpixels, segments),
        parameters=parameters,
    )
    job.check()
    written_to = destinations(out or [], len(job.methods) * len(job.targets))
    samples = files.read(job.inputs, frame)
    job.check(samples)
    values = job.values(samples)
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, here)
    with waiting(f"opening {model}"):
        opened = open_model(model, arch, trust=job.trust_model, trusted_types=job.trusted_types)
    _warn_of_numbers(opened, job)
    explanations = job.run(opened, samples, values)
    title = f"{model} on {samples.names[0] if len(samples.names) == 1 else f'{len(samples.names)} samples'}"
    show(explanations, samples.names, title)
    write(written_to, explanations, samples.names, title)


def write(places: list[Destination], explanations: list[Explanation], names: tuple[str, ...] | None, title: str) -> None:
    """Write to every place, and say where."""
    for place in places:
        for path in place.write(explanations, names, title):
            say(f"wrote {path}", style="green")


def _warn_of_numbers(model: Any, job: Job) -> None:
    """A target that is a number is an index, also where a class is named by another number."""
    classes = (model.spec.classes if isinstance(model, Wrapped) else None) or ()
    for text in job.targets:
        if isinstance(index := target(text), int) and text in classes and classes.index(text) != index:
            warnings.warn(
                f"target {text} was taken for an index; the class named {text!r} is target {classes.index(text)}.",
                PellucidWarning,
                stacklevel=2,
            )
