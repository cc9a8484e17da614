"""Keras models of the older kind, in one HDF5 file: opened on the user's word only."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ...core.errors import InputError
from . import hdf5, keras_config, libraries
from .archive import damaged, line
from .kinds import TRUST, Kind
from .record import FileInfo, Table, some

REASON = "a Keras .h5 file may hold Lambda layers, which are code that runs when the model is loaded"


def inspect(path: Path, _: tuple[str, ...] = ()) -> FileInfo:
    """Whether a model is in it, or weights alone; its layers."""
    found = hdf5.survey(path, 0, path.stat().st_size)
    config = _config(found.attributes.get("model_config"))
    dangers = [*found.dangers, *(keras_config.dangers(config) if config else [])]
    held = "a model" if config else "weights alone"
    refused = REASON + (f" (this one: {some(dangers, 2)})" if dangers else "") if config else ""
    if found.dangers:
        refused = f"{found.dangers[0]}"
    rows = tuple(keras_config.layers(config)) if config else ()
    return FileInfo(
        name=str(path),
        kind=KIND.name,
        title=KIND.title if config else "HDF5 file of weights",
        size=path.stat().st_size,
        facts={
            "holds": held,
            **{name.replace("_", " "): said for name, said in found.attributes.items() if name in ("keras_version", "backend")},
        },
        tables=(Table("layers", ("layer", "class", "input"), rows),) if rows else found.table(),
        parameters=found.numbers,
        refused=refused,
        ways_out=("load it where you trust its author, and save it with model.save('model.keras')", TRUST) if refused else (),
        weights=config is None,
    )


def read(path: Path, _: tuple[str, ...] = ()) -> Path:
    """The file itself, which Keras reads into a network: found harmless, and every number in it read once."""
    found = hdf5.survey(path, 0, path.stat().st_size, read=True)
    hdf5.refuse(path, found.dangers)
    return path


def fill(model: Any, path: Path) -> None:
    """Put the weights into a Keras model."""
    with damaged(path, "file of weights for this network"):
        model.load_weights(str(path))


def trusted(path: Path, _: tuple[str, ...] = ()) -> Any:
    """Load it with Keras, Lambda layers and all."""
    if _config(hdf5.survey(path, 0, path.stat().st_size, read=True).attributes.get("model_config")) is None:
        raise InputError(f"{str(path)!r} holds weights without the network that they belong to; save the whole model.")
    keras = libraries.keras("a Keras .h5 file")
    with damaged(path, "Keras .h5 file"):
        return keras.saving.load_model(str(path), compile=False, safe_mode=False)


def _config(text: str | None) -> dict[str, Any] | None:
    try:
        config = json.loads(text) if text else None
    except (ValueError, RecursionError) as error:
        raise InputError(f"the model's configuration is damaged: it is no JSON ({line(error)}).") from error
    return config if isinstance(config, dict) else None


KIND = Kind("hdf5", "Keras HDF5 file", (".h5", ".hdf5", ".keras"), inspect, open=read, trusted=trusted, library="keras")
