"""The app itself: version, help, the catalog of methods, options read off the declarations."""

import inspect
import subprocess
import sys
from importlib.metadata import version

import pytest

import pellucid as pl
from pellucid import catalog
from pellucid.cli import options
from pellucid.cli.explain import explain
from pellucid.core.declare import parameters


def test_version(pellucid):
    assert pellucid("--version").stdout == f"pellucid {version('pellucid')}\n"


@pytest.mark.parametrize("words", [["--help"], ["explain", "--help"], ["methods"], ["demo", "--help"], ["--version"]])
def test_help_is_light(words):
    """Help must come at once: no framework, no plotting, no pandas, no scikit-image."""
    heavy = "{'torch', 'jax', 'tensorflow', 'matplotlib', 'pandas', 'skimage', 'scipy', 'sklearn', 'jinja2'}"
    program = (
        "import sys, contextlib, io\nfrom pellucid.cli import app\n"
        f"with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit): app({words})\n"
        f"print({heavy} & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == "set()\n"


def test_help_lists_every_declared_parameter(pellucid):
    shown = pellucid("explain", "--help").stdout
    for method in catalog.METHODS:
        for parameter in parameters(method):
            assert options.flag(parameter.name) in shown


def test_no_parameter_hides_an_option_of_the_command():
    """A method may not declare a parameter that the command has for itself."""
    own = set(inspect.signature(explain).parameters) - {"parameters"}
    assert own.isdisjoint(parameter.name for method in catalog.METHODS for parameter in parameters(method))


def test_every_declared_default_survives_its_own_spelling():
    """Typing a default gives the default: every kind of parameter that is declared can be typed."""
    for method in catalog.METHODS:
        for name, parameter in options.declared(method).items():
            if parameter.default is not None:
                typed = parameter.default if isinstance(parameter.default, bool) else str(parameter.default)
                assert options.values(method, {name: typed}) == {name: parameter.default}


def test_methods_table(pellucid):
    shown = pellucid("methods").stdout
    for row in pl.methods():
        assert row.name in shown
        assert row.summary in shown


@pytest.mark.parametrize("name", [row.name for row in pl.methods()])
def test_one_method(pellucid, name):
    shown = " ".join(pellucid("methods", name).stdout.split())
    row = pl.methods()[name]
    for text in (row.summary, *row.citations, *(p.doc for p in row.parameters), *(options.flag(p.name) for p in row.parameters)):
        assert text in shown
    assert "Cost:" in shown
    assert "``" not in shown


def test_ranges_are_shown(pellucid):
    assert "float, above 0 and at most 1" in pellucid("methods", "integrated-gradients").stdout


def test_unknown_method(pellucid):
    assert (
        pellucid("methods", "gradcam", code=2).stderr
        == "error: there is no method 'gradcam'. Did you mean 'grad-cam' or 'xgrad-cam' or 'grad-cam++'?\n"
    )
