"""The path and map engines on EfficientNet-Lite0, against captum, pytorch-grad-cam and the model's own passes.

The *best floor* runs raw rows through the model in batches of the size and memory layout that were fastest in a sweep, forward
and backward for one kind of row, forward only for the other; Grad-CAM's floor is a forward pass and the same truncated backward.
All contenders share one process, one allocator and one number of threads.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass

import torch
from captum.attr import IntegratedGradients, LayerGradCam, NoiseTunnel, Saliency
from PIL import Image

import pellucid as pl
from pellucid import demo
from pellucid.engine import tune

from .agreement import torchvision_not_needed
from .harness import Contender, Row, Work, race

TITLE = "Path and map engines on EfficientNet-Lite0, 224 x 224"
IMAGES = 4
STEPS = 50
DRAWS = 32
ROUNDS = 5
LAYER = "_bn1"
GRADIENT = "floor: raw gradient rows"
FORWARD = "floor: raw forward rows"
CUT = "floor: raw rows, backward to the layer only"


@dataclass(frozen=True)
class Bench:
    """The network, four photos, the classes, and the fastest batch and layout of each kind of row."""

    net: torch.nn.Module
    x: torch.Tensor
    target: torch.Tensor
    gradient: tuple[int, torch.memory_format]
    forward: tuple[int, torch.memory_format]

    def explain(self, method: str, images: int = IMAGES, **options) -> Work:
        e = pl.explain(self.net, self.x[:images], target=self.target[:images].cpu().numpy(), method=method, **options)
        return Work(e.cost.backward_rows, e.cost.forward_rows - e.cost.backward_rows + e.cost.other_rows)

    def floors(self, gradient: int, forward: int) -> dict[str, Contender]:
        made: dict[str, Contender] = {}
        if gradient:
            made[GRADIENT] = lambda: raw(self.net, self.x, gradient, *self.gradient, backward=True)
        if forward:
            made[FORWARD] = lambda: raw(self.net, self.x, forward, *self.forward, backward=False)
        return made

    @property
    def notes(self) -> dict[str, str]:
        return {name: f"batches of {size}, {str(layout).removeprefix('torch.')}" for name, (size, layout) in self._best}

    @property
    def _best(self):
        return ((GRADIENT, self.gradient), (FORWARD, self.forward))


def run() -> list[Row]:
    """All races."""
    b = bench()
    b.explain("smoothgrad", samples=2)
    return [*saliency(b), *smoothgrad(b), *integrated(b), *grad_cam(b), *score_cam(b), *ablation_cam(b)]


def bench() -> Bench:
    """The network on the device, with the photos, and packing measured from here on whatever the work."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    wrapped = demo.efficientnet_lite0()
    net = wrapped.model.to(device).requires_grad_(False)
    photos = [Image.open(path) for path in demo.photos().values()]
    x = torch.tensor(wrapped.spec.preprocess.prepare((photos * 2)[:IMAGES])).to(device)
    made = Bench(net, x, net(x).argmax(1), fastest(net, x, backward=True), fastest(net, x, backward=False))
    print(made.notes)
    tune.WORTH = 0  # packing is measured here and now, whatever the work, and not within a race
    return made


def saliency(b: Bench) -> list[Row]:
    contenders = {
        "pellucid": lambda: b.explain("saliency"),
        "captum": lambda: Work(len(Saliency(b.net).attribute(b.x, target=b.target, abs=False))),
    }
    return race("saliency", b.floors(IMAGES, 1), contenders, 11, b.notes)


def smoothgrad(b: Bench) -> list[Row]:
    tunnel = NoiseTunnel(Saliency(b.net))

    def captum(**options) -> Work:
        tunnel.attribute(b.x, target=b.target, nt_type="smoothgrad", nt_samples=DRAWS, abs=False, **options)
        return Work(DRAWS * IMAGES)

    contenders = {
        "pellucid": lambda: b.explain("smoothgrad", samples=DRAWS),
        "captum, defaults": captum,
        "captum, batches of 2 draws": lambda: captum(nt_samples_batch_size=2),
    }
    return race(f"SmoothGrad, {DRAWS} draws", b.floors(DRAWS * IMAGES, 4), contenders, 3, b.notes)


def integrated(b: Bench) -> list[Row]:
    captum = IntegratedGradients(b.net)

    def with_captum(**options) -> Work:
        captum.attribute(b.x, target=b.target, n_steps=STEPS, **options)
        return Work(STEPS * IMAGES)

    contenders = {
        f"pellucid, {STEPS} steps": lambda: b.explain("integrated-gradients", steps=STEPS),
        "pellucid, tolerance 5%": lambda: b.explain("integrated-gradients"),
        f"captum, {STEPS} steps, defaults": with_captum,
        f"captum, {STEPS} steps, internal batch 8": lambda: with_captum(internal_batch_size=8),
    }
    return race("integrated gradients", b.floors(STEPS * IMAGES, 4), contenders, 3, b.notes | accuracy(b))


