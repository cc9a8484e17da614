"""Models whose outputs, states and inner layers are shaped in ways that adapters trip over."""

from collections import OrderedDict, namedtuple

import numpy as np
import pytest
import torch
from torch import nn

import networks
import pellucid as pl


class Two(nn.Module):
    """Two outputs, in an order that is not alphabetical."""

    def __init__(self, pack):
        super().__init__()
        torch.manual_seed(0)
        self.scores, self.aux, self.pack = nn.Linear(6, 3), nn.Linear(6, 2), pack

    def forward(self, x):
        return self.pack(self.scores(x), self.aux(x))


PACKS = {
    "dict": lambda scores, aux: {"scores": scores, "aux": aux},
    "ordered": lambda scores, aux: OrderedDict(scores=scores, aux=aux),
    "tuple": lambda scores, aux: (scores, aux),
    "named": namedtuple("Out", "scores aux"),
    "with a scalar": lambda scores, aux: {"scores": scores, "loss": aux.sum(), "aux": aux},
    "with states": lambda scores, aux: {"scores": scores, "states": aux.T[None]},
}


@pytest.mark.parametrize("pack", PACKS)
def test_the_first_output_is_explained_and_said(pack):
    net, x = Two(PACKS[pack]), networks.rows(3, 6)
    e = pl.explain(net, x, target=2, method="saliency")
    np.testing.assert_allclose(e.values, np.tile(net.scores.weight[2].detach().numpy(), (3, 1)), rtol=1e-6)
    assert e.prediction.shape == (3, 3)
    assert "was explained; the model returns" in "".join(e.plan.notes) or pack == "with states"


@pytest.mark.parametrize("pack", PACKS)
def test_the_output_gradient_is_that_of_the_output_that_is_read(pack):
    net, x = Two(PACKS[pack]), networks.rows(3, 6)
    e = pl.explain(net, x, target=2, method="output-gradient")
    np.testing.assert_array_equal(e.details["output_gradient"], np.tile([0.0, 0.0, 1.0], (3, 1)))


def test_a_function_of_the_outputs_gets_them_as_the_model_returns_them():
    net, x = Two(PACKS["named"]), networks.rows(3, 6)
    target = pl.Target(lambda out: out.aux[:, 1])
    for method in ("saliency", "output-gradient", "integrated-gradients"):
        e = pl.explain(net, x, target=target, method=method)
        np.testing.assert_allclose(e.value, net(x).aux[:, 1].detach().numpy(), rtol=1e-6)
    both = pl.Target(lambda out: out.aux[:, 1] + out.scores[:, 0])
    with pytest.raises(pl.CapabilityError, match=r"the target reads 2: scores, aux|the target reads 2: 0, 1"):
        pl.explain(net, x, target=both, method="output-gradient")


def test_a_target_that_fails_is_not_blamed_on_the_inputs():
    net, x = networks.mlp(), networks.rows(2, 6)
    with pytest.raises(pl.TargetError, match=r"function of Target failed on outputs of shape.*IndexError"):
        pl.explain(net, x, target=pl.Target(lambda out: out[:, 99]))
    with pytest.raises(pl.TargetError, match="takes a function"):
        pl.Target("loss")
    with pytest.raises(pl.TargetError, match="one label per sample"):
        pl.Target(lambda out, y: out, labels=3)
    with pytest.raises(pl.TargetError, match="whole numbers"):
        pl.Neuron("0", [1])
    with pytest.raises(pl.TargetError, match="whole numbers"):
        pl.explain(net, x, target=(1.5,))


def test_targets_of_a_model_with_one_number_per_row():
    class One(nn.Module):
        def forward(self, x):
            return x.sum(1)

    x = networks.rows(3, 4)
    for target in ("predicted", 0, -1, (), np.zeros(3, int)):
        assert pl.explain(One(), x, target=target, method="saliency").values.all()
    for target in (7, (7,), np.array([9, 9, 9]), "cat"):
        with pytest.raises(pl.TargetError):
            pl.explain(One(), x, target=target, method="saliency")


def test_an_index_from_argmax_is_an_index():
    net, x = networks.mlp(), networks.rows(2, 6)
    e = pl.explain(net, x, target=net(x)[0].argmax(), method="saliency")
    assert (e.target.indices == int(net(x)[0].argmax())).all()


