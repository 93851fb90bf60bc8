"""A site: its revisions, the switch between them, and its own commands."""
