"""Class activation maps beside those of pytorch-grad-cam and captum: the same network, the same photos, the same layer.

Every map is clipped at zero and scaled to 0 ... 1 for each picture, as pytorch-grad-cam does before it gives one away; the table
holds the smallest correlation and the largest difference over the pictures. Where maps differ on purpose, a note says why.
pytorch-grad-cam imports torchvision and needs none of it here: an empty stand-in takes its place while it is imported.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch
from captum.attr import LayerGradCam
from PIL import Image
from sklearn.datasets import load_digits
from torch import nn

import pellucid as pl
from pellucid import demo
from pellucid.arrays.resample import resize

from . import harness

TITLE = "Class activation maps: agreement with pytorch-grad-cam 1.5.7 and captum"
HEAD = (
    "Smallest correlation and largest difference, over the pictures, of maps that are clipped at zero and scaled to 0 ... 1. The "
    "layer is the same for all."
)


@dataclass(frozen=True)
class Agreement:
    """One method on one network."""

    network: str
    method: str
    peer: str
    correlation: float
    difference: float
    note: str = ""


@dataclass(frozen=True)
class Subject:
    """A network, pictures and the classes that are explained; ``layer`` by name."""

    name: str
    net: nn.Module
    x: torch.Tensor
    target: np.ndarray
    layer: str

    def first(self, count: int) -> Subject:
        return replace(self, x=self.x[:count], target=self.target[:count])

    def ours(self, method: str, **options) -> np.ndarray:
        e = pl.explain(self.net, self.x, target=self.target, method=method, **{"at": self.layer, **options})
        return scaled(e.values)

    def theirs(self, name: str, **changed) -> np.ndarray:
        """pytorch-grad-cam's map; it needs parameters that require gradients, and hooks that it leaves are removed."""
        with torchvision_not_needed():
            import pytorch_grad_cam
            from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
        targets = [ClassifierOutputTarget(int(index)) for index in self.target]
        layers = [] if name == "FullGrad" else [self.net.get_submodule(self.layer)]
        with getattr(pytorch_grad_cam, name)(model=self.net, target_layers=layers) as cam:
            for attribute, value in changed.items():
                setattr(cam, attribute, value)
            return scaled(np.concatenate([cam(self.x[i : i + 1], targets[i : i + 1]) for i in range(len(self.x))]))


def run() -> list[Agreement]:
    """Both networks."""
    return [*compare(trained_on_digits()), *compare(efficientnet())]


