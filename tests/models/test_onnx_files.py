"""ONNX files from strangers: what is read, and what is refused before it is."""

import os

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, numpy_helper

import onnx_graphs as graphs
import pellucid as pl
from onnx_graphs import node, value
from pellucid.models.onnx import files
from twins import onnx_nets
from twins.weights import inputs


@pytest.fixture
def saved(tmp_path):
    """A model whose weights are in ``weights/all.bin`` within its own folder."""
    folder = tmp_path / "model"
    (folder / "weights").mkdir(parents=True)
    path = folder / "mlp.onnx"
    location = "weights/all.bin"
    onnx.save(onnx_nets.build("mlp"), path, save_as_external_data=True, location=location, size_threshold=0)
    return path


def rewritten(path, change):
    """Change what the file says of its first tensor."""
    model = onnx.ModelProto.FromString(path.read_bytes())
    change(model.graph.initializer[0])
    path.write_bytes(model.SerializeToString())
    return path


def say(key, said):
    def change(tensor):
        kept = [(each.key, each.value) for each in tensor.external_data if each.key != key]
        del tensor.external_data[:]
        for name, text in [*kept, (key, said)]:
            tensor.external_data.add(key=name, value=text)

    return change


def test_weights_beside_the_model(saved):
    read, x = files.read(saved), inputs("mlp")
    assert not files.outside(read)
    np.testing.assert_array_equal(onnx_nets.run(read, x), onnx_nets.outputs("mlp", x))
    assert pl.explain(read, x, method="shapley").values.shape == (4, 6)


def test_a_model_of_one_file(tmp_path):
    onnx.save(onnx_nets.build("cnn"), tmp_path / "cnn.onnx")
    assert files.read(tmp_path / "cnn.onnx") == onnx_nets.build("cnn")


def test_weights_without_offset_and_length(saved):
    model = onnx_nets.build("mlp")
    array = np.arange(6, dtype=np.float32)
    tensor = numpy_helper.from_array(array, "alone")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="./weights/alone.bin")
    (saved.parent / "weights" / "alone.bin").write_bytes(array.tobytes())
    model.graph.initializer.append(tensor)
    saved.write_bytes(model.SerializeToString())
    np.testing.assert_array_equal(numpy_helper.to_array(files.read(saved).graph.initializer[-1]), array)


@pytest.mark.parametrize(("kind", "bits"), [("INT4", 4), ("FLOAT8E4M3FN", 8), ("BFLOAT16", 16), ("BOOL", 8), ("COMPLEX64", 64)])
def test_the_length_of_every_type_is_known(saved, kind, bits):
    def change(tensor):
        tensor.data_type = TensorProto.DataType.Value(kind)
        tensor.dims[:] = [3, 5]

    size = (15 * bits + 7) // 8
    rewritten(saved, change)
    assert len(files.read(rewritten(saved, say("length", str(size)))).graph.initializer[0].raw_data) == size
    with pytest.raises(pl.InputError, match=f"they need {size}"):
        files.read(rewritten(saved, say("length", str(size + 1))))


# Weights that are elsewhere


@pytest.mark.parametrize(
    "location",
    [
        "/etc/passwd",
        "../secret.bin",
        "weights/../../secret.bin",
        "weights/../weights/all.bin",
        "..",
        "C:/secret.bin",
        "C:\\secret.bin",
        "weights\\all.bin",
        "\\\\server\\secret.bin",
        "file:///etc/passwd",
        "https://example.com/weights.bin",
        "*/_ORT_MEM_ADDR_/*",
        "",
        ".",
        "weights/all.bin\0.txt",
    ],
)
def test_places_outside_of_the_folder(saved, location):
    (saved.parent.parent / "secret.bin").write_bytes(bytes(10_000))
    said = r"mlp\.onnx' is not opened: its weights 'hidden1\.kernel' are in .*Put copies"
    with pytest.raises(pl.UnsafeFileError, match=said):
        files.read(rewritten(saved, say("location", location)))


def test_links(saved):
    data = saved.parent / "weights" / "all.bin"
    hidden = saved.parent.parent / "elsewhere"
    data.rename(hidden)
    data.symlink_to(hidden)
    with pytest.raises(pl.UnsafeFileError, match=r"'all\.bin' is a symbolic link"):
        files.read(saved)
    data.unlink()
    os.link(hidden, data)
    with pytest.raises(pl.UnsafeFileError, match=r"'all\.bin' is a hard link"):
        files.read(saved)
    hidden.unlink()
    assert files.read(saved)
    folder = saved.parent.parent / "folder"
    data.parent.rename(folder)
    (saved.parent / "weights").symlink_to(folder)
    with pytest.raises(pl.UnsafeFileError, match="'weights' is a symbolic link"):
        files.read(saved)


def test_a_link_to_the_model_itself_is_the_users_choice(saved, tmp_path):
    (tmp_path / "link").symlink_to(saved.parent)
    assert files.read(tmp_path / "link" / "mlp.onnx")


def test_what_is_no_plain_file(saved):
    data = saved.parent / "weights" / "all.bin"
    data.unlink()
    with pytest.raises(pl.InputError, match=r"cannot be read \(No such file or directory\)\. Put that file beside the model"):
        files.read(saved)
    os.mkfifo(data)
    with pytest.raises(pl.UnsafeFileError, match=r"'all\.bin' is no plain file"):
        files.read(saved)
    data.unlink()
    data.mkdir()
    with pytest.raises(pl.UnsafeFileError, match=r"'all\.bin' is no plain file"):
        files.read(saved)
    with pytest.raises(pl.UnsafeFileError, match=r"'mlp\.onnx' is no plain folder"):
        files.read(rewritten(saved, say("location", "mlp.onnx/all.bin")))


