"""The verb ``report``: explanations to one file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..core.errors import InputError
from ..core.files import replacing
from ..plots.reading import Names
from .compared import comparisons
from .groups import as_explanations
from .page import render
from .summary import summary


def report(
    explanations: Any,
    path: str | os.PathLike[str],
    *,
    title: str = "Explanation report",
    names: Sequence[str] | None = None,
    features: Names = None,
    size: int = 224,
) -> Path:
    """Write one HTML page about explanations. It needs no network and opens from disk in any browser.

    Explanations of the same sample by the same model stand side by side: different methods in columns on one colour scale,
    different targets behind a picker. A trust card stands beside its map. The page also says, in words, what the numbers say, and
    holds them as JSON.

    Parameters
    ----------
    explanations
        One explanation, what ``pl.compare`` found, or any nesting of lists and tuples of them: ``pl.explain(..., targets=[...])``
        as it is.
    path
        Where to write. An existing file is replaced only when the new one is complete.
    title
        Heading of the page.
    names
        One name per distinct sample in order of appearance, such as file names.
    features
        Names of the entries of the leaf (or a mapping of leaf to names), for tables.
    size
        Most pixels a side of pictures and maps. A map of 224 pixels takes 134 kB.

    Returns
    -------
    pathlib.Path
        The file, as an absolute path.

    Raises
    ------
    InputError
        If there is no explanation, something else is among them, names do not fit, or the folder does not exist.

    Examples
    --------
    >>> import tempfile, torch, pellucid as pl
    >>> net = torch.nn.Linear(4, 2)
    >>> x = torch.rand(2, 4)
    >>> several = [pl.explain(net, x, method=name) for name in ("saliency", "integrated-gradients")]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pl.report(several, folder + "/report.html", title="Two rows", names=["first", "second"])
    ...     file.name, "Two rows" in file.read_text(encoding="utf-8")
    ('report.html', True)
    """
    if size < 1:
        raise InputError(f"size= is a number of pixels, at least 1; got {size}.")
    path = Path(path).absolute()
    with replacing(path) as temporary:
        page = render(summary(as_explanations(explanations), title, names, features, size, comparisons(explanations)))
        temporary.write_text(page, encoding="utf-8", errors="replace")  # file names may hold bytes that are no text
    return path
