"""``pellucid explain``: the same numbers as from Python, in words and in files, and a command that makes them again."""

import shlex
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import pellucid as pl

PROGRAM = [sys.executable, "-c", "from pellucid.cli import app; app()"]


def rows() -> np.ndarray:
    return np.load("rows.npy")


def network() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))


@pytest.mark.parametrize("model", ["house:net", "house:build", "house:named"])
def test_objects_wrapped_objects_and_factories_are_the_same_model(pellucid, model):
    pellucid("explain", model, "rows.npy", "-m", "saliency", "-t", "1", "-o", "one.pellucid")
    expected = pl.explain(network(), rows(), method="saliency", target=1)
    np.testing.assert_array_equal(pl.load("one.pellucid").values, expected.values)


def test_table_shows_what_was_found(pellucid):
    ran = pellucid("explain", "house:named", "rows.npy", "-m", "integrated-gradients", "-m", "saliency", "-t", "dog")
    header = ran.stdout.splitlines()[1].split()
    assert header == ["input", "method", "target", "value", "probability", "error", "residual", "rows", "seconds"]
    expected = pl.explain(network(), rows(), target=1)
    assert ran.stdout.count("rows.npy[") == 6
    assert f"{expected.value[2]:.4g}" in ran.stdout
    assert f"{expected.error[0]:.1%}" in ran.stdout


def test_names_with_markup_or_terminal_codes_stay_text(pellucid):
    ran = pellucid("explain", "house:named", "rows.npy", "-m", "saliency", "-t", "2")
    assert "[red]bird\N{REPLACEMENT CHARACTER}[2J" in ran.stdout
    assert "\x1b" not in ran.stdout


def test_parameters_go_to_the_methods_that_declare_them(pellucid):
    pellucid(
        *("explain", "house:net", "rows.npy", "-m", "integrated-gradients", "-m", "smoothgrad", "-m", "saliency"),
        *("--steps", "7", "--samples", "5", "--noise", "0.3", "--absolute", "--seed", "3", "-o", "all"),
    )
    assert pl.load("all/integrated-gradients.pellucid").parameters["steps"] == 7
    smooth = pl.load("all/smoothgrad.pellucid")
    assert (smooth.parameters["samples"], smooth.parameters["noise"], smooth.plan.seed) == (5, 0.3, 3)
    assert pl.load("all/saliency.pellucid").parameters["absolute"] is True


def test_baseline_may_be_a_number_or_a_file(pellucid):
    np.save("base.npy", np.ones(4, np.float32))
    for given in ("1", "base.npy"):
        pellucid("explain", "house:net", "rows.npy", "--baseline", given, "--steps", "9", "-t", "0", "-o", "one.pellucid")
        expected = pl.explain(network(), rows(), target=0, baseline=1.0, steps=9)
        np.testing.assert_allclose(pl.load("one.pellucid").values, expected.values, rtol=1e-5, atol=1e-7)


def test_layers_inputs_and_budgets(pellucid):
    pellucid("explain", "house:net", "rows.npy", "--at", "1", "--budget", "30", "--batch-size", "2", "-o", "one.pellucid")
    told = pl.load("one.pellucid")
    assert (told.over, told.layer, told.plan.batch_size, told.values.shape) == ("layer", "1", 2, (3, 8))
    np.savez("two.npz", a=rows(), b=rows())
    pellucid("explain", "house:Two", "two.npz", "--wrt", "b", "-t", "0", "-o", "two.pellucid")
    assert set(pl.load("two.pellucid").values) == {"b"}


def test_pictures_are_prepared_as_the_model_was_wrapped(pellucid, here):
    ran = pellucid("explain", "house:pictures", "wide.png", "tall.jpg", "-m", "grad-cam", "-m", "saliency", "-o", "maps")
    assert "wide.png" in ran.stdout
    assert "tall.jpg" in ran.stdout
    assert pl.load("maps/saliency.pellucid").values.shape == (2, 3, 16, 16)
    assert sorted(path.name for path in (here / "maps").iterdir()) == ["grad-cam.pellucid", "saliency.pellucid"]


def test_several_targets_get_a_file_each(pellucid, here):
    pellucid("explain", "house:named", "rows.npy", "-m", "saliency", "-t", "predicted", "-t", "dog", "-o", "maps")
    assert len(list((here / "maps").iterdir())) == 2
    assert (here / "maps" / "saliency-2-dog.pellucid").is_file()


def test_a_figure(pellucid, here):
    pellucid("explain", "house:pictures", "wide.png", "-m", "grad-cam", "-o", "figures/map.png")
    assert (here / "figures" / "map.png").read_bytes().startswith(b"\x89PNG")


def test_a_report(pellucid, here):
    ran = pellucid("explain", "house:pictures", "wide.png", "-m", "grad-cam", "-m", "saliency", "-o", "report.html")
    assert f"wrote {here / 'report.html'}" in ran.stdout
    assert "wide.png" in (here / "report.html").read_text()


@pytest.mark.parametrize(
    "words",
    [
        ["house:named", "rows.npy", "-m", "saliency", "-t", "dog", "--absolute"],
        ["house:named", "rows.npy", "-t", "[red]bird\x1b[2J", "-t", "0", "--tolerance", "0.02"],
        ["house:net", "rows.npy", "-m", "smoothgrad", "--samples", "6", "--seed", "5", "--batch-size", "2"],
        ["house:pictures", "wide.png", "tall.jpg", "-m", "grad-cam++", "--no-relu", "--upsample", "none"],
        ["house:net", "rows.npy", "--at", "1", "--budget", "20", "--baseline", "-1"],
    ],
)
def test_the_recorded_command_makes_the_same_explanation_again(pellucid, words):
    """Through a shell's eyes: quoting included, values and record equal."""
    pellucid("explain", *words, "-o", "first/")
    for path in sorted(Path("first").iterdir()):
        first = pl.load(path)
        program, *again = shlex.split(first.command)
        assert program == "pellucid"
        pellucid(*again, "-o", "again/")
        second = pl.load(Path("again") / path.name)
        np.testing.assert_array_equal(first.values, second.values)
        assert (first.command, first.parameters, first.target.names) == (second.command, second.parameters, second.target.names)


