"""``lehr fit`` for laws of the loss at every step."""
