"""The command line, ``pellucid``.

main is the app: errors in one sentence, exit codes; explain, trust, evaluate, compare, advise, compare_models, benchmark, info,
report, methods and demo are its commands. asked gathers the options that the first five share into a job, which says what to
run, and with which command to run it again; choosing fills in methods that were left open; options, typed and masking read
parameters and maskers off their declarations; inputs, delimited (tables) and players read samples and features; destinations,
tables, cards (trust), comparisons (two models), terminal are what comes out.
"""

from .main import app

__all__ = ["app"]
