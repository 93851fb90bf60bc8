"""What everything stands on: files, locks, processes, errors, places, names.

Standard library only; the other distributions of the suite may import it.
"""
