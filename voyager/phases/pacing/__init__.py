"""How many workers write into the target at the same time."""
