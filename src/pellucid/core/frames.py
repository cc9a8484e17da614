"""Pandas frames as matrices of float64 and back, with every dtype as it was. Pandas is imported when a frame is there."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import InputError, nearest
from .extras import require
from .players import Column, Feature, Kind, Level, distinct, grouped, known, listed, places
from .tables import one_hot_groups

if TYPE_CHECKING:
    import pandas as pd

_DTYPE = re.compile(
    r"object(\[(None|nan|NA)\])?|bool|boolean|category|str(ing)?\[\w+\]|[<>=|]?[iuf]\d|u?int(8|16|32|64)|float(16|32|64)"
    r"|U?Int(8|16|32|64)|Float(32|64)|datetime64\[\w+(, [\w/+:\-]+)?\]|timedelta64\[\w+\]"
)
_EXACT = 2.0**53
"""The whole numbers up to here are float64 numbers."""


def described(
    frame: pd.DataFrame,
    kinds: Mapping[Any, Kind],
    levels: Mapping[Any, Sequence[Level]],
    missing: Any,
    groups: Mapping[str, Sequence[Any]],
    one_hot: bool | Mapping[str, Sequence[Any]],
) -> tuple[tuple[Feature, ...], np.ndarray, tuple[Column, ...]]:
    """Players, labels and columns of a frame; see ``Features.from_frame``."""
    names = list(getattr(frame, "columns", ()))
    columns = _columns(frame, kinds, levels, names if missing is True else listed(missing, "missing="))
    members = {name: places(name, group, names) for name, group in groups.items()}
    if isinstance(one_hot, Mapping):
        flags = {name: places(name, group, names) for name, group in one_hot.items()}
    elif one_hot:
        said = {at for at, name in enumerate(names) if name in kinds or name in levels}
        free = set(range(len(columns))) - said - {at for group in members.values() for at in group}
        flags = one_hot_groups([str(name) for name in names], _zeros_and_ones(frame, columns, free))
    else:
        flags = {}
    columns, empty = _flag_columns(frame, columns, flags)
    players, owners = grouped(columns, flags, members, empty)
    return players, owners, columns


def _columns(
    frame: pd.DataFrame, kinds: Mapping[Any, Kind], levels: Mapping[Any, Sequence[Level]], missing: Sequence[Any]
) -> tuple[Column, ...]:
    """The columns of a frame: kinds by dtype unless stated, levels as they occur."""
    if not hasattr(frame, "dtypes") or not hasattr(frame, "columns"):
        raise InputError(f"from_frame takes a pandas DataFrame; got {type(frame).__name__}. Features.from_arrays takes names.")
    labels = list(frame.columns)
    if not labels or not len(frame):
        raise InputError(f"the frame has {len(frame)} rows and {len(labels)} columns; at least one of each is needed.")
    for label in labels:
        if isinstance(label, bool) or not isinstance(label, (str, int, np.integer)):
            raise InputError(f"a column is called {label!r}; names must be str or int, so flatten a MultiIndex first.")
    distinct(labels, "columns")
    for named, argument in ((kinds, "kinds="), (levels, "levels="), (missing, "missing=")):
        known(list(named), labels, argument)
    return tuple(_read(frame[name], name, kinds.get(name), levels.get(name), name in missing) for name in labels)


def encode(frame: pd.DataFrame, columns: Sequence[Column]) -> np.ndarray:
    """A frame as float64 ``(samples, columns)``: numbers as they are, times as ticks, categories as codes."""
    labels = list(frame.columns)
    names = [column.name for column in columns]
    if absent := [name for name in names if name not in labels]:
        raise InputError(f"the frame has no column {absent[0]!r}.{nearest(str(absent[0]), map(str, labels))}")
    if extra := [label for label in labels if label not in names]:
        raise InputError(f"the frame has a column {extra[0]!r} that is not among these features; drop it, or describe it too.")
    matrix = np.empty((len(frame), len(columns)), order="F")
    for at, column in enumerate(columns):
        matrix[:, at] = _numbers(frame[column.name], column) if column.number else _codes(frame[column.name], column)
    return np.ascontiguousarray(matrix)


def decode(matrix: np.ndarray, columns: Sequence[Column]) -> pd.DataFrame:
    """The frame that ``encode`` would have made this matrix of; whole-number columns take the nearest whole numbers."""
    pandas = require("pandas", "frames", "a frame")
    if all(column.number and column.dtype == "float64" for column in columns):  # in one piece, which models read faster
        _check_holes(matrix, columns)
        return pandas.DataFrame(matrix, columns=[column.name for column in columns])
    series = {}
    for at, column in enumerate(columns):
        series[column.name] = (
            _as_numbers(pandas, matrix[:, at], column) if column.number else _as_levels(pandas, matrix[:, at], column)
        )
    return pandas.DataFrame(series, index=pandas.RangeIndex(len(matrix)), copy=False)


def check_dtype(dtype: Any, name: Any) -> None:
    """Refuse a dtype that no column could have had."""
    if not isinstance(dtype, str) or (dtype and not _DTYPE.fullmatch(dtype)):
        raise InputError(f"column {name!r} has the dtype {dtype!r}, which cannot be kept.")


def _read(series: Any, name: Any, kind: Kind | None, stated: Sequence[Level] | None, missing: bool) -> Column:
    name = name if isinstance(name, str) else int(name)
    family, holes = _family(series, name), bool(series.isna().any())
    dtype, categories, ordered = _dtype_text(series, holes), "", False
    if family in ("number", "time", "bool"):
        if holes and not missing and family != "bool":
            row = int(np.flatnonzero(series.isna().to_numpy())[0])
            raise InputError(
                f"column {name!r} ({series.dtype}) has a missing value in row {row}; fill it, or declare it: missing=[{name!r}]."
            )
        kind = kind or ("binary" if family == "bool" else "nominal" if stated is not None else _number_kind(series, family))
        if kind in ("continuous", "ordinal") and stated is None:
            return Column(name, kind, (), missing or holes, dtype)
        if family == "time":
            raise InputError(f"column {name!r} holds times; it can be 'continuous' or 'ordinal', not {kind!r}.")
        levels = [False, True] if family == "bool" else sorted(series.dropna().unique().tolist())
    elif family == "category":
        if stated is not None:
            raise InputError(
                f"column {name!r} is a categorical: its categories are its levels. Change them by .cat.set_categories."
            )
        kind = kind or ("ordinal" if series.cat.ordered else "nominal")
        levels, ordered = series.cat.categories.tolist(), bool(series.cat.ordered)
        categories = _dtype_text(series.cat.categories, False)
    else:
        kind = kind or "nominal"
        try:
            levels = series.dropna().unique().tolist()
        except TypeError as error:
            raise InputError(f"column {name!r} holds what cannot be a level ({error}); make it strings or numbers.") from error
        if len(types := sorted({type(level).__name__ for level in levels})) > 1:
            raise InputError(f"column {name!r} mixes values of types {', '.join(types)}; make them all str, or a categorical.")
        levels = sorted(levels) if not levels or isinstance(levels[0], (str, int, float)) else levels
        if kind == "ordinal" and stated is None:
            raise InputError(
                f"the order of {name!r} is not known; give it: levels={{{name!r}: {levels[:3]!r}...}}, lowest first."
            )
    if kind == "one-hot":
        raise InputError(f"{name!r} alone is no one-hot group; name its columns: one_hot={{'group': [...]}}.")
    if kind == "continuous":
        raise InputError(f"column {name!r} of dtype {series.dtype} is a category; it cannot be 'continuous'.")
    column = Column(name, kind, tuple(levels if stated is None else stated), missing or holes, dtype, categories, ordered)
    if kind == "binary" and len(column.levels) != 2 and family != "bool":
        raise InputError(f"{name!r} is to be binary, but has {len(column.levels)} levels.")
    if stated is not None:
        _codes(series, column)
    return column


def _family(series: Any, name: Any) -> str:
    """What a dtype holds: number, bool, time, category or text (any single values, as levels)."""
    pandas, dtype = require("pandas", "frames", "a frame"), series.dtype
    if isinstance(dtype, pandas.CategoricalDtype):
        return "category"
    if isinstance(dtype, pandas.StringDtype) or str(dtype) == "object":
        return "text"
    text = _dtype_text(series, False)
    if not _DTYPE.fullmatch(text):
        raise InputError(
            f"column {name!r} has the dtype {dtype}, which cannot be kept; convert it to numbers, strings, a categorical of "
            "strings or numbers, or times (.astype(...))."
        )
    if text.lower().startswith("bool"):
        return "bool"
    return "time" if text.startswith(("datetime64", "timedelta64")) else "number"


def _dtype_text(series: Any, holes: bool) -> str:
    """A dtype as pandas writes it, with what pandas leaves out: where strings are kept, and what stands for no object."""
    dtype = series.dtype
    if type(dtype).__name__ == "StringDtype":
        return f"{'str' if dtype.na_value is np.nan else 'string'}[{dtype.storage}]"
    if str(dtype) == "object" and holes:
        absent = series[series.isna()].iloc[0]
        return f"object[{'None' if absent is None else 'nan' if isinstance(absent, float) else 'NA'}]"
    return str(dtype)


def _number_kind(series: Any, family: str) -> Kind:
    """Numbers that are only ever 0 and 1 are a binary feature; others are continuous, and so are all of few rows."""
    if family == "time" or len(series) < 20:
        return "continuous"
    head = series.iloc[:1000].dropna()
    if not head.isin((0, 1)).all():
        return "continuous"
    present = series.dropna()
    return "binary" if present.isin((0, 1)).all() and present.nunique() == 2 else "continuous"


def _numbers(series: Any, column: Column) -> np.ndarray:
    family = _family(series, column.name)
    if family in ("text", "category"):
        raise InputError(f"column {column.name!r} should hold numbers ({column.dtype}), but is {series.dtype}.")
    if family == "time" or column.dtype.startswith(("datetime64", "timedelta64")):
        numbers = _ticks(series, column)
    else:
        holes = series.isna().to_numpy()
        numbers = series.to_numpy(np.float64, na_value=np.nan) if holes.any() else series.to_numpy(np.float64)
        if re.search(r"[iu](nt64|8)$", str(series.dtype), re.IGNORECASE) and np.abs(numbers[~holes]).max(initial=0.0) > _EXACT:
            raise InputError(
                f"column {column.name!r} holds whole numbers beyond 2**53, which float64 cannot tell apart; make them str."
            )
    usable = np.isfinite(numbers)
    if not usable.all():
        row = int(np.flatnonzero(~usable)[0])
        if np.isinf(numbers).any():
            row = int(np.flatnonzero(np.isinf(numbers))[0])
            raise InputError(f"column {column.name!r} is infinite in row {row}.")
        if not column.missing:
            raise InputError(_hole(column, row))
    return numbers


def _ticks(series: Any, column: Column) -> np.ndarray:
    """Times as whole numbers of the unit of the column's dtype."""
    if not str(series.dtype).startswith(column.dtype[:9]):
        raise InputError(f"column {column.name!r} should hold times ({column.dtype}), but is {series.dtype}.")
    unit = re.split(r"[\[,\]]", column.dtype)[1]
    holes = series.isna().to_numpy()
    moments = series.dt.tz_convert("UTC").dt.tz_localize(None) if ", " in str(series.dtype) else series
    ticks = moments.to_numpy().astype(f"{column.dtype[: column.dtype.index('[')]}[{unit}]").astype(np.int64)
    numbers = ticks.astype(np.float64)
    if (numbers[~holes].astype(np.int64) != ticks[~holes]).any():
        raise InputError(f"column {column.name!r} holds times too fine for float64; round them, e.g. .dt.floor('ms').")
    numbers[holes] = np.nan
    return numbers


