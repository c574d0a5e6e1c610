"""Issues of MySQL's tables, indexes, constraints, partitions and names."""

from __future__ import annotations

from voyager.schema.issues.issue import CAVEATS, FEATURES, Issue

LINK = "https://docs.yugabyte.com/stable/yugabyte-voyager/known-issues/mysql/"


def _row(
    id: str, name: str, impact: int, *, says: str, advice: str, category: str = FEATURES, refused: bool = False
) -> Issue:
    return Issue(
        id=id, name=name, category=category, impact=impact, says=says, advice=advice, link=LINK, refused=refused
    )  # fmt: skip


_COLLATIONS = (
    _row(
        "MYSQL_CI_UNIQUE_KEY",
        "Unique key that ignores case",
        2,
        says="The key ignores case, accents and blanks at the end: 'a' and 'A ' are one value. On the target they "
        "are two.",
        advice="A unique index on lower(column) keeps most of it; look values up with lower() as well. Nothing in "
        "YugabyteDB ignores accents in an index.",
        category=CAVEATS,
    ),
    _row(
        "MYSQL_CI_INDEX",
        "Index that ignores case",
        2,
        says="Searches through the index ignore case in MySQL; on the target they find exact matches only.",
        advice="Index lower(column) and search with lower(), or store the value in one case.",
        category=CAVEATS,
    ),
    _row(
        "MYSQL_CI_FOREIGN_KEY",
        "Foreign key that ignores case",
        2,
        says="The foreign key ignores case: 'ABC' may refer to 'abc'. The target refuses such a row.",
        advice="Find such rows with BINARY and correct them before the migration.",
        category=CAVEATS,
    ),
)

_INDEXES = (
    _row(
        "MYSQL_PREFIX_INDEX",
        "Index on a prefix",
        1,
        says="The index holds only the first characters of a column, which the target has not.",
        advice="Index the whole column; where its values are long, index left(column, n) and search by the same "
        "expression.",
    ),
    _row(
        "MYSQL_UNIQUE_PREFIX_INDEX",
        "Unique index on a prefix",
        1,
        says="The first characters of a column must be unique.",
        advice="A unique index on left(column, n) keeps that; it is no constraint, so a foreign key cannot refer to "
        "it.",
    ),
    _row(
        "MYSQL_PREFIX_PRIMARY_KEY",
        "Primary key on a prefix",
        2,
        says="The primary key holds only the first characters of a column; a primary key of the target is over whole "
        "columns.",
        advice="Choose the whole column, or another key with a unique index on left(column, n) beside it.",
        refused=True,
    ),
    _row(
        "MYSQL_FULLTEXT_INDEX",
        "FULLTEXT index",
        2,
        says="The target has no FULLTEXT index.",
        advice="A GIN index on to_tsvector('simple', …) replaces it, and MATCH … AGAINST becomes @@; words are found "
        "by "
        "other rules.",
    ),
    _row(
        "MYSQL_SPATIAL_INDEX",
        "SPATIAL index",
        3,
        says="YugabyteDB has no index for shapes.",
        advice="Drop it; search by columns such as a geohash.",
    ),
    _row(
        "MYSQL_FUNCTIONAL_INDEX",
        "Index on an expression",
        1,
        says="The index is on an expression in MySQL's SQL.",
        advice="Write the expression with immutable functions of PostgreSQL; queries have to use the same one.",
    ),
    _row(
        "MYSQL_MULTI_VALUED_INDEX",
        "Multi-valued index",
        2,
        says="The index holds the elements of a JSON array.",
        advice="A GIN index on the jsonb column replaces it; MEMBER OF and JSON_CONTAINS become @>.",
    ),
    _row(
        "MYSQL_INVISIBLE_INDEX",
        "Invisible index",
        1,
        says="The optimizer passes the index over; on the target it is used like any other.",
        advice="Leave it out.",
        category=CAVEATS,
    ),
    _row(
        "MYSQL_HASH_INDEX",
        "HASH index",
        1,
        says="The index is a hash of its columns.",
        advice="Nothing: the first column of an index is hashed in YugabyteDB anyway. Unique keys over long values are "
        "kept as unique indexes; values of several kilobytes make large keys.",
        category=CAVEATS,
    ),
)

