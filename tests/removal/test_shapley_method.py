"""Shapley values of models: against the definition, on every kind of input, and what must not matter."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import networks
import pellucid as pl
import slow_removal

ESTIMATORS = ("auto", "exact", "permutation", "kernel", "leverage")


def town_frame(rows=200, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "age": rng.integers(18, 80, rows),
            "town": pd.Categorical(rng.choice(["Bonn", "Ulm", "Kiel"], rows)),
            "income": rng.normal(50, 10, rows),
            "member": rng.random(rows) < 0.4,
        }
    )


def pipeline(frame):
    labels = ((frame.age > 45) & (frame.town == "Ulm")) | frame.member
    encode = make_column_transformer((OneHotEncoder(), ["town", "member"]), (StandardScaler(), ["age", "income"]))
    return make_pipeline(encode, LogisticRegression()).fit(frame, labels)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_against_the_definition(estimator):
    net, x = networks.mlp(activation=torch.nn.Tanh).double(), networks.rows(2, 6).double()
    rows = networks.rows(3, 6).double().numpy() + 0.3
    e = pl.explain(net, x, target=1, method="shapley", estimator=estimator, masker=pl.maskers.Background(rows), budget=10_000)
    for sample in range(2):
        slow = slow_removal.shapley(net, x[sample].numpy(), np.arange(6), rows, 1)
        np.testing.assert_allclose(e.values[sample], slow, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(e.values.sum(1), e.value - e.base_value, rtol=1e-6)
    np.testing.assert_allclose(e.residual, 0, atol=1e-6)


@pytest.mark.parametrize("estimator", ["auto", "permutation", "kernel", "leverage"])
def test_a_linear_model_is_known_from_few_rows(estimator):
    torch.manual_seed(0)
    net, x = torch.nn.Linear(20, 2).double(), networks.rows(4, 20).double()
    e = pl.explain(net, x, target=1, method="shapley", estimator=estimator, masker=pl.maskers.Constant(0.25), budget=100)
    np.testing.assert_allclose(e.values, (net.weight[1] * (x - 0.25)).detach(), rtol=1e-6, atol=1e-9)
    assert e.cost.forward_rows <= 4 * 100


def test_regions_of_an_image():
    net, x = networks.cnn().double(), networks.rows(2, 3, 8, 8).double()
    features = pl.Features.grid((3, 8, 8), cell=4)
    e = pl.explain(net, x, target=0, method="shapley", features=features)
    slow = slow_removal.shapley(net.eval(), x[1].numpy(), np.broadcast_to(features.labels, (3, 8, 8)), [0.0], 0)
    np.testing.assert_allclose(e.values[1], slow, rtol=1e-6, atol=1e-9)
    spread = e.to_input()
    assert spread.shape == (2, 3, 8, 8)
    np.testing.assert_allclose(features.total(spread), e.values, rtol=1e-6, atol=1e-9)


def test_samples_may_have_features_of_their_own():
    net, x = networks.cnn().double(), networks.rows(3, 3, 8, 8).double()
    quarters, halves = pl.Features.grid((3, 8, 8), cell=4), pl.Features.grid((3, 8, 8), cell=(4, 8))
    e = pl.explain(net, x, target=0, method="shapley", features=[quarters, halves, quarters])
    assert e.values.shape == (3, 4)
    np.testing.assert_array_equal(e.values[1, 2:], 0)
    for sample, features in enumerate([quarters, halves, quarters]):
        alone = pl.explain(net, x[sample : sample + 1], target=0, method="shapley", features=features)
        np.testing.assert_allclose(e.values[sample, : len(features)], alone.values[0], rtol=1e-9, atol=1e-12)
    assert e[1].features[0] == halves


def test_words_of_a_text():
    def score(texts):
        return np.array([[2.0 * ("good" in t.split()) - 3.0 * ("bad" in t.split()) + 0.5, len(t.split())] for t in texts])

    e = pl.explain(pl.wrap(score), ["a good film", "bad bad thing here"], target=0, method="shapley")
    assert e.removal == "deleted"
    np.testing.assert_allclose(e.values[0, :3], [0, 2, 0], atol=1e-9)
    np.testing.assert_allclose(e.values[1], [-1.5, -1.5, 0, 0], atol=1e-9)


def test_a_frame_is_explained_in_its_own_columns():
    frame = town_frame()
    model = pl.wrap(pipeline(frame).predict_proba, output="probabilities", classes=["no", "yes"])
    e = pl.explain(model, frame[:6], target="yes", method="shapley", masker=pl.maskers.Background(frame, size=20))
    assert e.features.names == ("age", "town", "income", "member")
    assert e.features.kinds == ("continuous", "nominal", "continuous", "binary")
    np.testing.assert_allclose(e.values.sum(1), e.value - e.base_value, atol=1e-9)
    assert list(e.to_frame().feature[:4]) == ["age", "town", "income", "member"]


def test_a_level_that_nobody_has_seen_is_refused_in_words():
    frame = town_frame()
    features = pl.Features.from_frame(frame)
    other = frame[:3].assign(town=["Bonn", "Ulm", "Kyel"])
    with pytest.raises(pl.InputError, match=r"Kyel.*Kiel"):
        pl.explain(pl.wrap(lambda x: np.ones((len(x), 1))), other, method="shapley", features=features)


def test_missing_values_are_declared_or_refused():
    frame = town_frame()[["age", "income"]].astype(float)
    frame.loc[1, "income"] = np.nan
    model = pl.wrap(lambda f: np.stack([f.age + f.income.fillna(-1), f.age], axis=1))
    with pytest.raises(pl.InputError, match="income"):
        pl.explain(model, frame[:3], target=0, method="shapley")
    features = pl.Features.from_frame(frame, missing=["income"])
    e = pl.explain(model, frame[:3], target=0, method="shapley", features=features, masker=pl.maskers.Constant(0.0))
    np.testing.assert_allclose(e.values[1], [frame.age[1], -1.0])


def test_how_a_category_is_written_does_not_matter():
    """One-hot columns, integer codes and ids of an embedding: one player each, the same values."""
    rng = np.random.default_rng(1)
    weights, table = rng.normal(size=(1, 2)), rng.normal(size=(3, 1))
    codes, numbers = rng.integers(0, 3, 5), rng.normal(size=(5, 1))

    def coded(matrix):
        return np.tanh(matrix[:, :1] * weights[0, 0] + table[matrix[:, 1].astype(int)]) * weights[0, 1]

    def one_hot(matrix):
        return np.tanh(matrix[:, :1] * weights[0, 0] + matrix[:, 1:] @ table) * weights[0, 1]

    class Embedded(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = torch.nn.Embedding.from_pretrained(torch.tensor(table))

        def forward(self, number, code):
            return torch.tanh(number * weights[0, 0] + self.embedding(code)[:, 0]) * weights[0, 1]

    rows = rng.integers(0, 3, 8)
    options = {"target": 0, "method": "shapley"}
    background = np.column_stack([rng.normal(size=8), rows])
    by_code = pl.explain(
        pl.wrap(coded),
        np.column_stack([numbers, codes]),
        features=pl.Features.from_arrays(["number", "code"], levels={"code": ["a", "b", "c"]}),
        masker=pl.maskers.Background(background),
        **options,
    )
    flags = np.eye(3)
    by_flag = pl.explain(
        pl.wrap(one_hot),
        np.column_stack([numbers, flags[codes]]),
        features=pl.Features.from_groups([[0], [1, 2, 3]], names=["number", "code"]),
        masker=pl.maskers.Background(np.column_stack([background[:, 0], flags[rows]])),
        **options,
    )
    np.testing.assert_allclose(by_code.values, by_flag.values, rtol=1e-9, atol=1e-12)
    one_player = pl.Features.from_arrays(["code"], leaf="code")
    by_id = pl.explain(
        Embedded(),
        {"number": torch.tensor(numbers), "code": torch.tensor(codes)[:, None]},
        features=one_player,
        masker=pl.maskers.Background(rows[:, None]),
        **options,
    )
    only_code = pl.explain(
        pl.wrap(coded),
        np.column_stack([numbers, codes]),
        features=pl.Features.from_groups([[1]], names=["code"], columns=2),
        masker=pl.maskers.Background(np.column_stack([np.zeros(8), rows])),
        **options,
    )
    np.testing.assert_allclose(by_id.values, only_code.values, rtol=1e-9, atol=1e-12)


def test_relabelling_the_codes_does_not_matter():
    frame = town_frame()
    model = pl.wrap(pipeline(frame).predict_proba)
    other = pl.Features.from_frame(frame.assign(town=frame.town.cat.set_categories(["Ulm", "Kiel", "Bonn"])))
    options = {"target": 1, "method": "shapley", "masker": pl.maskers.Background(frame, size=20)}
    one = pl.explain(model, frame[:4], **options, features=pl.Features.from_frame(frame))
    two = pl.explain(model, frame[:4], **options, features=other)
    np.testing.assert_allclose(one.values, two.values, rtol=1e-9, atol=1e-12)


def test_constant_and_duplicate_columns_and_a_single_feature():
    net = networks.mlp(3).double()
    x = torch.tensor([[1.0, 2.0, 2.0], [0.0, 2.0, 2.0]], dtype=torch.float64)
    e = pl.explain(net, x, target=0, method="shapley", masker=pl.maskers.Background(x.numpy()))
    np.testing.assert_allclose(e.values[:, 1:], 0, atol=1e-12)  # equal to every background row: null players
    one = pl.explain(torch.nn.Linear(1, 1).double(), x[:, :1], method="shapley")
    np.testing.assert_allclose(one.values[:, 0], one.value - one.base_value)


@pytest.mark.parametrize("estimator", ["exact", "permutation"])
def test_an_input_that_is_not_used_gets_nothing(estimator):
    net, x = networks.mlp(8).double(), networks.rows(3, 8).double()
    with torch.no_grad():
        net[0].weight[:, 2] = 0
    e = pl.explain(net, x, target=0, method="shapley", estimator=estimator, budget=300)
    np.testing.assert_allclose(e.values[:, 2], 0, atol=1e-15)  # a model's rounding depends on the batch


@pytest.mark.parametrize("budget", [50, 137, 1000])
def test_the_budget_counts_background_rows_too(budget):
    net = networks.Counting(networks.mlp(20))
    masker = pl.maskers.Background(networks.rows(3, 20).numpy())
    try:
        pl.explain(net, networks.rows(2, 20), target=0, method="shapley", masker=masker, budget=budget)
    except pl.BudgetError:
        assert budget < 100
    assert sum(net.rows) <= 2 * budget


def test_all_targets_come_from_the_same_passes():
    net = networks.Counting(networks.mlp(10))
    both = pl.explain(net, networks.rows(2, 10), targets=[0, 2], method="shapley", budget=200)
    rows = sum(net.rows)
    one = pl.explain(net, networks.rows(2, 10), target=2, method="shapley", budget=200)
    assert sum(net.rows) == 2 * rows
    np.testing.assert_allclose(both[1].values, one.values, rtol=1e-4, atol=1e-6)


def test_a_tolerance_stops_samples_one_by_one():
    net = networks.mlp(24)
    with torch.no_grad():
        net[0].weight.mul_(3)
    x = torch.cat([networks.rows(2, 24), torch.zeros(1, 24)])
    e = pl.explain(net, x, target=0, method="shapley", tolerance=0.03)
    assert (e.error <= 0.03).all()
    np.testing.assert_array_equal(e.values[2], 0)  # equal to its replacement
    assert e.cost.forward_rows < 3 * 30_000


def test_shapley_of_a_game_and_of_a_model_agree():
    net, x = networks.mlp(9).double(), networks.rows(1, 9).double()

    def game(coalitions):
        with torch.no_grad():
            return net(torch.where(torch.tensor(coalitions), x, torch.zeros(1, 9).double())).numpy()

    bare = pl.shapley(game, players=9, budget=200, seed=3)
    e = pl.explain(net, x, target=1, method="shapley", budget=200, seed=3)
    np.testing.assert_allclose(e.values[0], bare.values[1], rtol=1e-6, atol=1e-9)
