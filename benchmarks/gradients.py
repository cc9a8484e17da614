"""Saliency, integrated gradients and Grad-CAM on EfficientNet-Lite0, against captum and the model's own passes.

The *best floor* runs the same rows through the raw model in batches of the size and memory layout that were fastest in a
sweep; Grad-CAM's floor is a forward pass and the same truncated backward. All contenders share one process, one allocator and
one number of threads.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch
from captum.attr import IntegratedGradients, LayerGradCam, Saliency
from PIL import Image

import pellucid as pl
from pellucid import demo

from .harness import Row, race

TITLE = "Gradients on EfficientNet-Lite0, 224 x 224"
IMAGES = 4
STEPS = 50
ROUNDS = 5
FLOOR = "floor: raw passes, best batch and layout"


def run() -> list[Row]:
    """All three races."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    wrapped = demo.efficientnet_lite0()
    net = wrapped.model.to(device).requires_grad_(False)
    photos = [Image.open(path) for path in demo.photos().values()]
    x = torch.tensor(wrapped.spec.preprocess.prepare((photos * 2)[:IMAGES])).to(device)
    target = net(x).argmax(1)
    batch, layout = _best(net, x, device)
    print(f"best floor: batches of {batch}, {layout}")
    best_note = {FLOOR: f"batches of {batch}, {str(layout).removeprefix('torch.')}"}
    return [
        *race("saliency", FLOOR, _saliency(net, x, target, batch, layout), ROUNDS, best_note),
        *race(
            "integrated gradients", FLOOR, _integrated(net, x, target, batch, layout), 3, _accuracy(net, x, target) | best_note
        ),
        *race("Grad-CAM", FLOOR, _grad_cam(net, x, target, batch, layout), ROUNDS, best_note),
    ]


def _saliency(net, x, target, batch, layout) -> dict[str, Callable[[], int]]:
    return {
        FLOOR: lambda: _raw(net, x, len(x), batch, layout),
        "pellucid": lambda: _counted(pl.explain(net, x, target=_host(target), method="saliency")),
        "captum": lambda: len(Saliency(net).attribute(x, target=target, abs=False)),
    }


def _integrated(net, x, target, batch, layout) -> dict[str, Callable[[], int]]:
    captum = IntegratedGradients(net)

    def with_captum(**options) -> int:
        captum.attribute(x, target=target, n_steps=STEPS, **options)
        return STEPS * len(x)

    return {
        FLOOR: lambda: _raw(net, x, STEPS * len(x), batch, layout),
        f"pellucid, {STEPS} steps": lambda: _counted(pl.explain(net, x, target=_host(target), steps=STEPS)),
        "pellucid, tolerance 5%": lambda: _counted(pl.explain(net, x, target=_host(target))),
        f"captum, {STEPS} steps, defaults": with_captum,
        f"captum, {STEPS} steps, internal batch 8": lambda: with_captum(internal_batch_size=8),
    }


def _grad_cam(net, x, target, batch, layout) -> dict[str, Callable[[], int]]:
    layer = net._bn1

    def truncated() -> int:
        for rows in range(0, len(x), batch):
            kept: list[torch.Tensor] = []

            def cut(_m, _a, out, kept=kept):
                torch.set_grad_enabled(True)
                kept.append(out.detach().requires_grad_())
                return kept[0].clone()

            handle = layer.register_forward_hook(cut)
            with torch.no_grad():
                out = net(x[rows : rows + batch].contiguous(memory_format=layout))
            handle.remove()
            picked = out.gather(1, target[rows : rows + batch, None]).sum()
            torch.autograd.grad(picked, kept)
        return len(x)

    return {
        FLOOR: truncated,
        "pellucid": lambda: _counted(pl.explain(net, x, target=_host(target), method="grad-cam", at="_bn1", upsample="none")),
        "captum": lambda: len(LayerGradCam(net, layer).attribute(x, target=target)),
    }


def _accuracy(net, x, target) -> dict[str, str]:
    """Residual of each contender, and the true map error of ours against many more nodes."""
    ours = pl.explain(net, x, target=_host(target))
    fixed = pl.explain(net, x, target=_host(target), steps=STEPS)
    _, delta = IntegratedGradients(net).attribute(
        x, target=target, n_steps=STEPS, internal_batch_size=8, return_convergence_delta=True
    )
    change = fixed.value - fixed.base_value
    captum = abs(_host(delta) / change).max()
    return {
        "pellucid, tolerance 5%": f"map error at most {ours.error.max():.1%} (estimated), residual {ours.residual.max():.1%}",
        f"pellucid, {STEPS} steps": f"map error unknown, residual {fixed.residual.max():.1%}",
        f"captum, {STEPS} steps, defaults": f"map error unknown, residual {captum:.1%}",
    }


def _raw(net, x, rows: int, batch: int, layout: torch.memory_format) -> int:
    """Forward and backward of so many rows."""
    done = 0
    while done < rows:
        size = min(batch, rows - done)
        points = x[torch.arange(done, done + size) % len(x)].contiguous(memory_format=layout).requires_grad_()
        torch.autograd.grad(net(points)[:, 0].sum(), points)
        done += size
    return rows


def _best(net, x, device) -> tuple[int, torch.memory_format]:
    """Fastest batch size and layout, by the median of interleaved sweeps."""
    batches = (4, 8, 16) if device.type == "cpu" else (16, 64, 128)
    choices = [(batch, layout) for batch in batches for layout in (torch.contiguous_format, torch.channels_last)]
    times = {choice: [] for choice in choices}
    for _ in range(4):
        for choice in choices:
            started = time.perf_counter()
            _raw(net, x, max(batches), *choice)
            if device.type == "cuda":
                torch.cuda.synchronize()
            times[choice].append(time.perf_counter() - started)
    return min(choices, key=lambda choice: statistics.median(times[choice][1:]))


def _counted(e) -> int:
    return e.cost.forward_rows


def _host(tensor: torch.Tensor):
    return tensor.cpu().numpy()
