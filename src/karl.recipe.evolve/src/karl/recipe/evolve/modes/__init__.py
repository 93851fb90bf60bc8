"""A site's mode, and what its application answers in each: standard library only."""
