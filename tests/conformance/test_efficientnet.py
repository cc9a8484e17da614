"""A trained network of real size, on photos: Keras and ONNX say what torch says.

In single precision the gradient of this network at its input is not one number. Where a ReLU6 is within rounding of a kink,
another order of summation opens or closes it: torch is 0.016 of the largest entry away from torch in double precision. So the
gradients are compared in double precision, where the backend has that, and in single precision they must be as near to those of
torch in double precision as torch's are. Everything after the last convolution, and every output, agrees as it does elsewhere.
"""

from functools import cache
from typing import Literal

import numpy as np
import pytest

from conformance.agreement import EVERYTHING, INSIDE, apart_as_a_whole, check, part
from conformance.answers import ask_all
from conformance.asks import put_to
from twins.efficientnet import pictures, trained, weights
from twins.efficientnet_onnx import exported
from twins.in_process import Arrays, call

PHOTOS = 2
AFTER, INPUT, OUTPUTS = "efficientnet", "efficientnet, at the input", "efficientnet, without gradients"


@cache
def expected(asked: str, dtype: str = "float32") -> Arrays:
    network, x = trained(), pictures()[:PHOTOS].astype(dtype)
    network = network.double() if dtype == "float64" else network
    return ask_all(network, x, put_to(asked, "torch"), "efficientnet", "torch", channels_last=False)


@pytest.mark.parametrize("backend", ["torch", "jax", "tensorflow"])
def test_keras_says_what_torch_says(backend: Literal["torch", "jax", "tensorflow"], subtests: pytest.Subtests) -> None:
    asked = [(AFTER, "float32"), (INPUT, "float32")]
    if backend == "tensorflow":  # on the others Keras rounds batch normalisation to single precision in any case
        asked += [(INPUT, "float64")]
    found = call("conformance.in_keras:large", backend=backend, arrays=weights(), photos=PHOTOS, asked=asked)
    check(put_to(AFTER, "keras"), part(found, f"{AFTER}/float32/"), expected(AFTER), subtests, EVERYTHING)
    check_as_near(part(found, f"{INPUT}/float32/"), subtests)
    if backend == "tensorflow":
        own, exact = part(found, f"{INPUT}/float64/"), expected(INPUT, "float64")
        check(put_to(INPUT, "keras"), own, exact, subtests, EVERYTHING, title="double: ")


def check_as_near(found: Arrays, subtests: pytest.Subtests) -> None:
    """Gradients in single precision are what they can be."""
    exact, ours = expected(INPUT, "float64"), expected(INPUT)
    for name in put_to(INPUT, "keras"):
        with subtests.test(name):
            key = f"{name}/values"
            assert apart_as_a_whole(found[key], exact[key]) < 2 * apart_as_a_whole(ours[key], exact[key]) < 0.01


def test_onnx_says_what_torch_says(subtests: pytest.Subtests) -> None:
    asks = put_to(OUTPUTS, "onnx")
    found = ask_all(exported(), pictures()[:PHOTOS], asks, "efficientnet", "onnx", channels_last=False)
    check(asks, found, expected(OUTPUTS), subtests, INSIDE)


def test_the_photos_are_recognised() -> None:
    """What is compared is not noise: some classes of each photo stand out."""
    logits = np.sort(expected(OUTPUTS)["shapley/prediction"], axis=1)
    assert (logits[:, -1] - logits[:, -6] > 2).all()
