"""The pages of the documentation: up to date, free of dead links, and their code runs."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WRITTEN = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:)([^)\s]*)\)")
OWN_MODEL = """
import torch

net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(4 * 36, 5))
x = torch.rand(2, 3, 8, 8)
"""
"""What the README calls the reader's own: ``net`` and ``x``."""


def named(path):
    return str(path.relative_to(ROOT))


def builder():
    spec = importlib.util.spec_from_file_location("docs_build", ROOT / "docs" / "build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


WITH_CODE = [path for path in WRITTEN if BLOCK.search(path.read_text(encoding="utf-8"))]
WITH_KERAS = [path for path in WITH_CODE if "import keras" in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("backend", ["torch", "jax", "tensorflow"])
@pytest.mark.parametrize("path", WITH_KERAS, ids=named)
def test_the_code_of_a_page_with_keras_runs_on_each_backend(path, backend, tmp_path):
    code = "\n".join(block[1] for block in BLOCK.finditer(path.read_text(encoding="utf-8")))
    page = tmp_path / "page.py"
    page.write_text(code, encoding="utf-8")
    env = {**os.environ, "KERAS_BACKEND": backend, "KERAS_HOME": str(tmp_path)}
    ran = subprocess.run([sys.executable, page.name], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize("path", [path for path in WITH_CODE if path not in WITH_KERAS], ids=named)
def test_the_code_of_a_page_runs_from_top_to_bottom(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = path.read_text(encoding="utf-8")
    page = {"__name__": path.stem}
    exec(OWN_MODEL if path.name == "README.md" else "", page)
    for block in BLOCK.finditer(text):
        line = text[: block.start(1)].count("\n")
        exec(compile("\n" * line + block[1], named(path), "exec"), page)
    assert "pl" in page, "the page never imports pellucid"


def test_the_readme_explains_the_readers_own_model_in_five_lines():
    first = BLOCK.search((ROOT / "README.md").read_text(encoding="utf-8"))[1]
    assert len([line for line in first.splitlines() if line.strip()]) <= 5


@pytest.mark.parametrize("path", WRITTEN, ids=named)
def test_links_lead_somewhere(path):
    for link in LINK.findall(path.read_text(encoding="utf-8")):
        file, _, place = link.partition("#")
        target = path.parent / file if file else path
        assert target.exists(), f"{named(path)} links to {link}"
        assert not place or place in anchors(target), f"{named(path)} links to {link}, and there is no such place"


def anchors(path):
    """Where a link can lead within a page: headings as GitHub names them, and explicit anchors."""
    text = re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings} | set(
        re.findall(r'<a id="([^"]+)">', text)
    )


def test_generated_pages_are_up_to_date():
    build = builder()
    stale = [named(path) for path, text in build.pages().items() if path.read_text(encoding="utf-8") != text]
    assert not stale, f"run make docs: {', '.join(stale)} differ from the declarations"


def test_check_fails_when_a_page_is_out_of_date(tmp_path):
    for folder in ("docs", "src/pellucid"):
        (tmp_path / folder).mkdir(parents=True)
    for path in (*(ROOT / "docs").glob("*.*"), ROOT / "README.md", ROOT / "src/pellucid/bibliography.bib"):
        (tmp_path / path.relative_to(ROOT)).write_bytes(path.read_bytes())

    def run(*arguments):
        command = [sys.executable, str(tmp_path / "docs" / "build.py"), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)

    page = tmp_path / "docs" / "methods.md"
    page.write_text(page.read_text(encoding="utf-8") + "typed by hand", encoding="utf-8")
    checked = run("--check")
    assert checked.returncode == 1
    assert "out of date: docs/methods.md" in checked.stdout
    assert page.read_text(encoding="utf-8").endswith("typed by hand")
    assert run().returncode == 0
    assert run("--check").returncode == 0


def test_pages_tell_nothing_of_where_they_were_written():
    for path in WRITTEN:
        told = path.read_text(encoding="utf-8")
        assert not re.search(r"/(home|root|work|tmp|Users)/|127\.0\.0\.1|localhost", told), named(path)
