"""Every error Pellucid raises on purpose.

::

    PellucidError
    ├── InputError         (ValueError)        the data does not fit the model or the call
    ├── TargetError        (ValueError)        what should be explained is not there
    ├── LayerError         (LookupError)       no such layer, or no such call of it
    ├── CapabilityError    (TypeError)         the model, or its adapter, cannot do what a method needs
    ├── NonFiniteError     (ArithmeticError)   NaN or infinity in an input, an output or a gradient
    ├── MissingExtraError  (ImportError)       an optional dependency is not installed
    ├── UnsafeFileError                        a file that would run code when loaded
    └── BudgetError                            the budget is too small for the smallest possible answer

    PellucidWarning        (UserWarning)       the answer stands, but something about it should be known
"""

import difflib
from collections.abc import Iterable


class PellucidError(Exception):
    """Base of all errors raised on purpose."""


class InputError(PellucidError, ValueError):
    """The data does not fit the model or the call."""


class TargetError(PellucidError, ValueError):
    """What should be explained is not among the model's outputs."""


class LayerError(PellucidError, LookupError):
    """No such layer, or the layer is not called that often."""

    __str__ = Exception.__str__


class CapabilityError(PellucidError, TypeError):
    """The model, or the adapter that speaks for it, cannot do what a method needs."""


class NonFiniteError(PellucidError, ArithmeticError):
    """NaN or infinity in an input, an output or a gradient."""


class MissingExtraError(PellucidError, ImportError):
    """An optional dependency is not installed."""


class UnsafeFileError(PellucidError):
    """Loading this file would run code that it contains."""


class BudgetError(PellucidError):
    """The budget is too small for the smallest possible answer."""


class PellucidWarning(UserWarning):
    """The answer stands, but something about it should be known."""


def nearest(name: str, known: Iterable[str]) -> str:
    """A sentence that offers the nearest valid names (empty if there are none).

    >>> nearest("salency", ["saliency", "smoothgrad"])
    " Did you mean 'saliency'?"
    """
    names = list(known)
    folded = {candidate.casefold(): candidate for candidate in names}
    found = (difflib.get_close_matches(name.casefold(), folded, n=3, cutoff=cutoff) for cutoff in (0.8, 0.5))
    close = [folded[match] for match in next((matches for matches in found if matches), [])]
    if close:
        return f" Did you mean {' or '.join(repr(match) for match in close)}?"
    if names:
        shown = ", ".join(repr(candidate) for candidate in names[:12])
        return f" There is {shown}{', ...' if len(names) > 12 else ''}."
    return ""
