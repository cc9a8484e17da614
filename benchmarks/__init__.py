"""Speed as ratios: every contender in one run, interleaved, on the same rows, against the model's own passes.

harness (timing and tables); gradients (saliency, integrated gradients, Grad-CAM). ``python -m benchmarks`` runs all and writes
``benchmarks/results``.
"""
