"""Distribution files: the pool, lock files that name them, wheels, metadata."""
