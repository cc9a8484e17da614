"""Files of models, from strangers: what they hold, found out without running any of it, and models made of those that are safe.

info is the question, record its answer; recognise says by content which kind a file is, and kinds what a kind is. One file for
each: safetensors_file, torch_file, exported_file, keras_file, hdf5_file, onnx_file, skops_file, pickle_file, saved_model. What
they share: archive (zip), pickles and tensors (read without unpickling), hdf5 with its process hdf5_child, keras_config,
exported_program (words checked one by one), libraries (new enough, on a backend).
"""
