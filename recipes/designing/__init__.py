"""``lehr design``: the small runs that forecast a large one, as recipes."""
