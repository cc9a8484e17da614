"""The linear surrogate: linear models in their own units, tables with categories, budgets."""

import numpy as np
import pandas as pd
import pytest
import torch

import networks
import pellucid as pl
from pellucid.attribution.removal.linear_surrogate import LinearSurrogate

TOWNS = {"Bonn": 1.0, "Ulm": 3.0, "Kiel": -2.0}


def explain(model, x, **options):
    settings = {key: options.pop(key) for key in list(options) if key in LinearSurrogate.__dataclass_fields__}
    return pl.explain(model, x, method=LinearSurrogate(**settings), **options)


def people(rows=300, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "age": rng.integers(20, 60, rows),
            "income": rng.normal(30_000, 8_000, rows),
            "town": rng.choice(list(TOWNS), rows, p=[0.5, 0.3, 0.2]),
            "owner": rng.random(rows) < 0.4,
        }
    )


def linear(frame):
    town = frame["town"].map(TOWNS).to_numpy(float)
    return 0.5 * frame["age"].to_numpy(float) - 2e-4 * frame["income"].to_numpy() + town + 4 * frame["owner"].to_numpy(float)


def test_linear_models_are_recovered_in_their_units():
    rng = np.random.default_rng(0)
    weights, x = rng.normal(size=(6, 2)) * 10.0 ** np.arange(-3, 3)[:, None], rng.normal(size=(3, 6)) + 5
    rows = rng.normal(size=(50, 6)) * 10.0 ** np.arange(3, -3, -1)
    e = explain(pl.wrap(lambda rows: rows @ weights + 7), x, target=1, background=rows, samples=60)
    np.testing.assert_allclose(e.details["coefficients"], np.tile(weights[:, 1], (3, 1)), rtol=1e-9)
    np.testing.assert_allclose(e.values, x * weights[:, 1], rtol=1e-9)
    np.testing.assert_allclose(e.details["intercept"], 7, rtol=1e-7)
    np.testing.assert_allclose(e.details["prediction"], e.value, rtol=1e-9)
    np.testing.assert_allclose(e.details["weighted_r2"], 1)


def test_contributions_and_intercept_sum_to_the_prediction():
    net, x = networks.mlp().double(), networks.rows(3, 6).double()
    groups = pl.Features.from_groups([[0, 3], [1], [2, 4]], columns=6)
    for features in (None, groups):
        e = explain(net, x, target=2, sigma=0.3, samples=100, features=features)
        np.testing.assert_allclose(e.values.sum(axis=1) + e.details["intercept"], e.details["prediction"], rtol=1e-12)
        np.testing.assert_allclose(
            (e.details["coefficients"] * x.numpy()).sum(axis=1) + e.details["intercept"], e.details["prediction"], rtol=1e-12
        )
        assert (e.details["weighted_r2"] < 1).all()
        assert (e.standard_errors > 0).all()
    assert not e.details["coefficients"][:, 5].any()


def test_a_frame_is_explained_in_its_own_units():
    frame = people()
    features = pl.Features.from_frame(frame)
    e = explain(pl.wrap(linear), frame.iloc[:5], background=frame, features=features)
    mean = frame["town"].map(TOWNS).mean()
    np.testing.assert_allclose(e.details["coefficients"][:, 0], 0.5, rtol=1e-9)
    np.testing.assert_allclose(e.details["coefficients"][:, 1], -2e-4, rtol=1e-9)
    np.testing.assert_allclose(e.values[:, 2], frame["town"].iloc[:5].map(TOWNS) - mean, rtol=1e-9)
    np.testing.assert_allclose(e.details["coefficients"][:, 3], 4, rtol=1e-9)
    np.testing.assert_allclose(e.details["intercept"], mean, rtol=1e-7)
    np.testing.assert_allclose(e.details["prediction"], linear(frame.iloc[:5]), rtol=1e-9)
    np.testing.assert_allclose(e.values.sum(axis=1) + e.details["intercept"], e.details["prediction"], rtol=1e-12)


