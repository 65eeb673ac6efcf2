"""The catalogue as data for others: one row a value, with who said it."""
