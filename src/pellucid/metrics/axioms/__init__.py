"""What an attribution promises, asked of the numbers.

completeness, dummy, symmetry, non_sensitivity, input_invariance; toggled is what they share.
"""
