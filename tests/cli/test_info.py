"""``pellucid info``: what is drawn is what the record says, and the command it ends with works as it stands."""

import json
import pickle
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import skops.io
import torch
from safetensors.torch import save_file

import pellucid as pl
from hostile import Touches, estimator, graph, keras_archive, layer, network


def weights() -> dict[str, torch.Tensor]:
    torch.manual_seed(1)
    layers = torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3)
    return torch.nn.Sequential(*layers).state_dict()


def test_weights_and_the_command_that_takes_them(pellucid):
    save_file(weights(), "net.safetensors", {"format": "pt"})
    shown = pellucid("info", "net.safetensors").stdout
    for text in ("net.safetensors: safetensors file", "0.weight", "8 x 4", "float32", "67", "opens safely"):
        assert text in shown
    command = shlex.split(shown.strip().splitlines()[-1])
    assert command == ["pellucid", "explain", "net.safetensors", "rows.npy", "--arch", "module:factory"]
    ran = pellucid(*["house:build" if word == "module:factory" else word for word in command[1:]], "-o", "one.pellucid")
    assert "integrated-gradients" in ran.stdout
    assert pl.load("one.pellucid").command.startswith("pellucid explain net.safetensors --arch house:build rows.npy")


def test_a_network_that_brings_everything(pellucid):
    onnx.save(graph(np.arange(12, dtype=np.float32).reshape(4, 3)), "net.onnx")
    shown = pellucid("info", "net.onnx").stdout
    for text in ("ONNX model", "n x 4", "MatMul", "quantised", "opens safely"):
        assert text in shown
    command = shlex.split(shown.strip().splitlines()[-1])
    pellucid(*command[1:], "-t", "0", "--masker", "constant", "-o", "one.pellucid")
    assert pl.load("one.pellucid").values.shape == (3, 4)


def test_what_is_refused_says_why_and_the_way_out(pellucid):
    Path("net.pt").write_bytes(pickle.dumps({"x": Touches()}))
    shown = pellucid("info", "net.pt").stdout
    for text in ("net.pt: pickle", "refused: it is a pickle", "  - for torch, save the weights alone", "--trust-model"):
        assert text in shown
    assert "pellucid explain" not in shown
    assert not Path("pwned").exists()
    failed = pellucid("explain", "net.pt", "rows.npy", code=2)
    assert failed.stderr.startswith("error: 'net.pt' is not opened: it is a pickle")


def test_trust_is_an_option_and_part_of_the_command(pellucid):
    torch.save(torch.nn.Linear(4, 3), "whole.pt")
    pellucid("explain", "whole.pt", "rows.npy", code=2)
    ran = pellucid("explain", "whole.pt", "rows.npy", "--trust-model", "-m", "saliency", "-t", "0", "-o", "one.pellucid")
    assert "warning: 'whole.pt' is opened because you trust it" in ran.stderr
    assert "--trust-model" in shlex.split(pl.load("one.pellucid").command)


def test_types_that_are_trusted_are_options_and_part_of_the_command(pellucid):
    skops.io.dump(estimator(), "net.skops")
    pellucid("explain", "net.skops", "rows.npy", "--trusted-type", "a.B", "-m", "shapley", "-t", "0", "-o", "one.pellucid")
    words = shlex.split(pl.load("one.pellucid").command)
    assert words[words.index("--trusted-type") + 1] == "a.B"


@pytest.mark.parametrize("name", ["net.safetensors", "evil.keras", "net.onnx", "house:net"])
def test_json_is_the_record(pellucid, name):
    save_file(weights(), "net.safetensors")
    keras_archive("evil.keras", network(layer("Lambda")))
    onnx.save(graph(np.ones((4, 3), np.float32)), "net.onnx")
    told = json.loads(pellucid("info", name, "--json").stdout)
    about = pl.info(name)
    assert told == json.loads(json.dumps({**about.to_dict(), "verdict": about.verdict}))
    assert {"name", "kind", "facts", "tables", "parameters", "refused", "ways_out", "command", "verdict"} <= set(told)


def test_long_tables_are_cut_unless_asked_for(pellucid):
    save_file({f"layer{at:03}": torch.zeros(1) for at in range(100)}, "net.safetensors")
    assert "and 80 more; --all shows them" in pellucid("info", "net.safetensors").stdout
    shown = pellucid("info", "net.safetensors", "--all").stdout
    assert "layer099" in shown
    assert "more; --all" not in shown


def test_names_from_a_file_stay_text(pellucid):
    save_file({"[red]w\x1b[2J": torch.zeros(1)}, "net.safetensors", {"\x1b[31mkey": "Ω" * 1000})
    shown = pellucid("info", "net.safetensors").stdout
    assert "[red]w\N{REPLACEMENT CHARACTER}[2J" in shown
    assert "\x1b" not in shown
    assert shown.count("Ω") == 300


def test_a_name_is_imported_and_said_to_be(pellucid):
    shown = pellucid("info", "house:named").stdout
    for text in ("model by name", "adapter", "torch", "cat, dog", "Linear", "67", "that code was run"):
        assert text in shown


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nosuch.onnx", "there is no file 'nosuch.onnx'."),
        ("net.onx", "there is no file 'net.onx'. Did you mean 'net.onnx'?"),
        ("rows.npy", "'rows.npy' is an array of numbers, which is an input and no model."),
        ("house:nett", "'house' has no attribute 'nett'. Did you mean 'net'?"),
        ("reviews.txt", "'reviews.txt' is not a kind of file that is opened. A model is module:attribute, or a file"),
    ],
)
def test_what_is_no_model_is_an_error_in_words(pellucid, name, words):
    onnx.save(graph(np.ones((4, 3), np.float32)), "net.onnx")
    failed = pellucid("info", name, code=2)
    assert failed.stderr.startswith(f"error: {words}")
    assert failed.stdout == ""


def test_looking_into_a_file_loads_no_framework(here):
    """Weights, Keras archives and pickles need none; neither does any file bring one in unless its format does."""
    save_file(weights(), "net.safetensors")
    torch.save(weights(), "net.pt")
    keras_archive("net.keras")
    Path("net.pkl").write_bytes(pickle.dumps([1, 2]))
    program = (
        "import sys\nimport pellucid as pl\n"
        "for name in ('net.safetensors', 'net.pt', 'net.keras', 'net.pkl'): pl.info(name)\n"
        "print({'torch', 'jax', 'tensorflow', 'keras', 'onnx', 'skops', 'h5py', 'pandas'} & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == "set()\n"
