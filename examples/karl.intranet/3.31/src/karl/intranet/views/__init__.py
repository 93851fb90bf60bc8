"""What each kind of content looks like, and how it is edited."""
