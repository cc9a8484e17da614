"""Runs all methods through all suites and writes what was found: a region of ground-truth.md, a CSV file, a figure.

``python docs/ground_truth.py`` takes some minutes; ``python docs/ground_truth.py metrics`` writes the table of metrics alone.
What the page says about the tables in words is written by hand.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pellucid as pl
from pellucid import catalog

DOCS = Path(__file__).resolve().parent
PAGE, TABLE, FIGURE = DOCS / "ground-truth.md", DOCS / "ground-truth.csv", DOCS / "images" / "ground-truth.png"
COSTLY = ("normalised-aopc", "irof", "road")
METRICS = [each.name for each in catalog.METRICS if each.group == "faithfulness" and not each.asks and each.name not in COSTLY]


def main(asked: list[str]) -> int:
    """Run, and write what was found."""
    if asked != ["metrics"]:
        write(pl.suites.run())
    exchange("metrics", pl.suites.judge(metrics=METRICS, samples=4).markdown())
    return 0


def write(results: pl.suites.Results) -> None:
    """Exchange the region of the page, and write the files beside it."""
    tables = results.markdown().replace("\n## ", "\n### ").removeprefix("## ")
    exchange("results", f"### {tables}")
    results.to_csv(TABLE)
    results.plot().savefig(FIGURE, dpi=100)


def exchange(region: str, text: str) -> None:
    """Write a region of the page anew."""
    before, begin, rest = PAGE.read_text(encoding="utf-8").partition(f"<!-- begin: {region} -->\n")
    _, end, after = rest.partition(f"<!-- end: {region} -->")
    if not begin or not end:
        raise ValueError(f"{PAGE} has no region {region!r}")
    PAGE.write_text(f"{before}{begin}{text}{end}{after}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
