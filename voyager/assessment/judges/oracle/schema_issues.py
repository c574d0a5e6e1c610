"""Issues of what a schema of Oracle is made of: tables, keys, indexes, partitions, sequences, types and names."""

from __future__ import annotations

from voyager.schema.issues.issue import CAVEATS, FEATURES, Issue

LINK = "https://docs.yugabyte.com/stable/yugabyte-voyager/known-issues/oracle/"


def _row(id: str, name: str, impact: int, says: str, advice: str, category: str = CAVEATS) -> Issue:
    return Issue(
        id=id, name=name, category=category, impact=impact, says=says, advice=advice, link=LINK, refused=False
    )  # fmt: skip


_COLUMNS = (
    _row(
        "VIRTUAL_COLUMNS",
        "Virtual column",
        1,
        "The column is computed from others whenever it is read.",
        "Use a stored generated column where the expression never changes its result, else a trigger or a view.",
        FEATURES,
    ),
    _row(
        "ORACLE_INVISIBLE_COLUMN",
        "Invisible column",
        1,
        "SELECT * leaves the column out; on the target it is a column like any other.",
        "Make sure that statements name their columns, INSERT above all.",
    ),
    _row(
        "ORACLE_DEFAULT_EXPRESSION",
        "Default in Oracle's words",
        1,
        "The default calls functions or sequences in a way that the target does not know.",
        "SYSDATE becomes LOCALTIMESTAMP(0), SYS_GUID() gen_random_uuid(), s.NEXTVAL nextval('s'), USER current_user.",
    ),
    _row(
        "ORACLE_DEFAULT_ON_NULL",
        "Default for an explicit NULL",
        2,
        "The default is taken for an explicit NULL too; on the target NULL is refused, or stored.",
        "Use a BEFORE INSERT trigger, or leave the column out of the statements of the application.",
    ),
    _row(
        "ORACLE_IDENTITY_ALWAYS",
        "Identity column that takes no value",
        1,
        "The identity column is GENERATED ALWAYS; loading rows with their numbers needs BY DEFAULT.",
        "Create it BY DEFAULT, load, set it to ALWAYS and its sequence behind the largest value.",
    ),
    _row(
        "ORACLE_EMPTY_STRING_KEY",
        "'' was NULL in this key",
        2,
        "Oracle stores '' as NULL, so no row of this key holds it; the target takes '' as a value.",
        "Add CHECK (column <> ''), and make sure that the application sends NULL where it sent ''.",
    ),
    _row(
        "ORACLE_JSON_COLUMN",
        "JSON kept as text or bytes",
        1,
        "The column holds JSON, as its check constraint says.",
        "Use jsonb and drop the check; jsonb keeps neither the order of keys nor duplicate ones.",
    ),
    _row(
        "ORACLE_ENCRYPTED_COLUMN",
        "Encrypted column",
        2,
        "The database encrypts the column, and decrypts it when it is read.",
        "Encrypt at rest on the target, or encrypt the value in the application.",
    ),
)

