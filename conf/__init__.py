"""The config root, importable as ``lehr.conf`` (``pkg://lehr.conf`` in a search path)."""

__version__ = "2026.11"
"""The edition of the catalogue, by year and month; the program has a version of its own."""
