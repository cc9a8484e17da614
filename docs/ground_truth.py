"""Runs all methods through all suites and writes what was found: a region of ground-truth.md, a CSV file, a figure.

``python docs/ground_truth.py`` takes some minutes. What the page says about the table in words is written by hand.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pellucid as pl

DOCS = Path(__file__).resolve().parent
PAGE, TABLE, FIGURE = DOCS / "ground-truth.md", DOCS / "ground-truth.csv", DOCS / "images" / "ground-truth.png"
BEGIN, END = "<!-- begin: results -->\n", "<!-- end: results -->"


def main() -> int:
    """Run, and write what was found."""
    results = pl.suites.run()
    write(results)
    return 0


def write(results: pl.suites.Results) -> None:
    """Exchange the region of the page, and write the files beside it."""
    before, begin, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{PAGE} has no region for results")
    tables = results.markdown().replace("\n## ", "\n### ").removeprefix("## ")
    PAGE.write_text(f"{before}{BEGIN}### {tables}{END}{after}", encoding="utf-8")
    results.to_csv(TABLE)
    results.plot().savefig(FIGURE, dpi=100)


if __name__ == "__main__":
    sys.exit(main())
