"""Whether a derivative depends on what it starts from, read off the program: a zero for every input, or a zero by chance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax


def reached(function: Callable[[Any], Any], start: Any) -> list[bool]:
    """For each array that ``function`` returns, whether it depends on ``start`` through operations of JAX.

    >>> reached(lambda x: (2 * x, jax.numpy.zeros(3)), 1.0)
    [True, False]
    """
    jaxpr = jax.make_jaxpr(function)(start).jaxpr
    touched = set(jaxpr.invars)
    for equation in jaxpr.eqns:
        if any(not hasattr(given, "val") and given in touched for given in equation.invars):  # literals have a value
            touched.update(equation.outvars)
    return [not hasattr(result, "val") and result in touched for result in jaxpr.outvars]
