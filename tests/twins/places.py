"""Which layers of the twins are the same place: by network, by what the place is, by framework.

``keras`` stands for every variant of the network there but those that have a column of their own. Not every framework has every
place: a skip connection written ``+`` is no layer. Outputs at a place are equal up to the position of the channels
(``CHANNELS_LAST``); torch's LSTM gives a tuple of which the first is meant.
"""

from typing import Literal

from pellucid import Layer

Framework = Literal["torch", "keras", "keras_subclassed", "linen", "nnx", "onnx", "onnx_int8"]

FRAMEWORKS = ("torch", "keras", "linen", "nnx", "onnx")
CHANNELS_LAST = ("keras", "keras_subclassed", "linen", "nnx")
"""Where pictures and maps are NHWC; ``cnn_channels_first`` of Keras is not."""

KERAS_VARIANTS = {
    "mlp": "mlp",
    "mlp_tanh": "mlp_tanh",
    "cnn": "cnn",
    "cnn_subclassed": "cnn",
    "cnn_channels_first": "cnn",  # TensorFlow has no such convolution on the CPU
    "rnn": "rnn",
    "embedding": "embedding",
}
"""What ``keras_nets.build`` takes, and the network of ``weights`` that it is."""

Place = dict[str, str | Layer]


def _everywhere(name: str, **others: str) -> Place:
    return {framework: others.get(framework, name) for framework in (*FRAMEWORKS, "keras_subclassed")}


def _only(name: str, *frameworks: Framework) -> Place:
    return dict.fromkeys(frameworks, name)


def _large(torch: str | Layer, keras: str, onnx: str | None = None) -> Place:
    """Of EfficientNet; in the int8 copy a layer's tensor is not clipped before it went through int8 and back."""
    onnx = onnx or keras
    return {"torch": torch, "keras": keras, "onnx": onnx, "onnx_int8": f"{onnx}_DequantizeLinear_Output"}


_LOGITS = _everywhere("head", onnx="logits")

PLACES: dict[str, dict[str, Place]] = {
    "mlp": {"first activation": _everywhere("tanh1"), "second activation": _everywhere("relu2"), "logits": _LOGITS},
    "mlp_tanh": {"first activation": _everywhere("tanh1"), "second activation": _everywhere("tanh2"), "logits": _LOGITS},
    "cnn": {
        "first convolution's activation": _everywhere("relu1", keras_subclassed="conv1"),
        "second convolution's activation": _everywhere("relu2", keras_subclassed="conv2"),
        "sum of the skip connection": _only("add", "keras", "onnx"),
        "normalisation": _everywhere("norm"),
        "pooling": _only("pool", "torch", "keras", "keras_subclassed", "onnx"),
        "last convolution": _only("conv3", *FRAMEWORKS),
        "last convolution's activation": _everywhere("relu3", keras_subclassed="conv3"),
        "logits": _LOGITS,
    },
    "rnn": {"steps": _everywhere("lstm"), "logits": _LOGITS},
    "embedding": {
        "embedding": _everywhere("embedding"),
        "token": _everywhere("tanh"),
        "hidden": _everywhere("relu"),
        "logits": _LOGITS,
    },
    "efficientnet": {
        "first activation": _large(Layer("_swish", call=1), "stem_relu"),
        "last block": _large("_blocks.15", "block15_project_norm", onnx="block15_project_conv"),
        "last convolution's activation": _large(Layer("_swish", call=2), "head_relu"),
        "logits": _large("_fc", "classes", onnx="logits") | {"onnx_int8": "logits"},
    },
}


def layer(network: str, place: str, framework: Framework) -> str | Layer:
    """The layer's name, as ``at=`` takes it.

    >>> layer("cnn", "last convolution's activation", "keras_subclassed")
    'conv3'
    """
    return PLACES[network][place][framework]


def shared(network: str, *frameworks: Framework) -> list[str]:
    """The places that all of these have.

    >>> shared("rnn", "torch", "onnx")
    ['steps', 'logits']
    """
    return [place for place, names in PLACES[network].items() if all(framework in names for framework in frameworks)]
