"""The catalogue: every file under the config roots, read directly and decoded."""
