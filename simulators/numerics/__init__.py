"""Small numerical methods, each once: searches, robust least squares, Student's distribution."""
