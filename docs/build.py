"""Writes the generated parts of the documentation from the declarations in the package.

``python docs/build.py`` writes them; ``python docs/build.py --check`` changes nothing and exits with 1 if one is out of date.
``python docs/build.py --pictures`` draws the pictures that the pages show, from the demo's network and photos.

Whole pages: methods.md, metrics.md, api.md and bibliography.md. Regions of written pages, between ``<!-- begin: name -->`` and
``<!-- end: name -->``: the table of methods in the README, the tree of errors in errors.md. Every text comes from a docstring, a
declaration or ``bibliography.bib``; nothing is typed here but headings. The tables of gates and of metrics in trust.md, too.
"""

from __future__ import annotations

import dataclasses
import inspect
import math
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pellucid as pl
from pellucid import catalog
from pellucid.catalog import MethodInfo, MethodTable
from pellucid.cli.inputs import read_picture
from pellucid.core import declare, errors, records, view
from pellucid.core.card import CHECKS
from pellucid.core.declare import Parameter, parameters
from pellucid.core.measure import Metric
from pellucid.demo import efficientnet_lite0, photos
from pellucid.games.interactions import Interactions, Sets
from pellucid.games.shapley import Shapley
from pellucid.metrics.agreement import Agreement
from pellucid.verdict.two_models.outputs import Outputs

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
BIBLIOGRAPHY = ROOT / "src" / "pellucid" / "bibliography.bib"
NOTICE = "<!-- Written by docs/build.py from the declarations in src/pellucid; edit those. -->\n\n"
SECTION = re.compile(r"^(Parameters|Attributes|Returns|Raises|Notes|Examples)\n-+\n", re.MULTILINE)

AXIOMS = {
    "completeness": "the values sum to f(x) - f(baseline), up to the `residual`",
    "dummy": "an input that the model does not read gets exactly 0",
    "linearity": "the values of a weighted sum of targets are the weighted sum of their values",
    "symmetry": "inputs that the model treats alike, and that are equal, get equal values",
    "implementation-invariance": "two networks that compute the same function get the same values",
}
NEEDS = {
    "predict": "outputs for a batch",
    "gradient": "the derivative of a target in the input, a layer or the output",
    "hessian": "the derivative of a gradient along a direction",
    "replace": "a layer's output exchanged for another",
    "layers": "the layer calls of one pass, found by running",
}
ENGINES = {
    "path": "averages gradients over points: the sample alone, a line from a baseline, or a cloud around the sample",
    "game": "removes features and watches the target: what coalitions of them are worth",
    "map": "weighs the channels of a layer and sums them to one map, brought to the size of the input",
}

GROUPS = {
    "faithfulness": "whether features with large values are those that the model depends on",
    "localisation": "whether large values lie where they should, by `masks=` of your own",
    "complexity": "over how many features the values are spread; what is simple can still be wrong",
    "axioms": "whether the values keep what their method promises",
    "robustness": "how much the values change where the input hardly does",
    "randomisation": "whether the values depend on what the network has learned; gates, and no rankings",
}
ASKS = {
    "explain": "the method again, for changed inputs",
    "randomise": "the method again, for other weights or other outputs",
    "shift": "the method again, for a model that takes a shift of its input off again",
    "truth": "`masks=`, what should be found",
}


def main() -> int:
    """Write what is out of date, or only name it with ``--check``."""
    if "--pictures" in sys.argv[1:]:
        pictures()
        return 0
    stale = {path: text for path, text in pages().items() if not path.exists() or path.read_text(encoding="utf-8") != text}
    check = "--check" in sys.argv[1:]
    for path, text in stale.items():
        if not check:
            path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{'out of date' if check else 'wrote'}: {path.relative_to(ROOT)}\n")
    return 1 if check and stale else 0


def pages() -> dict[Path, str]:
    """Every generated page as it should be."""
    readme, errors_page, trust = ROOT / "README.md", DOCS / "errors.md", DOCS / "trust.md"
    return {
        DOCS / "methods.md": methods_page(),
        DOCS / "metrics.md": metrics_page(),
        DOCS / "api.md": api_page(),
        DOCS / "bibliography.md": bibliography_page(),
        readme: with_region(readme, "methods", table_of_methods("docs/methods.md")),
        errors_page: with_region(errors_page, "errors", error_tree()),
        trust: with_region(trust, "metrics", table_of_metrics("metrics.md"), with_region(trust, "gates", table_of_gates())),
    }