def test_a_model_that_squeezes_a_batch_of_one():
    class Squeezes(nn.Module):
        def forward(self, x):
            return x.sum(1, keepdim=True).squeeze()

    assert pl.explain(Squeezes(), networks.rows(1, 4), method="saliency").values.shape == (1, 4)
    assert pl.explain(Squeezes(), networks.rows(3, 4), method="saliency", batch_size=2).values.shape == (3, 4)


class Recurrent(nn.Module):
    """Its head reads the last hidden state, not the first output of the layer."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.cell, self.out = nn.LSTM(4, 8, batch_first=True), nn.Linear(8, 2)

    def forward(self, x):
        return self.out(self.cell(x)[1][0][-1])


def test_a_layer_that_the_target_does_not_depend_on_is_refused():
    with pytest.raises(pl.LayerError, match="does not depend on the output of cell"):
        pl.explain(Recurrent(), networks.rows(3, 6, 4), target=0, at="cell")


def test_maps_are_not_drawn_over_features():
    with pytest.raises(pl.CapabilityError, match="no convolution; if a layer has both, name it in at="):
        pl.explain(Recurrent(), networks.rows(3, 6, 4), target=0, method="grad-cam")


class Mixed(nn.Module):
    """A layer that depends on floats and on ids."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.table, self.layer, self.out = nn.Embedding(9, 4), nn.Linear(4, 8), nn.Linear(8, 1)

    def forward(self, x, ids):
        return self.out(torch.tanh(self.layer(x + self.table(ids))))


@pytest.mark.parametrize("baseline", [None, {"0": np.stack([np.zeros(4), np.ones(4)])}])
def test_at_a_layer_baselines_keep_each_samples_other_inputs(baseline):
    net, x, ids = Mixed(), networks.rows(3, 4), torch.tensor([1, 5, 7])
    together = pl.explain(net, (x, ids), target=0, at="layer", steps=30, baseline=baseline)
    for i in range(3):
        alone = pl.explain(net, (x[i : i + 1], ids[i : i + 1]), target=0, at="layer", steps=30, baseline=baseline)
        np.testing.assert_allclose(alone.base_value[0], together.base_value[i], rtol=1e-5)
        np.testing.assert_allclose(alone.values[0], together.values[i], rtol=1e-4, atol=1e-6)


def test_ids_that_look_like_positions():
    class Positioned(nn.Module):
        def __init__(self):
            super().__init__()
            self.words, self.places, self.out = nn.Embedding(9, 4), nn.Embedding(9, 4), nn.Linear(4, 2)

        def forward(self, ids):
            places = torch.arange(ids.shape[1]).expand(ids.shape)
            return self.out((self.words(ids) + self.places(places)).mean(1))

    e = pl.explain(Positioned(), torch.arange(5)[None].repeat(2, 1), target=0)
    assert e.values.shape == (2, 5)


def test_buffers_that_are_bound_anew_and_tables_that_are_renormalised():
    class Writes(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.register_buffer("calls", torch.zeros(1))
            self.table, self.out = nn.Embedding(9, 4, max_norm=0.5), nn.Linear(4, 2)

        def forward(self, ids):
            self.calls = self.calls + 1
            return self.out(self.table(ids).mean(1))

    net = Writes()
    calls, weights = net.calls, net.table.weight.detach().clone()
    pl.explain(net, torch.tensor([[1, 2, 3]]), target=0)
    assert net.calls is calls
    assert calls == 0
    assert torch.equal(net.table.weight, weights)


def test_records_and_baselines_do_not_share_memory_with_the_users_input():
    def writes(array):
        array[:] = 0
        return array

    net, x = networks.mlp(), networks.rows(2, 6)
    given = x.clone()
    e = pl.explain(net, x, target=0, baseline=writes)
    assert torch.equal(x, given)
    x.zero_()
    np.testing.assert_array_equal(e.inputs, given.numpy())


def test_keywords_are_only_used_where_they_fit():
    class Batch(nn.Module):
        def forward(self, batch, **options):
            return batch["a"] * 2 + batch["b"]

    e = pl.explain(Batch(), {"a": networks.rows(2, 3), "b": networks.rows(2, 3)}, target=0, method="saliency")
    assert e.values["a"][0, 0] == 2
    numbered = pl.explain(_Numbered(), {0: networks.rows(2, 3), 1: networks.rows(2, 3)}, target=0, method="saliency")
    assert list(numbered.values) == [0, 1]
    with pytest.raises(pl.InputError, match=r"two leaves are called 'a\.b'"):
        pl.explain(Batch(), {"a.b": networks.rows(2, 3), "a": {"b": networks.rows(2, 3)}})


class _Numbered(nn.Module):
    def forward(self, given):
        return given[0] + given[1]


def test_compiled_models_have_the_names_of_their_layers():
    net = networks.mlp()
    compiled = torch.compile(net, backend="eager")
    x = networks.rows(2, 6)
    at = pl.explain(compiled, x, target=0, method="saliency", at="2")
    np.testing.assert_array_equal(at.values, pl.explain(net, x, target=0, method="saliency", at="2").values)


def test_modules_without_weights_compute_in_what_they_are_given():
    class Cubes(nn.Module):
        def forward(self, x):
            return (x**3).sum(1, keepdim=True)

    x = np.random.default_rng(0).normal(size=(2, 3))
    np.testing.assert_allclose(pl.explain(Cubes(), x, method="saliency").values, 3 * x**2, rtol=1e-14)


def test_samples_without_a_range_need_noise_in_units():
    net = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1))
    with pytest.raises(pl.InputError, match=r"sample 0.*sigma="):
        pl.explain(net, networks.rows(3, 1), method="smoothgrad", samples=8)
    e = pl.explain(net, networks.rows(3, 1), method="smoothgrad", samples=64, sigma=0.5)
    assert (e.standard_errors > 0).all()


