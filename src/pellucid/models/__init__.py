"""Where frameworks are known, and nowhere else: models seen through ``core.view.ModelView``.

lookup finds the adapter of a model; wrap states what cannot be inferred; reading checks a user's data; images prepares
pictures; naming and loading open models by name and from files, without running code from these; torch/ and jax/ are the
adapters of frameworks, imported when a model of theirs is first seen; function is that of any function of a batch.
"""
