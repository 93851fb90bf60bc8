"""Evolving a database: the process that runs pending steps with a release's software.

It runs in the release's own interpreter, so it needs nothing but the standard library
and ZODB, and shares no code with the commands that start it.
"""