def _codes(series: Any, column: Column) -> np.ndarray:
    pandas = require("pandas", "frames", "a frame")
    if isinstance(series.dtype, pandas.CategoricalDtype):
        codes, values = series.cat.codes.to_numpy(), series.cat.categories.tolist()
    else:
        codes, values = pandas.factorize(series)
        values = values.tolist()
    places = {level: at for at, level in enumerate(column.levels)}
    table = np.array([*(places.get(value, -1) for value in values), len(column.levels)])
    found = table[codes]  # a missing value has the code -1: the last of the table
    if (found < 0).any():
        row = int(np.flatnonzero(found < 0)[0])
        raise InputError(_unseen(column, values[codes[row]], row))
    if not column.missing and (codes < 0).any():
        raise InputError(_hole(column, int(np.flatnonzero(codes < 0)[0])))
    return found


def _hole(column: Column, row: int) -> str:
    return (
        f"column {column.name!r} has a missing value in row {row}, but none was declared when these features were made; "
        f"fill it, or make them with missing=[{column.name!r}]."
    )


def _unseen(column: Column, value: Any, row: int) -> str:
    shown = ", ".join(map(repr, column.levels[:12])) + (", ..." if len(column.levels) > 12 else "")
    close = nearest(str(value), map(str, column.levels))
    guess = close if close.startswith(" Did") else ""
    return (
        f"column {column.name!r} has {value!r} in row {row}, a level that these features do not know.{guess} "
        f"Known: {shown or 'none'}. Make the features from a frame that has it, or give levels= (or, for numbers, kinds=)."
    )


