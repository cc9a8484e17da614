"""A model by its name: ``module:attribute``, or a file that is opened without running code from it.

``files/`` knows the kinds of file; here is what is done with them.
"""

from __future__ import annotations

import hashlib
import importlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..core.errors import CapabilityError, InputError, UnsafeFileError
from ..core.warned import warn
from .files import hdf5_file
from .files.info import is_name, looked_into, must_be_there, named_types, written
from .files.kinds import Kind
from .files.recognise import KNOWN, recognise
from .files.record import FileInfo, sentences
from .lookup import framework_of
from .naming import NAMED, made
from .wrap import Wrapped

__all__ = ["KNOWN", "load_weights", "open_model"]


def open_model(name: str | os.PathLike[str], arch: Any = None, *, trust: bool = False, trusted_types: Sequence[str] = ()) -> Any:
    """Open a model's file without running code from it, or import the model that ``module:attribute`` names.

    Parameters
    ----------
    name
        ``module:attribute``: a model, a ``pl.wrap(...)`` of one, or a function or class without required arguments that makes
        one. Or the path of a file; what is in it decides what it is, not its suffix.
    arch
        For a file of weights, ``module:factory`` of the network that takes them, or the network itself; its values are replaced.
    trust
        Open a file also if that runs code of its author.
    trusted_types
        Full names of types that a ``.skops`` file may hold beside those that are known to be harmless.

    Returns
    -------
    model
        What ``pellucid.explain`` takes.

    Raises
    ------
    InputError
        If there is no such module, attribute or file, if it is damaged, or if the weights do not fit the network.
    UnsafeFileError
        If opening the file would run code from it, and ``trust`` is not set.
    MissingExtraError
        If the library that opens it is not installed.

    Examples
    --------
    >>> import pellucid as pl
    >>> pl.open_model("torch.nn:Identity")
    Identity()
    """
    name, types = written(name), named_types(trusted_types)
    if is_name(name):
        given = {
            "--arch goes with a file of weights (in Python, arch=)": arch is not None,
            "--trust-model goes with a file (in Python, trust=)": trust,
            "--trusted-type goes with a file (in Python, trusted_types=)": bool(types),
        }
        for words in (words for words, used in given.items() if used):
            raise InputError(f"{words}; {name!r} is a name, and what it names is imported as it is.")
        return made(name)
    path = Path(name)
    must_be_there(name)
    kind = recognise(path)
    about = looked_into(kind, path, types)
    if about.refused:
        _refuse_unless(trust and kind.trusted is not None, about)
        opened = _on_trust(kind, path, about)
        weights = isinstance(opened, Mapping)
    else:
        opened, weights = None, about.weights
    if weights:
        network = _built(name, arch)
        return load_weights(network, path) if opened is None else _filled(network, opened, path)
    if arch is not None:
        raise InputError(
            f"--arch goes with a file of weights (in Python, arch=); {name!r} ({about.title}) brings its own network."
        )
    return kind.open(path, types) if opened is None and kind.open is not None else opened


def load_weights(model: Any, path: Path, *, sha256: str | None = None) -> Any:
    """Fill a model with the weights in a file, without running code from it.

    Parameters
    ----------
    model
        A ``torch.nn.Module``, or a ``pl.wrap(...)`` of one; its parameters and buffers are overwritten.
    path
        A safetensors file, or a state dict written by ``torch.save``.
    sha256
        Checksum that the file must have, as hexadecimal digits.

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
    kind = recognise(path)
    if sha256 is not None:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != sha256:
            raise UnsafeFileError(f"{str(path)!r} is not the expected file: its SHA-256 is {found}, not {sha256}.")
    about = looked_into(kind, path, ())
    _refuse_unless(False, about)
    if not about.weights or kind.open is None:
        raise InputError(f"{str(path)!r} is a {about.title}, not a file of weights.")
    return _filled(model, kind.open(path, ()), path)


def _filled(model: Any, weights: Mapping[str, Any] | Path, path: Path) -> Any:
    """A network with the weights in it; a path stands for weights that Keras reads itself."""
    module = model.model if isinstance(model, Wrapped) else model
    takes, framework = "keras.Model" if isinstance(weights, Path) else "torch.nn.Module", framework_of(module)
    if framework != takes.partition(".")[0]:
        of = f"{framework} " if framework else ""
        raise CapabilityError(
            f"the weights in {str(path)!r} are loaded into a {takes}; got {of}{type(module).__name__} for it. A network of "
            "another framework is saved whole (model.save('model.keras'), an .onnx file), or named: module:attribute."
        )
    if isinstance(weights, Path):
        hdf5_file.fill(module, weights)
    else:
        importlib.import_module("pellucid.models.torch.weights").fill(module, weights, str(path))
    return model


def _built(name: str, arch: Any) -> Any:
    """The network that takes a file's weights."""
    if arch is None:
        raise InputError(
            f"{name!r} holds weights, not the network that they belong to. Name what builds it: --arch module:factory "
            "(in Python, arch='module:factory', or the network itself)."
        )
    if not isinstance(arch, str):
        return arch
    if not NAMED.fullmatch(arch):
        raise InputError(f"--arch must be module:factory, such as 'mynet:build'; got {arch!r}.")
    return made(arch)


def _refuse_unless(trusted: bool, about: FileInfo) -> None:
    if about.refused and not trusted:
        raise UnsafeFileError(f"{about.name!r} is not opened: {about.refused}. {sentences(about.ways_out)}".rstrip())


def _on_trust(kind: Kind, path: Path, about: FileInfo) -> Any:
    """What the framework's ordinary loader makes of a file whose author is trusted."""
    warn(
        f"{str(path)!r} is opened because you trust it: {about.refused}. Code of its author may run, with all that you may do.",
    )
    return kind.trusted(path, ()) if kind.trusted is not None else None
