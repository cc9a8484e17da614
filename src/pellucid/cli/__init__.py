"""The command line, ``pellucid``.

main is the app: errors in one sentence, exit codes; explain, compare_models, info, report, methods and demo are its commands.
job says what to run and with which command to run it again; options, typed and masking read parameters and maskers off their
declarations; inputs, delimited (tables) and players read samples and features; destinations, tables, comparisons,
terminal are what comes out.
"""

from .main import app

__all__ = ["app"]
