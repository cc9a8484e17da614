"""Pure mathematics on arrays, with no model in sight.

quadrature (fixed rules on an interval); refinement (nodes added where they pay, until an integral is accurate); draws (random
numbers keyed by seed); resample (resizing as matrix products); blur (diffusion by any amount per row); rows (sums over packed
rows). Array-API namespaces throughout; host decisions in NumPy float64.
"""
