"""The map engine: the channels of a layer, weighted and brought to the size of the input.

cam, grad_cam, grad_cam_plus_plus, xgrad_cam, hires_cam, layer_cam, eigen_cam, eigen_grad_cam, score_cam, ablation_cam, full_grad
declare one method each. layers finds what to read and grids how (feature maps, tokens); weighting makes maps and joins layers;
projection, masking and decomposition are what single methods need.
"""
