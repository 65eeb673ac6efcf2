"""Rehearsals: a recipe trained for real, small, and held against its own plan."""
