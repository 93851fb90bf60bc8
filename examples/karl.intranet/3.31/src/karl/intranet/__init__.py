"""A small intranet: communities, wiki pages, files, people, and search."""