def compare(subject: Subject) -> list[Agreement]:
    """Every method on one network."""
    table: list[Agreement] = []

    def row(method: str, peer: str, ours: np.ndarray, theirs: np.ndarray, note: str = "") -> None:
        pairs = list(zip(ours.reshape(len(ours), -1), theirs.reshape(len(theirs), -1), strict=True))
        drawn = [(a, b) for a, b in pairs if a.any() or b.any()]  # a map that is negative everywhere is zero when it is clipped
        correlation = min((float(np.corrcoef(a, b)[0, 1]) for a, b in drawn), default=float("nan"))
        table.append(
            Agreement(
                f"{subject.name}, {len(ours)} pictures", method, peer, correlation, float(np.abs(ours - theirs).max()), note
            )
        )
        print(table[-1], flush=True)

    grad_cam = LayerGradCam(subject.net, subject.net.get_submodule(subject.layer))
    coarse = grad_cam.attribute(subject.x, target=torch.tensor(subject.target), relu_attributions=True)
    fine = nn.functional.interpolate(coarse, subject.x.shape[2:], mode="bilinear")
    row("grad-cam", "captum LayerGradCam", subject.ours("grad-cam"), scaled(fine[:, 0].detach().numpy()))
    for method, name in (("grad-cam", "GradCAM"), ("hires-cam", "HiResCAM"), ("layer-cam", "LayerCAM")):
        row(method, name, subject.ours(method), subject.theirs(name))
    row("xgrad-cam", "XGradCAM", subject.ours("xgrad-cam"), subject.theirs("XGradCAM"))
    row("grad-cam++", "GradCAMPlusPlus", subject.ours("grad-cam++"), subject.theirs("GradCAMPlusPlus"), NOTES["grad-cam++"])
    eigen = subject.theirs("EigenCAM")
    row("eigen-cam", "EigenCAM", subject.ours("eigen-cam", relu=True), eigen, NOTES["eigen-cam"])
    row(
        "eigen-cam, center=True",
        "EigenCAM",
        *alike(subject.ours("eigen-cam", center=True, relu=True), eigen, subject, "eigen-cam"),
    )
    eigen = subject.theirs("EigenGradCAM")
    row("eigen-grad-cam", "EigenGradCAM", subject.ours("eigen-grad-cam"), eigen, NOTES["eigen-cam"])
    centred = subject.ours("eigen-grad-cam", center=True)
    row("eigen-grad-cam, center=True", "EigenGradCAM", *alike(centred, eigen, subject, "eigen-grad-cam"))
    few = subject.first(len(subject.x) if subject.x.shape[-1] < 100 else 1)  # every channel is a row of the model, three times
    score = few.ours("score-cam")
    row("score-cam", "ScoreCAM", score, few.theirs("ScoreCAM"), NOTES["score-cam"])
    with centres_aligned():
        row("score-cam", "ScoreCAM, masks from pixel centres", score, few.theirs("ScoreCAM"))
    note = NOTES["ablation-cam"] if least_activation(few) < 0 else ""
    row("ablation-cam", "AblationCAM", few.ours("ablation-cam"), few.theirs("AblationCAM"), note)
    row("full-grad", "FullGrad", subject.ours("full-grad", at=None), subject.theirs("FullGrad"), NOTES["full-grad"])
    return table


NOTES = {
    "grad-cam++": "pytorch-grad-cam adds 1e-6 to the denominator, which for small gradients is most of it; ours adds nothing",
    "eigen-cam": "pytorch-grad-cam subtracts channel means first; ours, like the paper, does so only with center=True",
    "score-cam": "pytorch-grad-cam aligns the corners of masks, ours the centres of pixels, as everywhere else",
    "ablation-cam": (
        "pytorch-grad-cam sets a channel to its minimum less 1e7 where activations can be negative; ours, like the paper, to zero"
    ),
    "full-grad": "pytorch-grad-cam adds 1e-7 before it divides by a channel's range: channels with small gradients count less",
}


def alike(ours: np.ndarray, theirs: np.ndarray, subject: Subject, method: str) -> tuple[np.ndarray, np.ndarray, str]:
    """Picture by picture whichever sign pytorch-grad-cam happened to get; a note says for how many it was the other one."""
    options = {"center": True, "relu": False, "upsample": "none"}
    signed = pl.explain(subject.net, subject.x, target=subject.target, method=method, at=subject.layer, **options).values
    other = scaled(resize(np.maximum(-signed, 0), subject.x.shape[2:]))
    turned = [np.abs(b - t).mean() < np.abs(a - t).mean() for a, b, t in zip(ours, other, theirs, strict=True)]
    note = (
        f"pytorch-grad-cam leaves the sign to chance: the other one in {sum(turned)} of {len(turned)} pictures"
        if any(turned)
        else ""
    )
    return np.stack([b if t else a for a, b, t in zip(ours, other, turned, strict=True)]), theirs, note


def least_activation(subject: Subject) -> float:
    kept: list[torch.Tensor] = []
    handle = subject.net.get_submodule(subject.layer).register_forward_hook(lambda _m, _a, out: kept.append(out.detach()))
    with torch.no_grad():
        subject.net(subject.x)
    handle.remove()
    return float(kept[0].min())


