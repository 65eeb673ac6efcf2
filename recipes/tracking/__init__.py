"""A running job's log beside its forecast."""
