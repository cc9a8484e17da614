"""Run every benchmark and write its table: ``python -m benchmarks``, or some of them by name."""

import sys

from . import agreement, gradients, harness, nodes, wide

ALL = {
    "gradients": lambda: harness.write("gradients", gradients.TITLE, gradients.run()),
    "nodes": lambda: nodes.write(nodes.run()),
    "wide": lambda: wide.write(wide.run()),
    "agreement": lambda: agreement.write(agreement.run()),
}


def main() -> None:
    for name in sys.argv[1:] or ALL:
        ALL[name]()


if __name__ == "__main__":
    main()
