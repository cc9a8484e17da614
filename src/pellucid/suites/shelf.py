"""Suites by their names."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from ..core.errors import InputError, nearest
from .case import Suite
from .draws import checked

_FILES = {
    "logic": "logic",
    "clusters": "clusters",
    "patterns": "patterns",
    "grid-pointing": "grid_pointing",
    "watermark": "watermark",
    "tabular": "tabular",
}


def names() -> tuple[str, ...]:
    """The names of all suites.

    Examples
    --------
    >>> import pellucid as pl
    >>> pl.suites.names()
    ('logic', 'clusters', 'patterns', 'grid-pointing', 'watermark', 'tabular')
    """
    return tuple(_FILES)


def load(name: str, seed: int = 0, samples: int | None = None) -> Suite:
    """A suite: networks, samples, and what is true of them. Nothing is downloaded.

    Networks that are trained are trained here, in seconds, and kept for as long as the process lives. No random numbers but the
    suite's own are drawn. Fewer samples are the first ones of more.

    Parameters
    ----------
    name
        One of ``names()``.
    seed
        Of networks and samples.
    samples
        Of each case; by default 8 to 24.

    Returns
    -------
    Suite

    Raises
    ------
    InputError
        If there is no such suite, or a network did not learn what it should (with another seed it may).
    MissingExtraError
        Without torch.

    Examples
    --------
    >>> import pellucid as pl
    >>> case = pl.suites.load("logic")["xor"]
    >>> e = pl.explain(case.model, case.inputs, method="shapley", masker=pl.maskers.Background(case.reference))
    >>> float(case.score(e).min())
    1.0
    """
    known(name)
    checked(seed, samples)
    build: Callable[[int, int | None], Suite] = import_module(f"pellucid.suites.built.{_FILES[name]}").build
    return build(int(seed), samples)


def known(name: object) -> None:
    """Refuse what is neither a suite nor the name of one."""
    if not isinstance(name, Suite) and name not in _FILES:
        raise InputError(f"there is no suite {name!r}; there are {', '.join(_FILES)}.{nearest(str(name), _FILES)}")


def logic(seed: int = 0, samples: int | None = None) -> Suite:
    """Logic and sums in ReLU networks whose weights are set by hand; ``load("logic")``.

    The truth is the Shapley values of the network, by enumeration.
    """
    return load("logic", seed, samples)


def xor(seed: int = 0, samples: int | None = None) -> Suite:
    """The exclusive or of two inputs among three that do not matter; the one case of ``logic`` alone."""
    whole = load("logic", seed, samples)
    return Suite("xor", whole["xor"].summary, (whole["xor"],), seed)


def clusters(seed: int = 0, samples: int | None = None) -> Suite:
    """Gaussian clusters, each of which opens a gate to features of its own; ``load("clusters")``."""
    return load("clusters", seed, samples)


def patterns(seed: int = 0, samples: int | None = None) -> Suite:
    """Tetrominoes in white and correlated noise, 8 x 8 and 64 x 64; ``load("patterns")``."""
    return load("patterns", seed, samples)


def grid_pointing(seed: int = 0, samples: int | None = None) -> Suite:
    """Digits in a grid, of which one is asked for; ``load("grid-pointing")``."""
    return load("grid-pointing", seed, samples)


def watermark(seed: int = 0, samples: int | None = None) -> Suite:
    """Five networks that decide by a watermark and five that look past it; ``load("watermark")``."""
    return load("watermark", seed, samples)


def tabular(seed: int = 0, samples: int | None = None) -> Suite:
    """Tables with numbers, an ordinal column, a category and a switch, with known effects; ``load("tabular")``."""
    return load("tabular", seed, samples)
