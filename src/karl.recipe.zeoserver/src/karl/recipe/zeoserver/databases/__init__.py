"""Database copies: their state, their Data.fs and their blobs."""