_INDEXES = (
    _row(
        "UNSUPPORTED_INDEXES",
        "Unsupported index",
        1,
        "The target has no index of this type.",
        "A reverse index becomes an ordinary one (hash sharding spreads its keys), the index of an index-organized "
        "table is its primary key, one of Oracle Text becomes a GIN index; cluster and spatial indexes go.",
        FEATURES,
    ),
    _row(
        "ORACLE_BITMAP_INDEX",
        "Bitmap index",
        1,
        "The target has no bitmap indexes.",
        "Create an ordinary index on the columns that queries filter by alone; leave it out where values are few.",
    ),
    _row(
        "ORACLE_BITMAP_JOIN_INDEX",
        "Bitmap join index",
        2,
        "The index joins tables, which no index of the target can.",
        "Drop it; index the columns of the join, or keep a materialized view.",
        FEATURES,
    ),
    _row(
        "ORACLE_INDEX_EXPRESSION",
        "Index on an expression of Oracle",
        2,
        "The expression calls functions whose result may change on the target, or that it does not have.",
        "Rewrite the expression with immutable functions, in the index and in the queries that rely on it.",
    ),
    _row(
        "ORACLE_PARTIAL_INDEX",
        "Index that leaves rows out",
        2,
        "The expression is NULL for the rows that the index is to leave out.",
        "Write it as a partial index (WHERE …), and the queries with the same condition.",
    ),
    _row(
        "ORACLE_NOT_INDEXABLE",
        "Type that no key or index takes",
        2,
        "A column of the index becomes interval, jsonb, an array or a composite type, which YugabyteDB does not index.",
        "Index another form of the value (seconds, text), or leave the index out.",
        FEATURES,
    ),
    _row(
        "ORACLE_UNUSABLE_INDEX",
        "Unusable index",
        1,
        "The index is unusable in Oracle, so nothing reads it.",
        "Leave it out, or find out why it was not rebuilt.",
    ),
    _row(
        "ORACLE_INVISIBLE_INDEX",
        "Invisible index",
        1,
        "The optimizer does not use the index in Oracle; the target has no such state.",
        "Leave it out unless it is about to be made visible.",
    ),
)

_KEYS = (
    _row(
        "ORACLE_NO_PRIMARY_KEY",
        "Table without a primary key",
        1,
        "YugabyteDB gives the table a hidden key: rows cannot be told apart when changes follow.",
        "Give the table a primary key; a live migration needs one.",
    ),
    _row(
        "ORACLE_DISABLED_CONSTRAINT",
        "Disabled constraint",
        1,
        "The constraint is disabled in Oracle; rows may break it.",
        "Leave it out, or look for rows that break it and create it NOT VALID.",
    ),
    _row(
        "ORACLE_NOT_VALIDATED_CONSTRAINT",
        "Constraint that older rows may break",
        1,
        "The constraint holds for new rows only (NOVALIDATE).",
        "Create a check or a foreign key NOT VALID; look for duplicates before a key is created.",
    ),
    _row(
        "ORACLE_DEFERRABLE_CONSTRAINT",
        "Deferrable constraint",
        3,
        "YugabyteDB defers foreign keys only; this constraint would hold at every statement.",
        "Create it without DEFERRABLE, and let the application write in an order that never breaks it.",
        FEATURES,
    ),
    _row(
        "ORACLE_NULLS_IN_UNIQUE_KEY",
        "NULL in a unique key",
        2,
        "Oracle refuses two rows with equal values and NULL in the rest of the key; the target takes them.",
        "Add a unique index over coalesce(…) of the columns that may be NULL, where that rule is relied on.",
    ),
    _row(
        "ORACLE_CHECK_EXPRESSION",
        "Check in Oracle's words",
        1,
        "The condition calls functions or operators that the target does not know.",
        "Rewrite the condition, and try it against the data before it is enforced.",
    ),
    _row(
        "ORACLE_VIEW_CONSTRAINT",
        "Constraint of a view",
        1,
        "The view has a check option, or says that it is read-only.",
        "Use an INSTEAD OF trigger for the check, and privileges to keep a view from being written.",
    ),
)