def with_region(path: Path, name: str, text: str, page: str | None = None) -> str:
    """A written page with one region exchanged; ``page`` is the page so far."""
    before, begin, rest = (path.read_text(encoding="utf-8") if page is None else page).partition(f"<!-- begin: {name} -->\n")
    _, end, after = rest.partition(f"<!-- end: {name} -->")
    if not begin or not end:
        raise ValueError(f"{path} has no region {name!r}")
    return f"{before}{begin}{text}{end}{after}"


def methods_page() -> str:
    """The catalog: a table, then one section per method."""
    rows = list(catalog.methods())
    used = [name for name in NEEDS if any(name in row.needs for row in rows)]
    return NOTICE + "\n".join(
        [
            "# Methods\n",
            "Every method is a frozen dataclass in `src/pellucid/attribution`; this page is read off those declarations.",
            "`pl.methods()` gives the same table in Python, `pellucid methods` on the command line.\n",
            table_of_methods(""),
            "**Engines.**",
            *(f"- *{name}*: {ENGINES[name]}." for name in dict.fromkeys(row.engine for row in rows)),
            "\n**Axioms**, each tested for every method that declares it:",
            *(f"- *{name}*: {meaning}." for name, meaning in AXIOMS.items() if any(name in row.axioms for row in rows)),
            "\n**Needs**, what a model's adapter must offer:",
            *(f"- *{name}*: {NEEDS[name]}." for name in used),
            "",
            *(method_section(row, kind) for row, kind in zip(rows, catalog.METHODS, strict=True)),
        ]
    )


def table_of_methods(page: str) -> str:
    """One line per method, with a link to its section."""
    lines = ["| method | what the values are | engine | axioms | source |", "| --- | --- | --- | --- | --- |"]
    for row in catalog.methods():
        link = f"[`{row.name}`]({page}#{anchor(row.name)})"
        cited = ", ".join(short_reference(key) for key in row.citations)
        lines.append(f"| {link} | {row.summary} | {row.engine} | {', '.join(row.axioms) or 'none'} | {cited} |")
    return "\n".join(lines) + "\n\n"


def method_section(row: MethodInfo, kind: type) -> str:
    """Everything that a method declares of itself."""
    facts = {
        "Needs": ", ".join(row.needs),
        "For": ", ".join(row.modalities),
        "Axioms": ", ".join(row.axioms) or "none",
    }
    return declared("##", row.name, kind, facts, row.citations)


def declared(level: str, name: str, kind: type, facts: dict[str, str], citations: Iterable[str]) -> str:
    """The section of a method or a metric: docstring, parameters, facts, sources, example."""
    about, _, examples = inspect.cleandoc(kind.__doc__ or "").partition("\nExamples\n--------\n")
    paragraphs = [paragraph for paragraph in about.split("\n\n") if not paragraph.startswith("Source:")]
    return "\n".join(
        [
            f'<a id="{anchor(name)}"></a>\n',
            f"{level} {name}\n",
            *(f"{code(paragraph)}\n" for paragraph in paragraphs),
            parameter_table(kind),
            *(f"- {fact}: {said}" for fact, said in facts.items()),
            f"- As a class: `{kind.__module__}.{kind.__name__}`",
            *(f"- Source: {reference(key)}" for key in citations),
            f"\n{fence(examples)}",
        ]
    )


def metrics_page() -> str:
    """All metrics: a table, then one section per group with one per metric."""
    lines = [
        "# Metrics\n",
        "Numbers that say how good an explanation is, one for each sample: `pl.evaluate(e, model, metrics=[...])`. Every metric",
        "is a frozen dataclass in `src/pellucid/metrics`; this page is read off those declarations. Values are summed over",
        "*players* first: your features, or columns, words, and the cells of a 14 x 14 grid over an image. A score that is",
        "undefined is NaN, never 0, and no score depends on what else is in the batch.",
        "[How far to trust an explanation](trust.md) goes through some of them.\n",
        table_of_metrics(""),
        "**Asks**, what a metric takes beside values of coalitions:",
        *(f"- *{name}*: {meaning}." for name, meaning in ASKS.items()),
        "",
    ]
    for group, meaning in GROUPS.items():
        members = [metric for metric in catalog.METRICS if metric.group == group]
        lines += [f"## {group.capitalize()}\n", f"{meaning[0].upper()}{meaning[1:]}.\n", *map(metric_section, members)]
    return NOTICE + "\n".join(lines)