def test_one_hot_groups_and_codes_say_the_same():
    frame = people()
    flat = pd.get_dummies(frame, columns=["town"], dtype=float)

    def model(table):
        return linear(
            table.assign(town=table[[f"town_{town}" for town in TOWNS]].to_numpy().argmax(axis=1)).replace(
                {"town": dict(enumerate(TOWNS))}
            )
        )

    e = explain(pl.wrap(linear), frame.iloc[:5], background=frame, features=pl.Features.from_frame(frame))
    h = explain(pl.wrap(model), flat.iloc[:5], background=flat, features=pl.Features.from_frame(flat))
    at = h.features.names.index("town")
    np.testing.assert_allclose(h.values[:, at], e.values[:, 2], rtol=1e-9)
    columns = [column.name for column in h.features.columns]
    shown = {town: h.details["coefficients"][0, columns.index(f"town_{town}")] for town in TOWNS}
    mean = frame["town"].map(TOWNS).mean()
    assert shown == pytest.approx({town: effect - mean for town, effect in TOWNS.items()})


def test_groups_of_a_category_are_drawn_as_wholes():
    frame = people()
    flat = pd.get_dummies(frame, columns=["town"], dtype=float)
    towns = [f"town_{town}" for town in TOWNS]

    def watched(table):
        assert (table[towns].sum(axis=1) == 1).all()
        assert table["age"].dtype == flat["age"].dtype
        return table["age"].to_numpy(float)

    explain(pl.wrap(watched), flat.iloc[:2], background=flat, features=pl.Features.from_frame(flat), samples=100)


def test_what_never_varies_has_no_weight():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(40, 3))
    rows[:, 1] = 2.0
    e = explain(pl.wrap(lambda x: x.sum(axis=1)), rows[:2], background=rows, samples=50)
    np.testing.assert_allclose(e.details["coefficients"], np.tile([1.0, 0, 1], (2, 1)), atol=1e-9)
    np.testing.assert_allclose(e.details["intercept"], 2)


@pytest.mark.parametrize("budget", [3, 4, 21, 100])
def test_the_budget_is_kept(budget):
    seen = []

    def model(x):
        seen.append(len(x))
        return np.tanh(x).sum(axis=1)

    explain(pl.wrap(model), np.ones((2, 4)), sigma=1.0, samples=60, budget=budget)
    assert sum(seen) <= 2 * min(budget, 61)


def test_same_seed_same_bytes_and_alone_as_in_the_batch():
    net, x = networks.mlp().double(), networks.rows(4, 6).double()
    first, again = (explain(net, x, target=0, sigma=0.5, samples=80, seed=3) for _ in range(2))
    assert first.values.tobytes() == again.values.tobytes()
    alone = explain(net, x[2:3], target=0, sigma=0.5, samples=80, seed=3)
    np.testing.assert_allclose(alone.values[0], first.values[2], rtol=1e-9)


def test_a_feature_that_does_nothing_is_within_its_error():
    net, x = networks.mlp(5, activation=torch.nn.Tanh).double(), networks.rows(2, 6).double()
    model = pl.wrap(lambda rows: net(torch.as_tensor(rows[:, :5])).detach())
    e = explain(model, x.numpy(), target=0, sigma=1.0, samples=400)
    assert (np.abs(e.details["coefficients"][:, 5]) <= 3 * e.details["coefficient_standard_errors"][:, 5]).all()


def test_what_is_missing_is_said_in_words():
    with pytest.raises(pl.InputError, match="background=rows"):
        explain(pl.wrap(lambda x: x.sum(axis=1)), np.ones((1, 3)))
    frame = people()
    with pytest.raises(pl.InputError, match="is a category"):
        explain(pl.wrap(linear), frame.iloc[:1], sigma=1.0, features=pl.Features.from_frame(frame))
    with pytest.raises(pl.InputError, match="sigma must be"):
        explain(pl.wrap(lambda x: x.sum(axis=1)), np.ones((1, 3)), sigma=[1.0, 2.0])
    e = explain(pl.wrap(lambda x: x.sum(axis=1)), np.ones((1, 30)), sigma=1.0, samples=20)
    assert any("do not tell what moves apart" in finding.sentence for finding in e.evidence)
    assert np.isinf(e.details["coefficient_standard_errors"]).all()
