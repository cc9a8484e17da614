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
import numpy as np
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

class Series(torch.nn.Module):
    def forward(self, x):
        return torch.stack([x[:, 0, 2:5].sum(1) * x[:, 1].mean(1), x.mean((1, 2))], 1)

FEELINGS = {"good": 2.0, "bad": -2.0}

def feel(texts):
    assert isinstance(texts, list) and all(isinstance(text, str) for text in texts)
    scores = [sum(FEELINGS.get(word.strip(".,!"), 0.0) for word in text.split()) for text in texts]
    return np.array([[score * (-1 if "not good" in text else 1)] for text, score in zip(texts, scores)])

def reviews():
    return pl.wrap(feel, output="values", classes=["positive"])

def earn(frame):
    assert list(frame) == ["age", "town", "income"] and frame["income"].dtype == "int64"
    age = np.where(frame["age"].isna(), 50.0, frame["age"]) / 50
    town = frame["town"].map({"Bonn": 0.3, "Ulm": -0.5}).to_numpy(float)
    return np.stack([age + town, age * town + frame["income"].to_numpy() / 1000], axis=1)

people = pl.wrap(earn, output="values", classes=["low", "high"])

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
    """The current folder: a module ``house``, rows of numbers, pictures, series, texts and tables."""
    (tmp_path / "house.py").write_text(MODULE)
    rng = np.random.default_rng(0)
    np.save(tmp_path / "rows.npy", rng.normal(size=(3, 4)).astype(np.float32))
    for name, size in (("wide.png", (40, 24)), ("tall.jpg", (20, 30))):
        Image.fromarray(rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)).save(tmp_path / name)
    np.save(tmp_path / "series.npy", rng.normal(size=(2, 2, 12)).astype(np.float32))
    (tmp_path / "reviews.txt").write_text("a good film\n\nnot good, bad\n")
    (tmp_path / "people.csv").write_text("age,town,income\n31,Bonn,1200\n45,Ulm,3000\n,Bonn,200\n")
    (tmp_path / "others.csv").write_text("income,age,town\n500,20,Ulm\n900,60,Bonn\n")
    (tmp_path / "numbers.csv").write_text("a,b,c,d\n0.1,0.2,0.3,0.4\n-1,2,3,-4\n")
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
