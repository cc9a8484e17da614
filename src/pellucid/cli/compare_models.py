"""``pellucid compare-models``: whether the model that runs says what the trained one says, for the same reasons."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from .. import catalog
from ..core.errors import InputError
from ..core.types import Budget
from ..engine import schema
from ..models.files.info import info
from ..models.loading import KNOWN, open_model
from . import inputs as files
from . import masking, options, players
from .asked import TRUST_MODEL, TRUSTED_TYPE
from .comparisons import place, show, write
from .inputs import Samples, read_array, read_rows, read_texts
from .job import target as typed_target
from .masking import MASKER
from .options import Given
from .players import Pieces
from .terminal import say, waiting

_METHOD = "A name from `pellucid methods`; by default integrated-gradients where both models have gradients, else shapley."
_TARGET = "What is explained of both: an index, a class name, 'predicted' (what TRAINED predicts, the default), or indices."
_OUT = "Where to write: figure.png, report.html, table.csv, or a folder for both explanations; repeatable."
_LABELS = "The true class of each sample: numbers in a .npy or .csv file, or one class name on each line of a .txt file."


def compare_models(
    trained: Annotated[str, typer.Argument(metavar="TRAINED", help=KNOWN, show_default=False)],
    deployed: Annotated[str, typer.Argument(metavar="DEPLOYED", help="The other model, named likewise.", show_default=False)],
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT", help="Pictures, or .npy, .npz, .csv, .txt files; together one batch.", show_default=False
        ),
    ],
    method: Annotated[str | None, typer.Option("--method", "-m", metavar="NAME", help=_METHOD)] = None,
    target: Annotated[str, typer.Option("--target", "-t", metavar="TARGET", help=_TARGET)] = "predicted",
    out: Annotated[list[str] | None, typer.Option("--out", "-o", metavar="PATH", help=_OUT)] = None,
    labels: Annotated[Path | None, typer.Option(metavar="FILE", help=_LABELS)] = None,
    arch: Annotated[
        str | None, typer.Option(metavar="MODULE:FACTORY", help="The network, where TRAINED is a file of weights.")
    ] = None,
    arch_deployed: Annotated[
        str | None,
        typer.Option(
            metavar="MODULE:FACTORY", help="The network, where DEPLOYED is a file of weights; by default that of --arch."
        ),
    ] = None,
    trust_model: Annotated[bool, typer.Option("--trust-model", help=TRUST_MODEL.replace("MODEL", "either model"))] = False,
    trusted_type: Annotated[list[str] | None, typer.Option(metavar="MODULE.CLASS", help=TRUSTED_TYPE)] = None,
    at: Annotated[list[str] | None, typer.Option(metavar="LAYER", help="The layer of TRAINED that a method reads.")] = None,
    at_deployed: Annotated[
        list[str] | None, typer.Option(metavar="LAYER", help="The same layer of DEPLOYED, where it is called otherwise.")
    ] = None,
    wrt: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Attribute to this input only, of several; repeatable.")
    ] = None,
    top: Annotated[
        int | None, typer.Option(metavar="NUMBER", help="Strongest places that are compared; by default a tenth.")
    ] = None,
    repeat: Annotated[
        bool, typer.Option("--repeat/--no-repeat", help="Explain TRAINED under another seed, too, where the method draws.")
    ] = True,
    seed: Annotated[int, typer.Option(metavar="INTEGER", help="Seed of everything that is drawn.")] = 0,
    batch_size: Annotated[
        int | None, typer.Option(metavar="ROWS", help="Rows per batch; by default as the device likes it.")
    ] = None,
    budget: Annotated[int | None, typer.Option(metavar="ROWS", help="Most model rows per sample of each explanation.")] = None,
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
            help="Whether the models get a .csv file as a pandas frame; by default where it holds text or missing values.",
        ),
    ] = None,
    *,
    parameters: Given,
) -> None:
    """Compare two models on the same samples: their predictions, and how far their explanations agree."""
    from ..verdict import compare_models as compare

    pieces = Pieces(cell, superpixels, segments)
    _check(method, parameters, pieces)
    places = [place(text) for text in out or ()]
    samples = files.read(inputs, frame)
    declared = None if method is None else catalog.method_named(method)
    if declared is not None:
        pieces.check([declared], samples)
    given = {} if declared is None else _values(declared, parameters, samples)
    right = None if labels is None else _labels(labels)
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, here)
    models: list[Any] = []
    for name, network in ((trained, arch), (deployed, arch_deployed or _network(deployed, arch))):
        with waiting(f"opening {name}"):
            models.append(open_model(name, network, trust=trust_model, trusted_types=trusted_type or ()))
    found = compare(
        models[0],
        models[1],
        samples.x,
        method=method,
        target=typed_target(target),
        features=_features(models[0], declared, samples, pieces, wrt, given),
        labels=right,
        sample_names=samples.names,
        at=at or None,
        at_deployed=at_deployed or None,
        wrt=wrt or None,
        top=top,
        repeat=repeat,
        budget=None if budget is None and budget_seconds is None else Budget(budget, budget_seconds),
        seed=seed,
        batch_size=batch_size,
        **given,
    )
    show(found, f"{trained} and {deployed}")
    for where in places:
        for path in write(found, where, f"{trained} and {deployed}"):
            say(f"wrote {path}", style="green")


def _network(deployed: str, arch: str | None) -> str | None:
    """The trained model's network, for a deployed one that is a file of weights, too."""
    return arch if arch is not None and Path(deployed).is_file() and info(deployed).weights else None


def _check(method: str | None, parameters: Given, pieces: Pieces) -> None:
    """Refuse what can be refused before anything is read."""
    if method is not None:
        declared = catalog.method_named(method)
        options.check([declared], parameters)
        pieces.check([declared])
    elif parameters:
        raise InputError(f"{options.flag(next(iter(parameters)))} is a parameter of a method: name it, --method.")
    else:
        pieces.check([catalog.method_named("shapley")])


def _values(declared: Any, parameters: Given, samples: Samples) -> dict[str, Any]:
    """The parameters that were typed, as values."""

    def read(file: Path) -> Any:
        return read_rows(file, samples)

    masker = masking.made(parameters, read)
    return options.values(declared, parameters, read) | ({} if masker is None else {MASKER: masker})


def _features(
    model: Any, declared: Any, samples: Samples, pieces: Pieces, wrt: Sequence[str] | None, given: dict[str, Any]
) -> Any:
    """Pieces that were asked for, or the columns of a table by their names."""
    if declared is not None and not schema.takes_features(declared):
        return None
    if pieces.given:
        return pieces.of(model, samples, wrt)
    if declared is not None and declared.engine != "game" and not samples.framed:
        return None
    held = [each for value in given.values() for each in (value, getattr(value, "rows", None))]
    return players.of_table(samples, held)


def _labels(file: Path) -> Any:
    if file.suffix.lower() != ".txt":
        numbers = np.asarray(read_array(file)).reshape(-1)
        if numbers.dtype.kind == "f" and not (numbers == np.rint(numbers)).all():
            raise InputError(
                f"--labels {str(file)!r} holds {numbers[numbers != np.rint(numbers)][0]:g}, which is no number of a class."
            )
        return numbers.astype(int)
    files.there(file)
    names = read_texts(file)
    return np.array([int(name) for name in names] if all(name.isdigit() for name in names) else names)
