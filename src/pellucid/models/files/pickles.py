"""Pickles read without running them: every instruction is looked at, nothing is imported and nothing is called.

Where a pickle would import a name, there is a ``Named``; where it would call one, a ``Made`` that says what with. So tensors
in a file of ``torch.save`` can be listed, and what would run can be named.
"""

from __future__ import annotations

import io
import math
import pickletools
from dataclasses import dataclass, field
from typing import IO, Any

import numpy as np

from .record import words

MOST_STEPS = 2_000_000
"""Instructions that are looked at."""

TOO_LONG = f"it has more than {MOST_STEPS:,} instructions"
"""The problem of a pickle that is too long to be looked at."""

_LITERALS = words(
    "INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT STRING BINSTRING SHORT_BINSTRING UNICODE BINUNICODE "
    "SHORT_BINUNICODE BINUNICODE8 BINBYTES SHORT_BINBYTES BINBYTES8 BYTEARRAY8"
)


@dataclass(frozen=True)
class Named:
    """A name that unpickling would import."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(eq=False)
class Made:
    """What unpickling would get from a call."""

    maker: Any
    arguments: Any
    held: list[Any] = field(default_factory=list[Any])
    state: Any = None


@dataclass(eq=False)
class Items:
    """What a dictionary (in pairs), a list or a set holds."""

    held: list[Any] = field(default_factory=list[Any])


@dataclass(frozen=True)
class Stored:
    """Something that is kept outside the pickle, such as the numbers of a tensor."""

    key: Any


@dataclass(frozen=True)
class Reading:
    """What is in a pickle; where it breaks off or is too long, what was in it so far and the reason."""

    value: Any
    names: tuple[str, ...]
    protocol: int
    problem: str = ""


_MARK = object()


def read(stream: IO[bytes]) -> Reading:
    """Look at one pickle from where the stream stands to its end."""
    names: dict[str, None] = {}
    machine = _Machine(names)
    protocol, problem, steps = 0, "", 0
    try:
        for operation, argument, _ in pickletools.genops(stream):
            steps += 1
            if steps > MOST_STEPS:
                problem = TOO_LONG
                break
            if operation.name == "PROTO":
                protocol = argument
            machine.step(operation.name, argument)
            if operation.name == "BUILD" and isinstance(array := machine.stack[-1], Made) and _is_array(array):
                names |= _passed(array, stream)
    except Exception as error:  # a broken pickle runs up to where it breaks, so what was seen counts
        problem = f"{type(error).__name__}: {str(error)[:200]}"
    return Reading(machine.stack[-1] if machine.stack else None, tuple(names), protocol, problem)


class _Machine:
    """The stack and the memo of an unpickler, of descriptions instead of objects."""

    def __init__(self, names: dict[str, None]) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.names = names

    def step(self, operation: str, argument: Any) -> None:
        """What one instruction does to the stack."""
        stack = self.stack
        match operation:
            case _ if operation in _LITERALS:
                stack.append(argument)
            case "NONE" | "NEWTRUE" | "NEWFALSE":
                stack.append({"NONE": None, "NEWTRUE": True, "NEWFALSE": False}[operation])
            case "PROTO" | "FRAME" | "STOP" | "READONLY_BUFFER":
                pass
            case "MARK":
                stack.append(_MARK)
            case "POP":
                stack.pop()
            case "POP_MARK":
                self._since_mark()
            case "DUP":
                stack.append(stack[-1])
            case "GET" | "BINGET" | "LONG_BINGET":
                stack.append(self.memo[argument])
            case "PUT" | "BINPUT" | "LONG_BINPUT":
                self.memo[argument] = stack[-1]
            case "MEMOIZE":
                self.memo[len(self.memo)] = stack[-1]
            case "EMPTY_LIST" | "EMPTY_DICT" | "EMPTY_SET":
                stack.append(Items())
            case "LIST" | "FROZENSET":
                stack.append(Items(self._since_mark()))
            case "DICT":
                stack.append(Items(_pairs(self._since_mark())))
            case "APPEND":
                self._put([stack.pop()])
            case "APPENDS" | "ADDITEMS":
                self._put(self._since_mark())
            case "SETITEM":
                value, key = stack.pop(), stack.pop()
                self._put([(key, value)])
            case "SETITEMS":
                self._put(_pairs(self._since_mark()))
            case "EMPTY_TUPLE" | "TUPLE1" | "TUPLE2" | "TUPLE3":
                count = 0 if operation == "EMPTY_TUPLE" else int(operation[-1])
                stack.append(tuple(stack.pop() for _ in range(count))[::-1])
            case "TUPLE":
                stack.append(tuple(self._since_mark()))
            case _:
                self._make(operation, argument)

    def _make(self, operation: str, argument: Any) -> None:
        """What would import a name, call it, or fetch something from elsewhere."""
        stack = self.stack
        match operation:
            case "GLOBAL":
                stack.append(self._named(*argument.split(" ", 1)))
            case "STACK_GLOBAL":
                name, module = stack.pop(), stack.pop()
                stack.append(self._named(module, name))
            case "EXT1" | "EXT2" | "EXT4":
                stack.append(self._named("the extension registry", str(argument)))
            case "INST":
                stack.append(Made(self._named(*argument.split(" ", 1)), tuple(self._since_mark())))
            case "OBJ":
                maker, *held = self._since_mark()
                stack.append(Made(maker, tuple(held)))
            case "REDUCE" | "NEWOBJ":
                arguments, maker = stack.pop(), stack.pop()
                stack.append(Made(maker, arguments))
            case "NEWOBJ_EX":
                _, arguments, maker = stack.pop(), stack.pop(), stack.pop()
                stack.append(Made(maker, arguments))
            case "BUILD":
                state = stack.pop()
                if isinstance(stack[-1], Made):
                    stack[-1].state = state
            case "PERSID" | "NEXT_BUFFER":
                stack.append(Stored(argument))
            case "BINPERSID":
                stack.append(Stored(stack.pop()))
            case _:
                raise ValueError(f"the instruction {operation} is not known")

    def _named(self, module: Any, name: Any) -> Named:
        known = isinstance(module, str) and isinstance(name, str)
        found = Named(module, name) if known else Named("a module", "whose name is computed")
        self.names[str(found)] = None
        return found

    def _since_mark(self) -> list[Any]:
        for at in range(len(self.stack) - 1, -1, -1):
            if self.stack[at] is _MARK:
                held = self.stack[at + 1 :]
                del self.stack[at:]
                return held
        raise ValueError("there is no mark on the stack")

    def _put(self, held: list[Any]) -> None:
        if isinstance(self.stack[-1], (Items, Made)):
            self.stack[-1].held += held


def _is_array(made: Made) -> bool:
    return isinstance(made.maker, Named) and made.maker.name == "NumpyArrayWrapper" and isinstance(made.state, Items)


def _passed(array: Made, stream: IO[bytes]) -> dict[str, None]:
    """Move past the numbers that joblib puts behind an array's description; objects are a pickle within the pickle."""
    said = {key: value for key, value in array.state.held if isinstance(key, str)}
    dtype, shape = said["dtype"], said["shape"]
    code = dtype.arguments[0]
    if code.startswith("O"):
        return dict.fromkeys(read(stream).names)
    count = math.prod(shape) * np.dtype(code).itemsize
    if said.get("numpy_array_alignment_bytes") is not None:
        count += stream.read(1)[0]
    stream.seek(count, io.SEEK_CUR)
    return {}


def _pairs(held: list[Any]) -> list[tuple[Any, Any]]:
    return list(zip(held[::2], held[1::2], strict=False))
