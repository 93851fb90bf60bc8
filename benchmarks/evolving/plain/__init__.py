"""A package whose step is a plain function."""

VERSION = 1
