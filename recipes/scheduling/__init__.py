"""A chosen schedule: the search, what it found, and how it is told and drawn."""
