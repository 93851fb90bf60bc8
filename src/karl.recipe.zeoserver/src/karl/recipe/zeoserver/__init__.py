"""ZEO servers, database copies and backups of all sites, from one place."""

__version__ = "1.0.0"
