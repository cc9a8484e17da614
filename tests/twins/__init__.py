"""The same networks, from the same weights, in every framework; for tests that compare frameworks.

``weights`` draws weights and inputs, ``places`` says which layers correspond, ``*_nets`` build the small networks,
``efficientnet*`` a trained one of real size, ``in_process`` runs a function under one Keras backend.
"""
