"""PEP 517 builds: publishing, and wheels linked to the libraries of the system."""
