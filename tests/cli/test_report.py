"""``pellucid report``: saved explanations to one page."""

import pickle
from pathlib import Path

import pytest


@pytest.fixture
def saved(pellucid):
    pellucid("explain", "house:pictures", "wide.png", "tall.jpg", "-m", "grad-cam", "-m", "saliency", "-o", "maps/")
    return [str(path) for path in sorted(Path("maps").iterdir())]


def test_saved_explanations_become_a_page(pellucid, saved, here):
    ran = pellucid("report", *saved, "--out", "pages/two.html", "--title", "Two <b>maps</b>")
    page = here / "pages" / "two.html"
    assert ran.stdout == f"wrote {page}\n"
    text = page.read_text()
    assert "Two <b>maps" not in text
    assert "pellucid explain house:pictures wide.png tall.jpg --method saliency --target predicted" in text


class Touches:
    def __reduce__(self):
        return Path.touch, (Path("pwned"),)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["missing.pellucid"], "there is no file 'missing.pellucid'"),
        (["evil.pellucid"], "is not an explanation saved by Pellucid"),
        (["rows.npy"], "is not an explanation saved by Pellucid"),
        (["maps/saliency.pellucid", "--out", "page.pdf"], "a report is a .html file"),
        (["maps/saliency.pellucid", "--out", "rows.npy/page.html"], "'rows.npy' is a file, not a folder"),
    ],
)
def test_errors_are_one_sentence(pellucid, saved, words, sentence):
    Path("evil.pellucid").write_bytes(pickle.dumps(Touches()))
    ran = pellucid("report", *words, code=2)
    assert sentence in ran.stderr
    assert ran.stderr.count("\n") == 1
    assert not Path("pwned").exists()


def test_a_truncated_file_is_refused(pellucid, saved):
    path = Path(saved[0])
    path.write_bytes(path.read_bytes()[:-100])
    assert "is not an explanation" in pellucid("report", saved[0], code=2).stderr


def test_the_page_holds_the_same_numbers_as_the_files(pellucid, saved):
    """One file or two of the same sample: the page groups them, and says how they agree."""
    pellucid("report", *saved)
    assert "rank correlation" in Path("report.html").read_text()
