"""Where results are written: checked before the work starts, written when it is done."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import InputError
from ..core.records import Explanation

FIGURES = (".png", ".svg", ".pdf")
REPORT, RECORD = ".html", ".pellucid"


@dataclass(frozen=True)
class Destination:
    """One ``--out``: a report, a saved explanation, a figure, or a folder with one saved explanation each."""

    path: Path
    is_folder: bool

    def write(self, explanations: Sequence[Explanation], names: Sequence[str] | None, title: str) -> list[Path]:
        """Write, and say which files there are now.

        Raises
        ------
        InputError
            If the place cannot be written to.
        """
        try:
            folder = self.path if self.is_folder else self.path.parent
            folder.mkdir(parents=True, exist_ok=True)
            return self._files(explanations, names, title)
        except OSError as error:
            raise InputError(f"{str(self.path)!r} cannot be written: {error.strerror or error}.") from error

    def _files(self, explanations: Sequence[Explanation], names: Sequence[str] | None, title: str) -> list[Path]:
        if self.is_folder:
            files = _in_folder(self.path, explanations)
            for file, explanation in zip(files, explanations, strict=True):
                explanation.save(file)
            return files
        if self.path.suffix == REPORT:
            from ..reporting import report

            return [report(explanations, self.path, title=title, names=names)]
        if self.path.suffix == RECORD:
            explanations[0].save(self.path)
        else:
            explanations[0].plot(names=names).savefig(self.path)
        return [self.path]


def destinations(paths: Sequence[str], explanations: int) -> list[Destination]:
    """Check every ``--out`` for so many explanations; a name without a suffix, or one that ends with a slash, is a folder.

    Raises
    ------
    InputError
        If nothing is written to such a file, if it holds one explanation only and there are more, or if it cannot be there.
    """
    return [_destination(text, explanations) for text in paths]


def _destination(text: str, explanations: int) -> Destination:
    path = Path(text)
    if path.is_dir() or not path.suffix or text.endswith(("/", os.sep)):
        if path.is_file():
            raise InputError(f"--out {str(path)!r} is a file whose kind is not known. {_KNOWN}")
        return Destination(path, is_folder=True)
    if path.suffix not in (REPORT, RECORD, *FIGURES):
        raise InputError(f"--out {str(path)!r}: nothing is written to {path.suffix!r} files. {_KNOWN}")
    blocked = next((parent for parent in path.parents if parent.is_file()), None)
    if blocked is not None:
        raise InputError(f"--out {str(path)!r}: {str(blocked)!r} is a file, not a folder.")
    if explanations > 1 and path.suffix != REPORT:
        raise InputError(
            f"--out {str(path)!r} holds one explanation, and this makes {explanations}; name a folder, which gets one file each, "
            "or a report.html."
        )
    return Destination(path, is_folder=False)


_KNOWN = f"It is {REPORT} (a report), {RECORD} (a saved explanation), {', '.join(FIGURES)} (a figure), or a folder."


def _in_folder(folder: Path, explanations: Sequence[Explanation]) -> list[Path]:
    """A file per explanation, named by its method, and by its target where a method has several."""
    methods = [explanation.method for explanation in explanations]
    stems = list(methods)
    for at, one in enumerate(explanations):
        if methods.count(one.method) > 1:
            stems[at] += f"-{methods[:at].count(one.method) + 1}-{_slug(str(one.target))}"
    return [folder / f"{stem}{RECORD}" for stem in stems]


def _slug(text: str) -> str:
    return re.sub(r"\W+", "-", text).strip("-")[:60] or "target"
