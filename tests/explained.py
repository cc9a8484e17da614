"""Explanations of three samples each, of every kind of input, for the tests of scores."""

import numpy as np
import pandas as pd
import torch

import pellucid as pl
from networks import cnn, mlp

KINDS = ["RGB", "grey", "channels last", "table", "frame", "text", "series"]

TEXTS = ["a good and fine film of great charm", "dull, bad; with one good idea", "a bad film"]


def grey():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(4 * 36, 3))


def probabilities(net):
    return torch.nn.Sequential(net, torch.nn.Softmax(1)).eval()


def words_counted(texts):
    """Probability-like scores of texts: good words against bad ones."""
    good = [sum(word in text for word in ("good", "fine", "great")) for text in texts]
    bad = [sum(word in text for word in ("bad", "dull")) for text in texts]
    lengths = [len(text.split()) for text in texts]
    return np.array([[1 / (1 + np.exp(b - g - 0.01 * n)), 0.5] for g, b, n in zip(good, bad, lengths, strict=True)])


def case(kind):
    """A model, and an explanation of it."""
    rng = np.random.default_rng(0)
    if kind == "RGB":
        net, x = probabilities(cnn()), torch.rand(3, 3, 8, 8, generator=torch.Generator().manual_seed(1))
        return net, pl.explain(net, x, target=1, method="integrated-gradients", steps=4)
    if kind == "grey":
        net, x = probabilities(grey()), torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(1))
        return net, pl.explain(net, x, target=np.array([0, 1, 2]), method="saliency")
    if kind == "channels last":
        weights = rng.normal(size=(6 * 6 * 3, 2))
        model = pl.wrap(lambda x: np.tanh(x.reshape(len(x), -1) @ weights / 10) + 1.5, layout="NHWC")
        x, cells = rng.random((3, 6, 6, 3)), pl.Features.grid((6, 6, 3), 2, layout="NHWC")
        return model, pl.explain(model, x, target=0, method="leave-one-out", features=cells)
    if kind == "table":
        net, x = probabilities(mlp()), torch.tensor(rng.normal(size=(3, 6)), dtype=torch.float32)
        return net, pl.explain(net, x, target=0, method="input-x-gradient")
    if kind == "frame":
        frame = pd.DataFrame(
            {"age": [31.0, 45, 60], "town": ["Bonn", "Ulm", "Bonn"], "rate": [0.2, 0.9, 0.5], "size": [3.0, 1, 2]}
        )
        model = pl.wrap(lambda f: f["age"] / 50 + (f["town"] == "Ulm") * f["rate"] + f["size"])
        features = pl.Features.from_frame(frame)
        return model, pl.explain(model, frame, target=0, method="shapley", features=features, masker=pl.maskers.Background(frame))
    if kind == "text":
        model = pl.wrap(words_counted)
        return model, pl.explain(model, TEXTS, target=0, method="leave-one-out")
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Conv1d(2, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(40, 2), torch.nn.Softmax(1)
    )
    features = pl.Features.segments(12, 6)
    return net, pl.explain(net, torch.randn(3, 2, 12), target=0, method="integrated-gradients", steps=4, features=features)


def maskers(kind, e):
    """What "removed" is, where it cannot be 0."""
    return {"masker": pl.maskers.Background(e.features.decode(e.inputs))} if kind == "frame" else {}
