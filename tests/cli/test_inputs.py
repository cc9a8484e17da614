"""Samples from files: what they become, and how hostile or broken ones are refused."""

import pickle
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pellucid.cli.inputs import read, read_array, read_picture, read_rows
from pellucid.core.errors import InputError, MissingExtraError, PellucidError, UnsafeFileError


class Touches:
    """An object that makes a file when it is unpickled."""

    def __reduce__(self):
        return Path.touch, (Path("pwned"),)


@pytest.fixture(autouse=True)
def nothing_was_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    yield
    assert not Path("pwned").exists()


def test_arrays_are_batches_and_are_joined():
    np.save("a.npy", np.arange(6.0).reshape(2, 3))
    np.save("b.npy", np.arange(3.0).reshape(1, 3))
    samples = read(["a.npy", "b.npy"])
    np.testing.assert_array_equal(samples.x, [[0, 1, 2], [3, 4, 5], [0, 1, 2]])
    assert samples.names == ("a.npy[0]", "a.npy[1]", "b.npy")


def test_named_arrays_are_the_inputs_of_a_model():
    np.savez("a.npz", ids=np.zeros((2, 3), int), age=np.ones((2, 1)))
    np.savez("b.npz", ids=np.ones((1, 3), int), age=np.zeros((1, 1)))
    samples = read(["a.npz", "b.npz"])
    assert {name: leaf.shape for name, leaf in samples.x.items()} == {"ids": (3, 3), "age": (3, 1)}
    assert len(samples.names) == 3


def test_files_of_one_name_are_told_apart_by_their_folders():
    for folder in ("a", "b"):
        Path(folder).mkdir()
        Image.new("RGB", (4, 4)).save(f"{folder}/x.png")
    assert read(["a/x.png", "b/x.png"]).names == ("a/x.png", "b/x.png")


def test_one_array_in_an_npz_is_the_input_itself():
    np.savez("a.npz", np.ones((2, 3)))
    assert read(["a.npz"]).x.shape == (2, 3)


@pytest.mark.parametrize("text", ["age,size\n1,2.5\n-3,4e2\n", "1,2.5\n\n-3,4e2", "\ufeffage,size\r\n1, 2.5\r\n-3,4e2\r\n"])
def test_tables(text):
    Path("t.csv").write_text(text, encoding="utf-8")
    np.testing.assert_array_equal(read(["t.csv"]).x, [[1, 2.5], [-3, 400]])


def test_an_empty_field_is_missing_and_not_zero():
    Path("t.csv").write_text("1,\n")
    assert np.isnan(read(["t.csv"]).x[0, 1])


def test_text_in_a_table_makes_it_a_frame():
    Path("t.csv").write_text('age, town\n31,Bonn\n,"Ulm, old"\n')
    Path("u.csv").write_text("age,town\n50,NA\n")
    samples = read(["t.csv", "u.csv"])
    assert samples.names == ("t.csv[0]", "t.csv[1]", "u.csv")
    assert samples.columns == ("age", "town")
    assert samples.x["town"].fillna("?").tolist() == ["Bonn", "Ulm, old", "?"]
    np.testing.assert_array_equal(samples.x["age"], [31, np.nan, 50])


def test_missing_numbers_make_a_frame_and_complete_ones_a_matrix():
    Path("t.csv").write_text("a,b\n1,2\n3,\n")
    Path("u.csv").write_text("a,b\n1,2\n")
    assert read(["t.csv"]).framed
    assert not read(["u.csv"]).framed
    assert read(["u.csv"]).columns == ("a", "b")
    assert read(["u.csv"], frame=True).framed
    assert np.isnan(read(["t.csv"], frame=False).x[1, 1])
    Path("t.csv").write_text("a,b\n1,red\n")
    with pytest.raises(InputError, match="line 2: 'red' is not a number"):
        read(["t.csv"], frame=False)


def test_without_pandas_numbers_are_still_read_and_text_is_refused_in_words(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    Path("t.csv").write_text("a,b\n1,2\n3,\n")
    assert np.isnan(read(["t.csv"]).x[1, 1])
    Path("t.csv").write_text("a,b\n1,red\n")
    with pytest.raises(MissingExtraError, match=r"pellucid\[frames\]"):
        read(["t.csv"])


def test_background_rows_are_read_as_the_samples_were():
    Path("t.csv").write_text("age,town\n31,Bonn\n")
    Path("u.csv").write_text("town,age\nUlm,45\n")
    framed = read(["t.csv"])
    assert read_rows(Path("u.csv"), framed)[["age", "town"]].values.tolist() == [[45, "Ulm"]]
    Path("n.csv").write_text("age,size\n31,2\n")
    Path("m.csv").write_text("size,age\n2,31\n")
    with pytest.raises(InputError, match=r"'m\.csv' has the columns size, age; the samples: age, size"):
        read_rows(Path("m.csv"), read(["n.csv"]))
    with pytest.raises(InputError, match=r"'n\.csv' has the columns age, size; the samples: age, town"):
        read_rows(Path("n.csv"), framed)


def test_texts_are_lines():
    Path("t.txt").write_text("\ufeffone two\r\n\n  three\u2028four \n", encoding="utf-8")
    samples = read(["t.txt"])
    assert samples.x == ["one two", "three\u2028four"]
    assert samples.names == ("t.txt[0]", "t.txt[1]")
    assert samples.texts


def test_pictures_are_turned_the_way_the_camera_says():
    picture = Image.new("RGB", (4, 2))
    exif = picture.getexif()
    exif[0x0112] = 6
    picture.save("turned.jpg", exif=exif)
    Image.new("L", (3, 3)).save("grey.png")
    samples = read(["turned.jpg", "grey.png"])
    assert [each.size for each in samples.x] == [(2, 4), (3, 3)]
    assert all(each.mode == "RGB" for each in samples.x)
    assert samples.names == ("turned.jpg", "grey.png")


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".pkl", ".pickle", ".joblib", ".pt"])
def test_pickles_are_refused_and_never_run(suffix):
    path = Path(f"evil{suffix}")
    if suffix == ".npy":
        np.save(path, np.array([Touches()], dtype=object))
    elif suffix == ".npz":
        np.savez(path, good=np.ones(3), bad=np.array([Touches()], dtype=object))
    else:
        path.write_bytes(pickle.dumps(Touches()))
    with pytest.raises(UnsafeFileError, match=r"is not opened: .*[Ss]ave"):
        read([str(path)])


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".png"])
def test_a_bare_pickle_under_another_name_is_refused(suffix):
    Path(f"evil{suffix}").write_bytes(pickle.dumps(Touches()))
    with pytest.raises(PellucidError):
        read([f"evil{suffix}"])


