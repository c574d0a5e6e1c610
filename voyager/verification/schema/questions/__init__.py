"""What a catalog is asked: one kind of object, one .sql file beside this one.

Each follows the words that set the scope (scope, others, members, collations), and returns schema_name, table_name and
object_name, which are the same on both ends, then facts that are the same on both ends when the objects are. What an
earlier server does not know is read through to_jsonb: NULL for a column that is not there.
"""
