"""What explains again in order to judge.

Two models on the same samples: two_models/ (the verb ``compare_models``). Scores of one explanation: evaluating.py (the verb),
measuring.py (what metrics ask for), again.py (the method, asked again; memory.py keeps what it said), truth.py (what should be
found), places.py (layers by name). Whether it can be trusted: trusting.py (the verb), gates.py, policies.py.
Which method: comparing.py and advising.py (the verbs), auto.py (``explain``, which asks for
advice for ``"auto"``), with shortlist.py and trial.py (methods that are measured on some samples).
"""

from .advising import Advice, advise
from .auto import explain
from .comparing import Comparison, compare
from .evaluating import evaluate
from .trusting import Settings, trust
from .two_models import ModelComparison, compare_models

__all__ = [
    "Advice",
    "Comparison",
    "ModelComparison",
    "Settings",
    "advise",
    "compare",
    "compare_models",
    "evaluate",
    "explain",
    "trust",
]