def test_postscript_is_not_opened():
    """Pillow would start Ghostscript for it."""
    Path("evil.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n(pwned) (w) file\n")
    with pytest.raises(InputError, match="is no picture"):
        read_picture(Path("evil.png"))


def test_oversized_pictures_are_refused(monkeypatch):
    Image.new("RGB", (100, 100)).save("big.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(InputError, match="oversized picture"):
        read(["big.png"])


def test_an_array_larger_than_its_file_is_refused():
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }".ljust(117) + b"\n"
    Path("big.npy").write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + b"12345678")
    with pytest.raises(InputError, match="is damaged"):
        read(["big.npy"])


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({}, "there is no file 'missing.npy'"),
        ({"folder/x.png": b""}, "'folder' is a folder"),
        ({"a.npy": np.ones((2, 3)), "b.npy": np.ones((2, 4))}, "all but the first axis"),
        ({"a.npy": np.ones((2, 3)), "b.csv": b"1,2,3"}, "files of one kind; these are .csv and .npy"),
        ({"t.csv": b"1,2\n3\n"}, "line 2: 1 fields where the first row has 2"),
        ({"t.csv": b"1,2\n1,red\n"}, "line 1: 1, 2 are no headings"),
        ({"t.csv": b"a,a\n1,red\n"}, "two columns are called 'a'"),
        ({"t.csv": b"a,\n1,red\n"}, "column 2 has no name"),
        ({"t.csv": b"a,b\n1,2\n", "u.csv": b"b,a\n1,2\n"}, "'u.csv' has the columns b, a; 't.csv': a, b"),
        ({"t.csv": b"a,b\n1,2\n", "u.csv": b"c,b\nx,2\n"}, "'u.csv' has the columns c, b"),
        ({"x.txt": b"\n \n"}, "'x.txt' holds no text"),
        ({"x.txt": b"\xff\xfe"}, "'x.txt' is no text in UTF-8"),
        ({"x.txt": b"words", "t.csv": b"1"}, "files of one kind; these are .csv and .txt"),
        ({"t.csv": b"a,b\n"}, "holds no rows"),
        ({"t.csv": b"\xff\xfe1"}, "no table of text"),
        ({"x.doc": b"words"}, "is no picture"),
        ({"x.png": b"\x89PNG\r\n\x1a\n1234"}, "picture"),
        ({"x.npy": b""}, "is damaged"),
        ({"x.npz": b"PK\x03\x04 not a zip"}, "is damaged"),
    ],
)
def test_what_does_not_fit_is_said(files, sentence):
    for name, content in files.items():
        path = Path(name)
        path.parent.mkdir(exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            np.save(path, content)
    paths = ["folder"] if "folder/x.png" in files else list(files) or ["missing.npy"]
    with pytest.raises(InputError) as raised:
        read(paths)
    assert sentence in str(raised.value)


def test_an_empty_archive():
    with zipfile.ZipFile("empty.npz", "w"):
        pass
    with pytest.raises(InputError, match="holds no arrays"):
        read(["empty.npz"])


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_damaged_files_raise_nothing_but_our_own_errors(tmp_path_factory, data):
    """Fuzz: valid files with a few bytes changed or cut off."""
    folder = tmp_path_factory.getbasetemp() / "fuzz"
    folder.mkdir(exist_ok=True)
    kind = data.draw(st.sampled_from(["x.npy", "x.npz", "x.png", "x.jpg", "x.gif", "x.csv", "frame.csv", "x.txt"]))
    path = folder / kind
    array = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    if kind == "x.npy":
        np.save(path, array)
    elif kind == "x.npz":
        np.savez_compressed(path, a=array, b=array)
    elif kind == "x.csv":
        path.write_text("a,b\n1,2\n3,4\n")
    elif kind == "frame.csv":
        path.write_text('a,b,c\n1,"red, dark",2\n3,,4\n')
    elif kind == "x.txt":
        path.write_text("good film\nbad film\n")
    else:
        Image.fromarray(array).save(path)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(0, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    said = str(path)
    try:
        if kind in ("frame.csv", "x.txt"):
            read([said])
        else:
            read_array(path) if kind in ("x.npy", "x.npz", "x.csv") else read_picture(path)
    except PellucidError as error:
        said = str(error)
    assert str(path) in said
