"""A function run in a fresh Python process, with NumPy arrays in and out: Keras has one backend per process.

The function takes arrays by name and gives arrays by name; it is named ``"module:function"``, the module one that Python finds
in ``tests``. Warnings are errors there, too; a module may set filters of its own, the process is its alone.
"""

import importlib
import json
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

Backend = Literal["torch", "jax", "tensorflow"]
Arrays = dict[str, np.ndarray]

TESTS = Path(__file__).parents[1]
ARRAYS, OPTIONS, RESULTS = "arrays.npz", "options.json", "results.npz"


class FailedInProcess(RuntimeError):
    """The other process failed; the message is all that it wrote."""


def call(
    function: str,
    *,
    backend: Backend | None = None,
    arrays: Mapping[str, np.ndarray] | None = None,
    seconds: float = 300,
    **options: Any,
) -> Arrays:
    """``module.function(arrays, **options)`` in a process of its own.

    Parameters
    ----------
    function
        ``"module:function"``, such as ``"twins.keras_run:outputs"``.
    backend
        Keras's backend there.
    arrays
        What the function gets first, as a dict.
    seconds
        When to give up.
    **options
        Keyword arguments of the function; what JSON can say.

    Returns
    -------
    dict
        The arrays that the function returned.

    Raises
    ------
    FailedInProcess
        With the traceback of the other process.
    """
    path = os.pathsep.join(filter(None, [str(TESTS), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": path, "TF_CPP_MIN_LOG_LEVEL": "3"}
    if backend is not None:
        environment["KERAS_BACKEND"] = backend
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment["KERAS_HOME"] = name  # no settings of whoever runs the tests
        np.savez(folder / ARRAYS, allow_pickle=False, **(arrays or {}))
        (folder / OPTIONS).write_text(json.dumps(options))
        command = [sys.executable, "-m", "twins.in_process", function, name]
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=seconds)
        if ran.returncode:
            under = f" under {backend}" if backend else ""
            raise FailedInProcess(f"{function}{under} ended with {ran.returncode}:\n{ran.stdout}{ran.stderr}")
        return _read(folder / RESULTS)


def _read(path: Path) -> Arrays:
    with np.load(path) as file:
        return dict(file)


def _answer(function: str, folder: Path) -> None:
    warnings.simplefilter("error")
    module, _, name = function.partition(":")
    options = json.loads((folder / OPTIONS).read_text())
    results = getattr(importlib.import_module(module), name)(_read(folder / ARRAYS), **options)
    np.savez(folder / RESULTS, allow_pickle=False, **results)


if __name__ == "__main__":
    _answer(sys.argv[1], Path(sys.argv[2]))
