"""One order of explanations: run it, and say with which command it is run again."""

from __future__ import annotations

import dataclasses
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, cast

from .. import catalog
from ..core.declare import Method
from ..core.errors import InputError
from ..core.records import Explanation
from ..core.targets import Layer, TargetLike
from ..core.types import Budget, MemoryFormat
from ..engine import schema
from ..engine.run import explain
from . import masking, options, players
from .inputs import Samples, read_rows
from .masking import MASKER
from .options import Given
from .players import Pieces
from .typed import flag

AUTO = "auto"
"""Typed in the place of a method: measuring chooses one."""

_INDEX = re.compile(r"-?\d+")
_INDICES = re.compile(r"-?\d+(,-?\d+)+")


@dataclass(frozen=True)
class Choice:
    """The method that ``auto`` stands for, why, and how it is typed: ``auto`` where its parameters cannot be."""

    method: str
    why: tuple[str, ...]
    typed: str


@dataclass(frozen=True)
class Job:
    """What was asked for, as it was typed; without methods the command has some of its own."""

    model: str
    inputs: tuple[str, ...]
    methods: tuple[str, ...] = ("integrated-gradients",)
    targets: tuple[str, ...] = ("predicted",)
    arch: str | None = None
    trust_model: bool = False
    trusted_types: tuple[str, ...] = ()
    at: tuple[str, ...] = ()
    call: int | None = None
    wrt: tuple[str, ...] = ()
    seed: int = 0
    batch_size: int | None = None
    memory_format: str | None = None
    budget: int | None = None
    budget_seconds: float | None = None
    frame: bool | None = None
    pieces: Pieces = field(default_factory=Pieces)
    parameters: Given = field(default_factory=dict[str, "str | bool"])
    choice: Choice | None = None

    def check(self, samples: Samples | None = None) -> None:
        """Refuse what can be refused before a model is opened, and before and after samples are read.

        Raises
        ------
        InputError
            If a method, a parameter or the call of a layer is not as declared, or the samples are not cut as was asked.
        """
        methods = [catalog.method_named(name) for name in self.methods if name != AUTO]
        options.check(methods, self.parameters)
        self.pieces.check(methods if len(methods) == len(self.methods) > 0 else catalog.METHODS, samples)
        if self.call is not None and len(self.at) != 1:
            raise InputError("--call goes with one --at: it says which call of that layer is meant.")

    def values(self, samples: Samples) -> dict[str, dict[str, Any]]:
        """The parameters of every method as values; files are read as the samples were, each once.

        Raises
        ------
        InputError
            If a file is damaged, or does not go with the samples.
        """
        read = cache(lambda file: read_rows(file, samples))
        masker = masking.made(self.parameters, read)
        told: dict[str, dict[str, Any]] = {}
        for name in self.methods:
            if name == AUTO:
                continue
            method = catalog.method_named(name)
            masks = masker is not None and MASKER in options.declared(method)
            told[name] = options.values(method, self.parameters, read) | ({MASKER: masker} if masks else {})
        return told

    def run(self, model: Any, samples: Samples, values: Mapping[str, dict[str, Any]] | None = None) -> list[Explanation]:
        """Explain with every method, with its ``values``; one explanation per method and target, each with its command."""
        told: list[Explanation] = []
        values = self.values(samples) if values is None else values
        features = self.features(model, samples, values)
        for name in self.methods:
            method = catalog.method_named(name)
            made: Sequence[Explanation] = explain(
                model,
                samples.x,
                targets=[target(text) for text in self.targets],
                method=name,
                at=self.layers or None,
                wrt=self.wrt or None,
                budget=None if self.budget is None and self.budget_seconds is None else Budget(self.budget, self.budget_seconds),
                seed=self.seed,
                batch_size=self.batch_size,
                memory_format=cast("MemoryFormat | None", self.memory_format),
                features=features if self._by_feature(method, samples) else None,
                **values[name],
            )
            told += [self._told(one, name) for one in made]
        return told

    def _told(self, one: Explanation, name: str) -> Explanation:
        """With its command, and why it was chosen if it was."""
        why = self.choice.why if self.choice is not None and self.choice.method == name else ()
        plan = dataclasses.replace(one.plan, notes=(*one.plan.notes, *why))
        return dataclasses.replace(one, command=self.command(name), plan=plan)

    @property
    def layers(self) -> list[Layer]:
        """The layers that were named."""
        return [Layer(name, self.call) for name in self.at]

    def features(self, model: Any, samples: Samples, values: Mapping[str, dict[str, Any]]) -> Any:
        """Pieces that were asked for, or the columns of a table by their names; ``None`` where no method takes any."""
        if not any(self._by_feature(catalog.method_named(name), samples) for name in self.methods):
            return None
        return self.features_of(model, samples, values)

    def features_of(self, model: Any, samples: Samples, values: Mapping[str, dict[str, Any]]) -> Any:
        """The same whatever the methods; ``None`` where nothing was asked for and the samples are no table."""
        if self.pieces.given:
            return self.pieces.of(model, samples, self.wrt)
        held = [each for given in values.values() for value in given.values() for each in (value, getattr(value, "rows", None))]
        return players.of_table(samples, held)

    def _by_feature(self, method: type[Method], samples: Samples) -> bool:
        """Whether values are numbers of features: where some were asked for, or it cannot be otherwise."""
        asked = bool(self.pieces.given) or samples.framed or method.engine == "game"
        return asked and schema.takes_features(method)

    def command(self, method: str) -> str:
        """The command that explains with this method alone, for the shell.

        Targets that were explained together stay together: an accuracy holds for all of them, and they share their passes.

        >>> Job("net:make", ("a b.png",), targets=("tiger cat",), parameters={"steps": "8"}).command("integrated-gradients")
        "pellucid explain net:make 'a b.png' --method integrated-gradients --target 'tiger cat' --steps 8"
        """
        declared = catalog.method_named(method)
        words = ["pellucid", "explain", self.model, *(["--arch", self.arch] if self.arch else []), *self.inputs]
        words += ["--trust-model"] if self.trust_model else []
        words += [word for name in self.trusted_types for word in ("--trusted-type", name)]
        words += ["--method", self.choice.typed if self.choice is not None and self.choice.method == method else method]
        words += [word for text in self.targets for word in ("--target", text)]
        words += [word for name in self.wrt for word in ("--wrt", name)]
        words += [word for name in self.at for word in ("--at", name)]
        for name in ("call", "batch_size", "memory_format", "budget", "budget_seconds"):
            given = getattr(self, name)
            words += [] if given is None else [flag(name), str(given)]
        if schema.takes_features(declared):
            words += [word for name, size in self.pieces.given.items() for word in (flag(name), str(size))]
        words += [] if self.frame is None else [flag("frame", self.frame)]
        words += ["--seed", str(self.seed)] if self.seed else []
        for name, value in self.parameters.items():
            if options.belongs(name, declared):
                words += [flag(name, value)] if isinstance(value, bool) else [flag(name), value]
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
