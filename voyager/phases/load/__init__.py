"""The rows of an export on their way into the target: planned, loaded once, accounted for."""
