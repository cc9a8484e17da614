"""Gradients of scikit-learn estimators, read off their weights, beside central differences of what they predict."""

import re
import warnings

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA, IncrementalPCA, TruncatedSVD
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_selection import SelectKBest, VarianceThreshold
from sklearn.linear_model import (
    ARDRegression,
    BayesianRidge,
    ElasticNet,
    HuberRegressor,
    Lasso,
    LinearRegression,
    LogisticRegression,
    LogisticRegressionCV,
    MultiTaskLasso,
    Perceptron,
    PoissonRegressor,
    Ridge,
    RidgeClassifier,
    RidgeCV,
    SGDClassifier,
    SGDRegressor,
)
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
)
from sklearn.svm import SVC, LinearSVC, LinearSVR

import pellucid as pl
from pellucid import catalog
from pellucid.core.targets import RowTarget
from pellucid.models.lookup import view_of

DRAW = np.random.default_rng(1)
X = DRAW.normal([0, 5, -3, 100, 0], [1, 2, 0.5, 30, 4], (120, 5))
STANDARD = (X - X.mean(0)) / X.std(0)
SCORE = STANDARD[:, 0] * STANDARD[:, 1] + STANDARD[:, 2] - STANDARD[:, 3]
BINARY = np.where(SCORE > 0, "yes", "no")
THREE = np.digitize(SCORE, [-0.7, 0.7])
LABELS = np.c_[SCORE > 0, STANDARD[:, 0] > 0, STANDARD[:, 4] > 0.3].astype(int)
ROWS = 0.9 * X[:6] + 0.1 * X.mean(axis=0)  # not at the edge of what a scaler clips
Y = {"binary": BINARY, "three": THREE, "labels": LABELS, "one": SCORE, "several": np.c_[SCORE, STANDARD[:, :2]]}
SETTINGS = {"hidden_layer_sizes": (7, 5), "max_iter": 40, "random_state": 0}


def fitted(model, y, x=X):
    with warnings.catch_warnings(action="ignore"):
        return model.fit(x, y)


def differences(model, output, x):
    """Central differences of everything that is explained: ``(samples, outputs, features)``."""
    view = view_of(pl.wrap(model, output=output))

    def outputs(rows):
        found = view.predict(view.take(view.inputs(rows), np.arange(len(rows)), "as-is"))[0]
        return found.reshape(len(rows), -1)

    step = 1e-5 * X.std(axis=0)
    slopes = [(outputs(x + move) - outputs(x - move)) / (2 * move.sum()) for move in np.diag(step)]
    return np.stack(slopes, axis=2)


def agree(model, y, output=None, x=ROWS, x_fit=X):
    """Every output, at random rows."""
    fitted(model, y, x_fit)
    expected = differences(model, output, x)
    wrapped = pl.wrap(model, output=output or ("probabilities" if hasattr(model, "predict_proba") else None))
    found = pl.explain(wrapped, x, targets=list(range(expected.shape[1])), method="saliency")
    for at, e in enumerate(found):
        assert e.values.dtype == np.float64
        scale = np.abs(expected[:, at]).max()
        assert scale > 0
        np.testing.assert_allclose(e.values, expected[:, at], rtol=1e-5, atol=1e-6 * scale)
        np.testing.assert_allclose(e.value, e.prediction.reshape(len(x), -1)[:, at], rtol=1e-12)


@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
@pytest.mark.parametrize("y", ["binary", "three", "labels"])
@pytest.mark.parametrize("output", ["probabilities", "logits"])
def test_networks_that_classify(activation, y, output):
    agree(make_pipeline(StandardScaler(), MLPClassifier(activation=activation, **SETTINGS)), Y[y], output)


@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
@pytest.mark.parametrize("y", ["one", "several"])
def test_networks_of_numbers(activation, y):
    agree(make_pipeline(StandardScaler(), MLPRegressor(activation=activation, **SETTINGS)), Y[y])


