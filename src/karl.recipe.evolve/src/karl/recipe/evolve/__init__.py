"""The upgrade of a site, software and data together: to come."""

__version__ = "0.1.0"
