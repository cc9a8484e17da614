"""Optional dependencies, imported when first needed and missed in words."""

import importlib
from types import ModuleType

from .errors import MissingExtraError


def require(module: str, extra: str, purpose: str) -> ModuleType:
    """Import an optional dependency, or say which extra brings it.

    Parameters
    ----------
    module
        Dotted name of the module, ``"pandas"``.
    extra
        The extra of Pellucid that installs it, ``"frames"``.
    purpose
        What it is needed for, as the object of a sentence: ``"to_frame()"``.

    Raises
    ------
    MissingExtraError
        If the module cannot be imported.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtraError(
            f"{purpose} needs {module!r}, which is not installed. Install it with: pip install 'pellucid[{extra}]'"
        ) from error
