"""scikit-learn estimators: what of each is explained, under which names, and what is refused."""

import pickle
import warnings

import numpy as np
import pytest
import threadpoolctl
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import DBSCAN, Birch, BisectingKMeans, KMeans, MeanShift
from sklearn.covariance import EllipticEnvelope
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    GradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression, Perceptron, Ridge, RidgeClassifier, SGDClassifier
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier, OutputCodeClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier, MultiOutputRegressor
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KernelDensity, KNeighborsClassifier, LocalOutlierFactor, NearestNeighbors
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import LabelEncoder, StandardScaler
from sklearn.svm import SVC, LinearSVC, OneClassSVM
from sklearn.utils import all_estimators

import pellucid as pl

DRAW = np.random.default_rng(0)
X = DRAW.normal(size=(90, 4))
SCORE = X[:, 0] - X[:, 1] * X[:, 2]
BINARY = np.where(SCORE > 0, "yes", "no")
THREE = np.array([10, 20, 30])[np.digitize(SCORE, [-0.5, 0.5])]
VALUES = SCORE + 0.1 * X[:, 3]
ROWS = X[:3]


def fitted(model, y, x=X):
    with warnings.catch_warnings(action="ignore"):
        return model.fit(x, y)


def explained(model, x=ROWS, method="leave-one-out", **options):
    return pl.explain(model, x, method=method, **options)


def agree(ours, theirs):
    """Up to rounding, which depends on where arrays lie in memory."""
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-15)


def notes(e):
    return " ".join(e.plan.notes)


MLP = fitted(MLPClassifier((8,), random_state=0, max_iter=50), BINARY)
MLP_THREE = fitted(MLPClassifier((8,), random_state=0, max_iter=50), THREE)


@pytest.mark.parametrize(
    "model",
    [
        LogisticRegression(),
        RandomForestClassifier(10, random_state=0, n_jobs=2),
        GradientBoostingClassifier(n_estimators=5),
        GaussianNB(),
        KNeighborsClassifier(),
        CalibratedClassifierCV(LinearSVC(random_state=0)),
        VotingClassifier([("a", GaussianNB()), ("b", LogisticRegression())], voting="soft"),
        StackingClassifier([("a", GaussianNB()), ("b", LogisticRegression())]),
        GridSearchCV(make_pipeline(StandardScaler(), LogisticRegression()), {"logisticregression__C": [0.1, 1]}),
        OneVsRestClassifier(GaussianNB()),
        make_pipeline(StandardScaler(), MLPClassifier((5,), max_iter=20, random_state=0)),
    ],
    ids=lambda model: type(model).__name__,
)
@pytest.mark.parametrize("y", [BINARY, THREE], ids=["binary", "three"])
def test_classifiers_are_explained_by_their_probabilities(model, y):
    fitted(model, y)
    e = explained(model)
    agree(e.prediction, model.predict_proba(ROWS))
    assert e.classes == tuple(map(str, model.classes_))
    assert e.output == "probabilities"
    assert e.target.names == tuple(map(str, model.predict(ROWS)))
    changed = ROWS.copy()
    changed[:, 1] = 0
    which = np.arange(3), e.target.indices[:, 0]
    drop = model.predict_proba(ROWS)[which] - model.predict_proba(changed)[which]
    np.testing.assert_allclose(e.values[:, 1], drop, atol=1e-12)


def test_targets_are_class_labels_by_name_and_places_by_number():
    model = fitted(LogisticRegression(), THREE)
    proba = model.predict_proba(ROWS)
    np.testing.assert_array_equal(explained(model, target="20").value, proba[:, 1])
    e = explained(model, target=2)
    np.testing.assert_array_equal(e.value, proba[:, 2])
    assert e.target.names == ("30",) * 3
    assert "0 stands for class 10, whose name is '10'" in notes(e)
    np.testing.assert_array_equal(explained(model, target=np.array([0, 1, 2])).value, np.diag(proba))
    named = pl.wrap(model, classes=["low", "middle", "high"])
    np.testing.assert_array_equal(explained(named, target="middle").value, proba[:, 1])
    with pytest.raises(pl.TargetError, match="Did you mean '20'"):
        explained(model, target="200")


@pytest.mark.parametrize("model", [LinearSVC(), RidgeClassifier(), SGDClassifier(random_state=0), Perceptron(), SVC()])
def test_decision_functions_where_there_are_no_probabilities(model):
    fitted(model, BINARY)
    e = explained(model)
    agree(e.prediction, model.decision_function(ROWS)[:, None])
    assert e.target.names == ("yes",) * 3
    assert e.output == "values"
    assert "above 0 for 'yes'" in notes(e)
    assert explained(pl.wrap(model, classes=["nay", "yea"]), target="yea").target.names == ("yea",) * 3
    fitted(model, THREE)
    e = explained(model)
    agree(e.prediction, model.decision_function(ROWS))
    assert e.target.names == tuple(map(str, model.predict(ROWS)))
    with pytest.raises(pl.InputError, match="no predict_proba"):
        explained(pl.wrap(model, output="probabilities"))


