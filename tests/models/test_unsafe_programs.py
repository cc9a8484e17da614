"""Exported programs with something planted in them: torch's own loader runs it, ours does not, and says what it was."""

import collections
import contextlib
import io
import json
import sys
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.export import Dim

import pellucid as pl
from hostile import CODE, MARK, Touches, edited, in_json, pickled, torch_bytes
from pellucid.core.errors import InputError, PellucidWarning, UnsafeFileError
from pellucid.models.files import exported_program
from pellucid.models.files.info import info
from pellucid.models.loading import open_model

MODEL, WEIGHTS, CONSTANTS = (
    "models/model.json",
    "data/weights/model_weights_config.json",
    "data/constants/model_constants_config.json",
)


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 4, 3)
        self.norm = torch.nn.BatchNorm2d(4)
        self.head = torch.nn.Linear(4 * 36, 5)
        self.register_buffer("shift", torch.ones(1), persistent=False)

    def forward(self, x):
        return self.head(torch.relu(self.norm(self.conv(x))).flatten(1) + self.shift)


def network() -> torch.nn.Module:
    torch.manual_seed(0)
    return Net().eval()


def pictures(rows: int = 5) -> torch.Tensor:
    return torch.rand(rows, 3, 8, 8, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def programs(tmp_path_factory) -> Path:
    """A folder with exported programs: one for any batch, one for batches of 2."""
    folder = tmp_path_factory.mktemp("programs")
    for name, shapes in (("any.pt2", {"x": {0: Dim("batch")}}), ("two.pt2", None)):
        torch.export.save(torch.export.export(network(), (pictures(2),), dynamic_shapes=shapes), folder / name)
    return folder


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    sys.modules.pop("planted", None)


def first_node(program: dict) -> dict:
    return program["graph_module"]["graph"]["nodes"][0]


def signature(program: dict) -> dict:
    return program["graph_module"]["module_call_graph"][0]["signature"]


def renamed(program: dict, old: str, new: str) -> dict:
    return json.loads(json.dumps(program).replace(json.dumps(old), json.dumps(new)))


def in_place(make):
    return lambda content: json.dumps(make(json.loads(content))).encode()


def planted_module(program: dict) -> None:
    """A container whose description imports a module: here one that lies in the current folder."""
    Path("planted.py").write_text(f"{CODE}\nlist = list")
    spec = json.loads(signature(program)["out_spec"])
    context = {"default_factory_module": "planted", "default_factory_name": "list", "dict_context": []}
    spec[1] = {"type": "collections.defaultdict", "context": context, "children_spec": []}
    signature(program)["out_spec"] = json.dumps(spec)


def planted_enum(program: dict) -> None:
    """A key of a dictionary that is an enumeration of a module to import."""
    Path("planted.py").write_text(f"{CODE}\nimport enum\nKey = enum.Enum('Key', 'a')")
    context = json.dumps([{"__enum__": True, "fqn": "planted:Key", "name": "a"}])
    signature(program)["out_spec"] = json.dumps([1, {"type": "builtins.dict", "context": context, "children_spec": [leaf()]}])


def leaf() -> dict:
    return {"type": None, "context": None, "children_spec": []}


def size_is_code(program: dict) -> None:
    values = program["graph_module"]["graph"]["tensor_values"]
    values["x"]["sizes"][0]["as_expr"]["expr_str"] = CODE


def guard_is_code(program: dict) -> None:
    program["guards_code"] = [f"{CODE} is None"]


def weight_is_pickle(config: dict) -> None:
    config["config"]["head.bias"] |= {"use_pickle": True, "tensor_meta": None}


def constant_is(path: str):
    entry = {"path_name": path, "is_param": False, "use_pickle": True, "tensor_meta": None}
    return in_json(lambda config: config["config"].update(thing=entry))


ON_LOADING = {
    "a pickled sample": [("data/sample_inputs/model.pt", lambda _: torch_bytes(((Touches(),), {})))],
    "a pickled weight": [(WEIGHTS, in_json(weight_is_pickle)), ("data/weights/weight_5", torch_bytes(Touches()))],
    "a pickled constant": [(CONSTANTS, constant_is("tensor_7")), ("data/constants/tensor_7", torch_bytes(Touches()))],
    "an opaque constant": [(CONSTANTS, constant_is("opaque_obj_0")), ("data/constants/opaque_obj_0", pickled())],
    "older weights": [(WEIGHTS, None), ("data/weights/model.pt", torch_bytes({"w": Touches()}))],
    "a size": [(MODEL, in_json(size_is_code))],
    "a container": [(MODEL, in_json(planted_module))],
    "a key": [(MODEL, in_json(planted_enum))],
}
"""What torch runs while it loads, by what holds the payload."""


@pytest.mark.parametrize("what", ON_LOADING)
def test_what_torch_runs_on_loading_is_not_run(programs, what):
    evil = edited(programs / "any.pt2", "evil.pt2", *ON_LOADING[what])
    with contextlib.suppress(Exception):  # the payload runs before torch finds out that the rest does not fit
        torch.export.load(evil)
    assert Path(MARK).exists(), "the payload does nothing, so this would prove nothing"
    Path(MARK).unlink()
    sys.modules.pop("planted", None)
    if what == "a pickled sample":  # samples are not needed, so they are left out
        assert torch.equal(open_model("evil.pt2")(pictures()), network()(pictures()))
    else:
        assert info("evil.pt2").refused
        with pytest.raises(UnsafeFileError, match=r"evil\.pt2' is not opened: in it is .*--trust-model"):
            open_model("evil.pt2")
    assert not Path(MARK).exists()


def test_guards_are_code_and_left_out(programs):
    evil = edited(programs / "any.pt2", "evil.pt2", (MODEL, in_json(guard_is_code)))
    torch.export.load(evil).module()(pictures())
    assert Path(MARK).exists()
    Path(MARK).unlink()
    assert torch.equal(open_model("evil.pt2")(pictures()), network()(pictures()))
    assert not Path(MARK).exists()


NAMES = {
    "of an input": lambda program: renamed(program, "x", f"x={CODE}"),
    "of a node": lambda program: renamed(program, "relu", f"relu = {CODE}\n    relu"),
    "of an argument": lambda program: (signature(program).update(forward_arg_names=[f"x={CODE}"]), program)[1],
    "of a weight": lambda program: renamed(program, "head.bias", f'head.bias", {CODE}, "'),
}


@pytest.mark.parametrize("what", NAMES)
def test_names_are_written_into_source_code_so_they_must_be_names(programs, what):
    evil = edited(programs / "any.pt2", "evil.pt2", (MODEL, in_place(NAMES[what])))
    with pytest.raises(UnsafeFileError, match=r"is not opened: in it is .*the name"):
        open_model("evil.pt2")
    assert "the name" in info(evil).refused
    assert not Path(MARK).exists()


class Weighted(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.rows = torch.nn.Parameter(torch.ones(2, 3))

    def forward(self, x):
        return torch.nn.functional.linear(self.rows, x)


def test_a_name_that_is_code_does_run_in_torch(here):
    """Why names are looked at: torch writes this one into the source of a function, where it is an argument with a default."""
    torch.export.save(torch.export.export(Weighted(), (torch.ones(4, 3),)), "weighted.pt2")
    evil = edited("weighted.pt2", "evil.pt2", (MODEL, in_place(lambda program: renamed(program, "x", f"weight={CODE}"))))
    torch.export.load(evil)
    assert Path(MARK).exists()
    Path(MARK).unlink()
    with pytest.raises(UnsafeFileError, match=r"the name .weight=__import__"):
        open_model("evil.pt2")
    assert not Path(MARK).exists()


OPERATORS = [
    "torch.ops.aten.from_file.default",
    "torch.ops.aten.save.default",
    "torch.ops.aten._print.default",
    "torch.ops.debugprims.load_tensor.default",
    "torch.ops.higher_order.call_torchbind",
    "torch.ops.profiler._record_function_enter.default",
    "torch.ops.load_library",
    "torch.ops.aten.relu.__class__",
    "torch.ops.aten.__class__.mro",
    "torch.hub.load",
    "torch.load",
    "torch.serialization.os.system",
    "torch._C._jit_load",
    "_operator.call",
    "_operator.attrgetter",
    "_operator.methodcaller",
    "math.__loader__.load_module",
    "#planted:op",
    "builtins.exec",
    "",
]


@pytest.mark.parametrize("operator", OPERATORS)
def test_operators_compute_and_do_nothing_else(programs, operator):
    edited(programs / "any.pt2", "evil.pt2", (MODEL, in_json(lambda program: first_node(program).update(target=operator))))
    with pytest.raises(UnsafeFileError, match="the operator"):
        open_model("evil.pt2")


def test_an_operator_that_is_a_method_of_one_is_refused_by_torch(programs):
    change = in_json(lambda program: first_node(program).update(target="torch.ops.aten.relu.overloads"))
    edited(programs / "any.pt2", "evil.pt2", (MODEL, change))
    with pytest.raises(InputError, match="is damaged"):
        open_model("evil.pt2")


def test_every_operator_of_torch_that_takes_the_name_of_a_file_is_known():
    """Among all operators of the rooms that are let through, those with an argument for a file are refused."""
    for schema in torch._C._jit_get_all_schemas():
        room, _, name = schema.name.partition("::")
        takes_file = any(
            "file" in argument.name or "path" in argument.name for argument in schema.arguments if "str" in str(argument.type)
        )
        if takes_file and room in ("aten", "prims", "quantized_decomposed"):
            assert not exported_program.is_operator(f"torch.ops.{room}.{name}.{schema.overload_name or 'default'}"), schema


SIZES = [
    "s0",
    "2*s77 + 1",
    "Symbol('s77', positive=True, integer=True)",
    "Add(Mul(Integer(2), Symbol('u0')), Integer(-1))",
    "s0**2",
]
NO_SIZES = [
    "", "x", "os", "s0.__class__", "().__class__", "[1]", "lambda: 1", "print(1)", "Symbol('x')", "Symbol(s0, name='x')",
    "'s0'", "9**9**9", "2**(s0)", "Pow(2, 1000000)", "Pow(Integer(9), Integer(99))", "10000000000000000000000", "f'{s0}'",
    "s0 if s1 else s2", "S(1)", "sympify('1')", "Integer(1).__class__", "s0;s1", "Symbol('s0', **{})", "1" * 5000,
    "(" * 300 + "s0" + ")" * 300,
]  # fmt: skip


def test_sizes_are_arithmetic():
    assert [text for text in SIZES if not exported_program.is_size(text)] == []
    assert [text for text in NO_SIZES if exported_program.is_size(text)] == []


def test_compiled_code_and_other_formats_are_refused(programs):
    edited(programs / "any.pt2", "compiled.pt2", ("data/aotinductor/model/evil.so", b"\x7fELF"))
    with pytest.raises(UnsafeFileError, match=r"the compiled code 'data/aotinductor/model/evil\.so'"):
        open_model("compiled.pt2")
    with zipfile.ZipFile("older.pt2", "w") as archive:
        for name in ("state_dict", "constants", "example_inputs"):
            archive.writestr(f"serialized_{name}.pt", torch_bytes({"x": Touches()}))
        archive.writestr("serialized_exported_program.json", "{}")
        archive.writestr("version", "8.2")
    with pytest.raises(UnsafeFileError, match="another format"):
        open_model("older.pt2")
    assert not Path(MARK).exists()


@pytest.mark.parametrize(
    "change",
    [
        lambda entry: entry["tensor_meta"].update(sizes=[{"as_int": 10**12}]),
        lambda entry: entry["tensor_meta"].update(sizes=[{"as_int": -1}]),
        lambda entry: entry["tensor_meta"].update(dtype=99),
        lambda entry: entry.update(path_name="../../weight_0"),
        lambda entry: entry.update(path_name="weight_77"),
        lambda entry: entry.update(tensor_meta=None),
    ],
)
def test_weights_that_claim_more_than_there_is_are_refused(programs, change):
    edited(programs / "any.pt2", "evil.pt2", (WEIGHTS, in_json(lambda config: change(config["config"]["head.bias"]))))
    with pytest.raises(UnsafeFileError, match=r"'head\.bias'"):
        open_model("evil.pt2")


def test_weights_that_reach_beyond_their_numbers_are_refused(programs):
    change = in_json(lambda config: config["config"]["head.bias"]["tensor_meta"].update(storage_offset={"as_int": 10**9}))
    edited(programs / "any.pt2", "evil.pt2", (WEIGHTS, change))
    with pytest.raises(InputError, match="is damaged"):
        open_model("evil.pt2")


def test_a_program_for_any_batch_is_explained_like_its_network(programs):
    program, net, x = open_model(str(programs / "any.pt2")), network(), pictures()
    for method in ("saliency", "integrated-gradients", "shapley"):
        told, expected = (pl.explain(model, x, target=1, method=method, budget=None) for model in (program, net))
        np.testing.assert_allclose(told.values, expected.values, rtol=1e-5, atol=1e-7)
    told, expected = (pl.explain(model, x, target=1, method="grad-cam", at="norm") for model in (program, net))
    np.testing.assert_allclose(told.values, expected.values, rtol=1e-5, atol=1e-7)


def test_a_program_for_one_size_of_batch_takes_any_number_of_rows(programs):
    with pytest.warns(PellucidWarning, match="exported for batches of 2"):
        program = open_model(str(programs / "two.pt2"))
    net = network()
    for rows in (1, 2, 3, 5):
        assert torch.allclose(program(pictures(rows)), net(pictures(rows)), rtol=1e-6)
    for method in ("saliency", "integrated-gradients", "shapley"):
        told, expected = (pl.explain(model, pictures(), target=1, method=method) for model in (program, net))
        np.testing.assert_allclose(told.values, expected.values, rtol=1e-4, atol=1e-6)
    assert {name.replace("/", ".") for name, _ in program.named_parameters()} == {name for name, _ in net.named_parameters()}


class Several(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.table = torch.nn.Embedding(10, 4)
        self.recurrent = torch.nn.LSTM(4, 3, batch_first=True)

    def forward(self, ids, *, scale):
        out, (last, _) = self.recurrent(self.table(ids))
        return {"all": out * scale, "last": last[0]}


@pytest.mark.filterwarnings("ignore:The tensor attributes self.recurrent")
def test_ids_dictionaries_and_recurrent_layers(here):
    torch.manual_seed(0)
    net, ids, scale = Several().eval(), torch.arange(12).reshape(3, 4) % 10, torch.rand(3, 1, 1)
    shapes = {"ids": {0: Dim.AUTO}, "scale": {0: Dim.AUTO}}
    torch.export.save(torch.export.export(net, (ids,), {"scale": scale}, dynamic_shapes=shapes), "several.pt2")
    program = open_model("several.pt2")
    expected, told = net(ids[:2], scale=scale[:2]), program(ids[:2], scale=scale[:2])
    assert all(torch.allclose(told[name], expected[name]) for name in expected)
    assert [row[0] for row in info("several.pt2").tables[0].rows if row[1] == "input"] == ["ids", "scale"]


class Named(torch.nn.Module):
    def forward(self, x):
        return Pair(x + 1, x + 2)


Pair = collections.namedtuple("Pair", "a b")


def test_inputs_in_other_containers_are_refused_in_words(here):
    from torch.utils import _pytree

    _pytree._register_namedtuple(Pair, serialized_type_name="tests.Pair")
    torch.export.save(torch.export.export(Named(), (torch.ones(2),)), "named.pt2")
    assert "inputs or outputs in a 'collections.namedtuple'" in info("named.pt2").refused


def test_trust_opens_what_is_refused(programs):
    edited(programs / "any.pt2", "evil.pt2", *ON_LOADING["an opaque constant"])
    with pytest.warns(PellucidWarning, match="is opened because you trust it"), pytest.raises(InputError, match="is damaged"):
        open_model("evil.pt2", trust=True)
    assert Path(MARK).exists(), "trust was not heeded"


def test_the_copy_holds_what_was_looked_at(programs):
    """The archive that torch reads is written anew: no member that was not checked is in it."""
    from pellucid.models.files import exported_file
    from pellucid.models.files.archive import opened

    with opened(edited(programs / "any.pt2", "more.pt2", ("data/extra/evil.txt", "x"))) as archive:
        copy = exported_file._copied(archive, exported_file._read(archive))
    names = zipfile.ZipFile(io.BytesIO(copy.getvalue())).namelist()
    assert not any("extra" in name or "pickle" in name for name in names)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert open_model("more.pt2")(pictures()).shape == (5, 5)
