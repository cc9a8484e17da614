"""The ONNX adapter: onnxruntime computes, and the graph is cut where one looks inside.

adapter (what is read of a model); view (passes over rows); feeds (what the graph takes, of a user's data); answers (which of its
outputs are explained); graph (its nodes by name, and parts of it); layers (these as ``models.layers.Layers``); runtime (sessions
of parts, and calls of the size that a graph was made for); network (what is remembered of a model); gradient (the graph as a
torch module, where onnx2torch is installed); files (reading without leaving the model's folder);
weights_anew (copies with drawn weights).
"""

from ...core.extras import require

for _module in ("onnx", "onnxruntime"):
    require(_module, "onnx", "a model of ONNX")
