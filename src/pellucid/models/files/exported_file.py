"""Programs of ``torch.export``: opened when every word in them was checked, from a copy that holds nothing else."""

from __future__ import annotations

import importlib
import io
import json
import re
import zipfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...core.errors import InputError
from . import exported_program
from .archive import MOST_JSON, Archive, damaged, opened, parsed
from .kinds import TRUST, Kind
from .libraries import required
from .record import FileInfo, Table, sample_for, shape_words, some
from .tensors import COLUMNS

VERSION = "0"
_MOST_NUMBERS = 64 * 2**30
_DTYPES = {
    1: ("uint8", 1), 2: ("int8", 1), 3: ("int16", 2), 4: ("int32", 4), 5: ("int64", 8), 6: ("float16", 2), 7: ("float32", 4),
    8: ("float64", 8), 9: ("complex32", 4), 10: ("complex64", 8), 11: ("complex128", 16), 12: ("bool", 1), 13: ("bfloat16", 2),
    28: ("uint16", 2), 29: ("float8_e4m3fn", 1), 30: ("float8_e5m2", 1), 31: ("float8_e4m3fnuz", 1), 32: ("float8_e5m2fnuz", 1),
    33: ("float8_e8m0fnu", 1), 34: ("uint32", 4), 35: ("uint64", 8),
}  # fmt: skip
"""Name and bytes of each dtype by its number in the format."""

_PAYLOAD = re.compile(r"(weight|tensor)_\d+")
_STRIDED = 7
_WAYS_OUT = (
    "where the program is yours, export it again with torch.export.save(torch.export.export(model, (x,)), 'model.pt2')",
    TRUST,
)


@dataclass(frozen=True)
class Program:
    """What a program needs to be run, checked."""

    name: str
    json: dict[str, Any]
    configs: dict[str, dict[str, Any]]
    dangers: tuple[str, ...]
    prefix: str


def inspect(path: Path, _: tuple[str, ...] = ()) -> FileInfo:
    """Inputs, outputs, operators and weights, and what in it is refused."""
    with opened(path) as archive:
        program = _read(archive)
    places = tuple(
        (name, role, shape_words(shape), _DTYPES.get(dtype, ("?", 0))[0])
        for name, role, shape, dtype in exported_program.places(program.json)
    )
    counts = Counter(exported_program.operators(program.json))
    rows, total = [], 0
    for name, entry in (pair for entries in program.configs.values() for pair in entries.items()):
        shape = [size["as_int"] for size in entry["tensor_meta"]["sizes"]]
        rows.append((name, shape_words(shape), _DTYPES[entry["tensor_meta"]["dtype"]][0]))
        total += _product(shape)
    version = program.json.get("schema_version", {})
    shapes = [shape for _, role, shape, _ in exported_program.places(program.json) if role == "input"]
    fixed = next((shape[0] for shape in shapes if shape and shape[0] is not None), None)
    return FileInfo(
        name=str(path),
        kind=KIND.name,
        title=KIND.title,
        size=path.stat().st_size,
        facts={
            "schema version": f"{version.get('major')}.{version.get('minor')}" if isinstance(version, dict) else "?",
            "batch size": "any" if fixed is None else fixed,
        },
        tables=(
            Table("inputs and outputs", ("name", "what", "shape", "dtype"), places),
            Table("operators", ("operator", "count"), tuple(sorted(counts.items(), key=lambda each: (-each[1], each[0])))),
            *((Table("tensors", COLUMNS, tuple(rows)),) if rows else ()),
        ),
        parameters=total,
        refused=f"in it is {some(list(program.dangers), 3)}, which torch would run or import when it loads it"
        if program.dangers
        else "",
        ways_out=_WAYS_OUT if program.dangers else (),
        sample=sample_for(shapes[0] if shapes else None),
        notes=(f"it takes batches of {fixed} and no others; rows are run in such batches",) if fixed is not None else (),
    )


def open_safely(path: Path, _: tuple[str, ...] = ()) -> Any:
    """The program as a module, made from a copy with the checked parts alone."""
    required("torch", "a .pt2 file")
    with opened(path) as archive:
        program = _read(archive)
        if program.dangers:
            raise InputError(f"{str(path)!r} has changed since it was looked at.")
        copy = _copied(archive, program)
    with damaged(path, "exported program that this version of torch opens"):
        return importlib.import_module("pellucid.models.torch.exported").module_of(copy)


def trusted(path: Path, _: tuple[str, ...] = ()) -> Any:
    """The program as torch loads it."""
    torch = required("torch", "a .pt2 file")
    with damaged(path, "exported program"):
        return torch.export.load(str(path)).module()


