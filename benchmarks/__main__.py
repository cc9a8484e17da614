"""Run every benchmark and write its table: ``python -m benchmarks``, or some of them by name.

All libraries share one process and one allocator, which is told to keep the memory that it once had: by default it is mapped
anew at each call, and what is measured then is the operating system.
"""

import os
import sys

from . import adapters, agreement, gradients, harness, lime, metrics, nodes, removal, shapley, wide

ALL = {
    "gradients": lambda: harness.write("gradients", gradients.TITLE, gradients.run()),
    "nodes": lambda: nodes.write(nodes.run()),
    "wide": lambda: wide.write(wide.run()),
    "agreement": lambda: agreement.write(agreement.run()),
    "removal": lambda: harness.write("removal", removal.TITLE, removal.run(), "lime"),
    "lime": lime.run,
    "metrics": lambda: harness.write("metrics", metrics.TITLE, metrics.run(), "quantus"),
    "adapters": lambda: harness.write(
        "adapters", adapters.TITLE, adapters.run(), "keras", "tensorflow-cpu", "jax", "flax", "onnxruntime"
    ),
    "shapley-errors": shapley.accuracy,
    "shapley-seconds": shapley.time_taken,
}


KEEPS = {"MALLOC_MMAP_THRESHOLD_": str(2**33), "MALLOC_TRIM_THRESHOLD_": str(2**34)}


def main() -> None:
    if not KEEPS.keys() <= os.environ.keys():
        os.execve(sys.executable, [sys.executable, "-m", "benchmarks", *sys.argv[1:]], {**os.environ, **KEEPS})
    for name in sys.argv[1:] or ALL:
        ALL[name]()


if __name__ == "__main__":
    main()
