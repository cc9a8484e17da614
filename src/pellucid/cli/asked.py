"""The options that ``explain``, ``trust``, ``evaluate`` and ``compare`` share, gathered into one ``Job``."""

from __future__ import annotations

import functools
import inspect
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from .. import catalog
from ..core.errors import PellucidWarning
from ..models.loading import KNOWN, open_model
from ..models.wrap import Wrapped
from . import choosing
from . import inputs as files
from .inputs import Samples
from .job import AUTO, Job, target
from .options import Given
from .players import Pieces
from .terminal import waiting

_DEFAULT = Job("", ())
_METHOD = (
    f"A name from `pellucid methods`, or '{AUTO}' for the one that measuring chooses; by default "
    f"{_DEFAULT.methods[0]}; repeatable."
)
_TARGET = (
    "What is explained: an index, a class name, 'predicted' (the default), or indices joined by commas for outputs with more "
    "axes; repeatable."
)

TRUST_MODEL = "Open the file of MODEL also if that runs code of its author, such as a pickle."
TRUSTED_TYPE = "A type that a .skops file may hold, as `pellucid info` names it; repeatable."


@dataclass(frozen=True)
class Opened:
    """A job with its model open, its samples read and its methods chosen; ``values`` are the parameters of each method."""

    job: Job
    model: Any
    samples: Samples
    values: dict[str, dict[str, Any]]

    @property
    def title(self) -> str:
        """What is explained, in a line."""
        names = self.samples.names
        return f"{self.job.model} on {names[0] if len(names) == 1 else f'{len(names)} samples'}"


def opened(job: Job, usual: Sequence[str] = ()) -> Opened:
    """Read the samples, open the model, and choose methods where that was left open; what can be refused before that is.

    Parameters
    ----------
    job
        What was asked for.
    usual
        What a job without methods takes, as far as the model can.

    Raises
    ------
    InputError, UnsafeFileError, CapabilityError, BudgetError
        In words.
    """
    samples = files.read(job.inputs, job.frame)
    job.check(samples)
    values = job.values(samples)
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, here)
    with waiting(f"opening {job.model}"):
        model = open_model(job.model, job.arch, trust=job.trust_model, trusted_types=job.trusted_types)
    _warn_of_numbers(model, job)
    if not job.methods and usual:
        job = replace(job, methods=choosing.able(model, usual))
        values = job.values(samples)
    if AUTO in job.methods:
        with waiting("choosing a method"):
            job, more = choosing.chosen(job, model, samples)
        values |= more
    return Opened(job, model, samples, values)


def with_job(command: Callable[..., None], methods: Sequence[str] = _DEFAULT.methods) -> Callable[..., None]:
    """Give a command the arguments and options of a job; it takes them as one, ``job``, checked.

    ``methods`` are those of a job without ``--method``.
    """
    own = [p for p in inspect.signature(command, eval_str=True).parameters.values() if p.name != "job"]
    shared = [p for p in inspect.signature(_job, eval_str=True).parameters.values() if p.name != "parameters"]

    @functools.wraps(command)
    def run(parameters: Given, **given: Any) -> None:
        job = _job(**{p.name: given.pop(p.name) for p in shared}, parameters=parameters)
        job = job if job.methods else replace(job, methods=tuple(methods))
        job.check()
        command(job=job, **given)

    every = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in (*shared, *own)]
    parameters = inspect.Parameter("parameters", inspect.Parameter.KEYWORD_ONLY)
    run.__signature__ = inspect.Signature([*every, parameters])  # type: ignore[attr-defined]
    return run


def _method_names() -> list[str]:
    return [*(method.name for method in catalog.METHODS), AUTO]


def _job(
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
) -> Job:
    return Job(
        model=model,
        inputs=tuple(inputs),
        methods=tuple(method or ()),
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
