"""Metrics of robustness beside closed forms of linear models, and loops written from the papers' definitions."""

import numpy as np
import pandas as pd
import pytest
import torch

import pellucid as pl
from networks import cnn, mlp
from pellucid.arrays.draws import generator
from pellucid.core.errors import CapabilityError, InputError, LayerError
from pellucid.metrics.robustness.average_sensitivity import AverageSensitivity
from pellucid.metrics.robustness.local_lipschitz import LocalLipschitz
from pellucid.metrics.robustness.max_sensitivity import MaxSensitivity
from pellucid.metrics.robustness.relative_input_stability import RelativeInputStability
from pellucid.metrics.robustness.relative_output_stability import RelativeOutputStability
from pellucid.metrics.robustness.relative_representation_stability import RelativeRepresentationStability

KINDS = (
    MaxSensitivity,
    AverageSensitivity,
    LocalLipschitz,
    RelativeInputStability,
    RelativeOutputStability,
    RelativeRepresentationStability,
)
NAMES = [kind.name for kind in KINDS]
FEW = [kind(copies=4) for kind in KINDS]


def noise(shape, copies, seed=0):
    return np.stack([generator(seed, "copies nearby", draw).uniform(-1, 1, shape) for draw in range(copies)])


def linear(weights, bias=0.0):
    net = torch.nn.Linear(len(weights), 1).double()
    net.weight.data.copy_(torch.tensor(np.array([weights])))
    net.bias.data.fill_(bias)
    return net


def scored(e, model, metrics, **options):
    return pl.evaluate(e, model, metrics, progress=False, **options)


def test_gradients_of_a_linear_model_do_not_change():
    net, x = linear([1.0, -2.0, 4.0]), torch.tensor([[1.0, 2.0, 3.0], [0.5, -1.0, 2.0]]).double()
    scores = scored(pl.explain(net, x, target=0, method="saliency"), net, NAMES[:5])
    for score in scores.values():
        np.testing.assert_array_equal(score.values, 0)
        np.testing.assert_array_equal(score.details["kept"], 1)
    np.testing.assert_array_equal(scores["average-sensitivity"].interval, 0)
    assert all(score.interval is None for name, score in scores.items() if name != "average-sensitivity")


def test_contributions_of_a_linear_model_change_as_the_input_does():
    weights, x = np.array([1.0, -2.0, 4.0]), np.array([[1.0, 2.0, 3.0], [0.5, -1.0, 2.5]])
    e = pl.explain(linear(weights), torch.tensor(x), target=0, method="input-x-gradient")
    scores = scored(e, linear(weights), [kind(radius=0.1, copies=7) for kind in KINDS[:5]])
    added = 0.1 * np.ptp(x, axis=1)[:, None, None] * noise((3,), 7)
    changes = np.linalg.norm(weights * added, axis=2)
    sensitivities = changes / np.linalg.norm(weights * x, axis=1)[:, None]
    relative = np.linalg.norm(added / x[:, None], axis=2)
    np.testing.assert_allclose(scores["max-sensitivity"].values, sensitivities.max(axis=1))
    np.testing.assert_allclose(scores["average-sensitivity"].values, sensitivities.mean(axis=1))
    np.testing.assert_allclose(scores["local-lipschitz"].values, (changes / np.linalg.norm(added, axis=2)).max(axis=1))
    np.testing.assert_allclose(scores["relative-input-stability"].values, 1)
    np.testing.assert_allclose(scores["relative-output-stability"].values, (relative / abs(added @ weights)).max(axis=1))


def slow(net, x, target, copies, radius, floor, inside):
    """Copy after copy and entry after entry; the papers' definitions, with lengths as square roots of sums."""

    def length(vector):
        return sum(float(v) ** 2 for v in vector) ** 0.5

    def divided(changed, held):
        least = floor * max(abs(float(h)) for h in held)
        return length([(c - h) / max(abs(h), least) for c, h in zip(changed, held, strict=True)])

    def said(point):
        given = torch.tensor(point[None], requires_grad=True)
        outputs = net(given)
        (gradient,) = torch.autograd.grad(outputs[0, target], given)
        return gradient.numpy()[0] * point, outputs.detach().numpy()[0], inside(torch.tensor(point[None])).detach().numpy()[0]

    values, outputs, within = said(x)
    found = {name: [] for name in NAMES}
    spread, added = max(x) - min(x), noise(x.shape, copies)
    for draw in range(copies):
        near = np.array([x[i] + radius * spread * added[draw, i] for i in range(len(x))])
        theirs, others, inner = said(near)
        if others.argmax() != outputs.argmax():
            continue
        change = length(theirs - values)
        found["max-sensitivity"].append(change / length(values))
        found["average-sensitivity"].append(change / length(values))
        found["local-lipschitz"].append(change / length(near - x))
        found["relative-input-stability"].append(divided(theirs, values) / divided(near, x))
        found["relative-output-stability"].append(divided(theirs, values) / length(others - outputs))
        found["relative-representation-stability"].append(divided(theirs, values) / max(divided(inner, within), 1e-6))
    kept = len(found["max-sensitivity"]) / copies
    return {n: (np.mean if n == "average-sensitivity" else max)(v) if v else np.nan for n, v in found.items()}, kept


