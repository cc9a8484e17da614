"""The PyTorch adapter.

view (passes, layers, embeddings); state (holding a module still, and giving it back as it was); hooks (reading and replacing
the outputs of layer calls); prefix (what comes before a layer, kept from one row); nonfinite (finding the layer that made the
first NaN); weights (state dicts on disk).
"""
