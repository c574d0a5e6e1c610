"""Issues of MySQL's statements, expressions and functions, in code and in recorded queries."""

from __future__ import annotations

from voyager.schema.issues.issue import FEATURES, Issue

LINK = "https://docs.yugabyte.com/stable/yugabyte-voyager/known-issues/mysql/"


def _row(id: str, name: str, impact: int, *, says: str, advice: str) -> Issue:
    return Issue(
        id=id, name=name, category=FEATURES, impact=impact, says=says, advice=advice, link=LINK, refused=False
    )  # fmt: skip


_STATEMENTS = (
    _row(
        "MYSQL_UPSERT",
        "INSERT … ON DUPLICATE KEY, REPLACE, IGNORE",
        2,
        says="The statement decides by itself what happens to a row that exists already, in words of MySQL.",
        advice="Use INSERT … ON CONFLICT (columns) DO UPDATE or DO NOTHING, which names the key; REPLACE also deletes.",
    ),
    _row(
        "MYSQL_INSERT_SET",
        "INSERT … SET",
        2,
        says="INSERT … SET column = value exists in MySQL only.",
        advice="Write INSERT INTO t (columns) VALUES (…).",
    ),
    _row(
        "MYSQL_MULTI_TABLE_DML",
        "UPDATE or DELETE of several tables",
        2,
        says="The statement updates or deletes with a join in words of MySQL.",
        advice="Use UPDATE … FROM and DELETE … USING, one statement for each table that changes.",
    ),
    _row(
        "MYSQL_DML_LIMIT",
        "UPDATE or DELETE with LIMIT or ORDER BY",
        2,
        says="PostgreSQL has neither LIMIT nor ORDER BY in UPDATE and DELETE.",
        advice="Choose the keys in a subquery: DELETE FROM t WHERE id IN (SELECT id FROM t ORDER BY … LIMIT n).",
    ),
    _row(
        "MYSQL_LIMIT_OFFSET",
        "LIMIT a, b",
        2,
        says="LIMIT with two numbers exists in MySQL only.",
        advice="Write LIMIT b OFFSET a.",
    ),
    _row(
        "MYSQL_INDEX_HINT",
        "Index hint",
        2,
        says="USE, FORCE and IGNORE INDEX exist in MySQL only.",
        advice="Leave the hint out; the extension pg_hint_plan has hints of its own.",
    ),
    _row(
        "MYSQL_SELECT_MODIFIER",
        "Modifier of a statement",
        2,
        says="Words such as STRAIGHT_JOIN, SQL_CALC_FOUND_ROWS or HIGH_PRIORITY exist in MySQL only.",
        advice="Leave them out; replace SQL_CALC_FOUND_ROWS by a second query or count(*) OVER ().",
    ),
    _row(
        "MYSQL_PARTITION_SELECTION",
        "Partition named in a query",
        2,
        says="FROM t PARTITION (p) exists in MySQL only.",
        advice="Name the partition as the table that it is on the target.",
    ),
    _row(
        "MYSQL_ROLLUP",
        "WITH ROLLUP",
        2,
        says="WITH ROLLUP exists in MySQL only.",
        advice="Write GROUP BY ROLLUP (a, b).",
    ),
    _row(
        "MYSQL_SHARE_LOCK",
        "LOCK IN SHARE MODE",
        2,
        says="LOCK IN SHARE MODE exists in MySQL only.",
        advice="Write FOR SHARE.",
    ),
    _row("MYSQL_DUAL", "FROM DUAL", 2, says="The target has no table DUAL.", advice="Leave FROM DUAL out."),
    _row(
        "MYSQL_SERVER_FILES",
        "Files of the server",
        3,
        says="The statement reads or writes files of the server.",
        advice="Use COPY through the client, or move the step into the application.",
    ),
    _row(
        "MYSQL_LOCK",
        "Explicit lock",
        2,
        says="LOCK TABLES, or a lock by name such as GET_LOCK.",
        advice="Transactions and SELECT … FOR UPDATE replace most of them, pg_advisory_xact_lock() locks by name.",
    ),
    _row(
        "MYSQL_ADMIN_STATEMENT",
        "Statement of administration",
        2,
        says="SHOW, FLUSH, KILL, SET GLOBAL and the like have no counterpart of the same name.",
        advice="Ask the catalog (information_schema, pg_catalog), or leave the statement out.",
    ),
)

