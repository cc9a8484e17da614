"""Class activation maps of transformers: tokens on a grid, and the layer that still counts."""

import numpy as np
import pytest
import torch
from torch import nn

import networks
import pellucid as pl
import slow_cam
from pellucid.attribution.cam.grids import token_grid

SIZES = [((16, 16), 1), ((12, 24), 1), ((12, 24), 0), ((16, 16), 5)]
"""Size of the image, and tokens before the grid."""


def planned(size, leading):
    net = networks.ViT(size, leading=leading).double().eval()
    return net, networks.rows(2, 1, *size).double()


def tokens_of(net, x, target):
    """The output of the last block's first norm for one sample, the target's gradient there, and the rest of the network."""
    last = net.blocks[1]
    inner = net.blocks[0](net.embedded(x[None])).detach()

    def rest(normed):
        y = inner + last.attention(normed, normed, normed)[0]
        return net.read(y + last.mlp(last.norm2(y)))[0, target]

    normed = last.norm1(inner).detach().requires_grad_()
    rest(normed).backward()
    return normed.detach()[0].numpy(), normed.grad[0].numpy(), lambda raw: rest(torch.tensor(raw)[None]).item()


def grid(tokens, size, leading):
    """Token by token into rows of the grid: ``(channels, rows, columns)``."""
    rows, columns = size[0] // 4, size[1] // 4
    out = np.zeros((tokens.shape[1], rows, columns))
    for row in range(rows):
        for column in range(columns):
            out[:, row, column] = tokens[leading + row * columns + column]
    return out


@pytest.mark.parametrize(("size", "leading"), SIZES)
@pytest.mark.parametrize("method", slow_cam.TWINS)
def test_tokens_are_read_as_a_grid(method, size, leading):
    net, x = planned(size, leading)
    e = pl.explain(net, x, target=1, method=method, at="blocks.1.norm1")
    assert e.values.shape == (2, *size)
    for i in range(2):
        tokens, gradient, _ = tokens_of(net, x[i], 1)
        heat = slow_cam.TWINS[method](grid(tokens, size, leading), grid(gradient, size, leading))
        np.testing.assert_allclose(e.values[i], slow_cam.resized(heat, size), atol=1e-10)


@pytest.mark.parametrize(("size", "leading"), SIZES)
def test_masks_and_removed_channels_of_tokens(size, leading):
    net, x = planned(size, leading)
    score = pl.explain(net, x, target=1, method="score-cam", at="blocks.1.norm1")
    removed = pl.explain(net, x, target=1, method="ablation-cam", at="blocks.1.norm1", batch_size=3)
    for i in range(2):
        tokens, _, rest = tokens_of(net, x[i], 1)
        maps = grid(tokens, size, leading)

        def value(masked):
            with torch.no_grad():
                return net(torch.tensor(masked)[None])[0, 1].item()

        np.testing.assert_allclose(score.details["weights"][i], slow_cam.score_weights(value, x[i].numpy(), maps), rtol=1e-8)
        weights = slow_cam.ablation_weights(rest, tokens, 1)  # in all tokens, the leading ones too
        np.testing.assert_allclose(removed.details["weights"][i], weights, rtol=1e-7, atol=1e-12)
        heat = slow_cam.resized(slow_cam.summed(maps, weights), size)
        np.testing.assert_allclose(removed.values[i], heat, atol=1e-10)


def test_the_grid_may_be_given_as_sizes_or_as_a_function():
    net, x = planned((12, 24), 1)
    found = pl.explain(net, x, target=1, method="hires-cam", at="blocks.1.norm1")
    for reshape in ((3, 6), lambda tokens: tokens[:, 1:].reshape(-1, 3, 6, 16).movedim(-1, 1)):
        given = pl.explain(net, x, target=1, method="hires-cam", at="blocks.1.norm1", reshape=reshape)
        np.testing.assert_array_equal(given.values, found.values)
        removed = pl.explain(net, x, target=1, method="ablation-cam", at="blocks.1.norm1", reshape=reshape)
        assert removed.details["weights"].shape == (2, 16)
    turned = pl.explain(net, x, target=1, method="hires-cam", reshape=(6, 3), upsample="none")
    np.testing.assert_array_equal(turned.values.reshape(2, -1), unscaled(net, x).reshape(2, -1))


