"""The game engine: features are removed, and the target is watched.

One at a time: leave_one_out, occlusion (a sliding window). Coalitions (playing: the games of a batch): shapley, banzhaf,
shapley_interactions, lime. Random masks: rise. Rows drawn around the sample (neighbourhood): linear_surrogate.
"""
