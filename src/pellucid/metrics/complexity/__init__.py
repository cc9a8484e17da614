"""How simple the map is.

sparseness, entropy, effective_complexity.
"""
