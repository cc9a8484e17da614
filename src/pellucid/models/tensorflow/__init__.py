"""The TensorFlow adapter: modules, saved models, functions of tensors; Keras models on this backend stand on its view.

view (passes and gradients) of a program (what is asked of a model): step is one pass as it is traced, with derivatives and
wishes (targets) in it; compiled keeps traced passes with the model; arrays, state and nonfinite serve these. function is the
program of what has a call or a signature, with signature, batches (for one number of rows), baked (TensorFlow, as models.baked
must know it) and kept (attributes put back); weights_anew draws variables.
"""
