"""What explains again in order to judge.

Two models on the same samples: models.py (the verb ``compare_models``) brings the samples from one to the other (reaching.py),
looks at both (looking.py, outputs.py), picks a method (choosing.py) and puts their explanations on common places (common.py);
comparison.py is the record of it, with noise.py, findings.py and words.py. Scores of one explanation: evaluate.py (the verb),
measuring.py (what metrics ask for), again.py (the method, asked again).
"""

from .comparison import ModelComparison
from .evaluate import evaluate
from .models import compare_models

__all__ = ["ModelComparison", "compare_models", "evaluate"]
