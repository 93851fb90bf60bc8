"""What is declared: the storages of all sites, and where everything is."""
