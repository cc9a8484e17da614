"""Ground truth: networks of which it is known what they look at, and a run of all methods through them.

built/ has the suites, one file each; shelf.py finds them by name. case.py: what a suite is made of; scoring.py: how near an
attribution comes; enumeration.py: true values of a formula; controls.py: maps that know no model; asking.py: how each method is
asked; running.py, rows.py, intervals.py, results.py, words.py: the run and its table; judging.py, ranking.py, judgement.py:
metrics in the place of methods. networks/ has the networks (torch), built when first needed (building.py), from random numbers
of their own (draws.py).
"""

from .case import Case, Suite
from .judgement import Judgement, Ranked, Standing
from .judging import judge
from .results import Result, Results
from .running import run
from .shelf import clusters, grid_pointing, load, logic, names, patterns, tabular, watermark, xor

__all__ = [
    "Case",
    "Judgement",
    "Ranked",
    "Result",
    "Results",
    "Standing",
    "Suite",
    "clusters",
    "grid_pointing",
    "judge",
    "load",
    "logic",
    "names",
    "patterns",
    "run",
    "tabular",
    "watermark",
    "xor",
]