@pytest.mark.parametrize(
    ("key", "said", "error", "match"),
    [
        ("offset", "1000000", pl.InputError, "from 1,000,000 in 'all.bin', which has"),
        ("offset", "-1", pl.InputError, "the offset of the weights 'hidden1.kernel' is '-1'"),
        ("offset", "9" * 30, pl.InputError, "the offset of the weights"),
        ("offset", "1e3", pl.InputError, "the offset of the weights"),
        ("length", "9" * 18, pl.InputError, "they are 999,999,999,999,999,999 bytes"),
        ("length", "-5", pl.InputError, "the length of the weights"),
        ("length", "12", pl.InputError, "they are 12 bytes .*; they need 384"),
    ],
)
def test_numbers_that_cannot_be(saved, key, said, error, match):
    with pytest.raises(error, match=match):
        files.read(rewritten(saved, say(key, said)))


def test_a_shape_that_is_larger_than_the_file(saved):
    def change(tensor):
        tensor.dims[:] = [2**31, 2**31]

    with pytest.raises(pl.InputError, match="they need 18,446,744,073,709,551,616"):
        files.read(rewritten(saved, change))


def test_the_same_bytes_for_many_tensors(saved, monkeypatch):
    """Many tensors that all name one large region would fill the memory."""
    monkeypatch.setattr(files, "MOST_BYTES", 6_000)
    assert files.read(saved)
    model = onnx.ModelProto.FromString(saved.read_bytes())
    for number in range(16):
        more = model.graph.initializer.add()
        more.CopyFrom(model.graph.initializer[0])
        more.name = f"copy {number}"
    saved.write_bytes(model.SerializeToString())
    with pytest.raises(pl.InputError, match=r"at least .* GiB with its weights.*InferenceSession\(path\)"):
        files.read(saved)


def test_something_said_twice(saved):
    with pytest.raises(pl.UnsafeFileError, match="said twice"):
        files.read(rewritten(saved, lambda tensor: tensor.external_data.add(key="location", value="weights/all.bin")))


def away(name="away"):
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=[1], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="../secret.bin")
    return tensor


def in_a_body():
    body = onnx.helper.make_graph([node("Identity", "away", "made")], "body", [], [value("made", [1])], [away()])
    yes = onnx.helper.make_graph([node("Identity", "x", "kept")], "yes", [], [value("kept", [1])])
    branch = node("If", "flag", "y", then_branch=yes, else_branch=body)
    return graphs.model([branch], [value("x", [1]), value("flag", [], TensorProto.BOOL)], [value("y", [1])])


def in_an_attribute():
    constant = onnx.NodeProto(op_type="Constant", output=["c"])
    constant.attribute.add(name="value", type=onnx.AttributeProto.TENSOR, t=away())
    return graphs.model([constant, node("Add", "x c", "y")], [value("x", [1])], [value("y", [1])])


def in_a_function():
    made = in_an_attribute()
    constant = made.graph.node[0]
    made.functions.append(onnx.helper.make_function("local", "f", [], ["c"], [constant], list(made.opset_import)))
    made.graph.node[0].CopyFrom(node("f", "", "c", domain="local"))
    return made


def in_a_sparse_tensor():
    made = graphs.model([node("Add", "x away", "y")], [value("x", [1])], [value("y", [1])])
    made.graph.sparse_initializer.add(values=away())
    return made


@pytest.mark.parametrize("make", [in_a_body, in_an_attribute, in_a_function, in_a_sparse_tensor])
def test_weights_in_hidden_corners(make, tmp_path):
    (tmp_path / "secret.bin").write_bytes(bytes(4))
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "m.onnx").write_bytes(make().SerializeToString())
    with pytest.raises(pl.UnsafeFileError, match="leads out of the model's folder"):
        files.read(folder / "m.onnx")
    with pytest.raises(pl.InputError, match="weights of this model are in other files"):
        pl.explain(make(), np.ones((1, 1)), method="leave-one-out")


# Files that are broken


@pytest.mark.parametrize("content", [b"", b"\x00", b"hello", b"PK\x03\x04" + bytes(100), b"\xff" * 100])
def test_no_model_at_all(tmp_path, content):
    (tmp_path / "m.onnx").write_bytes(content)
    with pytest.raises(pl.InputError, match=r"m\.onnx' is (damaged, or is )?no ONNX model"):
        files.read(tmp_path / "m.onnx")


def test_no_file(tmp_path):
    for path in (tmp_path / "nothing.onnx", tmp_path):
        with pytest.raises(pl.InputError, match="there is no file"):
            files.read(path)


def test_a_file_that_ends_too_early(tmp_path):
    whole = onnx_nets.build("mlp").SerializeToString()
    for share in (0.1, 0.5, 0.99):
        (tmp_path / "m.onnx").write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(pl.InputError, match="damaged"):
            files.read(tmp_path / "m.onnx")


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_damage_is_said_or_harmless(saved, data):
    """Whatever bytes are changed: the model is read, or refused in words; nothing outside of its folder is opened."""
    whole = bytearray((saved.parent / "whole").read_bytes() if (saved.parent / "whole").exists() else saved.read_bytes())
    (saved.parent / "whole").write_bytes(whole)
    for at, byte in data.draw(st.lists(st.tuples(st.integers(0, len(whole) - 1), st.integers(0, 255)), min_size=1, max_size=6)):
        whole[at] = byte
    saved.write_bytes(whole)
    try:
        read = files.read(saved)
    except (pl.InputError, pl.UnsafeFileError):
        pass
    else:
        assert not files.outside(read)
