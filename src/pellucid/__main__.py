"""``python -m pellucid`` is the command line."""

from .cli import app

app()
