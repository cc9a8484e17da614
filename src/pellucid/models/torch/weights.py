"""State dicts on disk: read without running code from the file, and put into a module, or refused in words."""

from __future__ import annotations

import pickle
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from ...core.errors import InputError, UnsafeFileError

ALONE = "Save the one that is meant alone: torch.save(model.state_dict(), 'model.pt')."


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """Tensors by name from a safetensors file, on the CPU."""
    try:
        return load_file(path, device="cpu")
    except (SafetensorError, OSError, ValueError, TypeError, KeyError, RuntimeError) as error:
        raise InputError(f"{str(path)!r} is damaged, or is no safetensors file: {_line(error)}") from error


def read_archive(path: Path) -> dict[str, Tensor]:
    """Tensors by name from a file of ``torch.save``, on the CPU; a file with anything but data in it is refused."""
    try:
        with warnings.catch_warnings(action="ignore"):  # torch talks about files that it then refuses
            held = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise UnsafeFileError(f"{_objects(path)}, so loading it would run code") from error
    except Exception as error:  # what a hostile file can raise has no end
        if "TorchScript" in str(error):
            raise UnsafeFileError("it is a TorchScript program, not a state dict") from error
        raise InputError(f"{str(path)!r} is damaged, or is no file of torch.save: {_line(error)}") from error
    return state_of(held, path)


def fill(module: nn.Module, weights: Mapping[str, Tensor], source: str) -> None:
    """Put weights into a module; every name and shape must fit."""
    try:
        module.load_state_dict(weights, strict=True)
    except RuntimeError as error:
        misfit = _misfit(module, weights, error)
        raise InputError(f"the weights in {source!r} do not fit {type(module).__name__}: {misfit}") from error


def state_of(held: Any, path: Path) -> dict[str, Tensor]:
    """The state dict itself, or the only one among the entries of a checkpoint."""
    if _is_state(held):
        return held
    if not isinstance(held, Mapping):
        raise InputError(f"{str(path)!r} holds a {type(held).__name__} and no state dict. {ALONE}")
    within = {str(name): entry for name, entry in held.items() if _is_state(entry)}
    if len(within) == 1:
        return next(iter(within.values()))
    entries = ", ".join(map(repr, list(held)[:8]))
    several = f"{len(within)} of them are state dicts" if within else "none of them is a state dict"
    raise InputError(f"{str(path)!r} is a checkpoint with the entries {entries}: {several}. {ALONE}")


def _is_state(held: Any) -> bool:
    return (
        isinstance(held, Mapping)
        and bool(held)
        and all(
            isinstance(name, str) and (isinstance(entry, Tensor) or name.endswith("_extra_state")) for name, entry in held.items()
        )
    )


def _objects(path: Path) -> str:
    """What a pickle would import, listed without running it."""
    try:
        named = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    except Exception:  # the listing is a courtesy; the file is refused either way
        named = []
    return f"it holds Python objects ({', '.join(named[:4])})" if named else "it is a pickle and not a state dict"


def _misfit(module: nn.Module, weights: Mapping[str, Tensor], error: RuntimeError) -> str:
    own = module.state_dict()
    missing, unknown = [name for name in own if name not in weights], [name for name in weights if name not in own]
    wrong = [
        f"{name} is {tuple(weights[name].shape)} in the file and {tuple(own[name].shape)} in the network"
        for name in own
        if name in weights and isinstance(own[name], Tensor) and own[name].shape != weights[name].shape
    ]
    parts = [
        *([f"{len(missing)} of its {len(own)} entries are not in the file ({_some(missing)})"] if missing else []),
        *([f"{len(unknown)} entries of the file are not in it ({_some(unknown)})"] if unknown else []),
        *([_some(wrong)] if wrong else []),
    ]
    return "; ".join(parts) + f".{_prefix(own, weights)}" if parts else _line(error)


def _prefix(own: Mapping[str, Any], weights: Mapping[str, Any]) -> str:
    """A hint for the commonest misfit: all names carry the prefix of a wrapper (``module.``, ``model.``)."""
    prefixes = {name.partition(".")[0] for name in weights}
    if len(prefixes) != 1:
        return ""
    prefix = f"{next(iter(prefixes))}."
    if {name.removeprefix(prefix) for name in weights} != set(own):
        return ""
    return f" The names fit without the prefix {prefix!r}: save the inner module's state_dict()."


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")


def _line(error: BaseException) -> str:
    """The first sentence of an error, without terminal codes."""
    said = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).strip().partition("\n")[0]
    return f"{type(error).__name__}: {said.partition('. This is an internal')[0]}" if said else type(error).__name__
