"""Where words go: results to standard output, everything else to standard error."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager

from rich.console import Console
from rich.text import Text

PIPED_WIDTH = 160
"""Columns when the output is no terminal: tables are then read by programs, or by people with a wide editor."""


def console(error: bool = False) -> Console:
    """A console on standard output, or on standard error."""
    stream = sys.stderr if error else sys.stdout
    return Console(stderr=error, width=None if stream.isatty() else PIPED_WIDTH, highlight=False)


def say(sentence: str, style: str = "", error: bool = False) -> None:
    """Print one paragraph, unwrapped, with nothing in it taken for markup or for a terminal's control codes."""
    console(error).print(Text(plain(sentence), style=style), soft_wrap=True)


def plain(text: str) -> str:
    """Text from a file, a class name or an error message, made safe for a terminal.

    >>> plain("tabby\\x1b[2J")
    'tabby\\ufffd[2J'
    """
    return "".join(letter if letter.isprintable() or letter == "\n" else "\N{REPLACEMENT CHARACTER}" for letter in text)


@contextmanager
def waiting(sentence: str) -> Generator[None]:
    """A spinner on standard error while something takes its time; nothing where that is no terminal."""
    shown = console(error=True)
    if not shown.is_terminal:
        yield
        return
    with shown.status(Text(plain(sentence))):
        yield
