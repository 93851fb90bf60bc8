"""Releases: wheels unpacked once, linked into a tree, sealed, and verified."""
