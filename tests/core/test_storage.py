"""Files of explanations: hostile, damaged, and from elsewhere."""

import json
import pickle

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import networks
import pellucid as pl


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "e.pellucid"
    pl.explain(networks.mlp(), networks.rows(2, 6), method="smoothgrad", samples=4).save(path)
    return path


class Bomb:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_a_pickle_is_not_opened(tmp_path):
    fuse = tmp_path / "exploded"
    for name in ("bomb.pellucid", "bomb.pkl"):
        (tmp_path / name).write_bytes(pickle.dumps(Bomb(fuse)))
        with pytest.raises(pl.UnsafeFileError, match="not an explanation saved by Pellucid"):
            pl.load(tmp_path / name)
    assert not fuse.exists()


def test_what_is_no_explanation_is_refused(tmp_path, saved):
    with pytest.raises(FileNotFoundError, match="no file at"):
        pl.load(tmp_path / "absent.pellucid")
    with pytest.raises(FileNotFoundError):
        pl.load(tmp_path)
    save_file({"a": np.ones(2)}, tmp_path / "weights.safetensors")
    with pytest.raises(pl.UnsafeFileError, match="holds no explanation"):
        pl.load(tmp_path / "weights.safetensors")
    for cut in (0, 4, 20, len(saved.read_bytes()) // 2):
        (tmp_path / "cut").write_bytes(saved.read_bytes()[:cut])
        with pytest.raises(pl.UnsafeFileError):
            pl.load(tmp_path / "cut")


def _with_header(saved, change):
    from safetensors import safe_open

    with safe_open(saved, framework="numpy") as file:
        header = json.loads(file.metadata()["pellucid-explanation"])
    change(header)
    save_file(load_file(saved), saved, {"pellucid-explanation": json.dumps(header)})


@pytest.mark.parametrize(
    "change",
    [
        lambda h: h.update(version=99),
        lambda h: h.pop("method"),
        lambda h: h.update(plan={"evil": 1}),
        lambda h: h.update(values={"tuple": 3}),
        lambda h: h.update(values={"eval": ["x"]}),
        lambda h: h.update(target=None),
        lambda h: h.update(evidence=[{"kind": "x"}]),
        lambda h: h.clear(),
    ],
)
def test_a_damaged_header_is_an_error_in_words(saved, change):
    _with_header(saved, change)
    with pytest.raises(pl.InputError, match="incomplete or damaged"):
        pl.load(saved)


def test_missing_arrays_are_an_error_in_words(saved):
    from safetensors import safe_open

    with safe_open(saved, framework="numpy") as file:
        metadata = file.metadata()
    arrays = load_file(saved)
    arrays.pop("value")
    save_file(arrays, saved, metadata)
    with pytest.raises(pl.InputError, match="value is missing"):
        pl.load(saved)


def test_a_failed_save_leaves_the_old_file(tmp_path, saved, monkeypatch):
    before = saved.read_bytes()
    monkeypatch.setattr("pellucid.core.storage.save_file", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        pl.load(saved).save(saved)
    assert saved.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["e.pellucid"]


def test_trees_keep_their_shape(tmp_path):
    net = networks.TwoInputs()
    given = (networks.rows(2, 4), networks.rows(2, 3), networks.rows(2, 2))
    e = pl.explain(net, given, target=0, method="saliency", wrt=["1"])
    e.save(tmp_path / "e")
    back = pl.load(tmp_path / "e")
    assert back.values[0] is None
    assert back.values[2] is None
    np.testing.assert_array_equal(back.values[1], e.values[1])


def test_non_finite_numbers_survive(tmp_path, saved):
    import dataclasses

    e = dataclasses.replace(pl.load(saved), residual=np.array([np.inf, np.nan]))
    e.save(tmp_path / "f")
    np.testing.assert_array_equal(pl.load(tmp_path / "f").residual, e.residual)