_EXPRESSIONS = (
    _row(
        "MYSQL_FULLTEXT_SEARCH",
        "MATCH … AGAINST",
        2,
        says="MATCH … AGAINST exists in MySQL only.",
        advice="Use to_tsvector(…) @@ websearch_to_tsquery(…); ranking is by ts_rank.",
    ),
    _row(
        "MYSQL_SOUNDS_LIKE",
        "SOUNDS LIKE, SOUNDEX",
        2,
        says="PostgreSQL compares sounds by functions of an extension only.",
        advice="Create the extension fuzzystrmatch and use soundex(a) = soundex(b).",
    ),
    _row(
        "MYSQL_REGEXP",
        "REGEXP",
        2,
        says="REGEXP and RLIKE exist in MySQL only, and ignore case there.",
        advice="Use ~* (or ~ where case counts); regular expressions differ in details.",
    ),
    _row(
        "MYSQL_NULL_SAFE_EQUAL",
        "<=>",
        2,
        says="The operator <=> exists in MySQL only.",
        advice="Write IS NOT DISTINCT FROM.",
    ),
    _row(
        "MYSQL_LOGICAL_OPERATOR",
        "&&, ||, ! and XOR",
        2,
        says="&&, ||, ! and XOR are operators of logic in MySQL; || joins text on the target.",
        advice="Write AND, OR, NOT; a XOR b is (a) <> (b) of booleans.",
    ),
    _row(
        "MYSQL_BITWISE_XOR",
        "^",
        2,
        says="^ is an exclusive or in MySQL and a power on the target, which gives another number without an error.",
        advice="Write #.",
    ),
    _row(
        "MYSQL_DIVISION",
        "Division",
        2,
        says="5 / 2 is 2.5 in MySQL and 2 on the target where both sides are whole numbers; dividing by zero is an "
        "error.",
        advice="Write a / NULLIF(b, 0)::numeric; DIV becomes div(a, b).",
    ),
    _row(
        "MYSQL_USER_VARIABLE",
        "User variable",
        2,
        says="Variables of the session such as @x exist in MySQL only.",
        advice="Declare a variable, pass a parameter, or use set_config() and current_setting().",
    ),
    _row(
        "MYSQL_SYSTEM_VARIABLE",
        "System variable",
        2,
        says="System variables such as @@sql_mode exist in MySQL only.",
        advice="Leave it out, or ask current_setting() for the setting with the same purpose.",
    ),
    _row(
        "MYSQL_HEX_LITERAL",
        "Hexadecimal or binary literal",
        2,
        says="x'41' and 0x41 are text or a number in MySQL; x'41' is a string of bits on the target.",
        advice="Write '\\x41'::bytea, 'A', or the number in decimal.",
    ),
    _row(
        "MYSQL_DOUBLE_QUOTED_STRING",
        "Text in double quotes",
        2,
        says='"a" is a text in MySQL and the name of a column on the target.',
        advice="Write 'a'.",
    ),
    _row(
        "MYSQL_CHARACTER_SET",
        "Character set or collation",
        2,
        says="Character sets and collations of MySQL (_utf8mb4'a', CONVERT … USING, COLLATE utf8mb4_bin) do not exist.",
        advice="Leave them out; the target is all UTF-8, and compares byte by byte.",
    ),
    _row(
        "MYSQL_CAST_AS_CHAR",
        "CAST(… AS CHAR)",
        2,
        says="CHAR without a length is one character on the target: CAST('abc' AS CHAR) gives 'a' without an error.",
        advice="Write CAST(… AS text).",
    ),
    _row(
        "MYSQL_CAST",
        "CAST to a type of MySQL",
        2,
        says="SIGNED, UNSIGNED, DATETIME and BINARY are no types of the target.",
        advice="Write bigint, numeric, timestamp or bytea.",
    ),
    _row(
        "MYSQL_INTERVAL",
        "INTERVAL n unit",
        2,
        says="INTERVAL 1 DAY is written differently on the target.",
        advice="Write interval '1 day', or n * interval '1 day'.",
    ),
    _row(
        "MYSQL_GROUP_CONCAT",
        "GROUP_CONCAT",
        2,
        says="GROUP_CONCAT exists in MySQL only, and cuts its result at group_concat_max_len.",
        advice="Write string_agg(column::text, ',' ORDER BY …).",
    ),
    _row(
        "MYSQL_COUNT_DISTINCT_LIST",
        "COUNT(DISTINCT a, b)",
        2,
        says="COUNT(DISTINCT) takes several expressions in MySQL only, and skips rows with NULL.",
        advice="Write count(DISTINCT (a, b)) with a filter on NULL.",
    ),
    _row(
        "MYSQL_NEGATIVE_SUBSTRING",
        "SUBSTRING from the end",
        2,
        says="A negative position counts from the end in MySQL; on the target it gives another text without an error.",
        advice="Write right(text, n).",
    ),
    _row(
        "MYSQL_FUNCTION_DIFFERS",
        "Function with another meaning",
        2,
        says="The function exists on the target too and gives another result: LENGTH counts bytes in MySQL; CONCAT, "
        "GREATEST and LEAST are NULL when an argument is; LOG is the natural one; STDDEV and VARIANCE are of the "
        "population.",
        advice="Write octet_length(), a || b, a CASE for NULL, ln(), stddev_pop(), var_pop().",
    ),
)

