"""The JAX adapter: functions of arrays; flax modules and Keras models on this backend stand on its view.

view on running (one program while it is explained), compiled (passes, kept with the model), parts (batches in calls of compiled
sizes), gradients (one pass with its derivatives) and slopes (where these begin); function (plain functions); arrays and outputs
(in and out); depends (zeros by construction); nonfinite (finding the layer that made the first NaN);
weights_anew (drawn parameters).
"""
