"""What a model raises, as an error that says what it was given and what it takes."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from ..core.errors import InputError, PellucidError
from ..core.view import Inputs, ModelView


@contextmanager
def in_words(view: ModelView, inputs: Inputs, what: str = "these inputs") -> Generator[None]:
    """Turn what a model raises into an error that says what it was given and what it takes."""
    try:
        yield
    except (RuntimeError, ValueError, TypeError, LookupError, AttributeError, AssertionError, ArithmeticError) as error:
        if isinstance(error, InputError):
            raise InputError(f"{error}{view.inside.expected()}") from error
        if isinstance(error, PellucidError) or view.out_of_memory(error):
            raise
        shapes = ", ".join(f"{name} {tuple(leaf.shape)}" for name, leaf in inputs.leaves.items())
        raise InputError(
            f"the model failed on {what} ({shapes}).{view.inside.expected()} It said: {type(error).__name__}: {error}"
        ) from error
