"""Server processes: what runs in one, and how they are reached and controlled."""
