"""What can be said of a model that is named by ``module:attribute``; it is imported for that."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..lookup import framework_of
from ..naming import made
from ..wrap import Wrapped
from .record import Cell, FileInfo, Table, shape_words, some


def inspect(name: str) -> FileInfo:
    """Adapter, layers and parameters."""
    model = made(name)
    spec = model.spec if isinstance(model, Wrapped) else None
    inner = model.model if isinstance(model, Wrapped) else model
    framework = framework_of(inner)
    adapter = (model.adapter if isinstance(model, Wrapped) else None) or framework or "function"
    layers = tuple(_layers(inner, framework))
    kind = type(inner)
    facts: dict[str, Cell] = {"adapter": adapter, "type": f"{kind.__module__}.{kind.__qualname__}"}
    if spec is not None:
        facts |= {
            "inputs": some([f"{leaf}: {shape_words((None, *shape))}" for leaf, shape in spec.shapes.items()]),
            "output": spec.output if spec.output != "unknown" else "",
            "classes": some(list(spec.classes or ())),
        }
    return FileInfo(
        name=name,
        kind="name",
        title="model by name",
        facts={fact: said for fact, said in facts.items() if said},
        tables=(Table("layers", ("layer", "class", "parameters"), layers),) if layers else (),
        parameters=_parameters(inner, framework),
        notes=("it was imported: a name brings code, and that code was run",),
    )


def _layers(model: Any, framework: str | None) -> Iterator[tuple[Cell, ...]]:
    """Names, as at= takes them, classes and parameters of their own, where the framework keeps a list."""
    if framework == "torch":
        for name, module in model.named_modules():
            if name:
                yield name, type(module).__name__, sum(held.numel() for held in module.parameters(recurse=False)) or None
    elif framework == "keras":
        for layer in getattr(model, "layers", ()):
            yield layer.name, type(layer).__name__, _count(layer) or None
    elif framework == "sklearn":
        for name, step in getattr(model, "steps", ()):
            yield name, type(step).__name__, None


def _parameters(model: Any, framework: str | None) -> int | None:
    if framework == "torch":
        return sum(held.numel() for held in model.parameters())
    return _count(model) if framework == "keras" else None


def _count(model: Any) -> int | None:
    return int(model.count_params()) if getattr(model, "built", False) else None
