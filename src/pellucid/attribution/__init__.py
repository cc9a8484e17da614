"""Methods that attribute an output to inputs or layers, one small file each, grouped by the engine that computes them.

path (expectations of gradients along a path or around the input); cam (weightings of a layer's channels). Each file declares
one method; the files that several share are named for what they compute.
"""
