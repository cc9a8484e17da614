"""Four networks in every framework of this process: predictions, gradients, layers and methods are those of torch."""

import re

import pytest

from conformance.agreement import DERIVATIVES, EVERYTHING, INSIDE, OUTPUTS_ALONE, check
from conformance.asks import put_to, without_embedding
from conformance.frameworks import CHANNELS_LAST, answers, expected
from twins.weights import NETWORKS

NO_MARGIN = {"margin": "is differentiated at its outputs, and <lambda> is not one of them"}
"""What is differentiated at its outputs, on the host, has no gradient of a function of them."""

CAPABLE = {
    "linen": EVERYTHING,
    "nnx": EVERYTHING,
    "jax": DERIVATIVES,
    "onnx": INSIDE,
    "function": OUTPUTS_ALONE,
    "sklearn": ("predict", "gradient"),
    "sklearn_classifier": ("predict", "gradient"),
}
REFUSED = {
    ("jax", "embedding"): without_embedding(),
    **{("function", asked): NO_MARGIN for asked in ("mlp_tanh", "cnn", "rnn")},
    **{(framework, "mlp_tanh"): NO_MARGIN for framework in ("sklearn", "sklearn_classifier")},
}
"""What is refused although the capabilities are there."""
CASES = [
    *(("linen", network) for network in NETWORKS),
    *(("nnx", asked) for asked in ("mlp", "cnn, in short", "rnn", "embedding")),  # linen has the same view
    *(("jax", network) for network in ("cnn", "embedding")),
    *(("onnx", network) for network in NETWORKS),
    *(("function", network) for network in ("mlp_tanh", "cnn", "rnn", "embedding")),
    *((f"sklearn{kind}", asked) for kind in ("", "_classifier") for asked in ("mlp_tanh", "mlp_tanh, every method")),
]


@pytest.mark.parametrize(("framework", "asked"), CASES)
def test_a_framework_says_what_torch_says(framework, asked, subtests):
    said = expected(asked, channels_last=framework in CHANNELS_LAST)
    refused = REFUSED.get((framework, asked))
    check(put_to(asked, framework), answers(framework, asked), said, subtests, CAPABLE[framework], refused)


def test_onnx_says_why_it_has_no_gradient():
    """It is not installed; if it is, it converts no LSTM."""
    assert re.search(r"does not have here: .*onnx2torch.*\. These methods work", str(answers("onnx", "rnn")["saliency/refused"]))
