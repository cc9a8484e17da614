"""Pure mathematics on arrays, with no model in sight.

Integrals: quadrature (fixed rules on an interval), refinement (nodes added where they pay, until an integral is accurate). Maps:
resample (resizing as matrix products), blur (diffusion by any amount per row), grid_masks (smooth random masks). Rows: rows (sums
over packed rows), draws (random numbers keyed by seed). Coalitions: coalitions (drawn without replacement, packed),
balanced_pairs (designs), odd_kernels (covariances of odd games). Regression: weighted_fit, subset_selection. Machine: threads
(small linear algebra on one).

Array-API namespaces throughout; host decisions in NumPy float64.
"""
