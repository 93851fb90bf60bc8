"""The upgrade of a site: software and data go live together."""

__version__ = "0.1.0"
