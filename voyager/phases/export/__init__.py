"""The parts of an export: what reads them, where they are written, and how an export goes on."""
