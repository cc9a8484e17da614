"""The suites, one file each: logic.py, clusters.py, patterns.py (of tetrominoes.py), grid_pointing.py and watermark.py (of
digits.py), tabular.py. Each has a function ``build``.
"""