def test_pairs_of_classes_have_a_score_each():
    e = explained(fitted(SVC(decision_function_shape="ovo"), THREE))
    assert e.classes == ("10 against 20", "10 against 30", "20 against 30")
    assert explained(fitted(OneVsOneClassifier(LinearSVC()), THREE)).classes == ("10", "20", "30")


@pytest.mark.parametrize("y", [BINARY, THREE], ids=["binary", "three"])
@pytest.mark.parametrize(
    "model",
    [
        LogisticRegression(),
        MLPClassifier((6,), max_iter=30, random_state=0),
        make_pipeline(StandardScaler(), MLPClassifier((6,), max_iter=30, random_state=0)),
        GridSearchCV(MLPClassifier((6,), max_iter=20, random_state=0), {"alpha": [0.1]}),
        GradientBoostingClassifier(n_estimators=5),
        GaussianNB(),
    ],
    ids=lambda model: type(model).__name__,
)
def test_logits_are_log_odds(model, y):
    """Where they are stated: of two classes one number, of more one each; probabilities come back from all of them."""
    fitted(model, y)
    e = explained(pl.wrap(model, output="logits"))
    assert e.prediction.shape == (3, 1 if y is BINARY else 3)
    assert e.output == "logits"
    found = e.probabilities[:, 0] if y is BINARY else e.probabilities
    expected = model.predict_proba(ROWS)[:, 1] if y is BINARY else model.predict_proba(ROWS)
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    assert e.target.names == (("yes",) * 3 if y is BINARY else tuple(map(str, model.predict(ROWS))))


def test_probabilities_are_a_choice_that_is_said():
    assert "pl.wrap(model, output='logits') explains its decision_function" in notes(
        explained(fitted(LogisticRegression(), BINARY))
    )
    assert "sums before its last activation" in notes(explained(MLP))
    assert not notes(explained(pl.wrap(MLP, output="probabilities")))
    assert not notes(explained(fitted(GaussianNB(), BINARY)))


def test_infinite_log_odds_are_refused():
    forest = fitted(RandomForestClassifier(3, random_state=0), BINARY)
    with pytest.raises(pl.InputError, match="probability of 0"):
        explained(pl.wrap(forest, output="logits"))


@pytest.mark.parametrize(
    "model",
    [
        LinearRegression(),
        RandomForestRegressor(5, n_jobs=2),
        make_pipeline(PCA(2), Ridge()),
        MLPRegressor(hidden_layer_sizes=(4,), max_iter=20),
    ],
    ids=lambda model: type(model).__name__,
)
def test_regressors(model):
    fitted(model, VALUES)
    e = explained(model)
    agree(e.prediction, model.predict(ROWS))
    assert e.output == "values"
    assert e.target.names == ("output",) * 3
    assert e.classes is None
    fitted(model, np.c_[VALUES, -VALUES, X[:, 0]])
    e = explained(model, target=2)
    agree(e.value, model.predict(ROWS)[:, 2])
    assert explained(pl.wrap(model, classes=["a", "b", "c"]), target="c").target.names == ("c",) * 3


def test_several_outputs():
    model = fitted(MultiOutputRegressor(Ridge()), np.c_[VALUES, X[:, 1]])
    agree(explained(model, target=1).value, model.predict(ROWS)[:, 1])
    both = np.c_[BINARY, np.where(THREE == 20, "b", "a")]
    for model in (MultiOutputClassifier(LogisticRegression()), RandomForestClassifier(5, random_state=0)):
        fitted(model, both)
        e = explained(model, target=("1", 1))
        agree(e.value, model.predict_proba(ROWS)[1][:, 1])
        assert "output '1' was explained" in notes(e)
        assert explained(model).target.leaf == "0"
    same = fitted(RandomForestClassifier(5, random_state=0), np.c_[BINARY, BINARY[::-1]])
    agree(explained(same, target="yes").value, same.predict_proba(ROWS)[0][:, 1])


