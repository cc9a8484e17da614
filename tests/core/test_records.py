"""Slicing, spreading and tabulating explanations."""

import numpy as np
import pytest

import networks
import pellucid as pl


def test_slicing_keeps_a_batch():
    net = pl.wrap(networks.cnn(), output="logits")
    e = pl.explain(net, networks.rows(4, 3, 8, 8), method="smoothgrad", samples=4)
    one = e[-1]
    assert len(one) == 1
    np.testing.assert_array_equal(one.values[0], e.values[3])
    np.testing.assert_array_equal(one.inputs[0], e.inputs[3])
    assert one.target.names == e.target.names[3:]
    assert len(e[1:3]) == 2
    assert [len(part) for part in e] == [1] * 4
    with pytest.raises(IndexError, match="sample 4 of 4"):
        e[4]


def test_evidence_follows_its_samples():
    from pellucid.core.records import Finding, _only

    finding = Finding("kind", "sentence", (1, 3), {"n": (0.5, 0.7)})
    assert _only(finding, range(3, 5)) == Finding("kind", "sentence", (0,), {"n": (0.7,)}, of=2)
    assert str(Finding("kind", "it is.", (0, 2), of=5)) == "2 of 5 samples (0, 2): it is."
    assert str(Finding("kind", "it is.", (0,))) == "this sample: it is."
    assert _only(finding, range(1)) is None


def test_probabilities():
    x = networks.rows(3, 6)
    logits = pl.explain(pl.wrap(networks.mlp(), output="logits"), x, method="saliency")
    np.testing.assert_allclose(logits.probabilities.sum(1), 1, rtol=1e-5)
    assert pl.explain(networks.mlp(), x, method="saliency").probabilities is None
    single = pl.explain(pl.wrap(networks.mlp(outputs=1), output="logits"), x, method="saliency")
    np.testing.assert_allclose(single.probabilities, 1 / (1 + np.exp(-single.prediction)), rtol=1e-5)


def test_frames():
    e = pl.explain(networks.mlp(), networks.rows(2, 6), method="smoothgrad", samples=4)
    frame = e.to_frame()
    assert list(frame.columns) == ["sample", "leaf", "index", "value", "standard_error", "input"]
    assert len(frame) == 12
    np.testing.assert_allclose(frame.value.to_numpy().reshape(2, 6), e.values)
    np.testing.assert_allclose(frame.input.to_numpy().reshape(2, 6), e.inputs)
    maps = pl.explain(networks.cnn(), networks.rows(2, 3, 8, 8), method="grad-cam").to_frame()
    assert maps["index"][9] == (1, 1)
    several = pl.explain(networks.TwoInputs(), (networks.rows(2, 4), networks.rows(2, 3), networks.rows(2, 2)), target=0)
    assert set(several.to_frame().leaf) == {"0", "1", "2"}
    assert len(pl.methods().to_frame()) == len(pl.methods())


def test_spreading_a_map_over_the_input_preserves_sums():
    e = pl.explain(networks.cnn(), networks.rows(2, 3, 8, 8), method="grad-cam", upsample="none", at="5")
    spread = e.to_input()
    assert spread.shape == e.inputs.shape
    np.testing.assert_allclose(spread.sum((1, 2, 3)), e.values.sum((1, 2)), rtol=1e-5)
    np.testing.assert_allclose(spread[:, 0, :2, :2].sum((1, 2)) * 3, e.values[:, 0, 0], rtol=1e-5)


def test_units_of_a_layer_have_no_place_in_the_input():
    e = pl.explain(networks.mlp(), networks.rows(2, 6), method="saliency", at="2")
    with pytest.raises(pl.InputError, match="have no place in the input"):
        e.to_input()
