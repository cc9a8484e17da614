"""The command line, ``pellucid``.

main is the app: errors in one sentence, exit codes; explain, report, methods and demo are its commands, one file each.
job says what to run and with which command to run it again; options, inputs, destinations, tables, terminal are its edges.
"""

from .main import app

__all__ = ["app"]
