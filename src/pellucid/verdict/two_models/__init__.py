"""Two models on the same samples: comparing.py (the verb ``compare_models``) brings the samples from one to the other
(reaching.py), looks at both (looking.py, outputs.py), picks a method (choosing.py) and puts their explanations on common places
(common.py). comparison.py is the record of it; caveats.py is what it must be read with, words.py its sentences.
"""

from .comparing import compare_models
from .comparison import ModelComparison

__all__ = ["ModelComparison", "compare_models"]