def test_several_labels_at_once():
    labels = np.c_[SCORE > 0, X[:, 3] > 0, X[:, 0] > 0.5].astype(int)
    network = fitted(MLPClassifier((6,), max_iter=30, random_state=0), labels)
    agree(explained(network, target=1).value, network.predict_proba(ROWS)[:, 1])
    logits = explained(pl.wrap(network, output="logits")).prediction
    np.testing.assert_allclose(1 / (1 + np.exp(-logits)), network.predict_proba(ROWS), rtol=1e-9)
    for model in (network, RidgeClassifier(), OneVsRestClassifier(LinearSVC())):
        fitted(model, labels[:, :2])
        assert explained(pl.wrap(model, output="logits"), target=1).prediction.shape == (3, 2)
    chain = fitted(ClassifierChain(LogisticRegression()), labels)
    e = explained(chain, target=2)
    agree(e.value, chain.predict_proba(ROWS)[:, 2])
    assert e.target.names == ("output 2",) * 3


def test_labels_alone():
    voting = fitted(VotingClassifier([("a", GaussianNB()), ("b", LogisticRegression())]), BINARY)
    code = fitted(OutputCodeClassifier(GaussianNB(), random_state=0), THREE)
    for model in (voting, code):
        e = explained(model)
        assert e.target.names == tuple(map(str, model.predict(ROWS)))
        np.testing.assert_array_equal(e.prediction.sum(axis=1), 1)
        assert "labels alone" in notes(e)
        with pytest.raises(pl.CapabilityError, match="labels alone"):
            explained(pl.wrap(model, output="logits"))


@pytest.mark.parametrize(
    "model", [KMeans(3, n_init=1, random_state=0), MeanShift(), BisectingKMeans(3, random_state=0), Birch(n_clusters=None)]
)
@pytest.mark.parametrize("scaled", [False, True])
def test_clusters_by_distance(model, scaled):
    whole = fitted(make_pipeline(StandardScaler(), model) if scaled else model, None)
    e = explained(whole)
    centres = getattr(model, "cluster_centers_", getattr(model, "subcluster_centers_", None))
    rows = whole[0].transform(ROWS) if scaled else ROWS
    np.testing.assert_allclose(-e.prediction, np.linalg.norm(rows[:, None] - centres, axis=2), rtol=1e-6)
    assert e.classes[0] in ("cluster 0", "subcluster 0")
    assert "distance" in notes(e)
    if isinstance(model, KMeans):
        agree(e.prediction.argmax(axis=1), whole.predict(ROWS))


def test_what_is_unusual():
    for model in (IsolationForest(n_estimators=5), OneClassSVM(), EllipticEnvelope(), LocalOutlierFactor(novelty=True)):
        e = explained(fitted(make_pipeline(StandardScaler(), model), None))
        assert "below 0 it is an outlier" in notes(e)
        assert e.output == "values"
    e = explained(fitted(KernelDensity(), None))
    assert "score_samples" in notes(e)
    mixture = fitted(GaussianMixture(2, random_state=0), None)
    agree(explained(mixture, target="component 1").value, mixture.predict_proba(ROWS)[:, 1])


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (StandardScaler(), r"pl\.wrap\(model\.transform\)"),
        (PCA(2), r"pl\.wrap\(model\.transform\)"),
        (make_pipeline(StandardScaler(), PCA(2)), r"pl\.wrap\(model\.transform\)"),
        (DBSCAN(), "Fit a classifier on these labels"),
        (LocalOutlierFactor(), "labels the rows that it is fitted on"),
        (NearestNeighbors(), "none of predict"),
    ],
)
def test_what_predicts_nothing_is_refused(model, said):
    with pytest.raises(pl.CapabilityError, match=said):
        explained(fitted(model, None))


def test_a_search_that_kept_no_estimator_is_refused():
    with pytest.raises(pl.CapabilityError, match=r"refit=False.*best_params_"):
        explained(fitted(GridSearchCV(Ridge(), {"alpha": [1, 2]}, refit=False), VALUES))


def test_what_only_looks_like_a_classifier_is_refused():
    with pytest.raises(pl.CapabilityError, match="LabelEncoder"):
        explained(LabelEncoder().fit(["a", "b"]))
    with pytest.raises(pl.CapabilityError, match="LogisticRegression is a class"):
        explained(LogisticRegression)


@pytest.mark.parametrize(
    "model",
    [LogisticRegression(), make_pipeline(StandardScaler(), MLPClassifier()), GridSearchCV(SVC(), {"C": [1]}), RidgeClassifier()],
)
def test_the_unfitted_are_refused(model):
    with pytest.raises(pl.InputError, match="not fitted yet; call its fit"):
        explained(model)


def test_statements_that_do_not_fit_are_refused():
    with pytest.raises(pl.InputError, match="'values' are those of a regression"):
        explained(pl.wrap(MLP, output="values"))
    with pytest.raises(pl.InputError, match="no classifier"):
        explained(pl.wrap(fitted(IsolationForest(n_estimators=3), None), output="logits"))
    with pytest.raises(pl.TargetError, match="2 outputs but 3 class names"):
        explained(pl.wrap(MLP, classes=["a", "b", "c"]))


