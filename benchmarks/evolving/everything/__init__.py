"""A package whose step is written with the library, but names all indexes."""

VERSION = 1