def test_wrt_is_not_silently_ignored():
    for options in ({"at": "2"}, {"method": "grad-cam"}):
        with pytest.raises(pl.InputError, match="wrt= and features= are about inputs"):
            pl.explain(networks.cnn(), networks.rows(1, 3, 8, 8), wrt="input", **options)


def test_a_target_that_does_not_change_is_told_from_one_that_saturates():
    class Constant(nn.Module):
        def forward(self, x):
            return 0 * x.sum(1, keepdim=True) + 1

    (finding,) = pl.explain(Constant(), networks.rows(2, 3), method="saliency").evidence
    assert finding.kind == "zero-gradient"
    assert "changes" not in finding.sentence


@pytest.mark.parametrize("seed", [-1, None, 1.5, True])
def test_seeds_are_checked(seed):
    with pytest.raises(pl.InputError, match="seed must be a whole number"):
        pl.explain(networks.mlp(), networks.rows(1, 6), seed=seed)


@pytest.mark.parametrize("budget", range(1, 12))
def test_looking_and_reading_count_towards_the_budget(budget):
    rows = []

    def count(module, args, kwargs):
        rows.append(len(args[0] if args else kwargs["ids"]))

    for x, net, options in [
        (networks.rows(2, 3, 8, 8), networks.cnn(), {"method": "grad-cam", "target": 0}),
        (networks.rows(2, 6), networks.mlp(), {"method": "saliency", "target": pl.Neuron("2", 1)}),
        (networks.rows(2, 6), networks.mlp(), {"at": "1", "target": 0, "baseline": np.zeros((4, 6))}),
        ({"ids": torch.tensor([[1, 2, 3, 4, 5]]), "attention_mask": torch.ones(1, 5)}, networks.Tokens(), {"target": 0}),
    ]:
        rows.clear()
        handle = net.register_forward_pre_hook(count, with_kwargs=True)
        samples = len(x["ids"]) if isinstance(x, dict) else len(x)
        try:
            e = pl.explain(net, x, budget=budget, **options)
            assert e.cost.forward_rows + e.cost.other_rows == sum(rows)
        except pl.BudgetError:
            pass
        handle.remove()
        assert sum(rows) <= budget * samples


def test_arrays_of_unusual_kinds():
    from scipy.sparse import csr_array

    net, x = networks.mlp(), networks.rows(2, 6)
    expected = pl.explain(net, x, target=0, method="saliency").values
    for same in (x.numpy().astype(">f4"), x.numpy().astype(np.longdouble)):
        np.testing.assert_allclose(pl.explain(net, same, target=0, method="saliency").values, expected, rtol=1e-6)
    with pytest.raises(pl.InputError, match="toarray"):
        pl.explain(net, csr_array(x.numpy()), target=0)
    with pytest.raises(pl.InputError, match="to_dense"):
        pl.explain(net, x.to_sparse(), target=0)
    with pytest.raises(pl.InputError, match="rectangular"):
        pl.explain(net, [row.requires_grad_() for row in x.unbind()], target=0)
    with pytest.raises(pl.CapabilityError, match=r"Linear is a class; make a model of it first: Linear\(\.\.\.\)"):
        pl.explain(nn.Linear, x)
    assert len(pl.explain(net, x, targets=(t for t in (0, 1)), method="saliency")) == 2
