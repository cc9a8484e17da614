"""Whether the map depends on what the network has learned: gates, never rankings.

With new weights: parameter_randomisation, smooth_parameter_randomisation, efficient_parameter_randomisation (new_weights is what
they share). Of another output: random_logit.
"""
