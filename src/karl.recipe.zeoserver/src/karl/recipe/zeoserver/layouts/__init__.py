"""Every place on disk, as a property of a layout; nobody else joins a path."""
