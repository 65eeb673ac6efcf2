"""The sources of an entry, as BibTeX."""