_PARTITIONS = (
    _row(
        "UNSUPPORTED_PARTITIONING_METHODS",
        "Partitioning that the target does not have",
        2,
        "The table is partitioned by reference or by the application (SYSTEM).",
        "Create it without partitions, or give it a column to partition by.",
        FEATURES,
    ),
    _row(
        "ORACLE_INTERVAL_PARTITIONS",
        "Partitions made by themselves",
        2,
        "Oracle makes a new partition when a row needs one; the target refuses the row.",
        "Make partitions in advance (pg_partman does), and keep a default partition for the rest.",
    ),
    _row(
        "ORACLE_MULTI_COLUMN_LIST_PARTITION",
        "List partitions over several columns",
        2,
        "The target partitions by a list over one column only.",
        "Partition by the first column and by the next one below it.",
        FEATURES,
    ),
    _row(
        "ORACLE_HASH_PARTITIONS",
        "Hash partitions",
        1,
        "YugabyteDB spreads a table by the hash of its key anyway.",
        "Create the table without partitions.",
    ),
    _row(
        "ORACLE_COMPOSITE_PARTITIONS",
        "Partitions of partitions",
        1,
        "The table has two levels of partitions; each becomes a partitioned table of its own.",
        "Keep the level that old data is dropped by, and leave the other to sharding.",
    ),
    _row(
        "ORACLE_NULL_PARTITION_KEY",
        "NULL in the partition key",
        1,
        "Rows with NULL go into the highest partition in Oracle; the target refuses them in a range.",
        "Add a default partition, or make the column NOT NULL.",
    ),
    _row(
        "ORACLE_KEY_WITHOUT_PARTITION_KEY",
        "Key that does not hold the partition key",
        3,
        "A key of a partitioned table must hold every column that it is partitioned by; this one does not.",
        "Add the columns to the key, or create the table without partitions.",
        FEATURES,
    ),
)

_TABLES = (
    _row(
        "ORACLE_GLOBAL_TEMPORARY_TABLE",
        "Global temporary table",
        2,
        "The table is always there, with rows that only its session sees; a temporary table of the target is not.",
        "Create the temporary table at the beginning of each session, or use a table with a column for the session.",
        FEATURES,
    ),
    _row(
        "ORACLE_EXTERNAL_TABLE",
        "External table",
        2,
        "The rows are in a file on the server.",
        "Load the file into a table, or read it in the application.",
        FEATURES,
    ),
    _row(
        "ORACLE_CLUSTERED_TABLE",
        "Clustered table",
        1,
        "The table shares its blocks with others; the target has no clusters.",
        "Create it as an ordinary table with an index on the cluster's key.",
    ),
    _row(
        "ORACLE_OBJECT_TABLE",
        "Object table",
        3,
        "The rows of the table are objects.",
        "Create a table with the attributes as columns; methods and references have to be rewritten.",
        FEATURES,
    ),
    _row(
        "ORACLE_QUEUE_TABLE",
        "Queue",
        3,
        "The table belongs to Advanced Queuing, which the target does not have; it is not migrated.",
        "Use a message broker, or a table with SELECT … FOR UPDATE SKIP LOCKED.",
        FEATURES,
    ),
    _row(
        "ORACLE_ROW_POLICY",
        "Row-level security policy",
        2,
        "A policy adds a condition to the statements on this table.",
        "Write it as CREATE POLICY; export as a user whom no policy keeps from rows.",
        FEATURES,
    ),
    _row(
        "ORACLE_REDACTION_POLICY",
        "Masked columns",
        2,
        "A redaction policy masks columns; whoever is not exempt would export masked values.",
        "Export as a user with EXEMPT REDACTION POLICY, and mask in a view on the target.",
        FEATURES,
    ),
    _row(
        "ORACLE_MATERIALIZED_VIEW_REFRESH",
        "Materialized view that follows its tables",
        2,
        "The view is refreshed on commit, or by its changes; the target refreshes only as a whole and on demand.",
        "Refresh it by a job, or keep the result in a table with triggers.",
        FEATURES,
    ),
    _row(
        "ORACLE_UPDATABLE_MATERIALIZED_VIEW",
        "Materialized view of another database",
        3,
        "The view can be written, or takes its rows from another database.",
        "Use a foreign table, or replicate by other means.",
        FEATURES,
    ),
    _row(
        "ORACLE_EDITIONING_VIEW",
        "Editioning view",
        2,
        "The view shows a table as one edition of the application needs it; the target has no editions.",
        "Keep the view as an ordinary one, and deploy versions of the application otherwise.",
        FEATURES,
    ),
    _row(
        "ORACLE_OBJECT_VIEW",
        "View of objects",
        3,
        "The rows of the view are objects.",
        "Select the attributes as columns.",
        FEATURES,
    ),
)

ROWS: tuple[Issue, ...] = (*_COLUMNS, *_INDEXES, *_KEYS, *_PARTITIONS, *_TABLES)
