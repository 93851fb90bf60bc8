"""The data version of this software; each step from N-1 to N is ``evolveN``."""

VERSION = 1
