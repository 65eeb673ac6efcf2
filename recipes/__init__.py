"""From configuration to files: the catalogue read, projections made, reports and plans written."""
