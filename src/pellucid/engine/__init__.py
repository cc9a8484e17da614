"""Running a method on a model: the only place that knows both.

run (the verb ``explain``); opening (from a model and samples to passes); schema (whose features are explained); passes (batches,
budget, cost, memory; blocks joins what they gave, finite refuses NaN, words turns what a model raises into an error); baselines;
tune (batch size and memory format); evidence (what each explanation says of itself); progress.
"""
