"""Run every benchmark and write its table."""

from . import gradients, harness


def main() -> None:
    harness.write("gradients", gradients.TITLE, gradients.run())


if __name__ == "__main__":
    main()
