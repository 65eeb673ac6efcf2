"""One page over the whole catalogue, to search, filter and compare."""
