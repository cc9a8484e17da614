"""scikit-learn: adapter (an estimator as a view); outputs (what of it is explained: asked, the record; classifiers); parts
(pipelines and searches, opened); tables (in which form it takes rows); gradients (its derivative, where its parts have one:
pieces, affine, linear, networks); weights_anew (drawn ones).
"""
