"""A folder with a user's own module, models and samples, in which the command line is run."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from pellucid.cli import app

MODULE = """
import torch
import pellucid as pl

def build():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))

net = build()
named = pl.wrap(net, output="logits", classes=["cat", "dog", "[red]bird\\x1b[2J"])
counted = pl.wrap(net, output="logits", classes=["1", "2", "3"])

def pictures():
    torch.manual_seed(0)
    layers = torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(4, 2)
    return pl.wrap(torch.nn.Sequential(*layers), inputs=pl.ImageInput(size=16), output="logits", classes=["left", "right"])

class Two(torch.nn.Module):
    def forward(self, a, b):
        return torch.stack([a.sum(1) * b.sum(1), a.sum(1)], 1)

def slow():
    import time
    print("slow", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder: a module ``house``, rows of numbers, two pictures."""
    (tmp_path / "house.py").write_text(MODULE)
    rng = np.random.default_rng(0)
    np.save(tmp_path / "rows.npy", rng.normal(size=(3, 4)).astype(np.float32))
    for name, size in (("wide.png", (40, 24)), ("tall.jpg", (20, 30))):
        Image.fromarray(rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)).save(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "house", raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    yield tmp_path
    sys.modules.pop("house", None)


@pytest.fixture
def pellucid(here: Path) -> Callable[..., Result]:
    """Run the command line in that folder."""

    def call(*words: str, code: int = 0) -> Result:
        ran = CliRunner().invoke(app, list(words))
        assert ran.exit_code == code, f"{ran.stdout}\n{ran.stderr}\n{ran.exception!r}"
        return ran

    return call
