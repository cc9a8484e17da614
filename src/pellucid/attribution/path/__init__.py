"""The path engine: expectations of gradients over points between a baseline and the input, or around the input.

Read at the sample: saliency, input_x_gradient, output_gradient. Integrated along curves (curves, integration):
integrated_gradients, blur_ig, conductance, internal_influence (reading finds their layer), integrated_hessians. Averaged over
draws (sampling, noise): smoothgrad, smoothgrad_squared, vargrad, expected_gradients. Stepwise: guided_ig.
"""
