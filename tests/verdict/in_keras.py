"""What runs in a process of its own, under one backend of Keras: torch's twin beside that of Keras."""

from typing import Any

import numpy as np

METHODS: dict[str, dict[str, Any]] = {"integrated-gradients": {}, "shapley": {"method": "shapley", "budget": 60}}


def compared(_: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """How far explanations of the small convolutional network differ, relative to their length, and outputs; what was said."""
    import pellucid as pl
    from twins import keras_nets, torch_nets
    from twins.weights import inputs

    trained, deployed = torch_nets.build("cnn"), keras_nets.build("cnn")
    told: dict[str, np.ndarray] = {}
    for name, options in METHODS.items():
        found = pl.compare_models(trained, deployed, inputs("cnn"), **options)
        back = pl.compare_models(deployed, trained, inputs("cnn", channels_last=True), **options)
        assert found.trained.method == back.trained.method == name
        told[f"{name}/difference"] = np.stack([found.agreement.difference, back.agreement.difference])
        told[f"{name}/outputs"] = np.stack([found.outputs.largest, back.outputs.largest])
        told[f"{name}/shapes"] = np.array([found.deployed.values.shape, back.deployed.values.shape])
        told[f"{name}/reasons"] = np.array(found.reasons)
    return told