def _check_holes(matrix: np.ndarray, columns: Sequence[Column]) -> None:
    holes = np.isnan(matrix)
    if not holes.any():
        return
    for column, missing in zip(columns, holes.T, strict=True):
        if missing.any() and not column.missing:
            raise InputError(_hole(column, int(np.flatnonzero(missing)[0])))


def _as_numbers(pandas: Any, numbers: np.ndarray, column: Column) -> Any:
    _check_holes(numbers[:, None], [column])
    holes = np.isnan(numbers)
    name = column.dtype
    if name.startswith(("datetime64", "timedelta64")):
        ticks = np.rint(np.where(holes, 0, numbers)).astype(np.int64)
        ticks[holes] = np.iinfo(np.int64).min
        if ", " not in name:
            return ticks.view(name)
        unit, zone = name[len("datetime64[") : -1].split(", ", 1)
        return pandas.DatetimeIndex(ticks.view(f"datetime64[{unit}]"), tz="UTC").tz_convert(zone)
    if name.lower().startswith("bool"):
        flags = np.where(holes, 0, numbers) > 0.5
        return pandas.arrays.BooleanArray(flags, holes) if name == "boolean" else flags
    dtype: Any = pandas.api.types.pandas_dtype(name)
    plain = np.dtype(getattr(dtype, "numpy_dtype", dtype))
    if plain.kind in "iu":
        info = np.iinfo(plain)
        numbers = np.clip(np.rint(np.where(holes, 0, numbers)), max(info.min, -_EXACT), min(info.max, _EXACT))
    cast = numbers.astype(plain)
    if dtype is plain or not hasattr(dtype, "numpy_dtype") or isinstance(dtype, np.dtype):
        return cast
    array = pandas.arrays.IntegerArray if plain.kind in "iu" else pandas.arrays.FloatingArray
    return array(cast, holes)


