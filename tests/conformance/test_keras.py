"""The networks in Keras on its three backends, each in a process of its own, and as modules of TensorFlow."""

import pytest

from conformance.agreement import DERIVATIVES, EVERYTHING, check, part
from conformance.asks import put_to, without_embedding
from conformance.frameworks import expected
from twins.in_process import Arrays, call
from twins.places import KERAS_VARIANTS

CHANNELS_FIRST = "cnn_channels_first"
CHANNELS_AS_USUAL = [variant for variant in KERAS_VARIANTS if variant != CHANNELS_FIRST]
VARIANTS = {
    "torch": list(KERAS_VARIANTS),
    "jax": CHANNELS_AS_USUAL,  # the other is no more than another program to compile
    "tensorflow": CHANNELS_AS_USUAL,  # on a CPU it has no other
}


def check_all(found: Arrays, subtests: pytest.Subtests, framework: str | None = None) -> None:
    """Answers as ``"variant/asked/ask/what"``."""
    for variant, asked in dict.fromkeys((*key.split("/")[:2],) for key in found):
        name = framework or ("keras_subclassed" if variant == "cnn_subclassed" else "keras")
        own, said = part(found, f"{variant}/{asked}/"), expected(asked, channels_last=variant != CHANNELS_FIRST)
        capable = DERIVATIVES if name == "tensorflow" else EVERYTHING
        refused = without_embedding() if (name, asked) == ("tensorflow", "embedding") else None
        check(put_to(asked, name), own, said, subtests, capable, refused, title=f"{variant}: ")


@pytest.mark.parametrize("backend", VARIANTS)
def test_keras_says_what_torch_says(backend, subtests):
    found = call("conformance.in_keras:small", backend=backend, variants=VARIANTS[backend])
    assert {key.split("/")[0] for key in found} == set(VARIANTS[backend])
    check_all(found, subtests)


def test_modules_of_tensorflow_say_what_torch_says(subtests):
    check_all(call("conformance.in_keras:modules", backend="tensorflow"), subtests, "tensorflow")
