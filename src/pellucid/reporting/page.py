"""The page: a template, a style sheet and a script, filled with a summary. Nothing in it is loaded from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from importlib.resources import files

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from .summary import Summary


def render(held: Summary) -> str:
    """The whole page as text. What comes from data is escaped as text, or is inert JSON that the script reads."""
    style, script = _resource("report.css"), _resource("report.js")
    policy = (
        "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; "
        f"style-src '{_digest(style)}'; script-src '{_digest(script)}'"
    )
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(_resource("report.html"))
    cards = [{**card, "pictures": {}} for card in held["cards"]]  # the page itself holds the pictures
    return template.render(
        **held,
        policy=policy,
        style=Markup(style),
        script=Markup(script),
        data=_inert({"format": "pellucid-report", "version": 1, **held, "cards": cards}),
    )


def _inert(data: object) -> Markup:
    """JSON that cannot end the element it stands in, whatever its strings hold."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


@cache
def _resource(name: str) -> str:
    return files("pellucid.reporting").joinpath(name).read_text(encoding="utf-8")