def _as_levels(pandas: Any, numbers: np.ndarray, column: Column) -> Any:
    codes = np.rint(np.nan_to_num(numbers, nan=-1.0)).astype(np.intp)
    if (codes != numbers).any() or codes.min(initial=0) < 0 or codes.max(initial=0) >= max(column.codes, 1):
        wrong = numbers[(codes != numbers) | (codes < 0) | (codes >= column.codes)][0]
        raise InputError(f"{wrong:g} is no code of column {column.name!r}, which has {column.codes} of them.")
    codes[codes == len(column.levels)] = -1
    if column.dtype == "category":
        index = pandas.Index(list(column.levels), dtype=_dtype(pandas, column.categories))
        return pandas.Categorical.from_codes(codes, dtype=pandas.CategoricalDtype(index, column.ordered))
    if column.dtype.startswith("object"):
        absent = {"[nan]": np.nan, "[NA]": pandas.NA}.get(column.dtype.removeprefix("object"))
        held = np.empty(len(column.levels) + 1, object)
        held[:-1], held[-1] = list(column.levels), absent
        return pandas.Series(held[codes], dtype=object)
    dtype = _dtype(pandas, column.dtype)
    if isinstance(dtype, np.dtype):
        return np.array([*column.levels, *([np.nan] if dtype.kind == "f" else column.levels[:1])], dtype)[codes]
    return pandas.array(list(column.levels), dtype=dtype).take(codes, allow_fill=True)


def _dtype(pandas: Any, text: str) -> Any:
    """The dtype that is written so."""
    if text.startswith(("str[", "string[")):
        kind, storage = text[:-1].split("[")
        return pandas.StringDtype(storage, na_value=np.nan) if kind == "str" else pandas.StringDtype(storage)
    return pandas.api.types.pandas_dtype(text.partition("[N")[0] if text.startswith("object") else text)


def _zeros_and_ones(frame: pd.DataFrame, columns: Sequence[Column], among: set[int]) -> dict[int, np.ndarray]:
    """Those of the columns that hold nothing but 0 and 1, and never are missing."""
    found: dict[int, np.ndarray] = {}
    for at in sorted(among):
        column = columns[at]
        text = column.dtype.lower()
        if (
            column.missing
            or text.startswith(("object", "str", "cat", "date", "time"))
            or (column.levels and column.kind != "binary")
        ):
            continue
        if not frame[column.name].iloc[:1000].isin((0, 1)).all():
            continue
        numbers = frame[column.name].to_numpy(np.float64)
        if ((numbers == 0) | (numbers == 1)).all():
            found[at] = numbers.astype(np.int8)
    return found


def _flag_columns(
    frame: pd.DataFrame, columns: Sequence[Column], groups: Mapping[str, Sequence[int]]
) -> tuple[tuple[Column, ...], list[str]]:
    """The columns with those of one-hot groups as such, and the groups of which some row has no 1."""
    changed, empty = list(columns), list[str]()
    for name, members in groups.items():
        total = np.zeros(len(frame))
        for at in members:
            changed[at] = Column(columns[at].name, "one-hot", (), False, columns[at].dtype)
            total += _numbers(frame[columns[at].name], changed[at])
        if (total == 0).any():
            empty.append(name)
    return tuple(changed), empty
