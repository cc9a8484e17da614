"""One self-contained HTML page about explanations: write.py (the verb ``report``), summary.py (plain records to show) from
groups.py and labels.py (what belongs to one sample), encode.py (maps and pictures), network.py, trust.py (trust cards),
compared.py (comparisons of methods) and words.py (``findings``);
page.py with report.html, report.css and report.js draws the records, and only them.
"""

from .words import findings
from .write import report

__all__ = ["findings", "report"]
