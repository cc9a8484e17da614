"""Keras models on each backend: a process each, in which the tests of ``keras_cases`` run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CASES = Path(__file__).parent / "keras_cases"
REPOSITORY = CASES.parents[2]


@pytest.mark.parametrize("case", sorted(path.stem for path in CASES.glob("case_*.py")))
@pytest.mark.parametrize("backend", ["torch", "jax", "tensorflow"])
def test_keras_on(backend: str, case: str, tmp_path: Path) -> None:
    told = {"KERAS_BACKEND": backend, "KERAS_CASES": "", "KERAS_HOME": str(tmp_path), "TF_CPP_MIN_LOG_LEVEL": "3"}
    path = os.pathsep.join([str(CASES), str(CASES.parents[1])])
    options = ["-p", "no:cacheprovider", "-p", "no:xdist", "--override-ini", f"pythonpath={CASES} {CASES.parents[1]}"]
    command = [sys.executable, "-m", "pytest", *options, str(CASES / f"{case}.py")]
    ran = subprocess.run(
        command, env={**os.environ, **told, "PYTHONPATH": path}, cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