def unscaled(net, x):
    return pl.explain(net, x, target=1, method="hires-cam", upsample="none").values


GRADIENT = [name for name in slow_cam.TWINS if name != "eigen-cam"]


@pytest.mark.parametrize("method", GRADIENT)
@pytest.mark.parametrize("leading", [0, 1, 5])
def test_the_last_layer_whose_patches_count_is_found(method, leading):
    """Behind the last attention a class token is read alone: no patch has a gradient there."""
    net, x = planned((16, 16), leading)
    e = pl.explain(net, x, target=1, method=method)
    assert e.layer == ("blocks.1.norm1" if leading else "norm")
    assert e.cost.forward_rows == e.cost.backward_rows == 2
    assert not e.evidence
    assert np.abs(e.values).max() > 0 or method == "grad-cam"  # a map may be negative everywhere


@pytest.mark.parametrize("method", ["eigen-cam", "score-cam", "ablation-cam"])
def test_without_gradients_the_layer_before_the_last_attention_is_read(method):
    net, x = planned((16, 16), 1)
    assert pl.explain(net, x, target=1, method=method).layer == "blocks.1.norm1"


def test_a_layer_behind_the_last_attention_that_is_named_says_that_it_says_nothing():
    net, x = planned((16, 16), 1)
    e = pl.explain(net, x, target=1, method="grad-cam", at="blocks.1")
    assert (e.values == 0).all()
    (finding,) = e.evidence
    assert finding.kind == "zero-gradient"
    assert "before its last attention" in finding.sentence


@pytest.mark.parametrize("at", ["blocks.0.attention", "blocks.0", "patches"])
def test_layers_that_return_tuples_and_layers_with_axes_of_their_own(at):
    net, x = planned((12, 24), 1)
    assert pl.explain(net, x, target=1, method="hires-cam", at=at, upsample="none").values.shape == (2, 3, 6)


def test_layers_of_tokens_and_of_maps_are_joined():
    net, x = planned((12, 24), 1)
    e = pl.explain(net, x, target=1, method="layer-cam", at=["patches", "blocks.0"])
    assert e.values.shape == (2, 12, 24)
    assert e.layer == "patches, blocks.0"


@pytest.mark.parametrize(("size", "leading"), SIZES)
def test_a_planted_patch_is_found(size, leading):
    net = networks.planted_vit(size, leading)
    x, classes, where = networks.planted(64, size, seed=1)
    assert (net(x.double()).argmax(1) == classes).double().mean() > 0.95
    e = pl.explain(net, x, method="hires-cam", upsample="none", at="blocks.0.norm1")
    best = np.stack(np.unravel_index(e.values.reshape(64, -1).argmax(1), e.values.shape[1:]), axis=1)
    assert (best == where).all(1).mean() > 0.9


def test_full_grad_draws_tokens_and_says_that_a_transformer_is_not_piecewise_linear():
    net, x = planned((16, 16), 1)
    e = pl.explain(net, x, target=1, method="full-grad")
    assert e.values.shape == (2, 16, 16)
    assert e.evidence[0].kind == "incomplete-decomposition"


