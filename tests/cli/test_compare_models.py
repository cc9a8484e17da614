"""``pellucid compare-models``: the same numbers as from Python, in words and in files."""

import csv
import sys

import numpy as np
import pytest
import torch

import pellucid as pl


def rows() -> np.ndarray:
    return np.load("rows.npy")


@pytest.fixture
def models(here, monkeypatch):
    """A module with a network, one of other weights, and each in a file."""
    (here / "pair.py").write_text(
        "import torch\nimport numpy as np\nimport pellucid as pl\nfrom house import build\n"
        "def other():\n    net = build()\n    net[2].weight.data[1] += 0.5\n    return net\n"
        "def function():\n    net = other()\n"
        "    return pl.wrap(lambda rows: net(torch.from_numpy(rows).float()).detach().numpy())\n"
    )
    torch.save(networks()[0].state_dict(), "trained.pt")
    monkeypatch.delitem(sys.modules, "pair", raising=False)
    yield here
    sys.modules.pop("pair", None)


def networks():
    found = []
    for change in (0.0, 0.5):
        torch.manual_seed(0)
        found.append(torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3)))
        found[-1][2].weight.data[1] += change
    return found


def test_it_finds_what_python_finds(pellucid, models):
    ran = pellucid("compare-models", "house:net", "pair:other", "rows.npy", "-o", "both", "-o", "table.csv", "-o", "figure.png")
    found = pl.compare_models(*networks(), rows(), sample_names=[f"rows.npy[{at}]" for at in range(3)])
    assert found.verdict in ran.stdout
    for name in ("trained", "deployed"):
        np.testing.assert_array_equal(pl.load(f"both/{name}.pellucid").values, getattr(found, name).values)
    with open("table.csv", newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    assert [line["sample"] for line in table] == [f"rows.npy[{at}]" for at in range(3)]
    np.testing.assert_allclose([float(line["difference"]) for line in table], found.agreement.difference)
    assert (models / "figure.png").stat().st_size > 5000
    assert f"{found.agreement.rank_correlation[1]:.3g}" in ran.stdout


def test_files_of_weights_methods_and_parameters(pellucid, models):
    ran = pellucid(
        *("compare-models", "trained.pt", "trained.pt", "rows.npy", "--arch", "house:build", "--arch-deployed", "pair:other"),
        *("-m", "smoothgrad", "--samples", "6", "-t", "2", "--seed", "4", "--no-repeat"),
    )
    assert "explanations are equal, number by number" in ran.stdout
    torch.save(networks()[1].state_dict(), "tuned.pt")
    tuned = pellucid("compare-models", "trained.pt", "tuned.pt", "rows.npy", "--arch", "house:build", "-t", "1")
    assert "explanations agree to rank correlation" in tuned.stdout
    pellucid(
        "compare-models", "house:net", "pair:other", "rows.npy", "-m", "smoothgrad", "--samples", "6", "-t", "2", "-o", "both"
    )
    one = pl.load("both/trained.pellucid")
    assert (one.method, one.parameters["samples"], one.target.names) == ("smoothgrad", 6, ("output 2",) * 3)


def test_labels_tables_and_reports(pellucid, models):
    (models / "labels.txt").write_text("0\n1\n0\n")
    ran = pellucid("compare-models", "house:net", "pair:function", "numbers.csv", "--labels", "labels.txt", code=2)
    assert "one class for each of the 2 samples" in ran.stderr
    (models / "labels.txt").write_text("0\n1\n")
    ran = pellucid("compare-models", "house:net", "pair:function", "numbers.csv", "--labels", "labels.txt", "-o", "report.html")
    assert "shapley was chosen: deployed (function adapter) without gradients" in ran.stdout
    assert "are predicted rightly" in ran.stdout
    page = (models / "report.html").read_text(encoding="utf-8")
    assert "numbers.csv[0] (trained)" in page
    assert "numbers.csv[1] (deployed)" in page
    np.save("halves.npy", [0.5, 1.0])
    ran = pellucid("compare-models", "house:net", "pair:function", "numbers.csv", "--labels", "halves.npy", code=2)
    assert "'halves.npy' holds 0.5, which is no number of a class" in ran.stderr
    (models / "names.txt").write_text("cat\ndog\ncat\n")
    named = pellucid("compare-models", "house:named", "house:named", "rows.npy", "--labels", "names.txt")
    assert "predicted rightly" in named.stdout


def test_pictures_frames_and_texts(pellucid, models):
    ran = pellucid("compare-models", "house:pictures", "house:pictures", "wide.png", "tall.jpg", "-o", "figure.svg")
    assert "predictions agree on all 2 samples; explanations are equal, number by number." in ran.stdout
    cut = pellucid("compare-models", "house:pictures", "house:pictures", "wide.png", "--cell", "8", "-m", "shapley")
    assert "explanations are equal" in cut.stdout
    framed = pellucid("compare-models", "house:people", "house:people", "people.csv", "-t", "high")
    assert "explanations are equal" in framed.stdout
    said = pellucid("compare-models", "house:reviews", "house:reviews", "reviews.txt")
    assert "outputs differ by 0 at most; explanations are equal" in said.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--steps", "8"), "--steps is a parameter of a method: name it, --method."),
        (("-m", "saliency", "--steps", "8"), "--steps is a parameter of"),
        (("-m", "salency"), "there is no method 'salency'. Did you mean 'saliency'?"),
        (("-o", "one.pellucid"), "a comparison is written to"),
        (("-o", "rows.npy/figure.png"), "is a file, not a folder"),
        (("--cell", "4"), "--cell does not cut samples of the shape (4,)"),
        (("--superpixels", "0"), "--superpixels must be at least 1"),
        (("--labels", "nowhere.txt"), "there is no file 'nowhere.txt'"),
        (("-t", "cat"), "trained: target 'cat' is a class name, but the model has no class names"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(pellucid, models, words, said):
    ran = pellucid("compare-models", "house:net", "pair:other", "rows.npy", *words, code=2)
    assert said in " ".join(ran.stderr.split())
    assert ran.stderr.startswith("error: ")


def test_names_with_terminal_codes_stay_text(pellucid, models):
    ran = pellucid("compare-models", "house:named", "house:named", "rows.npy", "-t", "2")
    assert "\x1b" not in ran.stdout