_FUNCTIONS = (
    _row(
        "MYSQL_LAST_INSERT_ID",
        "LAST_INSERT_ID()",
        2,
        says="LAST_INSERT_ID() exists in MySQL only.",
        advice="Write INSERT … RETURNING id.",
    ),
    _row(
        "MYSQL_ROW_COUNT",
        "ROW_COUNT(), FOUND_ROWS()",
        2,
        says="ROW_COUNT() and FOUND_ROWS() exist in MySQL only.",
        advice="Write GET DIAGNOSTICS n = ROW_COUNT, or count(*) OVER ().",
    ),
    *(
        _row(id, name, impact, says=f"{what} of MySQL that PostgreSQL lacks; Details name them.", advice=advice)
        for id, name, impact, what, advice in (
            ("MYSQL_CONTROL_FUNCTION", "IF() and IFNULL()", 2, "Functions", "Write CASE and coalesce()."),
            ("MYSQL_DATE_FUNCTION", "Function of date and time", 2, "Functions of date and time",
             "Write date arithmetic with interval, extract(), to_char() and to_timestamp()."),
            ("MYSQL_STRING_FUNCTION", "Function of text", 2, "Functions of text",
             "Write strpos(), split_part(), lower(), encode() …; FIND_IN_SET is = ANY (string_to_array(…))."),
            ("MYSQL_NUMERIC_FUNCTION", "Function of numbers", 2, "Functions of numbers",
             "Write random(), trunc(), log(2, x) and the like."),
            ("MYSQL_JSON_FUNCTION", "Function of JSON", 2, "Functions and paths of JSON",
             "Write jsonb operators and functions (#>>, @>, jsonb_set, jsonb_build_object)."),
            ("MYSQL_CRYPTO_FUNCTION", "Function of encryption or hashing", 2, "Functions of encryption and hashing",
             "Use the extension pgcrypto; values that MySQL encrypted need its own mode (AES-128-ECB)."),
            ("MYSQL_NETWORK_FUNCTION", "Function of addresses", 2, "Functions of network addresses",
             "Use the type inet and its functions."),
            ("MYSQL_UUID_FUNCTION", "Function of UUIDs", 2, "Functions of UUIDs",
             "Use gen_random_uuid() and the type uuid; UUID_SHORT() becomes a sequence."),
            ("MYSQL_SESSION_FUNCTION", "Function of the session", 2, "Functions of the session and the server",
             "Write pg_backend_pid(), current_user, current_database(), pg_sleep()."),
            ("MYSQL_SEQUENCE_FUNCTION", "Value of a sequence", 2, "Calls of sequences",
             "Write nextval('s') and currval('s')."),
            ("MYSQL_XML_FUNCTION", "Function of XML", 3, "Functions of XML",
             "YugabyteDB has no XML functions: move them into the application."),
            ("MYSQL_SPATIAL_FUNCTION", "Function of shapes", 3, "Functions of shapes",
             "YugabyteDB has no PostGIS: move them into the application or another store."),
            ("MYSQL_REPLICATION_FUNCTION", "Function of replication", 3, "Functions of replication",
             "Leave them out; the target replicates by itself."),
        )
    ),
)  # fmt: skip

ROWS: tuple[Issue, ...] = (*_STATEMENTS, *_EXPRESSIONS, *_FUNCTIONS)
