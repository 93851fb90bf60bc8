"""The data version of Acme's customization; step N is ``evolveN``."""

VERSION = 1