class Own(GaussianNB):
    """A classifier of the user's own that keeps what it learns under names without an underscore."""

    def fit(self, x, y):
        self.learned = GaussianNB().fit(x, y)
        self.classes_ = self.learned.classes_
        return self

    def predict_proba(self, x):
        if not hasattr(self, "learned"):
            raise NotFittedError
        return self.learned.predict_proba(x)


def test_estimators_of_the_users_own():
    agree(explained(Own().fit(X, BINARY)).prediction, GaussianNB().fit(X, BINARY).predict_proba(ROWS))
    with pytest.raises(pl.InputError, match="not fitted yet"):
        explained(Own())


@pytest.mark.parametrize("method", ["shapley", "integrated-gradients"])
def test_estimators_come_back_as_they_were(method):
    model = fitted(make_pipeline(StandardScaler(copy=False), MLPClassifier((4,), max_iter=20)), BINARY)
    state, generator, x = pickle.dumps(model), np.random.get_state()[1].copy(), ROWS.copy()  # noqa: NPY002
    threads = threadpoolctl.threadpool_info()
    explained(pl.wrap(model, output="probabilities"), x, method=method)
    assert pickle.dumps(model) == state
    np.testing.assert_array_equal(np.random.get_state()[1], generator)  # noqa: NPY002
    np.testing.assert_array_equal(x, ROWS)
    assert threadpoolctl.threadpool_info() == threads


def test_in_place_scalers_do_not_move_what_is_explained():
    """``copy=False`` writes into the batch: baselines and samples are used again, and must not be what was written."""
    careful, careless = (fitted(make_pipeline(StandardScaler(copy=copy), GaussianNB()), BINARY) for copy in (True, False))
    options = {"method": "shapley", "masker": pl.maskers.Background(X[:7])}
    np.testing.assert_array_equal(explained(careless, **options).values, explained(careful, **options).values)


def test_whole_numbers_are_numbers():
    x = DRAW.integers(0, 9, (60, 3))
    model = fitted(LogisticRegression(), np.where(x[:, 0] > 4, "a", "b"), x)
    for method in ("integrated-gradients", "shapley"):
        e = explained(pl.wrap(model, output="logits"), x[:2], method=method)
        np.testing.assert_allclose(e.values, x[:2] * model.coef_, rtol=1e-6, atol=1e-9)


def test_the_plan_says_what_ran():
    e = explained(MLP)
    assert e.plan.adapter == "sklearn"
    assert "scikit-learn" in e.plan.versions


SEVERAL = {"ClassifierChain", "RegressorChain", "MultiOutputClassifier", "MultiOutputRegressor"}
CLASSIFIERS = [kind for name, kind in all_estimators("classifier") if name not in SEVERAL]
REGRESSORS = [kind for name, kind in all_estimators("regressor") if name not in SEVERAL | {"IsotonicRegression"}]


def first_fitted(kind, one, wishes):
    """An estimator of this class with nothing but what it cannot do without, on the first table that it takes."""
    takes = kind.__init__.__code__.co_varnames
    needs = (
        {"estimators": [("a", one), ("b", one)]} if "estimators" in takes else {"estimator": one} if "estimator" in takes else {}
    )
    with warnings.catch_warnings(action="ignore"):
        model = kind(**needs)
        for x, y in [(x, y) for x in (X, np.abs(X)) for y in wishes]:
            try:
                return model.fit(x, y), x[:3]
            except (ValueError, TypeError):
                continue
    return pytest.fail(f"{kind.__name__} does not fit on any of these tables")


@pytest.mark.parametrize("kind", CLASSIFIERS, ids=lambda kind: kind.__name__)
def test_every_classifier_of_the_library(kind):
    model, x = first_fitted(kind, LogisticRegression(), [THREE, BINARY])
    e = explained(model, x)
    assert e.classes == tuple(map(str, model.classes_))
    best = [e.classes[at] for at in e.prediction.argmax(axis=1)]
    assert sum(a == str(b) for a, b in zip(best, model.predict(x), strict=True)) >= 2  # thresholds and ties may lie elsewhere


@pytest.mark.parametrize("kind", REGRESSORS, ids=lambda kind: kind.__name__)
def test_every_regressor_of_the_library(kind):
    model, x = first_fitted(kind, LinearRegression(), [VALUES, np.exp(VALUES), np.c_[VALUES, X[:, 0]]])
    if kind.__name__ == "RadiusNeighborsRegressor":
        model = kind(radius=9).fit(X, VALUES)  # the library warns where nobody is near
    agree(explained(model, x).prediction, model.predict(x))
