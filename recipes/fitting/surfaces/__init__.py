"""``lehr fit`` for laws of the loss by parameters and tokens."""