def grad_cam(b: Bench) -> list[Row]:
    layer = b.net.get_submodule(LAYER)
    contenders = {
        "pellucid": lambda: b.explain("grad-cam", at=LAYER, upsample="none"),
        "captum": lambda: Work(len(LayerGradCam(b.net, layer).attribute(b.x, target=b.target))),
    }
    return race("Grad-CAM", {CUT: lambda: truncated(b, layer)}, contenders, 11)


def score_cam(b: Bench) -> list[Row]:
    channels = b.net.get_submodule(LAYER).num_features
    contenders = {
        "pellucid": lambda: b.explain("score-cam", images=1, at=LAYER),
        "pytorch-grad-cam": lambda: peer(b, "ScoreCAM", channels + 1),
    }
    return race(f"Score-CAM, {channels} channels, 1 image", b.floors(0, channels), contenders, 2, b.notes)


def ablation_cam(b: Bench) -> list[Row]:
    channels = b.net.get_submodule(LAYER).num_features
    contenders = {
        "pellucid": lambda: b.explain("ablation-cam", images=1, at=LAYER),
        "pytorch-grad-cam": lambda: peer(b, "AblationCAM", channels + 1),
    }
    notes = b.notes | {"pellucid": "from the cached activation: what lies before the layer is kept from one row"}
    return race(f"Ablation-CAM, {channels} channels, 1 image", b.floors(0, channels), contenders, 1, notes)


def peer(b: Bench, name: str, rows: int, **changed) -> Work:
    """A map of pytorch-grad-cam, which needs parameters that require gradients and hooks in place."""
    with torchvision_not_needed():
        import pytorch_grad_cam
        from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
    b.net.requires_grad_(True)
    with getattr(pytorch_grad_cam, name)(model=b.net, target_layers=[b.net.get_submodule(LAYER)]) as cam:
        for attribute, value in changed.items():
            setattr(cam, attribute, value)
        cam(b.x[:1], [ClassifierOutputTarget(int(b.target[0]))])
    b.net.requires_grad_(False)
    return Work(forward=rows)


def truncated(b: Bench, layer: torch.nn.Module) -> Work:
    """A forward pass, and a backward one down to the layer."""
    size, layout = b.forward
    for rows in range(0, len(b.x), size):
        kept: list[torch.Tensor] = []

        def cut(_m, _a, out, kept=kept):
            torch.set_grad_enabled(True)
            kept.append(out.detach().requires_grad_())
            return kept[0].clone()

        handle = layer.register_forward_hook(cut)
        with torch.no_grad():
            out = b.net(b.x[rows : rows + size].contiguous(memory_format=layout))
        handle.remove()
        picked = out.gather(1, b.target[rows : rows + size, None]).sum()
        torch.autograd.grad(picked, kept)
    return Work(len(b.x))


def accuracy(b: Bench) -> dict[str, str]:
    """Residual of each contender, and what ours says of its map error."""
    target = b.target.cpu().numpy()
    ours = pl.explain(b.net, b.x, target=target)
    fixed = pl.explain(b.net, b.x, target=target, steps=STEPS)
    options = {"target": b.target, "n_steps": STEPS, "internal_batch_size": 8, "return_convergence_delta": True}
    _, delta = IntegratedGradients(b.net).attribute(b.x, **options)
    captum = abs(delta.cpu().numpy() / (fixed.value - fixed.base_value)).max()
    return {
        "pellucid, tolerance 5%": f"map error at most {ours.error.max():.1%} (estimated), residual {ours.residual.max():.1%}",
        f"pellucid, {STEPS} steps": f"map error unknown, residual {fixed.residual.max():.1%}",
        f"captum, {STEPS} steps, defaults": f"map error unknown, residual {captum:.1%}",
    }


def raw(net, x, rows: int, batch: int, layout: torch.memory_format, *, backward: bool) -> Work:
    """So many rows through the model, and back."""
    done = 0
    with torch.set_grad_enabled(backward):
        while done < rows:
            size = min(batch, rows - done)
            points = x[torch.arange(done, done + size) % len(x)].to(memory_format=layout)  # also of one channel
            if backward:
                points.requires_grad_()
                torch.autograd.grad(net(points)[:, 0].sum(), points)
            else:
                net(points)
            done += size
    return Work(gradient=rows) if backward else Work(forward=rows)


def fastest(net, x, *, backward: bool, batches: tuple[int, ...] = ()) -> tuple[int, torch.memory_format]:
    """Fastest batch size and layout, by the median of interleaved sweeps."""
    batches = batches or ((4, 8, 16) if x.device.type == "cpu" else (16, 64, 128))
    choices = [(batch, layout) for batch in batches for layout in (torch.contiguous_format, torch.channels_last)]
    times: dict[tuple[int, torch.memory_format], list[float]] = {choice: [] for choice in choices}
    for _ in range(4):
        for choice in choices:
            started = time.perf_counter()
            raw(net, x, max(batches), *choice, backward=backward)
            if x.device.type == "cuda":
                torch.cuda.synchronize()
            times[choice].append(time.perf_counter() - started)
    return min(choices, key=lambda choice: statistics.median(times[choice][1:]))
