"""Which queries got slower: what pg_stat_statements of source and target have counted, put side by side."""
