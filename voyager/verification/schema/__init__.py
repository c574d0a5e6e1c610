"""Whether every object of the source has its counterpart in the target: catalogs asked, compared and judged."""