def metric_section(metric: type[Metric]) -> str:
    """Everything that a metric declares of itself."""
    facts = {
        "Better": {"higher": "higher", "lower": "lower", "none": "neither"}[metric.direction],
        "Range": metric.range,
        "Needs": ", ".join(sorted(metric.needs)),
        "Asks": ", ".join(sorted(metric.asks)) or "nothing more",
    }
    return declared("###", metric.name, metric, facts, metric.cite)


def parameter_table(kind: Any) -> str:
    """Default, range and meaning of each declared parameter."""
    declared = parameters(kind)
    if not declared:
        return "It has no parameters.\n"
    lines = ["| parameter | default | takes | meaning |", "| --- | --- | --- | --- |"]
    lines += [f"| `{p.name}` | `{p.default!r}` | {takes(p)} | {p.doc} |" for p in declared]
    return "\n".join(lines) + "\n"


def takes(parameter: Parameter) -> str:
    """The choices of a parameter, or its type and range."""
    return parameter.range if parameter.choices else f"{parameter.type} {parameter.range}".strip()


def api_page() -> str:
    """All public names, then what authors of methods use."""
    public = {f"pl.{name}": getattr(pl, name) for name in pl.__all__}
    rooms = {name: thing for name, thing in public.items() if inspect.ismodule(thing)}
    inside = {f"{room}.{name}": getattr(module, name) for room, module in rooms.items() for name in module.__all__}
    truth = {name: inside.pop(name) for name in [*inside] if name.startswith("pl.suites.")}
    named = {name: thing for name, thing in public.items() if name not in rooms}
    failures = {name: thing for name, thing in named.items() if inspect.isclass(thing) and issubclass(thing, BaseException)}
    functions = {name: thing for name, thing in named.items() if inspect.isfunction(thing)}
    maskers = {name: thing for name, thing in inside.items() if inspect.isclass(thing)}
    drawn = {name: thing for name, thing in inside.items() if inspect.isfunction(thing)}
    kept = {name: thing for name, thing in named.items() if thing.__module__ == records.__name__}
    kept |= {"pl.ModelComparison": pl.ModelComparison, "pl.FileInfo": pl.FileInfo}
    told = (Shapley, Interactions, Sets, MethodTable, MethodInfo, Outputs, Agreement)
    kept |= {f"{thing.__module__}.{thing.__name__}": thing for thing in told}
    rest = {name: thing for name, thing in named.items() if not {name} & {*failures, *functions, *kept}}
    authors = (declare.parameter, declare.Method, declare.Passes, declare.Attribution, declare.AtInput, declare.Reference)
    within = {f"{thing.__module__}.{thing.__qualname__}": thing for thing in (*authors, view.Gradient, view.LayerInfo)}
    return NOTICE + "\n".join(
        [
            "# API\n",
            "`import pellucid as pl` brings everything that is written with `pl.` here.\n",
            *section("Functions", functions),
            *section("What they take", rest),
            *section("What removed features become", maskers),
            *section("Plots", drawn),
            *section("Ground truth", truth),
            *section("What they return", kept),
            "## Errors\n",
            "[The page of errors](errors.md) says what to do about each.\n",
            *(
                f"- `{name}` ({', '.join(base.__name__ for base in kind.__bases__)}): {kind.__doc__}"
                for name, kind in failures.items()
            ),
            "",
            *section("For authors of methods", within),
        ]
    )


def section(title: str, members: dict[str, Any]) -> list[str]:
    """A heading and its entries."""
    return [f"## {title}\n", *(entry(name, thing) for name, thing in members.items())]


def entry(name: str, thing: Any) -> str:
    """Heading, signature and docstring of one name, and of its own public methods."""
    lines = [f"### {name}\n", *signature(thing), markdown(inspect.getdoc(thing) or "")]
    if inspect.isclass(thing):
        lines += [member(thing.__name__, key, held) for key, held in vars(thing).items() if is_documented(key, held)]
    return "\n".join(lines)


