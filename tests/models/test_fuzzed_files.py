"""Files of every kind, changed at random or watched: nothing but our own errors comes out, and nothing of theirs is run."""

import contextlib
import json
import struct
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hostile import ALL, CONFIGS, KIND_OF, MARK, keras_archive, valid
from pellucid.core.errors import PellucidError
from pellucid.models.files import hdf5
from pellucid.models.files.info import info
from pellucid.models.files.recognise import KINDS
from pellucid.models.loading import open_model


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A folder of its own; whatever happens in it, no payload may have run unless a test says so."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    assert not Path(MARK).exists(), "the payload was run"


def mutated(content: bytes, data: st.DataObject) -> bytes:
    """Some bytes changed, a piece doubled or taken out, the end cut off."""
    changed = bytearray(content)
    for _ in range(data.draw(st.integers(0, 6))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(
            st.sampled_from([0, 1, 127, 128, 255]) | st.integers(0, 255)
        )
    at = data.draw(st.integers(0, len(changed)))
    piece = data.draw(st.integers(0, 64))
    how = data.draw(st.sampled_from(["as it is", "doubled", "out", "cut"]))
    if how == "doubled":
        changed[at:at] = changed[at : at + piece]
    elif how == "out":
        del changed[at : at + piece]
    elif how == "cut":
        del changed[at:]
    return bytes(changed)


def looked_into_and_opened(path: Path) -> None:
    """Only our own errors may come out, and a payload stays where it is."""
    with contextlib.suppress(PellucidError):
        about = info(path)
        if not about.refused:
            open_model(str(path), "torch.nn:Identity" if about.weights else None)


FUZZ = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
LIGHT = [kind for kind in ALL if kind not in ("keras", "hdf5")]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", LIGHT)
@FUZZ
@given(data=st.data())
def test_changed_files_raise_nothing_but_our_own_errors(kind, here, data):
    path = here / "model"
    path.write_bytes(mutated(valid(kind), data))
    looked_into_and_opened(path)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["keras", "hdf5"])
@settings(FUZZ, max_examples=12)
@given(data=st.data())
def test_changed_hdf5_files_raise_nothing_but_our_own_errors(kind, here, data):
    """They are looked into by a process of their own, which may crash or hang; Keras, which would be next, is left out."""
    path = here / "model"
    path.write_bytes(mutated(valid(kind), data))
    before = hdf5.SECONDS
    hdf5.SECONDS = 3
    try:
        with contextlib.suppress(PellucidError):
            info(path)
    finally:
        hdf5.SECONDS = before


AUDIT = """
import sys, onnx, skops.io, sklearn, h5py, json, resource
from pathlib import Path
from pellucid.core.errors import PellucidError
from pellucid.models.files.info import info

home, seen = str(Path.cwd()), []

def watch(event, arguments):
    if event == "open" and isinstance(arguments[0], (str, bytes)):
        mode, flags = arguments[1], arguments[2]
        if any(letter in (mode or "") for letter in "wax+") or flags & 3:
            seen.append((event, str(arguments[0])))
    elif event in ("os.system", "os.exec", "os.remove", "os.rename", "socket.connect", "pickle.find_class", "ctypes.dlopen"):
        seen.append((event, str(arguments)))
    elif event == "subprocess.Popen" and "hdf5_child.py" not in str(arguments[1]):
        seen.append((event, str(arguments)))
    elif event == "exec" and arguments[0].co_filename.startswith(("<string>", home)):
        seen.append((event, arguments[0].co_filename))
    elif event == "import" and arguments[0] in ("planted", "shed"):
        seen.append((event, arguments[0]))

resource.setrlimit(resource.RLIMIT_AS, (4 * 2**30, resource.getrlimit(resource.RLIMIT_AS)[1]))
sys.addaudithook(watch)
for path in sorted(Path(".").iterdir()):
    try:
        info(path)
    except PellucidError:
        pass
print(json.dumps(seen))
"""


@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")
def test_looking_into_files_imports_runs_and_writes_nothing_of_theirs(here):
    """Watched from within, by the interpreter's own audit events; files of every kind, with a payload where they can hold one.

    Memory is short there, so that a size which is believed fails, too.
    """
    for kind in ALL:
        Path(f"{kind}.bin").write_bytes(valid(kind))
        Path(f"cut-{kind}.bin").write_bytes(valid(kind)[:-40])
    for at, config in enumerate(CONFIGS.values()):
        keras_archive(f"{at}.keras", config)
    Path("planted.py").write_text(f"open({MARK!r}, 'w')")
    Path("header.bin").write_bytes(struct.pack("<Q", 10**12) + b"{}")
    Path("text.bin").write_bytes(b"\x80\x04\x8d" + struct.pack("<Q", 10**12) + b"x.")
    with zipfile.ZipFile("bomb.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("metadata.json", "{}")
        archive.writestr("config.json", bytes(200_000_000))
    folder = here / "watched"
    folder.mkdir()
    for path in [*here.glob("*.bin"), *here.glob("*.keras"), here / "planted.py"]:
        path.rename(folder / path.name)
    ran = subprocess.run([sys.executable, "-c", textwrap.dedent(AUDIT)], cwd=folder, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout.splitlines()[-1]) == []
    assert not (folder / MARK).exists()


def test_every_kind_of_file_is_tested_here():
    assert {KIND_OF.get(kind, kind) for kind in ALL} | {"saved-model"} == {kind.name for kind in KINDS}