def test_networks_without_hidden_layers_and_with_rates():
    agree(MLPClassifier((), max_iter=40, random_state=0), THREE, "probabilities", STANDARD[:4], STANDARD)
    rates = MLPRegressor(loss="poisson", hidden_layer_sizes=(5,), max_iter=60, random_state=0)
    agree(rates, np.exp(0.3 * SCORE), None, STANDARD[:4], STANDARD)


@pytest.mark.parametrize(
    "model",
    [
        LinearRegression(),
        Ridge(),
        RidgeCV(),
        Lasso(0.01),
        ElasticNet(0.01),
        HuberRegressor(),
        BayesianRidge(),
        ARDRegression(),
        SGDRegressor(random_state=0),
        LinearSVR(random_state=0),
    ],
    ids=lambda model: type(model).__name__,
)
def test_linear_models_of_numbers(model):
    agree(make_pipeline(StandardScaler(), model), SCORE)


def test_linear_models_of_several_numbers():
    agree(LinearRegression(), Y["several"])
    agree(LinearRegression(), SCORE[:, None])
    agree(MultiTaskLasso(0.01), Y["several"])
    agree(make_pipeline(StandardScaler(), Ridge()), Y["several"])


@pytest.mark.parametrize("y", ["binary", "three"])
@pytest.mark.parametrize("output", ["probabilities", "logits"])
@pytest.mark.parametrize(
    "model",
    [
        LogisticRegression(max_iter=500),
        LogisticRegressionCV(max_iter=500, Cs=3, l1_ratios=(0,), use_legacy_attributes=False),
        LinearDiscriminantAnalysis(),
        SGDClassifier("log_loss", random_state=0),
    ],
    ids=lambda model: type(model).__name__,
)
def test_linear_models_with_probabilities(model, y, output):
    agree(make_pipeline(StandardScaler(), model), Y[y], output)


@pytest.mark.parametrize("y", ["binary", "three"])
@pytest.mark.parametrize(
    "model",
    [LinearSVC(random_state=0), RidgeClassifier(), Perceptron(), SGDClassifier("hinge"), SGDClassifier("modified_huber")],
    ids=lambda model: type(model).__name__,
)
def test_linear_models_with_scores(model, y):
    agree(make_pipeline(StandardScaler(), model), Y[y], "logits")


def test_sparse_weights():
    model = fitted(SGDClassifier("log_loss", random_state=0), BINARY, STANDARD).sparsify()
    e = pl.explain(pl.wrap(model, output="logits"), STANDARD[:3], method="saliency")
    np.testing.assert_allclose(e.values, np.tile(model.coef_.toarray(), (3, 1)), rtol=1e-12)


class Picked(LogisticRegression):
    """Linear by its type and weights, and not by what it does."""

    def decision_function(self, x):
        return super().decision_function(x) ** 3


def test_what_a_subclass_changed_is_not_taken_for_what_it_inherits():
    assert "gradient" not in view_of(pl.wrap(fitted(Picked(), BINARY, STANDARD), output="logits")).capabilities


@pytest.mark.parametrize(
    "steps",
    [
        [StandardScaler()],
        [StandardScaler(with_mean=False)],
        [StandardScaler(with_std=False)],
        [MinMaxScaler()],
        [MinMaxScaler((-1, 2), clip=True)],
        [MaxAbsScaler()],
        [RobustScaler()],
        [RobustScaler(with_centering=False), RobustScaler(with_scaling=False)],
        [PCA(3)],
        [StandardScaler(), PCA(3, whiten=True)],
        [StandardScaler(), IncrementalPCA(2)],
        [StandardScaler(), TruncatedSVD(3, random_state=0)],
        [StandardScaler(), SelectKBest(k=3)],
        [VarianceThreshold(2.0), StandardScaler()],
        ["passthrough", FunctionTransformer(), StandardScaler()],
        [make_pipeline(StandardScaler(), PCA(4)), SelectKBest(k=3), MinMaxScaler()],
    ],
    ids=str,
)
def test_steps_before_the_model(steps):
    agree(make_pipeline(*steps, MLPClassifier(activation="tanh", **SETTINGS)), THREE, "probabilities")