def is_documented(key: str, held: Any) -> bool:
    """Whether a class attribute is a public method or property with something to say."""
    public = not key.startswith("_") or key == "__getitem__"
    return public and (inspect.isfunction(held) or isinstance(held, (property, classmethod))) and bool(inspect.getdoc(held))


def member(owner: str, key: str, held: Any) -> str:
    """One method or property as an item of a list."""
    called = held.__func__ if isinstance(held, classmethod) else held
    shown = f"{owner}.{key}" if isinstance(held, property) else f"{owner}.{key}({arguments(called, skip=1)})"
    return f"**`{shown}`**\n\n{markdown(inspect.getdoc(called) or '')}"


def signature(thing: Any) -> list[str]:
    """How it is called, one argument per line where there are many; the attributes of a protocol."""
    if inspect.isclass(thing) and not dataclasses.is_dataclass(thing):
        return ["```text", *(f"{name}: {spelled(held)}" for name, held in inspect.get_annotations(thing).items()), "```\n"]
    inside, name, returns = arguments(thing), thing.__qualname__, inspect.signature(thing).return_annotation
    if len(name) + len(inside) > 100:
        inside = "\n    " + re.sub(r", (?=\w+: |\*)", ",\n    ", inside) + ",\n"
    arrow = "" if inspect.isclass(thing) or returns in ("Any", Any, inspect.Signature.empty) else f" -> {spelled(returns)}"
    return [f"```text\n{name}({inside}){arrow}\n```\n"]


def arguments(thing: Any, skip: int = 0) -> str:
    """The arguments of a signature in one line, annotations without quotes."""
    shown: list[str] = []
    for parameter in list(inspect.signature(thing).parameters.values())[skip:]:
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in shown:
            shown.append("*")
        prefix = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
        text = prefix + parameter.name
        if parameter.annotation is not parameter.empty:
            text += f": {spelled(parameter.annotation)}"
        if parameter.default is not parameter.empty:
            factory = type(parameter.default).__name__ == "_HAS_DEFAULT_FACTORY_CLASS"
            text += f" = {'{}' if factory else repr(parameter.default)}"
        shown.append(text)
    return ", ".join(shown)


def spelled(annotation: Any) -> str:
    """A type as it is written in the source."""
    if isinstance(annotation, str):
        return annotation
    if getattr(annotation, "__module__", "") == "builtins" and inspect.isclass(annotation):
        return annotation.__name__
    return str(annotation).replace("typing.", "").replace("pellucid.core.targets.", "")


def markdown(doc: str) -> str:
    """A NumPy-style docstring as Markdown."""
    opening, *rest = SECTION.split(doc.rstrip() + "\n")
    parts = [code(opening.strip()), ""]
    for title, body in zip(rest[::2], rest[1::2], strict=True):
        told = fence(body) if title == "Examples" else f"{code(body.strip())}\n" if title == "Notes" else items(body)
        parts += [f"*{title}*\n", told]
    return "\n".join(parts)


def items(body: str) -> str:
    """Names with indented descriptions as a list."""
    found: list[tuple[str, list[str]]] = []
    for line in body.strip().splitlines():
        if line and not line.startswith(" "):
            found.append((line, []))
        elif line.strip():
            found[-1][1].append(line.strip())
    return "\n".join(f"- `{name}`{': ' if said else ''}{code(' '.join(said))}" for name, said in found) + "\n"


def code(text: str) -> str:
    """Double backticks of docstrings as Markdown's single ones."""
    return text.replace("``", "`")


def fence(examples: str) -> str:
    """Interactive examples as a block."""
    return f"```pycon\n{examples.strip()}\n```\n"


def error_tree() -> str:
    """The tree that opens errors.py."""
    tree = (errors.__doc__ or "").partition("::\n")[2]
    return f"```text\n{inspect.cleandoc(tree)}\n```\n"


def bibliography() -> dict[str, dict[str, str]]:
    """The entries of the bibliography: fields by key."""
    text = BIBLIOGRAPHY.read_text(encoding="utf-8")
    entries = re.findall(r"^@\w+\{(\w+),\n(.*?)^\}", text, re.MULTILINE | re.DOTALL)
    return {key: dict(re.findall(r"^  (\w+) = \{(.*)\},$", fields, re.MULTILINE)) for key, fields in entries}


