"""The judge of Oracle: its issues as rows, and the modules that find them by topic."""
