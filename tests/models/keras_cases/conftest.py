"""These run in a process of their own for each backend of Keras: see ``test_keras.py``."""

import os

collect_ignore_glob = [] if "KERAS_CASES" in os.environ else ["*"]
