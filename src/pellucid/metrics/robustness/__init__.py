"""Whether the map stays where the input hardly changes.

max_sensitivity, average_sensitivity, local_lipschitz, relative_input_stability, relative_output_stability,
relative_representation_stability.
"""
