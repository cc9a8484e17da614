"""A model named on the command line: ``module:attribute``, or a file that is opened without running code from it.

``files/`` knows the kinds of file; here is what is done with them.
"""

from __future__ import annotations

import hashlib
import importlib
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..core.errors import CapabilityError, InputError, PellucidWarning, UnsafeFileError
from .files import hdf5_file
from .files.info import is_name, looked_into
from .files.kinds import Kind
from .files.recognise import KNOWN, recognise
from .files.record import FileInfo, sentences
from .lookup import framework_of
from .naming import NAMED, made, without_attribute
from .wrap import Wrapped

__all__ = ["KNOWN", "load_weights", "open_model"]


def open_model(name: str, arch: str | None = None, *, trust: bool = False, trusted_types: Sequence[str] = ()) -> Any:
    """The model that a name stands for.

    Parameters
    ----------
    name
        ``module:attribute``: a model, a ``pl.wrap(...)`` of one, or a function or class without required arguments that makes
        one. Or the path of a file; what is in it decides what it is, not its suffix.
    arch
        For a file of weights, ``module:factory`` of the network that takes them; its values are replaced.
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
    >>> open_model("torch.nn:Identity")
    Identity()
    """
    if is_name(name):
        given = {"--arch goes with a file of weights": arch is not None, "--trust-model goes with a file": trust}
        given["--trusted-type goes with a file"] = bool(trusted_types)
        for words in (words for words, used in given.items() if used):
            raise InputError(f"{words}; {name!r} is a name, and what it names is imported as it is.")
        return made(name)
    path = Path(name)
    _must_be_there(name, path)
    kind = recognise(path)
    about = looked_into(kind, path, tuple(trusted_types))
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
        raise InputError(f"--arch goes with a file of weights; {name!r} is a {about.title} and brings its own network.")
    return kind.open(path, tuple(trusted_types)) if opened is None and kind.open is not None else opened


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
        raise CapabilityError(
            f"the weights in {str(path)!r} are loaded into a {takes}; the factory made {type(module).__name__}. A network of "
            "another framework is saved whole (model.save('model.keras'), an .onnx file), or named: module:attribute."
        )
    if isinstance(weights, Path):
        hdf5_file.fill(module, weights)
    else:
        importlib.import_module("pellucid.models.torch.weights").fill(module, weights, str(path))
    return model


def _built(name: str, arch: str | None) -> Any:
    """The network that takes a file's weights."""
    if arch is None:
        raise InputError(
            f"{name!r} holds weights, not the network that they belong to. Name what builds it: --arch module:factory."
        )
    if not NAMED.fullmatch(arch):
        raise InputError(f"--arch must be module:factory, such as 'mynet:build'; got {arch!r}.")
    return made(arch)


def _refuse_unless(trusted: bool, about: FileInfo) -> None:
    if about.refused and not trusted:
        raise UnsafeFileError(f"{about.name!r} is not opened: {about.refused}. {sentences(about.ways_out)}".rstrip())


def _on_trust(kind: Kind, path: Path, about: FileInfo) -> Any:
    """What the framework's ordinary loader makes of a file whose author is trusted."""
    warnings.warn(
        f"{str(path)!r} is opened because you trust it: {about.refused}. Code of its author may run, with all that you may do.",
        PellucidWarning,
        stacklevel=3,
    )
    return kind.trusted(path, ()) if kind.trusted is not None else None


def _must_be_there(name: str, path: Path) -> None:
    """A name that is neither a file nor module:attribute: what could have been meant."""
    file, colon, attribute = name.partition(".py:")
    if not path.exists() and (colon or name.endswith(".py")):
        dotted = ".".join(Path(file.removesuffix(".py")).parts)
        raise InputError(f"{name!r} names a source file; write {dotted}:{attribute or 'attribute'}. {KNOWN}")
    if not path.exists() and (said := without_attribute(name)):
        raise InputError(said)