_TABLES = (
    _row(
        "MYSQL_NO_PRIMARY_KEY",
        "Table without a primary key",
        2,
        says="The table has no primary key. It is migrated, but its changes cannot be while applications go on "
        "writing.",
        advice="Give it a primary key before the migration.",
        category=CAVEATS,
    ),
    _row(
        "MYSQL_NON_TRANSACTIONAL_ENGINE",
        "Storage engine without transactions",
        1,
        says="The storage engine has no transactions: no snapshot holds the table still while it is read.",
        advice="ALTER TABLE … ENGINE = InnoDB before the migration, or stop writing to it meanwhile.",
        category=CAVEATS,
    ),
    _row(
        "MYSQL_MEMORY_ENGINE",
        "Table in memory",
        2,
        says="The table lives in memory and is empty after a restart; on the target it is an ordinary table.",
        advice="Use a temporary table, an ordinary table that something empties, or a cache.",
    ),
    _row(
        "MYSQL_REMOTE_ENGINE",
        "Table of another server",
        3,
        says="The rows are on another server or in a file; the table only shows them.",
        advice="Leave it out, and reach the other database by postgres_fdw or from the application.",
    ),
    _row(
        "MYSQL_MERGE_ENGINE",
        "MERGE table",
        2,
        says="The table shows the rows of several MyISAM tables as one.",
        advice="Make it a view with UNION ALL, or one partitioned table.",
    ),
    _row(
        "MYSQL_BLACKHOLE_ENGINE",
        "Table that keeps nothing",
        2,
        says="The storage engine throws rows away; on the target they would be kept.",
        advice="Leave the table out, or find out what writing to it is for (triggers, replication).",
    ),
    _row(
        "MYSQL_UNREADABLE_TABLE",
        "Table that cannot be opened",
        3,
        says="The server lists the table but cannot open it.",
        advice="CHECK TABLE and repair or drop it before the migration.",
        category=CAVEATS,
    ),
    _row(
        "MYSQL_SYSTEM_VERSIONED_TABLE",
        "System-versioned table",
        3,
        says="The table keeps its history; the target has no such tables, and only current rows are migrated.",
        advice="Copy the history into a table of its own, and keep it by a trigger.",
    ),
    _row(
        "MYSQL_SEQUENCE",
        "Sequence of MariaDB",
        1,
        says="The sequence is made on the target; NEXT VALUE FOR s and NEXTVAL(s) become nextval('s').",
        advice="Change these calls. Its value is set when data has been imported.",
        category=CAVEATS,
    ),
    _row(
        "MYSQL_LARGE_ROWS",
        "Rows larger than the target takes",
        3,
        says="Rows of the table are larger on average than the 32 MB that YugabyteDB takes in one message.",
        advice="Keep the large values in an object store, with the address in the row.",
        category=CAVEATS,
    ),
)

_PARTITIONS = (
    _row(
        "MYSQL_PARTITION_EXPRESSION",
        "Partitioned by an expression",
        1,
        says="The table is partitioned by an expression; a table of the target that is has no primary or unique key.",
        advice="Partition by the column itself, with bounds to match: YEAR(d) < 2025 is d < '2025-01-01'.",
    ),
    _row(
        "MYSQL_PARTITION_HASH",
        "Partitioned by HASH or KEY",
        1,
        says="The rows are spread over partitions by a hash, which YugabyteDB does with every table.",
        advice="Leave the partitions out.",
        category=CAVEATS,
    ),
    _row(
        "MYSQL_PARTITION_NULL",
        "NULL in a partitioned table",
        1,
        says="Rows with NULL go into the lowest partition; on the target they go into a DEFAULT partition or nowhere.",
        advice="Add a DEFAULT partition, or make the column NOT NULL.",
        category=CAVEATS,
    ),
    _row(
        "MYSQL_SUBPARTITIONS",
        "Subpartitions",
        1,
        says="The partitions are divided again by a hash.",
        advice="Leave the second level out; YugabyteDB spreads the rows of each partition itself.",
        category=CAVEATS,
    ),
    _row(
        "MYSQL_PARTITION_SYSTEM_TIME",
        "Partitioned by system time",
        3,
        says="The partitions hold the history of a system-versioned table.",
        advice="Only current rows are migrated; partition a history table of its own by time.",
    ),
)

_CONSTRAINTS = (
    _row(
        "MYSQL_FK_ON_NON_UNIQUE_KEY",
        "Foreign key to columns that are not unique",
        2,
        says="The foreign key refers to columns without a unique key; the target refuses it.",
        advice="Make the columns it refers to unique, or refer to the primary key, or check by a trigger.",
        refused=True,
    ),
    _row(
        "MYSQL_CROSS_DATABASE_FK",
        "Foreign key into another database",
        1,
        says="The foreign key refers to a table of another database, which has to be a schema of the same target "
        "database.",
        advice="Migrate both databases together, each as a schema.",
        category=CAVEATS,
    ),
    _row(
        "MYSQL_CHECK_NOT_ENFORCED",
        "CHECK that is not enforced",
        1,
        says="The CHECK is NOT ENFORCED; the target enforces every CHECK, at least for new rows.",
        advice="Leave it out, or add it as NOT VALID.",
        category=CAVEATS,
    ),
    _row(
        "MYSQL_CHECK_EXPRESSION",
        "CHECK with MySQL's functions",
        1,
        says="The CHECK uses functions or operators that PostgreSQL lacks.",
        advice="Write it for PostgreSQL.",
    ),
)

_NAMES = (
    _row(
        "MYSQL_NAME_COLLISION",
        "Names that differ in case only",
        2,
        says="Two objects differ in the case of their names only; the target folds names to lower case.",
        advice="Rename one, or quote its name everywhere on the target.",
        category=CAVEATS,
    ),
    _row(
        "MYSQL_NAME_TOO_LONG",
        "Name of more than 63 bytes",
        1,
        says="The name is longer than the 63 bytes that names have on the target.",
        advice="It is cut and given a suffix of its own; change it where the application uses it.",
        category=CAVEATS,
    ),
    _row(
        "MYSQL_RESERVED_WORD",
        "Name that is a reserved word",
        1,
        says="The name is a reserved word of PostgreSQL.",
        advice='It is quoted in the schema; quote it in SQL of the application as well ("user"), or rename it.',
        category=CAVEATS,
    ),
    _row(
        "MYSQL_NAME_NEEDS_QUOTES",
        "Name that needs quotes",
        1,
        says="The name holds characters that have to stand in quotes on the target.",
        advice='Quote it in SQL of the application ("order items"), or rename it.',
        category=CAVEATS,
    ),
)

ROWS: tuple[Issue, ...] = (*_COLLATIONS, *_INDEXES, *_TABLES, *_PARTITIONS, *_CONSTRAINTS, *_NAMES)
