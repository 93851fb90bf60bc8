"""The processes of a site: what runs them, and the command ``site``."""
