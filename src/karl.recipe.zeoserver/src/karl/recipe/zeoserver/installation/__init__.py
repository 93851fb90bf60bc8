"""Writing what the servers and commands need: what the recipe does."""