def _read(archive: Archive) -> Program:
    """The one program in an archive, and everything in the archive that is not let through."""
    prefix = next((name.partition("/")[0] for name in archive.members if name.count("/") == 1), "")
    members = {name.removeprefix(f"{prefix}/"): name for name in archive.members}
    models = [name for name in members if name.startswith("models/") and name.endswith(".json")]
    dangers = [f"the compiled code {name!r}" for name in members if name.startswith("data/aotinductor/")][:1]
    if "serialized_exported_program.json" in archive.members or len(models) != 1:
        return Program("", {}, {}, ("a program of another format, which older versions of torch wrote as pickles",), prefix)
    name = models[0].removeprefix("models/").removesuffix(".json")
    if not exported_program.is_name(name) or "/" in name:
        dangers.append(f"the name {name!r}")
    if "archive_version" in members and archive.read(members["archive_version"], 16).decode("ascii", "replace") != VERSION:
        dangers.append("an archive of another version")
    text = archive.read(members[models[0]], MOST_JSON)
    program, found = exported_program.cleaned(parsed(text, f"{str(archive.path)!r}: {models[0]!r} in it"))
    dangers += found
    configs: dict[str, dict[str, Any]] = {}
    for folder in ("weights", "constants"):
        where = members.get(f"data/{folder}/{name}_{folder}_config.json")
        if where is None:
            dangers.append(f"no list of its {folder}: older versions of torch wrote pickles instead")
            continue
        config = archive.json(where)
        entries = config.get("config") if isinstance(config, dict) else None
        if not isinstance(entries, dict):
            raise InputError(f"{str(archive.path)!r} is damaged: its list of {folder} cannot be read.")
        sizes = {each.removeprefix(f"data/{folder}/"): archive.members[full].file_size for each, full in members.items()}
        configs[folder] = {}
        for key, entry in entries.items():
            checked = _entry(key, entry, sizes)
            if isinstance(checked, str):
                dangers.append(checked)
            else:
                configs[folder][key] = checked
    return Program(name, program, configs, tuple(dict.fromkeys(dangers)), prefix)


def _entry(name: str, entry: Any, sizes: dict[str, int]) -> dict[str, Any] | str:
    """A weight or constant as plain numbers that are there, written anew; or what is wrong with it."""
    meta = entry.get("tensor_meta") if isinstance(entry, dict) else None
    if not exported_program.is_name(name):
        return f"the name {name[:80]!r}"
    if not isinstance(entry, dict) or entry.get("use_pickle") is not False or not isinstance(meta, dict):
        return f"the pickled object {name[:80]!r}"
    path, dtype = entry.get("path_name"), meta.get("dtype")
    shape, strides, start = _integers(meta.get("sizes")), _integers(meta.get("strides")), _integers([meta.get("storage_offset")])
    if not isinstance(path, str) or _PAYLOAD.fullmatch(path) is None:
        return f"the object {name[:80]!r}, which is no tensor"
    if shape is None or strides is None or start is None or dtype not in _DTYPES:
        return f"the tensor {name[:80]!r}, which has no plain shape"
    if _product(shape) * _DTYPES[dtype][1] > sizes.get(path, -1):
        return f"the tensor {name[:80]!r}, which claims more numbers than there are"
    plain = {"sizes": shape, "strides": strides, "storage_offset": start}
    written: dict[str, Any] = {key: [{"as_int": size} for size in held] for key, held in plain.items()}
    return {
        "path_name": path,
        "is_param": entry.get("is_param") is True,
        "use_pickle": False,
        "tensor_meta": {
            **written,
            "storage_offset": written["storage_offset"][0],
            "dtype": dtype,
            "requires_grad": meta.get("requires_grad") is True,
            "device": exported_program.CPU,
            "layout": _STRIDED,
        },
    }


def _integers(held: Any) -> list[int] | None:
    numbers = [each.get("as_int") if isinstance(each, dict) else None for each in held] if isinstance(held, list) else [None]
    return numbers if all(type(number) is int and number >= 0 for number in numbers) else None


def _product(shape: list[int]) -> int:
    count = 1
    for size in shape:
        count *= size
    return count


def _copied(archive: Archive, program: Program) -> io.BytesIO:
    """An archive with the checked parts, written anew: what torch reads is what was looked at, and nothing else."""
    copy = io.BytesIO()
    root = "program"
    texts = {
        "archive_format": "pt2",
        "archive_version": VERSION,
        "version": "3",
        "byteorder": "little",
        "data/sample_inputs/model.pt": "",
        "models/model.json": json.dumps(program.json),
        **{
            f"data/{folder}/model_{folder}_config.json": json.dumps({"config": entries})
            for folder, entries in program.configs.items()
        },
    }
    with zipfile.ZipFile(copy, "w", zipfile.ZIP_STORED) as out:
        for name, text in texts.items():
            out.writestr(f"{root}/{name}", text)
        for folder, entries in program.configs.items():
            for path in dict.fromkeys(entry["path_name"] for entry in entries.values()):
                where = f"data/{folder}/{path}"
                full = f"{program.prefix}/{where}" if f"{program.prefix}/{where}" in archive.members else where
                out.writestr(f"{root}/{where}", archive.read(full, _MOST_NUMBERS))
    copy.seek(0)
    return copy


KIND = Kind("exported", "torch exported program", (".pt2",), inspect, open=open_safely, trusted=trusted, library="torch")