def bibliography_page() -> str:
    """Everything that is cited, by key."""
    intro = "The works that methods and pages cite, by key. `src/pellucid/bibliography.bib` holds them as BibTeX.\n\n"
    lines = [f'- <a id="{key}"></a>`{key}`: {full_reference(held)}' for key, held in sorted(bibliography().items())]
    return NOTICE + "# Bibliography\n\n" + intro + "\n".join(lines) + "\n"


def full_reference(held: dict[str, str]) -> str:
    """Authors, title, venue, year and links of one entry."""
    venue = held.get("journal") or held.get("booktitle") or "Preprint"
    volume = f" {held['volume']}" if "volume" in held else ""
    where = f"{venue}{volume}{', ' + held['pages'].replace('--', '-') if 'pages' in held else ''}"
    links = [f"[doi:{held['doi']}](https://doi.org/{held['doi']})"] if "doi" in held else []
    links += [f"[arXiv:{held['eprint']}](https://arxiv.org/abs/{held['eprint']})"] if "eprint" in held else []
    return f"{listed(authors(held))}. *{held['title']}*. {where}, {held['year']}. {', '.join(links)}"


def table_of_gates() -> str:
    """What each gate of a trust card asks, and its limits."""
    lines = ["| gate | what is asked | passed | failed | what it means otherwise |", "| --- | --- | --- | --- | --- |"]
    for check in CHECKS:
        beyond = f"{'above' if check.good < check.bad else 'below'} {check.bad:g}"
        failed = beyond if math.isfinite(check.bad) and check.fail else "never"
        told = " / ".join(part for part in (check.caution, check.fail) if part)
        lines.append(f"| {check.name} | {check.asks} | {check.limit} | {failed} | {told} |")
    return "\n".join(lines) + "\n\n"


def table_of_metrics(page: str) -> str:
    """One line per metric of the catalog, group by group."""
    lines = ["| metric | of | what it says | better | source |", "| --- | --- | --- | --- | --- |"]
    for metric in catalog.METRICS:
        better = {"higher": "higher", "lower": "lower", "none": "neither"}[metric.direction]
        cited = ", ".join(short_reference(key) for key in metric.cite)
        link = f"[`{metric.name}`]({page}#{anchor(metric.name)})"
        lines.append(f"| {link} | {metric.group} | {metric.summary} | {better} | {cited} |")
    return "\n".join(lines) + "\n\n"


def pictures() -> None:
    """Draw the trust card in the README: the map of the demo's cat by integrated gradients."""
    network, cat = efficientnet_lite0(), [read_picture(photos()["chelsea"])]
    card = pl.trust(pl.explain(network, cat, steps=16), network)
    path = DOCS / "images" / "trust.png"
    pl.plots.card(card).savefig(path, dpi=110)
    sys.stdout.write(f"wrote: {path.relative_to(ROOT)}\n{card.verdict}\n")


def authors(held: dict[str, str]) -> list[str]:
    """Names as they are spoken: given names first."""
    return [" ".join(reversed(name.split(", "))) for name in held["author"].split(" and ")]


def listed(names: Iterable[str]) -> str:
    """Names joined by commas and an "and"."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def reference(key: str) -> str:
    """A citation in a list: in full, with its key."""
    return f"{full_reference(bibliography()[key])} (`{key}`)"


def short_reference(key: str) -> str:
    """A citation in a table: first author and year, linked to the work."""
    held = bibliography()[key]
    family = [name.split(", ")[0] for name in held["author"].split(" and ")]
    who = family[0] if len(family) == 1 else f"{family[0]} and {family[1]}" if len(family) == 2 else f"{family[0]} et al."
    link = f"https://doi.org/{held['doi']}" if "doi" in held else f"https://arxiv.org/abs/{held['eprint']}"
    return f"[{who} {held['year']}]({link})"


def anchor(method: str) -> str:
    """Where a method's section begins; the anchor that a heading gives would be the same for grad-cam and grad-cam++."""
    return method.replace("++", "-plus-plus")


if __name__ == "__main__":
    sys.exit(main())