def test_a_network_beside_loops():
    net = mlp().double().eval()
    drawn = np.random.default_rng(0).normal(size=(200, 6))
    sure = np.ptp(np.sort(net(torch.tensor(drawn)).detach().numpy())[:, 1:], axis=1)
    x = drawn[np.argsort(sure)[[3, 10, 20, 40, 199]]]
    target = net(torch.tensor(x)).argmax(1).numpy()
    e = pl.explain(net, torch.tensor(x), target=target, method="input-x-gradient")
    wide = {"radius": 0.4, "copies": 12}
    scores = scored(e, net, [kind(**wide) for kind in KINDS])
    shares = []
    for sample in range(5):
        expected, kept = slow(net, x[sample], int(target[sample]), 12, 0.4, 0.01, net[:4])
        shares.append(kept)
        for name, score in scores.items():
            np.testing.assert_allclose(score.values[sample], expected[name], rtol=1e-6, err_msg=name)
            assert score.details["kept"][sample] == pytest.approx(kept)
    assert min(shares) < 1  # else nothing is known of those that do not count
    assert "layer '3'" in scores["relative-representation-stability"].notes[0]


def test_only_copies_that_keep_the_prediction_count():
    net = torch.nn.Linear(2, 2, bias=False)
    net.weight.data.copy_(torch.tensor([[1.0, 0.0], [-1.0, 0.0]]))
    x = torch.tensor([[1e-4, 1.0], [-1e-4, 1.0], [3.0, 1.0]])
    e = pl.explain(net, x, target=0, method="input-x-gradient")
    scores = scored(e, net, [MaxSensitivity(copies=1, spread=1.0), AverageSensitivity(copies=40, spread=np.array([1.0, 0.5]))])
    kept = scores["max-sensitivity"].details["kept"]
    assert sorted(kept[:2]) == [0, 1]  # one noise for both, and they lie on both sides of the border
    assert kept[2] == 1
    np.testing.assert_array_equal(scores["max-sensitivity"].undefined, kept == 0)
    few = scores["average-sensitivity"].details["kept"]
    assert few[0] + few[1] == pytest.approx(1)
    assert few[2] == 1


def test_a_sample_without_spread_has_no_copies():
    net = mlp().eval()
    e = pl.explain(net, torch.ones(1, 6), target=0, method="saliency")
    assert scored(e, net, FEW)["max-sensitivity"].undefined.all()
    assert not scored(e, net, MaxSensitivity(copies=4, spread=1.0))["max-sensitivity"].undefined.any()


def test_six_metrics_cost_one_set_of_explanations():
    net, x = mlp().eval(), torch.randn(3, 6, generator=torch.Generator().manual_seed(0))
    e = pl.explain(net, x, target=0, method="saliency")
    scores = scored(e, net, [kind(copies=6) for kind in KINDS])
    first, *others, last = scores.values()
    assert (first.cost.forward_rows, first.cost.backward_rows) == (18, 18)
    assert all(score.cost.forward_rows == score.cost.backward_rows == 0 for score in others)
    assert last.cost.backward_rows == 0
    assert last.cost.forward_rows + last.cost.other_rows <= 3 * 7 + 1  # beside it one row that finds the layers
    twice = [MaxSensitivity(copies=6), LocalLipschitz(copies=4), AverageSensitivity(copies=8)]
    assert [score.cost.forward_rows for score in scored(e, net, twice).values()] == [18, 0, 6]


def case(kind):
    generate = torch.Generator().manual_seed(0)
    if kind == "image":
        net, x = cnn().eval(), torch.rand(3, 3, 8, 8, generator=generate)
        return net, pl.explain(net, x, method="integrated-gradients", steps=4)
    if kind == "shapley":
        net, x = mlp().eval(), torch.randn(3, 6, generator=generate)
        return net, pl.explain(net, x, method="shapley", budget=20)
    if kind == "draws":
        net, x = mlp().eval(), torch.randn(3, 6, generator=generate)
        return net, pl.explain(net, x, method="smoothgrad", samples=5, seed=3)
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Conv1d(2, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(40, 2)).eval()
    x = torch.randn(3, 2, 12, generator=generate)
    return net, pl.explain(net, x, method="saliency", features=pl.Features.segments(12, 6))


