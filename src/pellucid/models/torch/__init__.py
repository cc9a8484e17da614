"""The PyTorch adapter.

view (passes over whatever computes with tensors); module (an nn.Module, and exported programs) and layers (those inside it);
state (holding a module still, and giving it back as it was); prefix (what comes before a layer, kept from one row); nonfinite
(finding the layer that made the first NaN); weights (state dicts on disk) and weights_anew (drawn ones); shifted_input
(a shift taken off again); exported (modules of .pt2 files).
"""