def test_clipped_columns_have_no_slope():
    model = fitted(make_pipeline(MinMaxScaler(clip=True), LinearRegression()), SCORE)
    beyond = np.where(np.arange(5) == 2, X.max(axis=0) + 1, X.mean(axis=0))[None]
    e = pl.explain(model, beyond, method="saliency")
    assert e.values[0, 2] == 0
    assert (e.values[0, [0, 1, 3, 4]] != 0).all()


def test_a_search_has_the_gradient_of_its_best():
    agree(GridSearchCV(make_pipeline(StandardScaler(), Ridge()), {"ridge__alpha": [0.1, 10]}), SCORE)
    nested = Pipeline([("scale", StandardScaler()), ("search", GridSearchCV(LogisticRegression(), {"C": [0.1, 1]}))])
    agree(nested, THREE, "logits")


def test_many_inputs_at_random():
    """A network that is large enough, at rows far from those that it was fitted on."""
    model = fitted(MLPClassifier((40, 30, 20), activation="tanh", max_iter=15, random_state=2), THREE, STANDARD)
    rows = DRAW.normal(0, 1.5, (50, 5))
    expected = differences(model, "logits", rows)
    found = pl.explain(pl.wrap(model, output="logits"), rows, targets=[0, 1, 2], method="saliency", batch_size=7)
    for at, e in enumerate(found):
        np.testing.assert_allclose(e.values, expected[:, at], rtol=1e-4, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic"])
@pytest.mark.parametrize("output", ["probabilities", "logits"])
def test_the_same_weights_in_torch(activation, output):
    network = fitted(MLPClassifier(activation=activation, **SETTINGS), THREE, STANDARD)
    acts = {"relu": torch.nn.ReLU, "tanh": torch.nn.Tanh, "logistic": torch.nn.Sigmoid}
    layers = []
    for weight, bias in zip(network.coefs_, network.intercepts_, strict=True):
        layers += [torch.nn.Linear(*weight.shape).double(), acts[activation]()]
        layers[-2].weight.data, layers[-2].bias.data = torch.tensor(weight.T), torch.tensor(bias)
    layers[-1] = torch.nn.Softmax(1) if output == "probabilities" else torch.nn.Identity()
    twin, x = torch.nn.Sequential(*layers), STANDARD[:5]
    for method, options in (
        ("saliency", {}),
        ("input-x-gradient", {}),
        ("integrated-gradients", {"tolerance": 0.01}),
        ("smoothgrad", {"samples": 8}),
        ("expected-gradients", {"baseline": STANDARD[50:60], "samples": 20}),
        ("guided-ig", {"steps": 10}),
        ("shapley", {"budget": 40}),
    ):
        ours = pl.explain(pl.wrap(network, output=output), x, method=method, seed=4, **options)
        theirs = pl.explain(twin, torch.tensor(x), method=method, seed=4, **options)
        np.testing.assert_allclose(ours.values, theirs.values, rtol=1e-6, atol=1e-9, err_msg=method)
        np.testing.assert_allclose(ours.prediction, theirs.prediction, rtol=1e-9)
        assert ours.cost.forward_rows == theirs.cost.forward_rows


def test_the_gradient_at_the_output():
    view = view_of(pl.wrap(fitted(LogisticRegression(), THREE, STANDARD), output="logits"))
    batch, rows = view.take(view.inputs(STANDARD[:4]), np.arange(4), "as-is"), np.arange(4)
    target = RowTarget(1, 4, None)
    found = view.gradient(batch, [target], rows, wrt=["input", pl.Layer("")])
    np.testing.assert_array_equal(found.gradients[0][1], np.tile([0.0, 1.0, 0.0], (4, 1)))
    np.testing.assert_allclose(found.gradients[0][0], np.tile(view.subject.coef_[1], (4, 1)))


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (RandomForestClassifier(3), r"RandomForestClassifier\.predict_proba has no derivative here"),
        (SVC(), r"SVC\.decision_function has no derivative here"),
        (OneVsRestClassifier(LogisticRegression()), "OneVsRestClassifier"),
        (SGDClassifier("modified_huber"), "SGDClassifier"),
        (make_pipeline(PolynomialFeatures(), LogisticRegression()), r"step 'polynomialfeatures' \(PolynomialFeatures\)"),
        (make_pipeline(FunctionTransformer(np.tanh), LogisticRegression()), "functiontransformer"),
    ],
    ids=str,
)
def test_a_gradient_that_is_not_there_is_refused_with_the_reason(model, why):
    fitted(model, THREE, STANDARD)
    with pytest.raises(pl.CapabilityError, match=rf"integrated-gradients needs 'gradient'.*sklearn.*{why}.*shapley"):
        pl.explain(model, STANDARD[:2])
    assert pl.explain(model, STANDARD[:2], method="shapley").values.shape == (2, 5)


