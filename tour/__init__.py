"""A tour of the suite: everything, with real processes, on this machine."""
