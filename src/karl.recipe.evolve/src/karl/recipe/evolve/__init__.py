"""The upgrade of a site: software and data go live together."""

__version__ = "1.0.0"
