"""The map engine: the channels of a layer, weighted and brought to the size of the input.

grad_cam and grad_cam_plus_plus declare one method each, by their weights; weighting does the rest for all of them.
"""
