"""Reading other tools' descriptions of a network."""
