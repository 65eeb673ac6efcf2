"""The config root, importable as ``lehr.conf`` (``pkg://lehr.conf`` in a search path)."""
