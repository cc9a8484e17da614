"""Opening models by name and from files: what is taken, and that nothing in a hostile file ever runs."""

import pickle
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

import pellucid as pl
from pellucid.core.errors import InputError, PellucidError, UnsafeFileError
from pellucid.models.loading import load_weights, open_model
from pellucid.models.wrap import Wrapped

MODULE = """
import torch
import pellucid as pl

class Net(torch.nn.Module):
    def __init__(self, width=3):
        super().__init__()
        self.inner = torch.nn.Linear(2, width)
        self.norm = torch.nn.BatchNorm1d(width)
    def forward(self, x):
        return self.norm(self.inner(x))

def build():
    return Net()

def wrapped():
    return pl.wrap(Net(), classes=["a", "b", "c"])

class models:
    net = Net()

net = Net()
number = 3

def needs(x, y, *, z=1):
    return x

def nothing():
    pass

def breaks():
    raise KeyError("weights")

def refuses():
    raise pl.InputError("the factory's own words")

def leaves():
    raise SystemExit(3)
"""


PICKLES = [".pkl", ".pickle", ".joblib", ".sav", ".dill", ".cloudpickle", ".h5", ".hdf5"]
WEIGHTS = [".pt", ".pth", ".bin", ".ckpt"]


class Touches:
    """An object that makes a file when it is unpickled."""

    def __reduce__(self):
        return Path.touch, (Path("pwned"),)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A folder with a module ``shed``; whatever happens, no file of ours may have been run."""
    (tmp_path / "shed.py").write_text(MODULE)
    (tmp_path / "lacks.py").write_text("import a_package_that_is_not_there")
    (tmp_path / "broken.py").write_text("x = 1 / 0")
    (tmp_path / "script.py").write_text("import sys\nsys.exit()")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    assert not (tmp_path / "pwned").exists()
    for name in ("shed", "lacks", "broken", "script"):
        sys.modules.pop(name, None)


def other() -> torch.nn.Module:
    """The same network as ``shed:build`` with other weights."""
    torch.manual_seed(1)
    net = open_model("shed:build")
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.uniform_()
    return net


@pytest.mark.parametrize("name", ["shed:net", "shed:Net", "shed:build", "shed:models.net"])
def test_objects_and_factories(name):
    assert type(open_model(name)).__name__ == "Net"


def test_wrapped_models_stay_wrapped():
    opened = open_model("shed:wrapped")
    assert isinstance(opened, Wrapped)
    assert opened.spec.classes == ("a", "b", "c")


@pytest.mark.parametrize("arch", ["shed:build", "shed:wrapped", "shed:Net"])
@pytest.mark.parametrize("kind", ["net.safetensors", "net.pt", "legacy.pth", "checkpoint.ckpt"])
def test_weights_are_loaded_into_what_the_factory_builds(kind, arch):
    net = other()
    state = net.state_dict()
    if kind == "net.safetensors":
        save_file(state, kind)
    elif kind == "checkpoint.ckpt":
        torch.save({"epoch": 3, "state_dict": state, "optimizer": torch.optim.Adam(net.parameters()).state_dict()}, kind)
    else:
        torch.save(state, kind, _use_new_zipfile_serialization=kind != "legacy.pth")
    opened = open_model(kind, arch)
    module = opened.model if isinstance(opened, Wrapped) else opened
    assert all(torch.equal(module.state_dict()[name], held) for name, held in state.items())
    assert isinstance(opened, Wrapped) == (arch == "shed:wrapped")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("shed:bild", "'shed' has no attribute 'bild'. Did you mean 'build'?"),
        ("shed:x", "There is 'Net', 'build', 'wrapped', 'models', 'net', 'nothing', 'breaks', 'refuses', 'leaves'."),
        ("shed:models.met", "'shed.models' has no attribute 'met'. Did you mean 'net'?"),
        ("shd:net", "there is no module 'shd' here or among the installed ones. Did you mean 'shed'?"),
        ("torch.nm:Linear", "there is no module 'torch.nm' here or among the installed ones. Did you mean"),
        ("shed", "'shed' is a module; name what in it is the model, as shed:attribute."),
        ("shed.py:net", "'shed.py:net' names a source file; write shed:net."),
        ("lib/shed.py", "write lib.shed:attribute."),
        ("shed:number", "'shed:number' is of type int, which is no model."),
        ("shed:needs", "needs arguments (x, y), so it is not a factory"),
        ("shed:nothing", "returned None"),
        ("shed:breaks", "failed when it was called: KeyError: 'weights'"),
        ("shed:leaves", "failed when it was called: SystemExit: 3"),
        ("shed:refuses", "the factory's own words"),
        ("lacks:net", "importing 'lacks' failed: it needs 'a_package_that_is_not_there', which is not installed."),
        ("broken:net", "importing 'broken' failed: ZeroDivisionError"),
        ("script:net", "importing 'script' failed: SystemExit"),
        ("missing.pt", "there is no file 'missing.pt'."),
        ("no such thing", "there is no file 'no such thing'. A model is module:attribute, or a file"),
        (".", "is a folder"),
    ],
)
def test_names_that_are_not_there(name, sentence):
    with pytest.raises(InputError) as raised:
        open_model(name)
    assert sentence in str(raised.value)


def test_module_level_objects_are_offered():
    with pytest.raises(InputError, match="'shed:net'"):
        open_model("shed")


def test_arch_is_asked_for_and_checked():
    torch.save(other().state_dict(), "net.pt")
    for arch, sentence in (
        (None, "--arch module:factory"),
        ("shed", "--arch must be module:factory"),
        ("shed:nothing", "returned None"),
        ("shed:bild", "Did you mean 'build'?"),
    ):
        with pytest.raises(InputError, match=sentence):
            open_model("net.pt", arch)
    with pytest.raises(InputError, match="--arch goes with a file"):
        open_model("shed:net", "shed:build")


def test_a_path_and_the_network_itself_are_taken_in_python():
    state = other().state_dict()
    torch.save(state, "net.pt")
    net = pl.open_model("shed:net")
    opened = pl.open_model(Path("net.pt"), net)
    assert opened is net
    for name, held in state.items():
        assert torch.equal(net.state_dict()[name], held)
    for ask in (pl.open_model, pl.info):
        with pytest.raises(InputError, match="the path of a model's file, or 'module:attribute', is wanted; got Net"):
            ask(net)


@pytest.mark.parametrize("suffix", PICKLES)
def test_kinds_that_run_code_are_not_even_opened(suffix):
    Path(f"evil{suffix}").write_bytes(pickle.dumps(Touches()))
    with pytest.raises(UnsafeFileError, match=r"is not opened: .* --arch module:factory"):
        open_model(f"evil{suffix}", "shed:build")


@pytest.mark.parametrize("suffix", WEIGHTS)
@pytest.mark.parametrize("how", ["pickle", "torch", "legacy", "hidden"])
def test_pickles_under_a_name_of_weights_are_refused(suffix, how):
    path = f"evil{suffix}"
    if how == "pickle":
        Path(path).write_bytes(pickle.dumps(Touches()))
    else:
        held = {"inner.weight": torch.ones(3, 2), "extra": Touches()} if how == "hidden" else Touches()
        torch.save(held, path, _use_new_zipfile_serialization=how != "legacy")
    with pytest.raises(UnsafeFileError, match=r"is not opened: .* --arch module:factory"):
        open_model(path, "shed:build")


def test_a_pickled_model_is_refused_with_what_is_in_it(monkeypatch):
    torch.save(open_model("shed:net"), "whole.pt")
    with pytest.raises(UnsafeFileError, match=r"holds Python objects \(this one imports shed\.Net.*\), and unpickling"):
        open_model("whole.pt", "shed:build")


def test_torchscript_is_refused():
    with torch.no_grad(), pytest.warns(DeprecationWarning, match="jit"):
        torch.jit.trace(torch.nn.Linear(2, 2), torch.ones(1, 2)).save("program.pt")
    with pytest.raises(UnsafeFileError, match="TorchScript program"):
        open_model("program.pt", "shed:build")


@pytest.mark.parametrize("content", [b"", b"hello world", b"PK\x03\x04", b"\x80\x02.", b"\xff" * 1000])
@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_damaged_files_are_said_to_be(suffix, content):
    Path(f"bad{suffix}").write_bytes(content)
    with pytest.raises(PellucidError, match=r"is damaged|is not opened"):
        open_model(f"bad{suffix}", "shed:build")


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_cut_and_changed_files_raise_nothing_but_our_own_errors(tmp_path_factory, data):
    folder = tmp_path_factory.getbasetemp() / "weights"
    folder.mkdir(exist_ok=True)
    path = folder / data.draw(st.sampled_from(["x.safetensors", "x.pt", "x.pth"]))
    state = {"weight": torch.arange(6.0).reshape(3, 2), "bias": torch.zeros(3)}
    if path.suffix == ".safetensors":
        save_file(state, path)
    else:
        torch.save(state, path, _use_new_zipfile_serialization=path.suffix == ".pt")
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(0, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    said = str(path)
    try:
        load_weights(torch.nn.Linear(2, 3), path)
    except PellucidError as error:
        said = str(error)
    assert str(path) in said


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda state: state.pop("inner.bias"), "1 of its 7 entries are not in the file (inner.bias)"),
        (lambda state: state.update(extra=torch.ones(1)), "1 entries of the file are not in it (extra)"),
        (lambda state: state.update({"inner.bias": torch.ones(5)}), "inner.bias is (5,) in the file and (3,) in the network"),
    ],
)
def test_weights_that_do_not_fit_say_where(change, sentence):
    state = dict(other().state_dict())
    change(state)
    torch.save(state, "net.pt")
    with pytest.raises(InputError) as raised:
        open_model("net.pt", "shed:build")
    assert sentence in str(raised.value)


def test_the_prefix_of_a_wrapper_is_named():
    torch.save({f"module.{name}": held for name, held in other().state_dict().items()}, "net.pt")
    with pytest.raises(InputError, match=r"fit without the prefix 'module\.'"):
        open_model("net.pt", "shed:build")


def test_checkpoints_that_leave_a_choice_are_refused():
    state = other().state_dict()
    for held, sentence in (
        ({"model": state, "ema": state}, "2 of them are state dicts"),
        ({"epoch": 3}, "none of them"),
        (7, "int"),
    ):
        torch.save(held, "net.pt")
        with pytest.raises(InputError, match=sentence):
            open_model("net.pt", "shed:build")


def test_weights_go_into_torch_modules_only():
    torch.save({"a": torch.ones(1)}, "net.pt")
    (Path.cwd() / "plain.py").write_text("def make():\n    return 3")
    with pytest.raises(pl.CapabilityError, match=r"into a torch\.nn\.Module; got int"):
        open_model("net.pt", "plain:make")


def test_the_checksum_is_checked_before_anything_is_loaded():
    torch.save({"weight": torch.ones(3, 2), "bias": torch.ones(3)}, "net.pt")
    net = torch.nn.Linear(2, 3)
    before = {name: held.clone() for name, held in net.state_dict().items()}
    with pytest.raises(UnsafeFileError, match="SHA-256"):
        load_weights(net, Path("net.pt"), sha256="0" * 64)
    assert all(torch.equal(net.state_dict()[name], held) for name, held in before.items())
