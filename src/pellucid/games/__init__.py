"""Cooperative games: what coalitions of features are worth, and who of them earned it.

``game.py`` what a game is · ``shapley.py`` values of a bare function · ``play.py`` a game played within a budget, to a tolerance
``estimator.py`` what an estimator is · ``pairs.py`` its design · ``estimators/`` one file each · ``proxies.py`` of regressors
"""
