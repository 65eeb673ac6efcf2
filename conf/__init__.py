"""The config root, importable as ``recipes.conf`` from a wheel (``pkg://recipes.conf`` in a search path)."""
