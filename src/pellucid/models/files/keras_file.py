"""Keras archives: read without Keras first, opened in safe mode, and only if everything in them is Keras' own."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ...core.errors import InputError
from . import hdf5, keras_config, libraries
from .archive import Archive, damaged, opened
from .hdf5 import Survey
from .kinds import TRUST, Kind
from .record import Cell, FileInfo, Table, sample_for, some

WEIGHTS = "model.weights.h5"
_MOST_UNPACKED = 4 * 2**30
_UNREAD = "its weights were not looked at: h5py, which comes with Keras, reads them"
_WAYS_OUT = (
    "rebuild the network with Keras' own layers and save that one; or, in Python, import your layers and pass the model itself",
    TRUST,
)


def inspect(path: Path, _: tuple[str, ...] = ()) -> FileInfo:
    """Layers, inputs, outputs and weights, and what in it is not Keras' own."""
    with opened(path) as archive:
        config, said = archive.json("config.json"), _metadata(archive)
        has_weights = WEIGHTS in archive.members
        found = _weights(archive, read=False) if has_weights and find_spec("h5py") is not None else None
        others = sorted(set(archive.members) - {"config.json", "metadata.json", WEIGHTS})
    if not isinstance(config, dict):
        raise InputError(f"{str(path)!r} is damaged: its configuration is no JSON object.")
    dangers = _dangers(config)
    if found is not None:
        dangers += [*found.dangers, *keras_config.claims(config, found.numbers)]
    facts: dict[str, Cell] = {name.replace("_", " "): str(said[name]) for name in ("keras_version", "date_saved") if name in said}
    facts |= {
        "model": str(config.get("class_name")),
        "inputs": some(keras_config.inputs(config)) or None,
        "outputs": some(keras_config.outputs(config)) or None,
        "other members": some(others) or None,
    }
    rows = tuple(keras_config.layers(config))
    return FileInfo(
        name=str(path),
        kind=KIND.name,
        title=KIND.title,
        size=path.stat().st_size,
        facts={name: fact for name, fact in facts.items() if fact is not None},
        tables=(
            *((Table("layers", ("layer", "class", "input"), rows),) if rows else ()),
            *((Table("not Keras' own", ("what",), tuple((each,) for each in dangers)),) if dangers else ()),
        ),
        parameters=found.numbers if found else None,
        refused=f"in it is {some(dangers, 2)}; loading that runs code, reads files or takes memory as its author chose"
        if dangers
        else "",
        ways_out=_WAYS_OUT if dangers else (),
        sample=sample_for(keras_config.input_shape(config)),
        notes=(_UNREAD,) if has_weights and found is None else (),
    )


def open_safely(path: Path, _: tuple[str, ...] = ()) -> Any:
    """The model, after its weights were read once by a process of their own."""
    with opened(path) as archive:
        if WEIGHTS in archive.members:
            hdf5.refuse(path, _weights(archive, read=True).dangers)
    return _load(path, safe_mode=True)


def trusted(path: Path, _: tuple[str, ...] = ()) -> Any:
    """The model with its Lambda layers; what else is not Keras' own must be known by then."""
    with opened(path) as archive:
        custom = [said for said in _dangers(archive.json("config.json")) if said.startswith("the custom")]
    try:
        return _load(path, safe_mode=False)
    except InputError as error:
        if not custom:
            raise
        raise InputError(
            f"{str(path)!r} holds {some(custom)}, which Keras looks up among what the program registered. Name a function that "
            f"imports them and loads the model, module:function, instead of the file. ({error})"
        ) from error


def _load(path: Path, safe_mode: bool) -> Any:
    if path.suffix != ".keras":
        raise InputError(f"{str(path)!r} is a Keras archive, which Keras opens under the name .keras alone: rename it.")
    keras = libraries.keras("a .keras file")
    with damaged(path, "Keras archive that this version of Keras opens"):
        return keras.saving.load_model(str(path), compile=False, safe_mode=safe_mode)


def _dangers(config: Mapping[str, Any]) -> list[str]:
    """Without what is for training: it is not looked at when a model is loaded to be explained."""
    return keras_config.dangers({name: held for name, held in config.items() if name != "compile_config"})


def _metadata(archive: Archive) -> Mapping[str, Any]:
    said = archive.json("metadata.json") if "metadata.json" in archive.members else {}
    return said if isinstance(said, dict) else {}


def _weights(archive: Archive, read: bool) -> Survey:
    """What is in the weights, from where they lie; compressed ones are unpacked first."""
    if archive.members[WEIGHTS].compress_type == zipfile.ZIP_STORED:
        return hdf5.survey(archive.path, *archive.place(WEIGHTS), read=read)
    with tempfile.TemporaryDirectory() as folder:
        unpacked = Path(folder, "weights")
        unpacked.write_bytes(archive.read(WEIGHTS, _MOST_UNPACKED))
        return hdf5.survey(unpacked, 0, unpacked.stat().st_size, read=read)


KIND = Kind("keras", "Keras archive", (".keras",), inspect, open=open_safely, trusted=trusted, library="keras")
