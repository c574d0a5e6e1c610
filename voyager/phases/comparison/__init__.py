"""What verify compares, how one attempt at it runs, and what it came to."""
