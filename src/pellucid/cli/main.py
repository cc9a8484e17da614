"""The app: its commands, its version, and how it fails."""

from __future__ import annotations

import sys
import warnings
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from ..core.errors import PellucidError, PellucidWarning
from .advise import advise
from .asked import with_job
from .benchmark import benchmark
from .compare import compare
from .compare_models import compare_models
from .demo import demo
from .evaluate import evaluate
from .explain import explain
from .info import info
from .methods import methods
from .options import with_method_options
from .report import report
from .terminal import say
from .trust import trust

FAILED = 2
INTERRUPTED = 130


class Guarded(TyperGroup):
    """A group of commands whose errors are one sentence on standard error, without a traceback unless it was asked for."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command; exit with 2 after an error raised on purpose, with 130 after Ctrl-C."""
        with warnings.catch_warnings():
            others = warnings.showwarning

            def tell(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
                if issubclass(category, PellucidWarning):
                    say(f"warning: {message}", style="yellow", error=True)
                else:
                    others(message, category, *where, **more)

            warnings.simplefilter("default", PellucidWarning)
            warnings.showwarning = tell
            try:
                return super().invoke(ctx)
            except PellucidError as error:
                if ctx.params.get("traceback"):
                    raise
                say(f"error: {error}", style="bold red", error=True)
                raise typer.Exit(FAILED) from error
            except KeyboardInterrupt as error:
                say("interrupted", style="yellow", error=True)
                raise typer.Exit(INTERRUPTED) from error


app = typer.Typer(
    name="pellucid",
    cls=Guarded,
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"pellucid {version('pellucid')}\n")
        raise typer.Exit


@app.callback()
def root(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    traceback: Annotated[
        bool, typer.Option("--traceback", envvar="PELLUCID_TRACEBACK", help="Show where in the program an error came from.")
    ] = False,
) -> None:
    """Explains deep-learning models, and says how far each answer can be trusted."""
    del show_version, traceback


app.command()(with_method_options(with_job(explain)))
app.command()(with_method_options(with_job(trust)))
app.command()(with_method_options(with_job(evaluate)))
app.command()(with_method_options(with_job(compare, ())))
app.command()(with_method_options(with_job(advise, ())))
app.command("compare-models")(with_method_options(compare_models))
app.command()(benchmark)
app.command()(info)
app.command()(report)
app.command()(methods)
app.command()(demo)
