"""Every score of faithfulness on models: images, tables, texts, series; alone, in batches, in any order; refusals in words."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch

import pellucid as pl
from networks import cnn, mlp
from pellucid import catalog
from pellucid.metrics.normalised_aopc import NormalisedAOPC
from pellucid.metrics.sensitivity_n import SensitivityN
from pellucid.verdict.evaluate import evaluate

NAMES = [metric.name for metric in catalog.METRICS if metric.group == "faithfulness"]
IMAGES = {"road", "irof"}
"""Scores of images alone."""
NUMBERS = {"pgi", "pgu", "average-drop", "average-increase"}
"""Scores that ask for numbers that can be changed a little."""
CHEAP = {"normalised-aopc": NormalisedAOPC(search=80), "sensitivity-n": SensitivityN(sizes=2, subsets=20)}


def scored(e, model, names, **options):
    return evaluate(e, model, [CHEAP.get(name, name) for name in names], progress=False, **options)


def grey():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(4 * 36, 3))


def probabilities(net):
    return torch.nn.Sequential(net, torch.nn.Softmax(1)).eval()


def words_counted(texts):
    """Probability-like scores of texts: good words against bad ones."""
    good = [sum(word in text for word in ("good", "fine", "great")) for text in texts]
    bad = [sum(word in text for word in ("bad", "dull")) for text in texts]
    lengths = [len(text.split()) for text in texts]
    return np.array([[1 / (1 + np.exp(b - g - 0.01 * n)), 0.5] for g, b, n in zip(good, bad, lengths, strict=True)])


def case(kind):
    """A model, an explanation of three samples of it, and the names of the scores that it takes."""
    rng = np.random.default_rng(0)
    if kind == "RGB":
        net, x = probabilities(cnn()), torch.rand(3, 3, 8, 8, generator=torch.Generator().manual_seed(1))
        return net, pl.explain(net, x, target=1, method="integrated-gradients", steps=4), set(NAMES)
    if kind == "grey":
        net, x = probabilities(grey()), torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(1))
        return net, pl.explain(net, x, target=np.array([0, 1, 2]), method="saliency"), set(NAMES)
    if kind == "channels last":
        weights = rng.normal(size=(6 * 6 * 3, 2))
        model = pl.wrap(lambda x: np.tanh(x.reshape(len(x), -1) @ weights / 10) + 1.5, layout="NHWC")
        e = pl.explain(
            model,
            rng.random((3, 6, 6, 3)),
            target=0,
            method="leave-one-out",
            features=pl.Features.grid((6, 6, 3), 2, layout="NHWC"),
        )
        return model, e, set(NAMES)
    if kind == "table":
        net, x = probabilities(mlp()), torch.tensor(rng.normal(size=(3, 6)), dtype=torch.float32)
        return net, pl.explain(net, x, target=0, method="input-x-gradient"), set(NAMES) - IMAGES
    if kind == "frame":
        frame = pd.DataFrame(
            {"age": [31.0, 45, 60], "town": ["Bonn", "Ulm", "Bonn"], "rate": [0.2, 0.9, 0.5], "size": [3.0, 1, 2]}
        )
        model = pl.wrap(lambda f: f["age"] / 50 + (f["town"] == "Ulm") * f["rate"] + f["size"])
        features = pl.Features.from_frame(frame)
        e = pl.explain(model, frame, target=0, method="shapley", features=features, masker=pl.maskers.Background(frame))
        return model, e, set(NAMES) - IMAGES - NUMBERS
    if kind == "text":
        texts = ["a good and fine film of great charm", "dull, bad; with one good idea", "a bad film"]
        model = pl.wrap(words_counted)
        return model, pl.explain(model, texts, target=0, method="leave-one-out"), set(NAMES) - IMAGES - NUMBERS
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Conv1d(2, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(40, 2), torch.nn.Softmax(1)
    )
    e = pl.explain(
        net, torch.randn(3, 2, 12), target=0, method="integrated-gradients", steps=4, features=pl.Features.segments(12, 6)
    )
    return net, e, set(NAMES) - IMAGES


KINDS = ["RGB", "grey", "channels last", "table", "frame", "text", "series"]


def maskers(kind, e):
    return {"masker": pl.maskers.Background(e.features.decode(e.inputs))} if kind == "frame" else {}


@pytest.fixture(scope="module", params=KINDS)
def explained(request):
    model, e, names = case(request.param)
    return request.param, model, e, names, scored(e, model, [n for n in NAMES if n in names], **maskers(request.param, e))


def test_every_score_has_a_value_for_each_sample_or_none(explained):
    kind, _, _e, names, scores = explained
    for name in names:
        score = scores[name]
        assert score.values.shape == (3,), name
        assert not np.isinf(score.values).any(), name
        if kind in ("RGB", "grey"):
            assert not score.undefined.any(), name
        if score.interval is not None:
            low, high = score.interval.T
            defined = ~score.undefined
            assert (low[defined] <= score.values[defined]).all(), name
            assert (score.values[defined] <= high[defined]).all(), name
            assert np.isnan(low[~defined]).all(), name
        if score.range == "from -1 to 1":
            assert (np.abs(score.values[~score.undefined]) <= 1).all()
        if score.range.startswith("from 0"):
            assert (score.values[~score.undefined] >= 0).all()


def test_scores_are_the_same_in_any_order_and_alone(explained):
    kind, model, e, names, scores = explained
    ordered = [n for n in NAMES if n in names]
    for rows in (slice(None, None, -1), slice(1, 2)):
        part = e[rows]
        options = maskers(kind, e)
        found = scored(part, model, ordered, **options)
        for name in ordered:
            expected = scores[name].values[rows]
            scale = np.abs(expected[np.isfinite(expected)]).max(initial=1e-3)
            np.testing.assert_allclose(found[name].values, expected, rtol=2e-3, atol=2e-5 * scale, err_msg=name)


def test_scores_do_not_depend_on_the_batch_size():
    model, e, names = case("RGB")
    ordered = [n for n in NAMES if n in names]
    one, other = (scored(e, model, ordered, batch_size=size) for size in (1, 64))
    for name in ordered:
        np.testing.assert_allclose(one[name].values, other[name].values, rtol=1e-3, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("name", NAMES)
def test_values_that_are_constant_zero_or_not_finite_have_no_score(name):
    model, e, _ = case("RGB")
    values = e.values.copy()
    values[0], values[1] = 0.0, 1.0
    values[2, 0, 0, 0] = np.nan
    e = dataclasses.replace(e, values=values)
    score = scored(e, model, [name])[name]
    assert score.undefined.all()
    assert score.interval is None or np.isnan(score.interval).all()


@pytest.mark.parametrize("name", sorted(IMAGES))
def test_scores_of_images_refuse_tables_in_words(name):
    model, e, _ = case("table")
    with pytest.raises(pl.InputError, match="is for images"):
        scored(e, model, [name])


@pytest.mark.parametrize("kind", ["text", "frame"])
@pytest.mark.parametrize("name", sorted(NUMBERS))
def test_scores_of_numbers_refuse_words_and_categories_and_say_what_to_use(name, kind):
    model, e, _ = case(kind)
    with pytest.raises(pl.InputError, match=f"{name} .* words, whole numbers or categories; use "):
        scored(e, model, [name], **maskers(kind, e))


def test_players_of_ones_own_are_scored():
    model, e, _ = case("RGB")
    quarters = pl.Features.grid((3, 8, 8), cell=4)
    score = scored(e, model, ["normalised-aopc"], features=quarters)["normalised-aopc"]
    assert score.details["exact"].all()
    assert score.curve.y.shape == (3, 5)


def test_what_metrics_share_is_run_once():
    model, e, _ = case("RGB")
    alone = sum(scored(e, model, [name])[name].cost.forward_rows for name in ("deletion", "aopc", "srg", "insertion"))
    together = scored(e, model, ["deletion", "aopc", "srg", "insertion"])
    assert sum(score.cost.forward_rows for score in together.values()) < 0.5 * alone
    assert together["aopc"].cost.forward_rows == 0


def test_a_budget_is_kept():
    model, e, _ = case("RGB")
    with pytest.raises(pl.BudgetError, match="too small"):
        scored(e, model, ["pixel-flipping"], budget=20)


@pytest.mark.parametrize("name", NAMES)
def test_ranges_of_parameters_are_checked(name):
    (metric,) = (each for each in catalog.METRICS if each.name == name)
    for field in dataclasses.fields(metric):
        with pytest.raises(pl.InputError, match=field.name):
            evaluate(*reversed(case("table")[:2]), metric(**{field.name: -1}))
