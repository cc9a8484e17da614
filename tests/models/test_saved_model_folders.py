"""TensorFlow SavedModel folders: described from their graph alone, opened on trust alone."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from pellucid.core.errors import InputError, PellucidWarning, UnsafeFileError
from pellucid.models.files import saved_model
from pellucid.models.files.info import info
from pellucid.models.loading import open_model


class Writes(tf.Module):
    """A graph that writes a file whenever it is run: this is what such a folder can do."""

    def __init__(self):
        super().__init__()
        self.weights = tf.Variable(tf.ones((4, 3)))

    @tf.function(input_signature=[tf.TensorSpec((None, 4))])
    def score(self, rows):
        tf.io.write_file("pwned", "x")
        return rows @ self.weights


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = Writes()
    tf.saved_model.save(model, "saved", signatures=model.score)


def test_it_is_described_and_refused():
    about = info("saved")
    assert about.kind == "saved-model"
    assert ("serving_default", "input rows", "? x 4", "float32") in about.tables[0].rows
    assert ("MatMul", 1) in about.tables[1].rows
    assert "(this one: WriteFile)" in about.refused
    with pytest.raises(UnsafeFileError, match=r"may read and write files.*--trust-model"):
        open_model("saved")
    assert not Path("pwned").exists()


def test_it_opens_on_trust():
    with pytest.warns(PellucidWarning, match="because you trust it"):
        opened = open_model("saved", trust=True)
    np.testing.assert_array_equal(opened.score(tf.ones((2, 4))), np.full((2, 3), 4.0))
    assert Path("pwned").exists()


def test_without_tensorflow_that_is_said(monkeypatch):
    monkeypatch.setattr(saved_model, "find_spec", lambda _: None)
    assert any("pellucid[tensorflow]" in note for note in info("saved").notes)


@pytest.mark.parametrize("content", [b"", b"\xff" * 1000, b"\x0a\xff\xff\xff\xff\x0f"])
def test_damaged_graphs_are_said_to_be(content):
    graph = Path("saved", "saved_model.pb")
    graph.write_bytes(graph.read_bytes()[:300] + content)
    with pytest.raises(InputError, match="is damaged"):
        info("saved")
