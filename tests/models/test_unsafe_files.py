"""Files that would run code, or eat the machine: looked into and refused, and nothing of theirs is run."""

import bz2
import gzip
import json
import lzma
import pickle
import stat
import struct
import sys
import types
import zipfile
import zlib
from pathlib import Path

import joblib
import numpy as np
import onnx
import pytest
import skops.io
import torch

from hostile import (
    ALL,
    KIND_OF,
    MARK,
    Touches,
    estimator,
    keras_archive,
    layer,
    network,
    onnx_file,
    pickled,
    valid,
)
from pellucid.core.errors import InputError, PellucidWarning, UnsafeFileError
from pellucid.models.files import libraries, pickles, tensors
from pellucid.models.files.info import info
from pellucid.models.loading import load_weights, open_model


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A folder of its own; whatever happens in it, no payload may have run unless a test says so."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    assert not Path(MARK).exists(), "the payload was run"


@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")
@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("called", ["model", "model.onnx", "model.keras", "model.pt", "model.txt"])
def test_a_file_is_what_is_in_it_whatever_it_is_called(kind, called):
    Path(called).write_bytes(valid(kind))
    assert info(called).kind == KIND_OF.get(kind, kind)


@pytest.mark.parametrize("called", ["model.onnx", "model.keras", "model.safetensors", "model.skops", "model.pt2", "model.pt"])
@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_under_another_name_is_refused(called, protocol):
    Path(called).write_bytes(pickle.dumps({"weight": Touches()}, protocol))
    with pytest.raises(UnsafeFileError, match=r"is not opened: it is a pickle, .* \(this one imports .*--trust-model"):
        open_model(called, "shed:build")


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, zlib.compress])
def test_a_compressed_pickle_is_refused(pack):
    Path("model.joblib").write_bytes(pack(pickled()))
    about = info("model.joblib")
    assert about.kind == "pickle"
    assert "pathlib" in about.refused
    assert "compressed" in about.facts


def test_joblib_is_read_past_its_arrays():
    joblib.dump([np.ones((3, 4)), np.array(["a", None], object), np.zeros(1000), Touches()], "model.joblib")
    names = [row[0] for row in info("model.joblib").tables[0].rows]
    assert any("pathlib" in name or "posixpath" in name for name in names), names


def test_a_file_that_ends_as_an_archive_is_what_it_begins_as():
    """A pickle with an archive behind it: readers that look at the end see the archive, those that unpickle run the pickle."""
    skops.io.dump(estimator(), "good.skops")
    Path("model.skops").write_bytes(pickled() + Path("good.skops").read_bytes())
    with pytest.raises(UnsafeFileError, match="it is a pickle"):
        open_model("model.skops")


def test_what_is_no_model_is_said_to_be():
    np.save("rows.npy", np.ones(3))
    np.savez("rows.npz", a=np.ones(3))
    Path("net.tflite").write_bytes(b"\x1c\0\0\0TFL3" + bytes(50))
    Path("net.gguf").write_bytes(b"GGUF" + bytes(50))
    Path("notes.txt").write_text("hello")
    Path("empty").mkdir()
    for name, words in {
        "rows.npy": "an array of numbers",
        "rows.npz": "arrays of numbers",
        "net.tflite": "TensorFlow Lite",
        "net.gguf": "llama.cpp",
        "notes.txt": "not a kind of file that is opened",
        "empty": "is a folder",
        "nothere.keras": "there is no file",
    }.items():
        with pytest.raises(InputError, match=words):
            info(name)


