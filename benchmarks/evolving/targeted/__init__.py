"""A package whose step is written with the library."""

VERSION = 1
