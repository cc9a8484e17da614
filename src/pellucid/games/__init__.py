"""Cooperative games: what coalitions of features are worth, and who of them earned it.

``game.py`` what a game is · ``play.py`` a game played within a budget, to a tolerance · ``estimators/`` one file each
"""
