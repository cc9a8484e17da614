"""Keras archives and HDF5 files with anything in them but layers and numbers."""

import os
import sys
from pathlib import Path

import h5py
import pytest

from hostile import CONFIGS, MARK, hdf5_bytes, keras_archive, layer, network
from pellucid.core.errors import InputError, MissingExtraError, PellucidWarning, UnsafeFileError
from pellucid.models.files import hdf5, libraries
from pellucid.models.files.info import info
from pellucid.models.loading import open_model


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A folder of its own; whatever happens in it, no payload may have run unless a test says so."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    assert not Path(MARK).exists(), "the payload was run"


@pytest.mark.parametrize("words", CONFIGS)
def test_keras_archives_with_anything_but_keras_own_layers_are_refused(words):
    keras_archive("evil.keras", CONFIGS[words])
    assert words in info("evil.keras").refused
    with pytest.raises(UnsafeFileError, match=r"is not opened: in it is .*--trust-model"):
        open_model("evil.keras")


def test_what_is_for_training_is_not_looked_at():
    loss = {"module": None, "class_name": "function", "config": "mine", "registered_name": "pack>mine"}
    assert not info(keras_archive("net.keras", network(layer("Dense"), compile_config={"loss": loss}))).refused
    assert info(keras_archive("net.keras", network(network(layer("Dense"), compile_config={"loss": loss})))).refused


def links(file):
    file["away"] = h5py.ExternalLink("/etc/passwd", "/")


def soft(file):
    file["away"] = h5py.SoftLink("/layers")


def external(file):
    file.create_dataset("away", (10,), "u1", external=[("/etc/passwd", 0, 10)])


def virtual(file):
    layout = h5py.VirtualLayout((10,), "u1")
    layout[:] = h5py.VirtualSource("/etc/passwd", "data", (10,))
    file.create_virtual_dataset("away", layout)


def bomb(file):
    file.create_dataset("away", (10**6, 10**6), "f8", chunks=(1000, 1000), compression="gzip")


@pytest.mark.parametrize("deflated", [False, True])
@pytest.mark.parametrize(
    ("fill", "words"),
    [
        (links, "is a link"),
        (soft, "is a link"),
        (external, "in another file"),
        (virtual, "other files"),
        (bomb, "claims 8,000,000,000"),
    ],
)
def test_weights_that_lead_out_of_their_file_or_claim_too_much_are_refused(fill, words, deflated):
    keras_archive("evil.keras", weights=hdf5_bytes(fill), deflated=deflated)
    Path("evil.weights.h5").write_bytes(hdf5_bytes(fill))
    for name in ("evil.keras", "evil.weights.h5"):
        assert words in info(name).refused
        with pytest.raises(UnsafeFileError, match="is not opened"):
            open_model(name, None if name == "evil.keras" else "torch.nn:Identity")


def test_hdf5_files_on_which_the_library_fails_are_damaged(monkeypatch):
    Path("evil.h5").write_bytes(hdf5_bytes()[:-500])
    with pytest.raises(InputError, match="is damaged"):
        info("evil.h5")
    monkeypatch.setattr(hdf5, "SECONDS", 0)
    Path("slow.h5").write_bytes(hdf5_bytes())
    with pytest.raises(InputError, match="is damaged"):
        info("slow.h5")


@pytest.mark.parametrize(
    ("environment", "installed", "chosen"),
    [
        ({}, {"tensorflow", "torch"}, None),
        ({}, {"jax"}, "jax"),
        ({}, {"torch", "jax"}, "torch"),
        ({"KERAS_BACKEND": "jax"}, {"jax"}, "jax"),
        ({"KERAS_BACKEND": "tensorflow"}, {"jax"}, MissingExtraError),
        ({}, set(), MissingExtraError),
    ],
)
def test_keras_gets_a_backend_that_is_installed(monkeypatch, here, environment, installed, chosen):
    monkeypatch.setenv("KERAS_HOME", str(here))
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(libraries, "find_spec", lambda name: object() if name in {"keras", *installed} else None)
    monkeypatch.setattr(libraries, "required", lambda *_: None)
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    if chosen is MissingExtraError:
        with pytest.raises(MissingExtraError, match=r"KERAS_BACKEND|none of torch, jax, tensorflow"):
            libraries.keras("a .keras file")
        return
    if chosen and not environment:
        with pytest.warns(PellucidWarning, match=f"set to run on tensorflow, which is not installed; it runs on {chosen} here"):
            libraries.keras("a .keras file")
    else:
        libraries.keras("a .keras file")
    assert os.environ.get("KERAS_BACKEND") == chosen
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
