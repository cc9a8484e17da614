"""Frames and texts: pipelines explained in the columns of the user, and columns that do not fit named in words."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier, VotingClassifier
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import pellucid as pl
from pellucid import catalog
from pellucid.models.lookup import view_of

DRAW = np.random.default_rng(0)
COUNT = 160


def table():
    """Numbers, whole numbers, categories, flags and texts; some of them missing."""
    frame = pd.DataFrame(
        {
            "age": DRAW.integers(18, 80, COUNT).astype(float),
            "income": DRAW.normal(50, 10, COUNT),
            "town": DRAW.choice(["Bonn", "Ulm", "Kiel"], COUNT),
            "grade": pd.Categorical(DRAW.choice(["low", "high"], COUNT), ["low", "high"]),
            "member": DRAW.random(COUNT) > 0.5,
            "kids": DRAW.integers(0, 4, COUNT),
            "review": DRAW.choice(["a good film", "a bad film", "very good", "not bad at all"], COUNT),
        }
    )
    frame.loc[DRAW.random(COUNT) < 0.1, "age"] = np.nan
    frame.loc[DRAW.random(COUNT) < 0.1, "town"] = None
    return frame


FRAME = table()
LABELS = np.where((FRAME.age.fillna(50) > 45) ^ FRAME.review.str.contains("good"), "yes", "no")
NUMBERS = FRAME[["income", "kids"]]


def columns():
    return make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), ["age", "income", "kids"]),
        (OneHotEncoder(handle_unknown="ignore"), ["town", "grade"]),
        ("passthrough", ["member"]),
        (TfidfVectorizer(), "review"),
    )


PIPELINE = make_pipeline(columns(), LogisticRegression(max_iter=500)).fit(FRAME, LABELS)
FEATURES = pl.Features.from_frame(FRAME, missing=True)
MASKER = pl.maskers.Background(FRAME.iloc[40:70])
PLAIN = LogisticRegression(max_iter=500).fit(NUMBERS, LABELS)


def logits(model):
    return pl.wrap(model, output="logits")


def test_removed_columns_are_those_of_other_rows():
    e = pl.explain(PIPELINE, FRAME[:4], method="leave-one-out", features=FEATURES, masker=MASKER, target="yes")
    np.testing.assert_allclose(e.prediction, PIPELINE.predict_proba(FRAME[:4]), rtol=1e-12)
    assert e.features.names == tuple(FRAME.columns)
    for sample in range(4):
        for at, column in enumerate(FRAME.columns):
            changed = pd.concat([FRAME[sample : sample + 1]] * 30, ignore_index=True)
            changed[column] = FRAME[column].iloc[40:70].to_numpy()
            drop = e.value[sample] - PIPELINE.predict_proba(changed)[:, 1].mean()
            assert e.values[sample, at] == pytest.approx(drop, abs=1e-12), column


@pytest.mark.parametrize("method", [method.name for method in catalog.METHODS])
def test_every_method_runs_on_a_pipeline_of_columns_or_says_why_not(method):
    declared = next(each for each in catalog.METHODS if each.name == method)
    options = {"samples": 40} if method == "lime" else {}
    ask = lambda **more: pl.explain(PIPELINE, FRAME[:2], method=method, **options, **more)
    if "gradient" in declared.needs:
        with pytest.raises(pl.CapabilityError, match=r"columntransformer.*These methods work:.*shapley"):
            ask()
    elif declared.engine != "game":
        with pytest.raises(pl.CapabilityError, match="layers"):
            ask()
    elif method in ("occlusion", "rise"):  # they look at positions, which columns do not have
        with pytest.raises((pl.CapabilityError, pl.InputError), match=r"features|position"):
            ask(features=FEATURES)
    elif method == "linear-surrogate":
        with pytest.raises(pl.InputError, match=r"categor|code|number"):
            ask(features=FEATURES, sigma=0.1)
    else:
        e = ask(features=FEATURES, masker=MASKER)
        assert e.values.shape == ((2, 7, 7) if e.over == "interactions" else (2, 7))
        if "completeness" in declared.axioms and e.base_value is not None:
            np.testing.assert_allclose(e.values.reshape(2, -1).sum(axis=1), e.value - e.base_value, atol=1e-6)


def test_missing_numbers_are_to_be_declared():
    with pytest.raises(pl.InputError, match=r"'age'.*missing=\['age'\].*features=pl\.Features\.from_frame"):
        pl.explain(PIPELINE, FRAME, method="shapley", masker=MASKER)


def test_categories_as_boosted_trees_take_them():
    frame = FRAME[["age", "income", "grade"]]
    model = HistGradientBoostingClassifier(categorical_features="from_dtype", max_iter=10).fit(frame, LABELS)
    features = pl.Features.from_frame(frame, missing=True)
    e = pl.explain(model, frame[:5], method="shapley", features=features, masker=pl.maskers.Background(frame[:20]))
    np.testing.assert_allclose(e.prediction, model.predict_proba(frame[:5]), rtol=1e-12)
    assert e.features.kinds == ("continuous", "continuous", "nominal")


@pytest.mark.parametrize("wrapped", ["search", "voting"])
def test_pipelines_inside_others(wrapped):
    inner = make_pipeline(columns(), LogisticRegression(max_iter=500))
    model = (
        GridSearchCV(inner, {"logisticregression__C": [0.1, 1]}, cv=2)
        if wrapped == "search"
        else VotingClassifier([("a", inner), ("b", inner)], voting="soft")
    ).fit(FRAME, LABELS)
    e = pl.explain(model, FRAME[:3], method="leave-one-out", features=FEATURES, masker=MASKER)
    np.testing.assert_allclose(e.prediction, model.predict_proba(FRAME[:3]), rtol=1e-12)


def test_a_network_behind_columns_has_logits():
    model = make_pipeline(columns(), MLPClassifier((5,), max_iter=200, random_state=0, tol=0.01)).fit(FRAME, LABELS)
    e = pl.explain(logits(model), FRAME[:3], method="leave-one-out", features=FEATURES, masker=MASKER)
    np.testing.assert_allclose(1 / (1 + np.exp(-e.prediction[:, 0])), model.predict_proba(FRAME[:3])[:, 1], rtol=1e-9)


@pytest.mark.parametrize("fitted_on", ["frame", "array"])
@pytest.mark.parametrize("method", ["shapley", "integrated-gradients"])
def test_frames_and_arrays_are_the_same_to_a_model_of_either(fitted_on, method):
    """No warning of feature names, and the same numbers; whole numbers between their values, too."""
    model = LogisticRegression(max_iter=500).fit(NUMBERS if fitted_on == "frame" else NUMBERS.to_numpy(), LABELS)
    options = {"masker": pl.maskers.Background(NUMBERS[:9].to_numpy())} if method == "shapley" else {"baseline": 2.0}
    array = pl.explain(logits(model), NUMBERS[:3].to_numpy(), method=method, **options)
    if method == "shapley":
        options = {"masker": pl.maskers.Background(NUMBERS[:9])}
    frame = pl.explain(logits(model), NUMBERS[:3], method=method, **options)
    np.testing.assert_allclose(frame.values, array.values, rtol=1e-9, atol=1e-12)
    assert frame.features.names == ("income", "kids")
    base = NUMBERS[:9].to_numpy().mean(axis=0) if method == "shapley" else 2.0
    np.testing.assert_allclose(frame.values, (NUMBERS[:3].to_numpy() - base) * model.coef_, rtol=1e-6, atol=1e-9)


def test_flags_are_differentiated_as_numbers():
    frame = FRAME[["income", "member"]].assign(zero_one=(FRAME.kids > 1).astype(int))
    model = make_pipeline(StandardScaler(), LinearRegression()).fit(frame, FRAME.income * 2 + 3 * FRAME.member)
    e = pl.explain(model, frame[:4], baseline=0.5)
    np.testing.assert_allclose(e.values[:, 1], 3 * (frame.member[:4] - 0.5), atol=1e-6)
    np.testing.assert_allclose(e.values[:, 0], 2 * (frame.income[:4] - 0.5), rtol=1e-6)


@pytest.mark.parametrize("method", ["leave-one-out", "saliency"])
@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (NUMBERS[["kids", "income"]], r"another order.*column 0 is 'kids' and was 'income'.*feature_names_in_"),
        (NUMBERS.assign(label=1.0), r"not fitted on the column 'label'.*x\.drop\(columns=\['label'\]\)"),
        (NUMBERS.rename(columns={"income": "incme"}), "on a column 'income', which the frame lacks. Did you mean 'incme'"),
        (NUMBERS[["kids"]], "on a column 'income', which the frame lacks"),
    ],
)
def test_columns_that_do_not_fit_are_named(method, frame, said):
    with pytest.raises(pl.InputError, match=said):
        pl.explain(logits(PLAIN), frame[:3], method=method)


def test_columns_are_picked_by_name_where_the_model_does():
    turned = FRAME[list(FRAME.columns[::-1])].assign(extra=1.0)
    features = pl.Features.from_frame(turned, missing=True)
    masker = pl.maskers.Background(turned.iloc[40:70])
    e = pl.explain(PIPELINE, turned[:3], method="leave-one-out", features=features, masker=masker)
    usual = pl.explain(PIPELINE, FRAME[:3], method="leave-one-out", features=FEATURES, masker=MASKER)
    np.testing.assert_allclose(e.values[:, :-1][:, ::-1], usual.values, atol=1e-12)
    np.testing.assert_allclose(e.values[:, -1], 0, atol=1e-12)
    lacking = FRAME.rename(columns={"town": "twon"})
    with pytest.raises(pl.InputError, match=r"on a column 'town', which the frame lacks. Did you mean 'twon'"):
        pl.explain(PIPELINE, lacking[:3], method="shapley", features=pl.Features.from_frame(lacking, missing=True))


@pytest.mark.parametrize("method", ["leave-one-out", "saliency"])
@pytest.mark.parametrize("model", [PLAIN, LogisticRegression(max_iter=500).fit(NUMBERS.to_numpy(), LABELS)])
def test_shapes_that_do_not_fit_are_refused(model, method):
    for x, said in (
        (NUMBERS.to_numpy()[0], r"shape \(2,\).*\(samples, 2\).*x\[None\]"),
        (NUMBERS.iloc[0], r"frame\.iloc\[\[row\]\]"),
        (np.ones((3, 4)), r"shape \(3, 4\).*\(samples, 2\)"),
        (np.ones((3, 2, 2)), r"shape \(3, 2, 2\).*\(samples, 2\)"),
    ):
        with pytest.raises(pl.InputError, match=said):
            pl.explain(logits(model), x, method=method)


def test_what_is_no_table_is_refused():
    with pytest.raises(pl.InputError, match="takes no strings"):
        pl.explain(PLAIN, ["a", "b"], method="shapley")
    with pytest.raises(pl.InputError, match="one array, frame or list of strings; got a dict"):
        pl.explain(PLAIN, {"income": np.ones(3), "kids": np.ones(3)}, method="shapley", wrt="kids")
    array = LogisticRegression(max_iter=500).fit(NUMBERS.to_numpy(), LABELS)
    with pytest.raises(pl.InputError, match="fitted on 2 columns; the frame has 3"):
        pl.explain(array, NUMBERS.assign(z=1.0)[:3], method="shapley")


TEXTS = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(FRAME.review, LABELS)


def test_texts_by_their_words():
    union = FeatureUnion([("words", TfidfVectorizer()), ("letters", CountVectorizer(analyzer="char"))])
    for model in (TEXTS, make_pipeline(union, RandomForestClassifier(5, random_state=0)).fit(FRAME.review, LABELS)):
        e = pl.explain(model, ["a good film", "bad"], method="leave-one-out", target="yes")
        whole = model.predict_proba(["a good film"])[0, 1]
        without = model.predict_proba(["good film", "a film", "a good"])[:, 1]
        np.testing.assert_allclose(e.values[0], whole - without, atol=1e-12)
    assert pl.explain(TEXTS, FRAME.review[:3], method="lime", samples=20).prediction.shape == (3, 2)


def test_texts_that_are_something_else():
    with pytest.raises(pl.InputError, match=r"reads texts, and x is a frame; pass its column, x\['review'\]\.tolist\(\)"):
        pl.explain(TEXTS, FRAME[["review"]][:1], method="shapley")
    with pytest.raises(pl.InputError, match="reads texts, and x is an array; pass a list of strings"):
        pl.explain(TEXTS, np.ones((2, 3)), method="shapley")
    with pytest.raises(pl.InputError, match="nan at 1"):
        pl.explain(TEXTS, ["good", np.nan], method="shapley")
    with pytest.raises(pl.CapabilityError, match=r"tfidfvectorizer.*no derivative"):
        pl.explain(TEXTS, ["good"])


def test_transformers_that_give_frames():
    model = make_pipeline(StandardScaler(), MLPClassifier((4,), max_iter=300, random_state=0, tol=0.01))
    model.set_output(transform="pandas").fit(NUMBERS, LABELS)
    for x in (NUMBERS[:3], NUMBERS[:3].to_numpy()):
        e = pl.explain(logits(model), x, method="leave-one-out")
        np.testing.assert_allclose(1 / (1 + np.exp(-e.prediction[:, 0])), model.predict_proba(NUMBERS[:3])[:, 1], rtol=1e-9)


def test_columns_chosen_by_their_dtype():
    """Only frames whose columns have the dtypes of the fit go through."""
    picked = make_column_transformer(
        (StandardScaler(), make_column_selector(dtype_include="number")),
        (OneHotEncoder(), make_column_selector(dtype_include=["category", "bool"])),
    )
    frame = FRAME[["income", "kids", "grade", "member"]]
    model = make_pipeline(picked, LogisticRegression()).fit(frame, LABELS)
    e = pl.explain(model, frame[:3], method="shapley", masker=pl.maskers.Background(frame[:20]))
    np.testing.assert_allclose(e.prediction, model.predict_proba(frame[:3]), rtol=1e-12)
    assert view_of(model).adapter == "sklearn"
