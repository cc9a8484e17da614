"""Where frameworks are known, and nowhere else: models seen through ``core.view.ModelView``.

lookup finds the adapter of a model; wrap states what cannot be inferred; reading checks a user's data; images prepares
pictures; naming and loading open models by name and from files/, without running code from these. Arrays are computed by
torch/, jax/ (with padding), tensorflow/ and host (NumPy); layers says what a library of layers promises, and inside finds out
about them. On these stand keras/, flax/, onnx/, sklearn/ and function, each imported when a model of its kind is first seen.
What frameworks share: turns (threads), baked and identity (what compiled passes depend on), refusals and broken (words).
randomise draws weights anew; shifted takes a shift of the input off again.
"""
