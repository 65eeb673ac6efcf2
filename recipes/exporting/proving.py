"""Holding an export against the trainer itself."""
