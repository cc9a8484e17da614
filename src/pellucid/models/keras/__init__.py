"""The Keras 3 adapter: adapter picks the backend's file (on_torch, on_jax, on_tensorflow); network is what these share.

graph is what a model says of itself; arguments reads the user's data and calls the model, layers shows and edits layers, head
finds a last softmax or sigmoid, state puts back what a pass writes, weights_anew draws weights.
"""
