"""Writing what a site's commands and processes need: what the recipe does."""
