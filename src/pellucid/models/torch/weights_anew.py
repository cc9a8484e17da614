"""The weights of a module, read and exchanged where they are."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

from ..randomise import Name, Weight
from ..wrap import Wrapped

OUTPUTS_FIRST = (nn.Linear, nn.modules.conv._ConvNd)
TABLES = (nn.Embedding, nn.EmbeddingBag)


def weights(model: Wrapped) -> Sequence[Weight]:
    """Parameters of the modules themselves; buffers are no weights."""
    found: list[Weight] = []
    for (layer, name), (module, parameter) in _parameters(model).items():
        held = parameter.detach().cpu()
        values = held.numpy() if held.dtype == torch.float64 else held.float().numpy()
        found.append(Weight(layer, name, values, name == "weight" and isinstance(module, OUTPUTS_FIRST)))
    return found


@contextmanager
def exchanged(model: Wrapped, values: Mapping[Name, np.ndarray]) -> Generator[Wrapped]:
    """Written into the parameters' memory, and back: no graph, hook or compiled code of the user's sees another tensor."""
    parameters = {name: parameter.data for name, (_, parameter) in _parameters(model).items() if name in values}
    before = {name: data.clone() for name, data in parameters.items()}
    try:
        for name, data in parameters.items():
            data.copy_(torch.from_numpy(values[name]))
        yield model
    finally:
        for name, data in parameters.items():
            data.copy_(before[name])


def _parameters(model: Wrapped) -> dict[Name, tuple[nn.Module, nn.Parameter]]:
    """Each once, under the first name that it has."""
    module: nn.Module = getattr(model.model, "_orig_mod", model.model)
    seen: set[int] = set()
    found: dict[Name, tuple[nn.Module, nn.Parameter]] = {}
    for layer, inner in module.named_modules():
        for name, parameter in inner.named_parameters(recurse=False):
            if parameter.is_floating_point() and id(parameter) not in seen:
                seen.add(id(parameter))
                found[layer, "embedding" if isinstance(inner, TABLES) else name] = inner, parameter
    return found
