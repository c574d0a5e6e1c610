"""Files of rows that other programs wrote: where they are, how they are read, and where one row ends."""
