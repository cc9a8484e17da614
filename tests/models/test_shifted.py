"""Copies of models that take a shift off again: the same numbers, the same layers, and the model itself as it was."""

import numpy as np
import pandas as pd
import pytest
import torch

import pellucid as pl
from networks import Reused, cnn, mlp
from pellucid.models.shifted import shifted


class Two(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.a, self.b = torch.nn.Linear(3, 2), torch.nn.Linear(2, 2)

    def forward(self, image, extra):
        return self.a(image) + self.b(extra).tanh()


class Listed(torch.nn.Module):
    def forward(self, given):
        return given["pair"][0] * given["pair"][1] + given["mask"]


@pytest.mark.parametrize("net", [mlp(), Reused().eval()], ids=["mlp", "reused"])
def test_a_copy_gives_at_the_shifted_input_what_the_model_gives_at_the_input(net):
    x = torch.randn(4, 6)
    copy = shifted(net, "input", 1.5)
    torch.testing.assert_close(copy(x + 1.5), net(x))
    assert not torch.allclose(copy(x), net(x))
    assert [name for name, _ in copy.named_modules()] == [name for name, _ in net.named_modules()]
    assert not net._forward_pre_hooks


def test_layers_are_read_and_explained_as_before():
    net, x = cnn().eval(), torch.rand(2, 3, 8, 8)
    copy = shifted(net, "input", -0.5)
    one, other = (pl.explain(model, given, target=1, method="grad-cam") for model, given in ((net, x), (copy, x - 0.5)))
    assert one.layer == other.layer
    np.testing.assert_allclose(one.values, other.values, atol=1e-5)
    inner = [pl.explain(m, g, target=1, method="conductance", at="3", steps=4) for m, g in ((net, x), (copy, x - 0.5))]
    assert inner[0].values.shape == inner[1].values.shape


def test_one_leaf_of_several_is_shifted_however_they_are_given():
    net, image, extra = Two(), torch.randn(4, 3), torch.randn(4, 2)
    torch.testing.assert_close(shifted(net, "1", 2.0)(image, extra + 2), net(image, extra))
    torch.testing.assert_close(shifted(net, "extra", 2.0)(image=image, extra=extra + 2), net(image, extra))
    nested = {"pair": [torch.ones(2), torch.ones(2) * 3], "mask": torch.zeros(2)}
    moved = {"pair": [torch.ones(2), torch.ones(2) * 4], "mask": torch.zeros(2)}
    torch.testing.assert_close(shifted(Listed(), "pair.1", 1.0)(moved), Listed()(nested))


def test_what_was_stated_of_a_model_is_kept():
    model = pl.wrap(mlp(), output="logits", classes=["a", "b", "c"])
    copy = shifted(model, "input", 1.0)
    assert copy.spec is model.spec
    x = torch.randn(2, 6)
    torch.testing.assert_close(copy.model(x + 1), model.model(x))


def test_functions_take_the_shift_off_and_so_do_their_gradients():
    model = pl.wrap(lambda x: x**2, gradient=lambda x, weights: 2 * x * weights)
    copy, x = shifted(model, "input", 3.0), np.arange(4.0)[:, None]
    np.testing.assert_allclose(copy.model(x + 3), x**2)
    np.testing.assert_allclose(pl.explain(copy, x + 3, target=0, method="saliency").values, 2 * x)


def test_frames_of_numbers_are_shifted_column_by_column():
    frame = pd.DataFrame({"age": [31.0, 45, 60], "rate": [0.2, 0.9, 0.5]})
    model = pl.wrap(lambda f: np.tanh(f["age"] / 50) + 2 * f["rate"])
    e = pl.explain(model, frame, target=0, method="leave-one-out", features=pl.Features.from_frame(frame))
    found = pl.evaluate(e, model, "input-invariance", progress=False)["input-invariance"].values
    assert (found > 0.01).all()  # 0 is another place after the shift


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")
def test_scripted_modules_take_no_hooks_and_are_refused_in_words():
    with pytest.raises(pl.CapabilityError, match=r"not shifted here; give the torch\.nn\.Module that it was made of"):
        shifted(torch.jit.script(mlp()), "input", 1.0)


def test_other_models_are_refused_in_words():
    from sklearn.linear_model import LinearRegression

    with pytest.raises(pl.CapabilityError, match="a model of sklearn is not shifted here; known are models of torch"):
        shifted(LinearRegression(), "input", 1.0)
    with pytest.raises(pl.CapabilityError, match="of several inputs"):
        shifted(pl.wrap(lambda a, b: a + b), "0", 1.0)
