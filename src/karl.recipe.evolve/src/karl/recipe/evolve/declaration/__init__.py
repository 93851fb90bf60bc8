"""What the buildout says of a site's upgrade and processes, and where all is."""