def test_a_series_of_tokens_needs_its_length():
    """Tokens of a series have the axes of a convolution's output: only the user can tell them apart."""

    class Steps(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.embed, self.block, self.head = nn.Linear(2, 8), networks.Block(8), nn.Linear(8, 3)

        def forward(self, x):
            return self.head(self.block(self.embed(x.mT)).mean(1))

    net, x = Steps().double(), networks.rows(2, 2, 12).double()
    e = pl.explain(net, x, target=0, method="hires-cam", at="embed", reshape=(12,), upsample="none")
    assert e.values.shape == (2, 12)


@pytest.mark.parametrize(
    ("tokens", "size", "expected"),
    [
        (196, (224, 224), ((14, 14), 0)),
        (197, (224, 224), ((14, 14), 1)),
        (198, (224, 224), ((14, 14), 2)),
        (261, (224, 224), ((16, 16), 5)),
        (50, (224, 224), ((7, 7), 1)),
        (257, (224, 224), ((16, 16), 1)),
        (97, (128, 192), ((8, 12), 1)),
        (96, (192, 128), ((12, 8), 0)),
        (101, (128, 192), ((8, 12), 5)),
        (1374, (518, 518), ((37, 37), 5)),
        (99, (120, 230), ((7, 14), 1)),
        (26, (12, 12), None),
        (150, (224, 224), None),
        (2, (8, 8), None),
    ],
)
def test_grids_are_found_from_the_number_of_tokens(tokens, size, expected):
    assert token_grid(tokens, size) == expected


def test_tokens_that_fill_no_grid_are_refused_in_words():
    net, x = planned((16, 16), 12)
    for method in ("grad-cam", "ablation-cam"):
        with pytest.raises(pl.LayerError, match=r"28 tokens fill no grid.*reshape=\(rows, columns\)"):
            pl.explain(net, x, target=1, method=method, at="blocks.0")
        with pytest.raises(pl.LayerError, match=r"reshape=\(6, 6\) is a grid of 36 tokens"):
            pl.explain(net, x, target=1, method=method, at="blocks.0", reshape=(6, 6))
        with pytest.raises(pl.LayerError, match=r"it must give \(samples, channels, \*spatial\)"):
            pl.explain(net, x, target=1, method=method, at="blocks.0", reshape=lambda tokens: tokens[:, 0])
        with pytest.raises(pl.InputError, match="name that layer in at="):
            pl.explain(net, x, target=1, method=method, reshape=lambda tokens: tokens)
        assert pl.explain(net, x, target=1, method=method, at="blocks.0", reshape=(4, 4)).values.shape == (2, 16, 16)


@pytest.mark.parametrize("method", ["grad-cam", "score-cam", "full-grad"])
@pytest.mark.parametrize("reshape", ["4x4", 4, (4, 0), (4.0, 4), ()])
def test_what_is_no_grid_is_refused(method, reshape):
    net, x = planned((16, 16), 1)
    with pytest.raises(pl.InputError, match="takes the sizes of the grid"):
        pl.explain(net, x, method=method, reshape=reshape)


def test_a_grid_where_nothing_is_tokens_is_refused():
    with pytest.raises(pl.LayerError, match="no layer here gives tokens: 6"):
        pl.explain(networks.cnn(), networks.rows(2, 3, 8, 8), method="grad-cam", reshape=(2, 2))


class TokensFirst(nn.Module):
    """A transformer whose tokens come before its samples, torch's default."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.patches, self.head = nn.Conv2d(1, 16, 4, 4), nn.Linear(16, 3)
        self.encoder = nn.TransformerEncoderLayer(16, 2, 32)

    def forward(self, x):
        return self.head(self.encoder(self.patches(x).flatten(2).permute(2, 0, 1)).mean(0))


def test_tokens_before_samples_are_refused_in_words():
    net, x = TokensFirst(), networks.rows(2, 1, 16, 16)
    for method in ("grad-cam", "score-cam"):
        with pytest.raises(pl.LayerError, match="its first axis is not the 2 samples"):
            pl.explain(net, x, method=method, at="encoder")
        assert pl.explain(net, x, method=method).layer == "patches"
    with pytest.raises(pl.LayerError, match="batch_first=True"):
        pl.explain(net, x, method="full-grad")


def test_windowed_transformers_have_their_channels_last():
    class Windowed(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.stem, self.mix, self.head = nn.Conv2d(1, 8, 4, 4), nn.Linear(8, 32), nn.Linear(32, 2)

        def forward(self, x):
            return self.head(torch.tanh(self.mix(self.stem(x).movedim(1, -1))).mean((1, 2)))

    net, x = Windowed(), networks.rows(2, 1, 16, 24)
    e = pl.explain(net, x, target=0, method="layer-cam", upsample="none")
    assert e.layer == "mix"
    assert e.values.shape == (2, 4, 6)
