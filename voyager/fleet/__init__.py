"""Fleet: many databases assessed together, each in a directory of its own, compared and reported as one."""
