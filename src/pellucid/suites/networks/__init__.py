"""The networks of suites, the only files here that know a framework (torch), imported when the first one is built: training.py
(seeded, and without a trace), closed.py (weights set by hand), dense.py (of rows of numbers),
convolutional.py (of pictures).
"""
