"""Modules that import Keras are not looked at for doctests: this process has chosen no backend."""

collect_ignore_glob = ["in_*.py"]