def archive_with(*members: tuple[str, bytes], link: bool = False) -> None:
    with zipfile.ZipFile("evil.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", json.dumps(network(layer("Dense"))))
        archive.writestr("metadata.json", "{}")
        for name, content in members:
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (stat.S_IFLNK | 0o777) << 16 if link else 0
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("members", "link", "words"),
    [
        ([("../../evil", b"x")], False, "leads out of the archive"),
        ([("/etc/evil", b"x")], False, "leads out of the archive"),
        ([("a\\..\\..\\evil", b"x")], False, "leads out of the archive"),
        ([("C:/evil", b"x")], False, "leads out of the archive"),
        ([("assets/passwd", b"/etc/passwd")], True, "is a link"),
        ([("config.json", b"{}")], False, "is in it twice"),
        ([("assets/bomb", bytes(50_000_000))], False, "unpacks from"),
    ],
)
def test_archives_that_reach_out_or_blow_up_are_refused(members, link, words):
    archive_with(*members, link=link)
    with pytest.raises(UnsafeFileError, match=words):
        open_model("evil.keras")
    about = info("evil.keras")
    assert words in about.refused
    assert about.command == ""


def test_a_list_of_members_that_is_too_long_is_not_read():
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 65535, 65535, 2**31, 0, 0)
    Path("evil.keras").write_bytes(b"PK\x03\x04" + bytes(100) + end)
    with pytest.raises(UnsafeFileError, match="list of members"):
        open_model("evil.keras")


def test_an_archive_in_an_archive_is_not_unpacked():
    keras_archive("inner.keras")
    archive_with(("assets/inner.keras", Path("inner.keras").read_bytes()))
    assert "assets/inner.keras" in info("evil.keras").facts["other members"]


def header(content: bytes, length: int | None = None) -> None:
    Path("evil.safetensors").write_bytes(struct.pack("<Q", len(content) if length is None else length) + content)


@pytest.mark.parametrize(
    ("content", "length"),
    [
        (b"{}", 10**12),
        (b"{}", 2**64 - 1),
        (b"{" * 100_000, None),
        (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, None),
        (b'{"w":{"dtype":"F32","shape":[1000000,1000000],"data_offsets":[0,4000000000000]}}', None),
        (b'{"w":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}', None),
        (b'{"w":{"dtype":"F32","shape":"many","data_offsets":[0,4]}}', None),
        (b"[]", None),
        (b"{]", None),
        (b"", 0),
    ],
)
def test_headers_that_lie_are_found_out(content, length):
    header(content, length)
    with pytest.raises(InputError, match=r"evil\.safetensors"):
        load_weights(torch.nn.Linear(2, 2), Path("evil.safetensors"))


def test_a_deep_configuration_is_damaged():
    config = '{"a":' * 200_000 + "1" + "}" * 200_000
    with zipfile.ZipFile("deep.keras", "w") as archive:
        archive.writestr("config.json", config)
        archive.writestr("metadata.json", "{}")
    with pytest.raises(InputError, match=r"deep\.keras"):
        info("deep.keras")


@pytest.mark.parametrize(
    "claim", [b"\x8d" + struct.pack("<Q", 10**12), b"B" + struct.pack("<I", 2**32 - 1), b"\x8b" + struct.pack("<i", -5)]
)
def test_pickles_that_claim_too_much_are_refused_all_the_same(claim):
    Path("evil.pkl").write_bytes(b"\x80\x04" + claim + b"x.")
    assert info("evil.pkl").refused


def test_no_pickle_is_too_long_to_be_looked_at():
    Path("evil.pkl").write_bytes(b"\x80\x02" + b"N0" * (pickles.MOST_STEPS) + b"N.")
    assert "instructions" in info("evil.pkl").notes[0]


def test_what_torch_takes_for_data_is_what_we_do():
    from torch._weights_only_unpickler import _get_allowed_globals

    known = [name for name in _get_allowed_globals() if "4bit" not in name]
    assert [name for name in known if not tensors.is_data(name)] == []
    others = "posix.system builtins.eval torch.load torch.hub.load torch.storage._load_from_bytes torch.nn.Linear torch.int_repr "
    others += "torch.jit.load numpy.core.multiarray._reconstruct torch._utils.os codecs.encode"
    assert [name for name in others.split() if tensors.is_data(name)] == []


