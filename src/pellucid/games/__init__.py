"""Cooperative games: what coalitions of features are worth, and who of them earned it.

What is played: ``game`` (what a game is), ``asked`` (of a bare function), ``masked`` (a model's), ``maskers/`` (what removing
means). Values: ``shapley`` (of a bare function), ``banzhaf``; ``play`` (within a budget, to a tolerance, in ``rounds``),
``estimator`` (what one is), ``pairs`` (its design), ``estimators/``, ``proxies`` (values of regressors). Interactions:
``interactions`` (of a bare function), ``indices``, ``derivatives`` (exact), ``joint`` and ``surrounding`` (estimated). Linear
models of a game: ``nearness`` (kernel and design), ``surrogate`` (fit).
"""