@pytest.mark.parametrize("kind", ["image", "shapley", "draws", "series"])
def test_scores_are_the_same_in_any_order_and_alone(kind):
    net, e = case(kind)
    scores = scored(e, net, FEW)
    for score in scores.values():
        assert np.isfinite(score.values).all()
        assert (score.values >= 0).all()
    for rows in (slice(None, None, -1), slice(1, 2)):
        for name, score in scored(e[rows], net, FEW).items():
            np.testing.assert_allclose(score.values, scores[name].values[rows], rtol=2e-3, atol=1e-5, err_msg=name)


def test_the_method_draws_as_it_did():
    net, e = case("draws")
    still = scored(e, net, MaxSensitivity(radius=1e-6), seed=5)["max-sensitivity"].values
    assert (still < 1e-3).all()  # and not what another seed would give


def test_intervals_of_the_mean_hold_it():
    net, x = linear([1.0, -2.0, 4.0, 0.5]), np.array([[1.0, 2.0, 3.0, -1.0]])
    e = pl.explain(net, torch.tensor(x), target=0, method="input-x-gradient")
    many = 0.05 * 4 * np.random.default_rng(0).uniform(-1, 1, (100_000, 4))
    truth = np.linalg.norm(np.array([1.0, -2.0, 4.0, 0.5]) * many, axis=1).mean() / np.linalg.norm([1.0, 4.0, 12.0, 0.5])
    held = [scored(e, net, AverageSensitivity(), seed=seed)["average-sensitivity"].interval[0] for seed in range(80)]
    share = np.mean([low <= truth <= high for low, high in held])
    assert 0.87 <= share <= 1


def test_values_that_are_constant_or_not_finite_have_no_score():
    net, e = case("image")
    e.values[0], e.values[1, 0, 0, 0] = 1.0, np.nan
    for score in scored(e, net, FEW).values():
        np.testing.assert_array_equal(score.undefined, [True, True, False])


@pytest.mark.parametrize("metric", FEW[:5], ids=NAMES[:5])
def test_words_whole_numbers_and_categories_are_refused(metric):
    words = pl.wrap(lambda texts: np.array([float(len(text)) for text in texts]))
    e = pl.explain(words, ["a good film", "a bad one"], target=0, method="leave-one-out")
    with pytest.raises(InputError, match=f"{metric.name} adds noise to numbers, and this input has words"):
        scored(e, words, metric)
    frame = pd.DataFrame({"age": [31.0, 45, 60], "town": ["Bonn", "Ulm", "Bonn"]})
    model, background = pl.wrap(lambda f: f["age"] / 50 + (f["town"] == "Ulm")), pl.maskers.Background(frame)
    e = pl.explain(model, frame, target=0, method="shapley", features=pl.Features.from_frame(frame), masker=background)
    with pytest.raises(InputError, match="or categories"):
        scored(e, model, metric, masker=background)


def test_what_does_not_fit_is_refused_in_words():
    net, e = case("image")
    with pytest.raises(InputError, match=r"spread= must be numbers from 0 that fit a sample of the shape \(3, 8, 8\)"):
        scored(e, net, MaxSensitivity(spread=np.ones(5)))
    with pytest.raises(InputError, match="spread="):
        scored(e, net, MaxSensitivity(spread=-1.0))
    with pytest.raises(LayerError, match="no layer 'nowhere'"):
        scored(e, net, RelativeRepresentationStability(layer="nowhere", copies=2))
    assert "layer '0'" in scored(e, net, RelativeRepresentationStability(layer="0", copies=2))[NAMES[5]].notes[0]
    alone = linear([1.0, 2.0])
    e = pl.explain(alone, torch.tensor([[1.0, 3.0]]).double(), target=0)
    with pytest.raises(LayerError, match="name the one that is its representation"):
        scored(e, alone, RelativeRepresentationStability(copies=2))
    function = pl.wrap(lambda x: x.sum(axis=1))
    e = pl.explain(function, np.array([[1.0, 3.0]]), target=0, method="leave-one-out")
    with pytest.raises(CapabilityError, match="'layers'"):
        scored(e, function, RelativeRepresentationStability())
    assert scored(e, function, MaxSensitivity())["max-sensitivity"].values[0] > 0
