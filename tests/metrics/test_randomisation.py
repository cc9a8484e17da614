"""Metrics of randomisation beside loops: weights drawn and exchanged by hand, gradients by torch, ranks by SciPy."""

import copy
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

import pellucid as pl
from networks import cnn, mlp
from pellucid.arrays.draws import generator
from pellucid.core.declare import Attribution
from pellucid.core.errors import CapabilityError, InputError
from pellucid.metrics.randomisation.efficient_parameter_randomisation import EfficientParameterRandomisation
from pellucid.metrics.randomisation.new_weights import ORDERS, stages
from pellucid.metrics.randomisation.parameter_randomisation import ParameterRandomisation
from pellucid.metrics.randomisation.random_logit import RandomLogit
from pellucid.metrics.randomisation.smooth_parameter_randomisation import SmoothParameterRandomisation
from played import Played, additive

NAMES = ["parameter-randomisation", "smooth-parameter-randomisation", "efficient-parameter-randomisation", "random-logit"]
FEW = [
    ParameterRandomisation(draws=2),
    SmoothParameterRandomisation(draws=2, copies=3),
    EfficientParameterRandomisation(draws=2),
    RandomLogit(draws=2),
]


@dataclass(frozen=True)
class Itself:
    """The input is its own explanation, whatever the model."""

    name: ClassVar[str] = "itself"
    engine: ClassVar[str] = "path"
    summary: ClassVar[str] = "the input"
    needs: ClassVar[frozenset[str]] = frozenset({"gradient"})
    modalities: ClassVar[tuple[str, ...]] = ()
    axioms: ClassVar[tuple[str, ...]] = ()
    cite: ClassVar[tuple[str, ...]] = ()

    def attribute(self, passes: Any) -> list[Attribution]:
        return [Attribution(passes.points) for _ in range(passes.targets)]


def scored(e, model, metrics, **options):
    return pl.evaluate(e, model, metrics, progress=False, **options)


def redrawn(net, seed, draw, layers=None):
    """A copy whose parameters are drawn one by one; kernels in the order positions, inputs, outputs."""
    made = copy.deepcopy(net)
    for name, module in made.named_modules():
        for own, parameter in module.named_parameters(recurse=False):
            if layers is not None and name not in layers:
                continue
            held = parameter.detach().numpy().astype(float)
            part = {"weight": "kernel" if held.ndim > 1 else "scale"}.get(own, own)
            turned = part == "kernel"
            order = [*range(2, held.ndim), 1, 0] if turned else list(range(held.ndim))
            shape = [held.shape[axis] for axis in order]
            drawn = generator(seed, f"weights {name}.{part}", draw).standard_normal(shape)
            back = np.moveaxis(drawn, range(held.ndim), order)
            parameter.data = torch.tensor(held.mean() + held.std() * back).to(parameter.dtype)
    return made


def contributions(net, x, target):
    """Gradient times input, sample by sample."""
    rows = []
    for point in x:
        given = point[None].clone().requires_grad_()
        (gradient,) = torch.autograd.grad(net(given)[0, target], given)
        rows.append((gradient * given)[0].detach().numpy().astype(float))
    return np.array(rows)


def tables(samples=3):
    net, x = mlp().double().eval(), torch.randn(samples, 6, generator=torch.Generator().manual_seed(1)).double()
    return net, x, pl.explain(net, x, target=1, method="input-x-gradient")


def correlations(one, other):
    return np.array([spearmanr(mine, theirs).statistic for mine, theirs in zip(one, other, strict=True)])


@pytest.mark.parametrize("order", ORDERS)
def test_new_weights_beside_loops(order):
    net, x, e = tables()
    score = scored(e, net, ParameterRandomisation(order=order, draws=3), seed=7)[NAMES[0]]
    layers = ["0", "2", "4"]
    sets = {
        "full": [layers],
        "top-down": [["4"], ["2", "4"], layers],
        "bottom-up": [["0"], ["0", "2"], layers],
        "independent": [["0"], ["2"], ["4"]],
    }[order]
    held = contributions(net, x, 1)
    found = np.array(
        [[correlations(held, contributions(redrawn(net, 7, draw, each), x, 1)) for each in sets] for draw in range(3)]
    )
    np.testing.assert_allclose(score.values, found.mean(axis=(0, 1)))
    np.testing.assert_allclose(score.details["by stage"], found.mean(axis=0).T)
    assert score.details["layers"].tolist() == (layers[::-1] if order == "top-down" else layers)
    assert score.direction == "lower"
    assert "gate" in score.notes[0]
    assert (score.interval[:, 0] <= score.values).all()
    assert (score.values <= score.interval[:, 1]).all()
    assert (abs(score.interval) <= 1).all()
    assert (score.curve is None) == (order in ("full", "independent"))


