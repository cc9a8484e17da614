"""ONNX models whose weights are elsewhere, and skops archives with types that nobody asked for."""

from pathlib import Path

import numpy as np
import pytest
import skops.io
from onnx import TensorProto, numpy_helper
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from hostile import MARK, edited, estimator, graph, in_json
from pellucid.core.errors import PellucidError, PellucidWarning, UnsafeFileError
from pellucid.models.files.info import info
from pellucid.models.loading import open_model

PREDICTOR = "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A folder of its own; whatever happens in it, no payload may have run unless a test says so."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    assert not Path(MARK).exists(), "the payload was run"


def outside(location: str) -> str:
    """A model that says that its weights are somewhere else."""
    model = graph(np.ones((4, 3), np.float32))
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    Path("net.onnx").write_bytes(model.SerializeToString())
    return "net.onnx"


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("/etc/passwd", "no path within"),
        ("../secret", "leads out"),
        ("a/../../secret", "leads out"),
        ("C:\\secret", "no path within"),
        ("link", "link"),
        ("folder/secret", "link"),
        ("", "no file"),
    ],
)
def test_onnx_weights_outside_of_the_folder_are_refused(tmp_path_factory, location, words):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "secret").write_bytes(bytes(48))
    Path("link").symlink_to(elsewhere / "secret")
    Path("folder").symlink_to(elsewhere)
    outside(location)
    assert words in info("net.onnx").verdict
    assert info("net.onnx").refused
    for trust in (False, True):
        with pytest.raises(UnsafeFileError, match="is not opened"):
            open_model("net.onnx", trust=trust)


def test_onnx_weights_beside_the_model_are_read():
    Path("weights.bin").write_bytes(np.arange(12, dtype=np.float32).tobytes())
    about = info(outside("weights.bin"))
    assert (about.verdict, about.facts["external data"], about.parameters) == ("opens safely", "weights.bin", 12)
    np.testing.assert_array_equal(
        numpy_helper.to_array(open_model("net.onnx").graph.initializer[0]), np.arange(12, dtype=np.float32).reshape(4, 3)
    )


def shout(x):
    return x


def test_skops_opens_what_is_harmless_and_asks_for_the_rest():
    skops.io.dump(estimator(), "good.skops")
    x = np.random.default_rng(1).normal(size=(5, 4))
    np.testing.assert_array_equal(open_model("good.skops").predict_proba(x), estimator().predict_proba(x))
    grown = HistGradientBoostingClassifier(max_iter=2).fit(np.arange(100.0)[:, None], np.arange(100) > 50)
    skops.io.dump(grown, "grown.skops")
    with pytest.raises(UnsafeFileError, match=rf"not known to be harmless: {PREDICTOR}.*--trusted-type {PREDICTOR}"):
        open_model("grown.skops")
    with pytest.raises(UnsafeFileError, match="TreePredictor"):
        open_model("grown.skops", trusted_types=["sklearn.other.Type"])
    for named in ([PREDICTOR], PREDICTOR):
        opened = open_model("grown.skops", trusted_types=named)
        np.testing.assert_array_equal(opened.predict([[1.0], [99.0]]), grown.predict([[1.0], [99.0]]))
    assert info("grown.skops", trusted_types=[PREDICTOR]).command.endswith(f"--trusted-type {PREDICTOR}")
    with pytest.warns(PellucidWarning, match="because you trust it"):
        assert type(open_model("grown.skops", trust=True)) is HistGradientBoostingClassifier


def exchanged(schema: dict, old: str, module: str, name: str, loader: str | None = None) -> None:
    waiting = [schema]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            if each.get("__class__") == old:
                each |= {"__module__": module, "__class__": name, **({"__loader__": loader} if loader else {})}
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each


@pytest.mark.parametrize(
    ("module", "name", "loader"),
    [
        ("planted", "Thing", None),
        ("os", "system", "TypeNode"),
        ("builtins", "eval", "FunctionNode"),
        ("operator", "methodcaller", None),
        ("sklearn.linear_model._logistic", "LogisticRegression", "ConstructorFromReduceNode"),
        ("pickle", "loads", "MethodNode"),
    ],
)
def test_skops_schemas_that_name_other_things_run_nothing(monkeypatch, here, module, name, loader):
    """Also where the archive says that it was written by the first version of the format."""
    monkeypatch.syspath_prepend(str(here))
    Path("planted.py").write_text(f"open({MARK!r}, 'w')\nclass Thing: pass")
    skops.io.dump(estimator(), "good.skops")
    for protocol in (None, 0, 1, 2):

        def change(schema, protocol=protocol):
            exchanged(schema, "StandardScaler", module, name, loader)
            schema |= {} if protocol is None else {"protocol": protocol}

        edited("good.skops", "evil.skops", ("schema.json", in_json(change)))
        with pytest.raises(PellucidError):
            open_model("evil.skops")


def test_a_function_in_a_skops_archive_is_not_taken_unasked():
    skops.io.dump(make_pipeline(FunctionTransformer(np.log1p), FunctionTransformer(shout)), "function.skops")
    assert "shout" in info("function.skops").refused
