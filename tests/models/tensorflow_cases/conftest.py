"""These run in a process of their own, with TensorFlow as the backend of Keras: see ``test_tensorflow.py``."""

import os

collect_ignore_glob = [] if "TENSORFLOW_CASES" in os.environ else ["*"]
