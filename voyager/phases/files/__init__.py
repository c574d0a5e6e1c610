"""Rows that other programs wrote into files, on their way into the target."""
