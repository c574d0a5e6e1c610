"""The state machine of a migration: a table of phases, what may happen next, and why. Knows nothing of databases."""
