"""Many jobs of one report: composed once, merged, projected, and written as one result."""