class Features(nn.Module):
    """All of EfficientNet before its pooling, as one layer: its last activation is a module that is used for the first, too."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net.extract_features(x)


def efficientnet() -> Subject:
    """EfficientNet-Lite0 and three photos, at its last activation."""
    wrapped = demo.efficientnet_lite0()
    x = torch.tensor(wrapped.spec.preprocess.prepare([Image.open(path) for path in demo.photos().values()]))
    whole = wrapped.model.eval()
    net = nn.Sequential(Features(whole), whole._avg_pooling, nn.Flatten(), whole._fc).eval()
    target = net(x).argmax(1)
    assert torch.equal(target, whole(x).argmax(1))
    return Subject("EfficientNet-Lite0", net, x, target.numpy(), "0")


def trained_on_digits() -> Subject:
    """A small network trained on 8 x 8 digits, at its pooling."""
    data = load_digits()
    x, y = torch.tensor(data.images / 16, dtype=torch.float32)[:, None], torch.tensor(data.target)
    torch.manual_seed(0)
    layers = [nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU()]
    net = nn.Sequential(*layers, nn.MaxPool2d(2), nn.Flatten(), nn.Linear(512, 10))
    optimizer = torch.optim.Adam(net.parameters(), 3e-3)
    for _ in range(6):
        for rows in torch.randperm(len(x)).split(64):
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(x[rows]), y[rows]).backward()
            optimizer.step()
    net.eval()
    return Subject("digits CNN", net, x[:16], net(x[:16]).argmax(1).numpy(), "5")


def scaled(maps: np.ndarray) -> np.ndarray:
    """Clipped at zero, and each on a scale of 0 ... 1."""
    maps = np.maximum(maps, 0)
    maps = maps - maps.min((1, 2), keepdims=True)
    return maps / np.maximum(maps.max((1, 2), keepdims=True), 1e-30)


@contextmanager
def torchvision_not_needed() -> Generator[None]:
    """An empty torchvision while pytorch-grad-cam is imported, which uses it for pictures and boxes only."""
    names = ("torchvision", "torchvision.transforms", "torchvision.transforms.functional")
    if "torchvision" in sys.modules:
        yield
        return
    for name in names:
        sys.modules[name] = types.ModuleType(name)
    for name in ("Compose", "Normalize", "ToTensor"):
        setattr(sys.modules[names[1]], name, None)
    sys.modules[names[2]].resize = None
    try:
        yield
    finally:
        for name in names:
            del sys.modules[name]


@contextmanager
def centres_aligned() -> Generator[None]:
    """pytorch-grad-cam's masks resized as ours are."""

    class Upsampling(nn.Upsample):
        def __init__(self, size: tuple[int, ...]) -> None:
            super().__init__(size=size, mode="bilinear", align_corners=False)

    theirs, nn.UpsamplingBilinear2d = nn.UpsamplingBilinear2d, Upsampling
    try:
        yield
    finally:
        nn.UpsamplingBilinear2d = theirs


def frozen() -> str:
    """What becomes of Grad-CAM where parameters require no gradients."""
    subject = trained_on_digits()
    wanted = subject.ours("grad-cam")
    subject.net.requires_grad_(False)
    same = np.array_equal(subject.ours("grad-cam"), wanted)
    try:
        subject.theirs("GradCAM")
        said = "runs"
    except Exception as error:
        said = f"raises {type(error).__name__}: {str(error).splitlines()[0]}"
    ours = "the same map" if same else "another map"
    return f"With parameters that require no gradients pytorch-grad-cam's Grad-CAM {said}; ours is {ours} as with them."


def write(table: list[Agreement]) -> None:
    """Print the table and keep it."""
    lines = [f"# {TITLE}", "", harness.machine(), "", HEAD, ""]
    lines += ["| network | method | peer | correlation | largest difference | note |", "|---|---|---|---|---|---|"]
    lines += [f"| {r.network} | {r.method} | {r.peer} | {r.correlation:.6f} | {r.difference:.1e} | {r.note} |" for r in table]
    lines += ["", frozen()]
    harness.RESULTS.mkdir(exist_ok=True)
    (harness.RESULTS / "agreement-cpu.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    write(run())
