"""Distribution files: the pool, the lock files that name them, their metadata."""
