"""Estimators of the values of a game, one file each; they know no model."""
