"""skops archives of scikit-learn models: opened if every type in them is known to be harmless, or named by the user."""

from __future__ import annotations

import importlib
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ...core.errors import InputError
from .archive import damaged, opened
from .keras_config import nested
from .kinds import TRUST, Kind
from .libraries import required
from .record import FileInfo, Table, some


def inspect(path: Path, types: tuple[str, ...] = ()) -> FileInfo:
    """The types in it, and those that neither skops nor the user trusts."""
    with opened(path) as archive:
        schema = archive.json("schema.json")
    if not isinstance(schema, dict) or "__class__" not in schema:
        raise InputError(f"{str(path)!r} is damaged: its schema names no class.")
    found = Counter(_named(entry) for entry in nested(schema) if "__class__" in entry and entry.get("__loader__") != "JsonNode")
    known = find_spec("skops") is not None
    strange = [name for name in (untrusted(path) if known else []) if name not in types]
    options = " ".join(f"--trusted-type {name}" for name in strange)
    order = sorted(found, key=lambda name: (name not in strange, name))
    rows = tuple((name, found[name], "" if name in strange else "yes") for name in order if not name.startswith("builtins."))
    return FileInfo(
        name=str(path),
        kind=KIND.name,
        title=KIND.title,
        size=path.stat().st_size,
        facts={
            "model": _named(schema),
            "skops version": str(schema.get("_skops_version")),
            "protocol": str(schema.get("protocol")),
        },
        tables=(Table("types", ("type", "count", "harmless"), rows),),
        refused=f"it holds types that are not known to be harmless: {some(strange, 12)}" if strange else "",
        ways_out=(f"where you know all of them, name them: {options} (in Python, trusted_types=[...])", TRUST) if strange else (),
        sample="rows.csv",
        notes=() if known else ("whether its types are harmless is known where skops is installed",),
    )


def untrusted(path: Path) -> list[str]:
    """What skops does not know to be harmless."""
    io = _skops()
    with damaged(path, "skops archive"):
        return io.get_untrusted_types(file=path)


def open_safely(path: Path, types: tuple[str, ...] = ()) -> Any:
    """The model; its types were looked at before, and skops looks again."""
    io = _skops()
    with damaged(path, "skops archive"):
        return io.load(path, trusted=list(types))


def trusted(path: Path, _: tuple[str, ...] = ()) -> Any:
    """The model, whatever types it has."""
    return open_safely(path, tuple(untrusted(path)))


def _skops() -> Any:
    required("skops", "a .skops file")
    return importlib.import_module("skops.io")


def _named(entry: dict[str, Any]) -> str:
    return f"{entry.get('__module__')}.{entry.get('__class__')}"


KIND = Kind("skops", "skops archive", (".skops",), inspect, open=open_safely, trusted=trusted, library="skops", gradients=False)
