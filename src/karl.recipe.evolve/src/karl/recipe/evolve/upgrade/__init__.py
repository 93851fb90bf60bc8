"""The upgrade of a site: software and data go live together, or nothing does."""
