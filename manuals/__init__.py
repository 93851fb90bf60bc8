"""The man pages and the completion of the commands, made from their parsers.

``python -m manuals`` writes them into the packages of the commands, from where the
recipes put them beside the commands.  It needs all that the commands import, which
the machine that installs them has not: so they are kept, and a test says when they
are not what the parsers give any more.
"""
