"""The path engine: expectations of gradients over points between a baseline and the input, or around the input.

saliency, input_x_gradient, output_gradient, integrated_gradients, smoothgrad declare one method each;
integration (refined until the map is accurate) and sampling (until the standard error is small) compute for them.
"""
