"""The flax adapter: modules of linen and nnx on the view of JAX.

adapter (which of the two a model is); linen (a module and its variables); nnx (modules that hold their state) and calls (theirs,
seen from outside); modes (how either is told that it is not training, and how inputs become arguments); affine (what a layer
gives for zero); weights_anew (drawn ones).
"""
