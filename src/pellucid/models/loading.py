"""A model named on the command line: ``module:attribute``, or a file that is loaded without running code from it.

A kind of file is one line of ``READERS`` (how its weights are read) or of ``REFUSED`` (why not, and the way out).
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from ..core.errors import CapabilityError, InputError, UnsafeFileError
from ..core.extras import require
from .lookup import framework_of
from .naming import NAMED, made, without_attribute
from .wrap import Wrapped

Weights = Mapping[str, Any]
"""Arrays of a framework by parameter name."""

_TORCH = "pellucid.models.torch.weights"


def _safetensors(path: Path) -> Weights:
    return _of_torch().read_safetensors(path)


def _torch_archive(path: Path) -> Weights:
    return _of_torch().read_archive(path)


READERS: dict[str, Callable[[Path], Weights]] = {
    ".safetensors": _safetensors,
    ".pt": _torch_archive,
    ".pth": _torch_archive,
    ".bin": _torch_archive,
    ".ckpt": _torch_archive,
}
"""How the weights in a kind of file are read."""

_PICKLE = "it is a pickle, and unpickling runs whatever code the file's author put into it"
_KERAS_H5 = "a Keras .h5 file may hold Lambda layers, which are code that runs when the model is loaded"
REFUSED: dict[str, str] = {
    ".pkl": _PICKLE,
    ".pickle": _PICKLE,
    ".dill": _PICKLE,
    ".cloudpickle": _PICKLE,
    ".joblib": _PICKLE,
    ".sav": _PICKLE,
    ".h5": _KERAS_H5,
    ".hdf5": _KERAS_H5,
}
"""Kinds of file that are not opened, and why."""

KNOWN = f"A model is module:attribute, or a file of weights ({', '.join(READERS)}) with --arch module:factory."
WAY_OUT = (
    "Save the weights alone (safetensors.torch.save_file(model.state_dict(), 'model.safetensors'), or "
    "torch.save(model.state_dict(), 'model.pt')) and name the function that builds the network: --arch module:factory."
)


def open_model(name: str, arch: str | None = None) -> Any:
    """The model that a name stands for.

    Parameters
    ----------
    name
        ``module:attribute``: a model, a ``pl.wrap(...)`` of one, or a function or class without required arguments that makes
        one. Or the path of a file with weights: ``.safetensors``, or a state dict written by ``torch.save``.
    arch
        For a file, ``module:factory`` of the network that takes the weights; its values are replaced.

    Returns
    -------
    model
        What ``pellucid.explain`` takes.

    Raises
    ------
    InputError
        If there is no such module, attribute or file, if it is damaged, or if the weights do not fit the network.
    UnsafeFileError
        If loading the file would run code from it.

    Examples
    --------
    >>> open_model("torch.nn:Identity")
    Identity()
    """
    path = Path(name)
    if NAMED.fullmatch(name) and ".py:" not in name and not path.is_file():
        if arch is not None:
            raise InputError(f"--arch goes with a file of weights; {name!r} is a name and brings its own weights.")
        return made(name)
    reader = _reader(path)
    if arch is None:
        raise InputError(
            f"{name!r} holds weights, not the network that they belong to. Name what builds it: --arch module:factory."
        )
    if not NAMED.fullmatch(arch):
        raise InputError(f"--arch must be module:factory, such as 'mynet:build'; got {arch!r}.")
    return load_weights(made(arch), path, reader=reader)


def load_weights(model: Any, path: Path, *, sha256: str | None = None, reader: Callable[[Path], Weights] | None = None) -> Any:
    """Fill a model with the weights in a file, without running code from it.

    Parameters
    ----------
    model
        A ``torch.nn.Module``, or a ``pl.wrap(...)`` of one; its parameters and buffers are overwritten.
    path
        A file of a kind in ``READERS``.
    sha256
        Checksum that the file must have, as hexadecimal digits.
    reader
        The function that reads it; by default the one for its suffix.

    Returns
    -------
    model
        The same object.

    Raises
    ------
    InputError
        If the file is missing or damaged, or its weights do not fit.
    UnsafeFileError
        If the file is not the one with this checksum, or loading it would run code from it.
    """
    reader = reader or _reader(path)
    if sha256 is not None:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != sha256:
            raise UnsafeFileError(f"{str(path)!r} is not the expected file: its SHA-256 is {found}, not {sha256}.")
    weights = _read(reader, path)
    module = model.model if isinstance(model, Wrapped) else model
    if framework_of(module) != "torch":
        raise CapabilityError(f"weights are loaded into a torch.nn.Module; the factory made {type(module).__name__}.")
    _of_torch().fill(module, weights, str(path))
    return model


def _reader(path: Path) -> Callable[[Path], Weights]:
    """How to read this file, or the reason why not, before any of it is opened."""
    suffix = path.suffix.lower()
    if suffix in REFUSED:
        raise UnsafeFileError(f"{str(path)!r} is not opened: {REFUSED[suffix]}. {WAY_OUT}")
    if path.is_dir():
        raise InputError(f"{str(path)!r} is a folder. {KNOWN}")
    if not path.is_file():
        raise InputError(_not_there(str(path)))
    if suffix not in READERS:
        raise InputError(f"{str(path)!r} is not a kind of file that is opened. {KNOWN}")
    return READERS[suffix]


def _read(reader: Callable[[Path], Weights], path: Path) -> Weights:
    try:
        return reader(path)
    except UnsafeFileError as error:
        raise UnsafeFileError(f"{str(path)!r} is not opened: {error}. {WAY_OUT}") from error


def _not_there(name: str) -> str:
    """A name that is neither a file nor module:attribute: what could have been meant."""
    file, colon, attribute = name.partition(".py:")
    if colon or name.endswith(".py"):
        dotted = ".".join(Path(file.removesuffix(".py")).parts)
        return f"{name!r} names a source file; write {dotted}:{attribute or 'attribute'}. {KNOWN}"
    return without_attribute(name) or f"there is no file {name!r}. {KNOWN}"


def _of_torch() -> ModuleType:
    require("torch", "torch", "a file of weights")
    return importlib.import_module(_TORCH)
