"""What can be done to a storage: one lock, one journal, one plan each."""
