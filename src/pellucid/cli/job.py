"""One order of explanations: run it, and say with which command it is run again."""

from __future__ import annotations

import dataclasses
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from .. import catalog
from ..core.errors import InputError
from ..core.records import Explanation
from ..core.targets import Layer, TargetLike
from ..core.types import Budget, MemoryFormat
from ..engine.run import explain
from . import options
from .options import Given

_INDEX = re.compile(r"-?\d+")
_INDICES = re.compile(r"-?\d+(,-?\d+)+")


@dataclass(frozen=True)
class Job:
    """What was asked for, as it was typed."""

    model: str
    inputs: tuple[str, ...]
    methods: tuple[str, ...] = ("integrated-gradients",)
    targets: tuple[str, ...] = ("predicted",)
    arch: str | None = None
    at: tuple[str, ...] = ()
    call: int | None = None
    wrt: tuple[str, ...] = ()
    seed: int = 0
    batch_size: int | None = None
    memory_format: str | None = None
    budget: int | None = None
    budget_seconds: float | None = None
    parameters: Given = field(default_factory=dict[str, "str | bool"])

    def check(self) -> None:
        """Refuse what can be refused before a model is opened.

        Raises
        ------
        InputError
            If a method, a parameter or the call of a layer is not as declared.
        """
        options.check([catalog.method_named(name) for name in self.methods], self.parameters)
        if self.call is not None and len(self.at) != 1:
            raise InputError("--call goes with one --at: it says which call of that layer is meant.")

    def run(self, model: Any, x: Any) -> list[Explanation]:
        """Explain with every method; one explanation per method and target, each with its command."""
        told: list[Explanation] = []
        for name in self.methods:
            made: Sequence[Explanation] = explain(
                model,
                x,
                targets=[target(text) for text in self.targets],
                method=name,
                at=[Layer(name, self.call) for name in self.at] or None,
                wrt=self.wrt or None,
                budget=None if self.budget is None and self.budget_seconds is None else Budget(self.budget, self.budget_seconds),
                seed=self.seed,
                batch_size=self.batch_size,
                memory_format=cast("MemoryFormat | None", self.memory_format),
                **options.values(catalog.method_named(name), self.parameters),
            )
            told += [dataclasses.replace(one, command=self.command(name)) for one in made]
        return told

    def command(self, method: str) -> str:
        """The command that explains with this method alone, for the shell.

        Targets that were explained together stay together: an accuracy holds for all of them, and they share their passes.

        >>> Job("net:make", ("a b.png",), targets=("tiger cat",), parameters={"steps": "8"}).command("integrated-gradients")
        "pellucid explain net:make 'a b.png' --method integrated-gradients --target 'tiger cat' --steps 8"
        """
        own = options.declared(catalog.method_named(method))
        words = ["pellucid", "explain", self.model, *(["--arch", self.arch] if self.arch else []), *self.inputs]
        words += ["--method", method]
        words += [word for text in self.targets for word in ("--target", text)]
        words += [word for name in self.wrt for word in ("--wrt", name)]
        words += [word for name in self.at for word in ("--at", name)]
        for name in ("call", "batch_size", "memory_format", "budget", "budget_seconds"):
            given = getattr(self, name)
            words += [] if given is None else [options.flag(name), str(given)]
        words += ["--seed", str(self.seed)] if self.seed else []
        for name, value in self.parameters.items():
            if name in own:
                words += [options.flag(name, value)] if isinstance(value, bool) else [options.flag(name), value]
        return shlex.join(words)


def target(text: str) -> TargetLike:
    """A target as it is typed: an index, indices joined by commas, ``predicted``, or a class name.

    >>> target("281"), target("3,1"), target("tabby")
    (281, (3, 1), 'tabby')
    """
    if _INDEX.fullmatch(text):
        return int(text)
    if _INDICES.fullmatch(text):
        return tuple(int(part) for part in text.split(","))
    return text