def test_networks_with_convolutions_beside_loops():
    net, x = cnn().double().eval(), torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(1)).double()
    e = pl.explain(net, x, target=1, method="input-x-gradient")
    score = scored(e, net, ParameterRandomisation(draws=2))[NAMES[0]]
    held = contributions(net, x, 1).sum(axis=1).reshape(2, -1)
    found = [contributions(redrawn(net, 0, draw), x, 1).sum(axis=1).reshape(2, -1) for draw in range(2)]
    np.testing.assert_allclose(score.values, np.mean([correlations(held, each) for each in found], axis=0))


def test_smooth_beside_loops():
    net, x, e = tables()
    score = scored(e, net, SmoothParameterRandomisation(draws=2, copies=4, radius=0.3))[NAMES[1]]

    def smooth(model):
        spread = np.ptp(x.numpy(), axis=1)[:, None]
        near = [x.numpy() + 0.3 * spread * generator(0, "copies nearby", draw).uniform(-1, 1, 6) for draw in range(4)]
        return np.mean([contributions(model, torch.tensor(each), 1) for each in near], axis=0)

    found = [correlations(smooth(net), smooth(redrawn(net, 0, draw))) for draw in range(2)]
    np.testing.assert_allclose(score.values, np.mean(found, axis=0))


def entropy(values, bins):
    """Of a histogram, bin by bin."""
    low, high = min(values), max(values)
    counts = [0] * bins
    for value in values:
        counts[min(int((value - low) / (high - low) * bins), bins - 1)] += 1
    return -sum(n / len(values) * np.log(n / len(values)) for n in counts if n)


def test_efficient_beside_loops():
    net, x, e = tables()
    score = scored(e, net, EfficientParameterRandomisation(draws=3))[NAMES[2]]
    before = np.array([entropy(row, 4) for row in contributions(net, x, 1)])  # ceil(log2 6) + 1
    after = np.array([[entropy(row, 4) for row in contributions(redrawn(net, 0, draw), x, 1)] for draw in range(3)])
    np.testing.assert_allclose(score.values, ((after - before) / before).mean(axis=0))
    np.testing.assert_allclose(score.details["entropy"], before)
    assert score.direction == "higher"
    more = scored(e, net, EfficientParameterRandomisation(draws=3, bins=2))[NAMES[2]]
    np.testing.assert_allclose(more.details["entropy"], [entropy(row, 2) for row in contributions(net, x, 1)])


def test_random_logit_beside_loops():
    net, x, e = tables()
    score = scored(e, net, "random-logit")["random-logit"]
    held = contributions(net, x, 1)
    found = np.mean([correlations(held, contributions(net, x, other)) for other in (0, 2)], axis=0)
    np.testing.assert_allclose(score.values, found)
    np.testing.assert_allclose(score.interval, np.stack([found, found], axis=1))  # there are no other outputs
    assert [sorted(row) for row in score.details["others"].tolist()] == [[0, 2]] * 3


def test_targets_of_their_own_have_others_of_their_own():
    net, x, _ = tables()
    target = np.array([0, 1, 2])
    score = scored(pl.explain(net, x, target=target, method="input-x-gradient"), net, RandomLogit(draws=1))["random-logit"]
    others = score.details["others"][:, 0]
    assert len(set((others - target) % 3)) == 1  # one draw for all samples
    for sample, other in enumerate(others):
        one, two = (contributions(net, x[sample : sample + 1], int(t))[0] for t in (target[sample], other))
        assert score.values[sample] == pytest.approx(spearmanr(one, two).statistic)


def test_opposite_outputs_have_opposite_explanations():
    net = torch.nn.Linear(4, 2, bias=False)
    net.weight.data.copy_(torch.tensor([[1.0, 2.0, -3.0, 4.0], [-1.0, -2.0, 3.0, -4.0]]))
    e = pl.explain(net, torch.ones(2, 4), target=0, method="input-x-gradient")
    np.testing.assert_allclose(scored(e, net, "random-logit")["random-logit"].values, -1)


def test_an_explanation_that_ignores_the_model_is_flagged():
    net, x, _ = tables()
    e = pl.explain(net, x, target=1, method=Itself())
    for name, score in scored(e, net, [*NAMES[:2], *NAMES[3:]], method=Itself()).items():
        np.testing.assert_allclose(score.values, 1, err_msg=name)
        if name != "random-logit":
            assert "3 of 3 explanations stay the same" in score.notes[1]
    for order in ORDERS:
        score = scored(e, net, ParameterRandomisation(order=order, draws=2), method=Itself())[NAMES[0]]
        np.testing.assert_allclose(score.details["by stage"], 1)
    rise = scored(e, net, NAMES[2], method=Itself())[NAMES[2]]
    np.testing.assert_allclose(rise.values, 0)
    _, _, real = tables()
    assert len(scored(real, net, NAMES[0])[NAMES[0]].notes) == 1


