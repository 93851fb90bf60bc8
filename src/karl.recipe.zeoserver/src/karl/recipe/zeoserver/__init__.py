"""ZEO servers, database copies and backups: to come."""

__version__ = "0.1.0"
