"""Frozen indexes: resolved, written, proven whole, fetched, compared, served."""