def test_weights_without_code_and_a_factory(pellucid):
    net = network()
    with torch.no_grad():
        net[0].weight += 1
    torch.save(net.state_dict(), "net.pt")
    expected = pl.explain(net, rows(), method="saliency", target=0).values
    pellucid("explain", "net.pt", "--arch", "house:build", "rows.npy", "-m", "saliency", "-t", "0", "-o", "one.pellucid")
    told = pl.load("one.pellucid")
    np.testing.assert_array_equal(told.values, expected)
    assert told.command == "pellucid explain net.pt --arch house:build rows.npy --method saliency --target 0"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["house:nte", "rows.npy"], "'house' has no attribute 'nte'. Did you mean 'net'"),
        (["hose:net", "rows.npy"], "there is no module 'hose' here or among the installed ones. Did you mean 'house'?"),
        (["house:net", "row.npy"], "there is no file 'row.npy'"),
        (["house:net", "rows.npy", "-m", "salency"], "Did you mean 'saliency'"),
        (["house:net", "rows.npy", "-m", "saliency", "--steps", "4"], "--steps is a parameter of integrated-gradients"),
        (["house:net", "rows.npy", "--tolerance", "tight"], "--tolerance takes a number; got 'tight'"),
        (["house:net", "rows.npy", "--tolerance", "7"], "tolerance must be above 0 and at most 1; got 7.0"),
        (["house:net", "rows.npy", "--steps", "1.5"], "--steps takes an integer; got '1.5'"),
        (
            ["house:net", "rows.npy", "--baseline", "grey"],
            "--baseline takes a number, integers joined by commas, or",
        ),
        (["house:pictures", "wide.png", "-m", "grad-cam", "--upsample", "cubic"], "upsample must be one of"),
        (["house:named", "rows.npy", "-t", "dig"], "no class is named 'dig'. Did you mean 'dog'?"),
        (["house:net", "rows.npy", "-t", "7"], "target (7,) is outside"),
        (["house:net", "rows.npy", "--at", "9"], "9"),
        (["house:net", "rows.npy", "--call", "2"], "--call goes with one --at"),
        (["house:net", "rows.npy", "--arch", "house:build"], "--arch goes with a file"),
        (["house:net", "rows.npy", "-o", "x.doc"], "nothing is written to '.doc' files"),
        (["house:net", "rows.npy", "-o", "rows.npy/x.html"], "'rows.npy' is a file, not a folder"),
        (["house:net", "rows.npy", "-t", "0", "-t", "1", "-o", "x.pellucid"], "holds one explanation, and this makes 2"),
        (["house:net", "wide.png"], "model failed on these inputs"),
        (["house:net", "rows.npy", "--budget", "1"], "budget=1"),
    ],
)
def test_errors_are_one_sentence(pellucid, words, sentence):
    ran = pellucid("explain", *words, code=2)
    assert sentence in ran.stderr
    assert ran.stderr.startswith("error: ")
    assert ran.stderr.count("\n") == 1
    assert "Traceback" not in ran.output


def test_nothing_is_opened_before_the_order_is_understood(pellucid):
    """A typing error must not cost the time of importing and running a model."""
    sys.modules.pop("house", None)
    pellucid("explain", "house:net", "rows.npy", "-m", "saliency", "--steps", "4", code=2)
    assert "house" not in sys.modules


def test_traceback_on_request(pellucid, monkeypatch):
    words = ["explain", "house:nte", "rows.npy"]
    assert isinstance(pellucid("--traceback", *words, code=1).exception, pl.InputError)
    monkeypatch.setenv("PELLUCID_TRACEBACK", "1")
    assert isinstance(pellucid(*words, code=1).exception, pl.InputError)


def test_a_number_is_an_index_also_where_it_names_another_class(pellucid):
    ran = pellucid("explain", "house:counted", "rows.npy", "-m", "saliency", "-t", "1")
    assert "warning: target 1 was taken for an index; the class named '1' is target 0." in ran.stderr
    assert " 2 " in ran.stdout.splitlines()[2]


def test_as_a_program(here):
    """The real thing: exit code, streams, files, no colour codes in a pipe."""
    words = ["explain", "house:named", "rows.npy", "-m", "saliency", "-o", "one.pellucid"]
    ran = subprocess.run([*PROGRAM, *words], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.splitlines()[-1] == "wrote one.pellucid"
    assert "\x1b" not in ran.stdout
    failed = subprocess.run([*PROGRAM, "explain", "house:x", "rows.npy"], capture_output=True, text=True, check=False)
    assert (failed.returncode, failed.stdout) == (2, "")
    assert failed.stderr.startswith("error: 'house' has no attribute 'x'.")


def test_control_c_exits_with_130(here):
    def heed() -> None:
        """Whoever runs the tests in the background ignores Ctrl-C, and what they start would too."""
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    command = [*PROGRAM, "explain", "house:slow", "rows.npy"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=heed) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == b"slow\n"
        running.send_signal(signal.SIGINT)
        try:
            _, err = running.communicate(timeout=30)
        finally:
            running.kill()
    assert running.returncode == 130
    assert b"Traceback" not in err
