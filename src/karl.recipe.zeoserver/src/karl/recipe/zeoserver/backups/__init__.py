"""Backups: chains in repozo's format with blobs, whole or invisible."""