def test_rates_of_generalised_linear_models_are_not_differentiated():
    with pytest.raises(pl.CapabilityError, match="PoissonRegressor"):
        pl.explain(fitted(PoissonRegressor(), np.exp(0.2 * SCORE), STANDARD), STANDARD[:2])


def test_probabilities_that_nobody_asked_for_warn_once_where_gradients_are_taken():
    model = fitted(LogisticRegression(), THREE, STANDARD)
    with pytest.warns(pl.PellucidWarning, match=r"output='probabilities'.*output='logits'.*decision_function") as caught:
        e = pl.explain(model, STANDARD[:3], batch_size=1)
    assert len(caught) == 1
    assert e.output == "probabilities"
    for stated in ("probabilities", "logits"):
        pl.explain(pl.wrap(model, output=stated), STANDARD[:3])
    pl.explain(fitted(LinearSVC(), THREE, STANDARD), STANDARD[:3])
    pl.explain(model, STANDARD[:3], method="shapley")


def test_targets_that_are_no_outputs_are_refused():
    model = pl.wrap(fitted(LogisticRegression(), THREE, STANDARD), output="logits")
    margin = pl.Target(lambda scores: scores[:, 0] - scores[:, 1], name="margin")
    with pytest.raises(pl.CapabilityError, match=r"this LogisticRegression is differentiated at its outputs, and margin"):
        pl.explain(model, STANDARD[:3], target=margin)
    e = pl.explain(model, STANDARD[:3], target=margin, method="shapley")
    np.testing.assert_allclose(e.values, STANDARD[:3] * (model.model.coef_[0] - model.model.coef_[1]), rtol=1e-6, atol=1e-9)
    for inside in ({"target": pl.Neuron("hidden", 2)}, {"at": "hidden"}):
        with pytest.raises(pl.CapabilityError, match=r"neuron|layers|'hidden' cannot be reached"):
            pl.explain(model, STANDARD[:3], **inside)


NEED = {
    "expected-gradients": {"baseline": STANDARD[:20], "samples": 8},
    "linear-surrogate": {"sigma": 0.2, "samples": 60},
    "lime": {"samples": 60},
    "guided-ig": {"steps": 8},
    **{name: {"samples": 6} for name in ("smoothgrad", "smoothgrad-squared", "vargrad")},
}
PICTURES = {"blur-ig", "rise"}


@pytest.mark.parametrize("method", [method.name for method in catalog.METHODS])
def test_every_method_runs_or_says_why_not(method):
    model = pl.wrap(fitted(MLPClassifier(**SETTINGS), THREE, STANDARD), output="probabilities")
    declared = next(each for each in catalog.METHODS if each.name == method)
    ask = lambda: pl.explain(model, STANDARD[:3], method=method, **NEED.get(method, {}))
    if not declared.needs <= view_of(model).capabilities:
        with pytest.raises(pl.CapabilityError, match=rf"{re.escape(method)} needs.*sklearn adapter.*integrated-gradients"):
            ask()
    elif method in PICTURES:
        with pytest.raises(pl.CapabilityError, match=r"axes|positions"):
            ask()
    else:
        e = ask()
        assert len(e) == 3
        assert np.isfinite(e.values).all()