@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")
@pytest.mark.parametrize("kind", ["pickle", "joblib", "module", "torchscript"])
def test_trust_is_heeded_and_said(kind):
    name = {"pickle": "evil.pkl", "joblib": "evil.joblib", "module": "evil.pt", "torchscript": "evil.ptl"}[kind]
    held = [Touches(), estimator()] if kind in ("pickle", "joblib") else None
    Path(name).write_bytes(pickle.dumps(held) if kind == "pickle" else valid(kind))
    if kind == "joblib":
        joblib.dump(held, name)
    with pytest.raises(UnsafeFileError, match="--trust-model"):
        open_model(name)
    with pytest.warns(PellucidWarning, match=r"is opened because you trust it: .*Code of its author may run"):
        opened = open_model(name, "torch.nn:Identity", trust=True) if kind == "nothing" else opened_on_trust(name, kind)
    if kind == "torchscript":
        assert opened(torch.ones(1, 4)).shape == (1, 3)
    else:
        assert Path(MARK).exists()
        Path(MARK).unlink()


def opened_on_trust(name: str, kind: str):
    if kind != "module":
        return open_model(name, trust=True)
    Path("shed.py").write_text("import torch\ndef build():\n    return torch.nn.Linear(4, 3)")
    sys.path.insert(0, str(Path.cwd()))
    try:
        return open_model(name, "shed:build", trust=True)
    finally:
        sys.path.remove(str(Path.cwd()))
        sys.modules.pop("shed", None)


@pytest.mark.parametrize("suffix", [".pkl", ".pt"])
def test_what_cannot_be_unpickled_on_trust_is_said_in_words(suffix, monkeypatch):
    module = types.ModuleType("gone")
    module.Thing = type("Thing", (), {"__module__": "gone"})
    with monkeypatch.context() as patched:
        patched.setitem(sys.modules, "gone", module)
        (torch.save if suffix == ".pt" else joblib.dump)(module.Thing(), f"net{suffix}")
    with (
        pytest.warns(PellucidWarning, match="because you trust it") as caught,
        pytest.raises(InputError, match=r"could not be unpickled: ModuleNotFoundError.*'gone'.*must be importable here"),
    ):
        open_model(f"net{suffix}", trust=True)
    assert caught[0].filename == __file__


def test_trust_changes_nothing_for_what_opens_safely():
    onnx_file()
    assert type(open_model("net.onnx", trust=True)) is onnx.ModelProto
    for option in ({"trust": True}, {"trusted_types": ["a.B"]}, {"arch": "a:b"}):
        with pytest.raises(InputError, match="goes with a file"):
            open_model("torch.nn:Identity", **option)
    with pytest.raises(InputError, match="brings its own network"):
        open_model("net.onnx", "torch.nn:Identity")


def test_libraries_with_known_holes_are_not_used(monkeypatch):
    floors_of = dict(line.partition(">=")[::2] for line in wanted())
    assert {name: floor for name, (floor, _) in libraries.FLOORS.items()} == {name: floors_of[name] for name in libraries.FLOORS}
    monkeypatch.setattr(
        libraries.metadata, "version", lambda name: {"onnx": "1.20.1", "keras": "3.13.1", "skops": "0.12.9"}.get(name, "9")
    )
    onnx_file()
    keras_archive("net.keras")
    skops.io.dump(estimator(), "good.skops")
    for name, words in {"net.onnx": "1.21", "net.keras": "3.13.2", "good.skops": "0.13"}.items():
        with pytest.raises(UnsafeFileError, match=rf"before {words} .*pip install"):
            open_model(name)


def wanted() -> list[str]:
    """The requirements of the extras, as the project declares them."""
    import tomllib

    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [line for name in ("torch", "keras", "onnx", "skops") for line in project["optional-dependencies"][name]]