@pytest.mark.parametrize(("order", "stages_of_its_own"), [("full", 0), ("top-down", 2), ("bottom-up", 2), ("independent", 3)])
def test_nothing_is_explained_twice(order, stages_of_its_own):
    net, _, e = tables()
    scores = scored(e, net, [EfficientParameterRandomisation(draws=4), ParameterRandomisation(order=order, draws=4)])
    costs = [score.cost.backward_rows for score in scores.values()]
    assert costs == [3 * 4, 3 * 4 * stages_of_its_own]


def test_the_model_comes_back_as_it_was():
    net, _, e = tables()
    net.train()
    net[0].weight.grad = torch.ones_like(net[0].weight)
    kept = {name: (parameter, parameter.data_ptr(), parameter.detach().clone()) for name, parameter in net.named_parameters()}
    versions = [parameter._version for parameter in net.parameters()]
    scored(e, net, FEW)
    for name, parameter in net.named_parameters():
        same, place, values = kept[name]
        assert parameter is same
        assert parameter.data_ptr() == place
        assert torch.equal(parameter, values)
    assert versions == [parameter._version for parameter in net.parameters()]
    assert net.training
    assert torch.equal(net[0].weight.grad, torch.ones_like(net[0].weight))


def case(kind):
    drawn = torch.Generator().manual_seed(0)
    if kind == "image":
        net, x = cnn().eval(), torch.rand(3, 3, 8, 8, generator=drawn)
        return net, pl.explain(net, x, method="grad-cam")
    if kind == "ids":
        torch.manual_seed(0)
        net = torch.nn.Sequential(torch.nn.Embedding(9, 4), torch.nn.Flatten(), torch.nn.Linear(20, 3)).eval()
        return net, pl.explain(net, torch.randint(0, 9, (3, 5), generator=drawn), method="saliency")
    net, x = mlp().eval(), torch.randn(3, 6, generator=drawn)
    return net, pl.explain(net, x, method="shapley", budget=40)


@pytest.mark.parametrize("kind", ["image", "ids", "shapley"])
def test_scores_are_the_same_in_any_order_and_alone(kind):
    net, e = case(kind)
    metrics = [metric for metric in FEW if kind != "ids" or "explain" not in metric.asks]
    scores = scored(e, net, metrics)
    for rows in (slice(None, None, -1), slice(1, 2)):
        for name, score in scored(e[rows], net, metrics).items():
            np.testing.assert_allclose(score.values, scores[name].values[rows], rtol=1e-3, atol=1e-4, err_msg=name)


class Redrawn(Played):
    """Explanations with new weights that are known; one layer."""

    def __init__(self, values, found):
        super().__init__(values, additive(np.ones_like(values)))
        self.found = found

    def parameter_layers(self):
        return ("only",)

    def randomised(self, draw, layers=None):
        return self.found[draw]


def test_draws_without_ranks_are_left_out():
    held = np.array([[1.0, 2, 3], [1, 2, 3], [1, 2, 3]])
    found = np.array([[[3.0, 2, 1], [0, 0, 0], [1, 1, 1]], [[3, 2, 1], [1, 2, 3], [0, 0, 0]]])
    made = ParameterRandomisation(draws=2).measure(Redrawn(held, found))
    np.testing.assert_array_equal(made.values, [-1, 1, np.nan])
    np.testing.assert_array_equal(made.details["defined"], [1, 0.5, 0])
    np.testing.assert_array_equal(made.interval[1], [-1, 1])  # one draw says nothing of the others
    rise = EfficientParameterRandomisation(draws=2).measure(Redrawn(held, found))
    np.testing.assert_allclose(rise.values, [0, -0.5, -1])  # a constant one has entropy 0


def test_stages():
    assert stages("full", "abc") == [("a", "b", "c")]
    assert stages("bottom-up", "abc") == [("a",), ("a", "b"), ("a", "b", "c")]
    assert stages("top-down", "abc") == [("c",), ("b", "c"), ("a", "b", "c")]


def test_what_cannot_be_had_is_refused_in_words():
    function = pl.wrap(lambda x: np.stack([x.sum(axis=1), x[:, 0]], axis=1))
    e = pl.explain(function, np.array([[1.0, 3.0]]), target=0, method="leave-one-out")
    with pytest.raises(CapabilityError, match=r"function adapter shows no weights .* pl.wrap\(fn, params\)"):
        scored(e, function, "parameter-randomisation")
    assert np.isfinite(scored(e, function, "random-logit")["random-logit"].values).all()
    single = torch.nn.Linear(3, 1)
    e = pl.explain(single, torch.rand(2, 3), target=0)
    with pytest.raises(InputError, match="this model has one"):
        scored(e, single, "random-logit")
    net, x, _ = tables()
    with pytest.raises(InputError, match="here a neuron or a function was explained"):
        scored(pl.explain(net, x, target=pl.Neuron("2", 3), method="saliency"), net, "random-logit")
    bare = torch.nn.Flatten()
    e = pl.explain(bare, torch.rand(2, 3), target=0)
    with pytest.raises(CapabilityError, match="Flatten has no weights"):
        scored(e, bare, "parameter-randomisation")
