"""Constructs of MySQL's SQL that PostgreSQL lacks or reads differently, and what rewriting each of them costs.

Units are five minutes of somebody who knows both systems; a working day has 84. The figures for GROUP_CONCAT, SOUNDS
LIKE, character sets, COUNT(DISTINCT a, b), MATCH … AGAINST, JSON, locks, user variables and functions without a
counterpart are those of ora2pg's published cost model for MySQL, and so are TESTING and per_size(); ora2pg does not
count the other constructs, whose figures follow its rule that a mechanical change costs 0.1, one that needs a look 1
or less, and one that needs thought 2 or 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

UNITS_PER_DAY = 84
TESTING = 2.0
"""Of every routine, trigger, view and event, whatever is in it."""


def per_size(characters: int) -> float:
    """Reading costs a unit per thousand characters, at least one."""
    return max(1.0, characters / 1000)


@dataclass(frozen=True)
class Construct:
    """`phrases` are words in sequence (`|` between alternatives of a place), `starts` the same at the beginning of a
    statement only, `calls` functions (`ST_*` for all that begin so), `operators` symbols. `silent`: the target takes
    the text and gives another result."""

    id: str
    units: float
    phrases: tuple[str, ...] = ()
    starts: tuple[str, ...] = ()
    calls: str = ""
    operators: tuple[str, ...] = ()
    silent: bool = False


_STATEMENTS = (
    Construct(
        "MYSQL_UPSERT",
        2,
        phrases=("ON DUPLICATE KEY", "INSERT|UPDATE|DELETE IGNORE", "REPLACE INTO", "REPLACE LOW_PRIORITY|DELAYED"),
    ),
    Construct("MYSQL_INSERT_SET", 0.5),
    Construct("MYSQL_MULTI_TABLE_DML", 2),
    Construct("MYSQL_DML_LIMIT", 1),
    Construct("MYSQL_LIMIT_OFFSET", 0.1),
    Construct("MYSQL_INDEX_HINT", 0.1, phrases=("USE|FORCE|IGNORE INDEX|KEY",)),
    Construct(
        "MYSQL_SELECT_MODIFIER",
        0.5,
        phrases=(
            "STRAIGHT_JOIN|SQL_CALC_FOUND_ROWS|SQL_NO_CACHE|SQL_CACHE|SQL_BUFFER_RESULT|SQL_SMALL_RESULT",
            "SQL_BIG_RESULT|HIGH_PRIORITY|LOW_PRIORITY|DISTINCTROW",
            "PROCEDURE ANALYSE",
        ),
    ),
    Construct("MYSQL_PARTITION_SELECTION", 1, phrases=("PARTITION (",)),
    Construct("MYSQL_ROLLUP", 0.5, phrases=("WITH ROLLUP",)),
    Construct("MYSQL_SHARE_LOCK", 0.1, phrases=("LOCK IN SHARE MODE",)),
    Construct("MYSQL_DUAL", 0.1, phrases=("FROM DUAL",)),
    Construct(
        "MYSQL_SERVER_FILES", 3, phrases=("INTO OUTFILE|DUMPFILE",), starts=("LOAD DATA|XML|INDEX",), calls="LOAD_FILE"
    ),
    Construct(
        "MYSQL_LOCK",
        2,
        starts=("LOCK TABLE|TABLES", "UNLOCK TABLE|TABLES"),
        calls="GET_LOCK RELEASE_LOCK RELEASE_ALL_LOCKS IS_FREE_LOCK IS_USED_LOCK",
    ),
    Construct(
        "MYSQL_ADMIN_STATEMENT",
        2,
        starts=(
            "SHOW|KILL|FLUSH|RESET|PURGE|OPTIMIZE|REPAIR|CHECKSUM|INSTALL|UNINSTALL|GRANT|REVOKE",
            "DESCRIBE|DESC|EXPLAIN|HELP",
            "ANALYZE|CHECK|CACHE TABLE|INDEX",
            "SET GLOBAL|SESSION|NAMES|PASSWORD|CHARACTER",
        ),
    ),
)

_EXPRESSIONS = (
    Construct("MYSQL_FULLTEXT_SEARCH", 2, phrases=("AGAINST (",)),
    Construct("MYSQL_SOUNDS_LIKE", 1, phrases=("SOUNDS LIKE",), calls="SOUNDEX"),
    Construct(
        "MYSQL_REGEXP",
        0.5,
        phrases=("REGEXP|RLIKE",),
        calls="REGEXP_LIKE REGEXP_REPLACE REGEXP_SUBSTR REGEXP_INSTR",
    ),
    Construct("MYSQL_NULL_SAFE_EQUAL", 0.1, operators=("<=>",)),
    Construct("MYSQL_LOGICAL_OPERATOR", 0.1, phrases=("XOR",), operators=("&&", "||", "!")),
    Construct("MYSQL_BITWISE_XOR", 0.5, operators=("^",), silent=True),
    Construct("MYSQL_DIVISION", 0.1, phrases=("DIV",), operators=("/",), silent=True),
    Construct("MYSQL_USER_VARIABLE", 0.1),
    Construct("MYSQL_SYSTEM_VARIABLE", 0.5),
    Construct("MYSQL_HEX_LITERAL", 0.1, silent=True),
    Construct("MYSQL_DOUBLE_QUOTED_STRING", 0.1),
    Construct(
        "MYSQL_CHARACTER_SET",
        1,
        phrases=("CHARACTER SET", "COLLATE|CHARSET"),
        calls="CONVERT CHARSET COLLATION COERCIBILITY",
    ),
    Construct("MYSQL_CAST_AS_CHAR", 0.5, phrases=("AS CHAR|NCHAR",), silent=True),
    Construct("MYSQL_CAST", 0.5, phrases=("AS UNSIGNED|SIGNED|DATETIME|BINARY",)),
    Construct("MYSQL_INTERVAL", 0.1),
    Construct("MYSQL_GROUP_CONCAT", 1, calls="GROUP_CONCAT"),
    Construct("MYSQL_COUNT_DISTINCT_LIST", 2),
    Construct("MYSQL_NEGATIVE_SUBSTRING", 0.5, silent=True),
    Construct("MYSQL_FUNCTION_DIFFERS", 0.5, calls="CONCAT GREATEST LEAST LENGTH LOG STDDEV VARIANCE", silent=True),
)

_PROCEDURAL = (
    Construct("MYSQL_CONDITION_HANDLER", 3, phrases=("CONTINUE|EXIT|UNDO HANDLER FOR",)),
    Construct("MYSQL_CURSOR", 1, phrases=("CURSOR FOR",)),
    Construct("MYSQL_LOOP", 0.5, phrases=("LEAVE|ITERATE", "END REPEAT|WHILE|LOOP")),
    Construct("MYSQL_SIGNAL", 1, starts=("SIGNAL|RESIGNAL", "GET DIAGNOSTICS|CURRENT|STACKED")),
    Construct("MYSQL_DYNAMIC_SQL", 3, starts=("PREPARE", "EXECUTE", "DEALLOCATE PREPARE", "DROP PREPARE")),
    Construct(
        "MYSQL_TRANSACTION",
        2,
        starts=("START TRANSACTION", "COMMIT|ROLLBACK|SAVEPOINT|XA", "RELEASE SAVEPOINT", "SET TRANSACTION|AUTOCOMMIT"),
    ),
    Construct("MYSQL_RESULT_SET", 2),
    Construct("MYSQL_TEMPORARY_TABLE", 2, starts=("CREATE|DROP TEMPORARY", "CREATE OR REPLACE TEMPORARY")),
    Construct("MYSQL_DDL_IN_CODE", 2, starts=("ALTER|RENAME", "TRUNCATE", *(
        f"CREATE|DROP {what}" for what in ("TABLE", "INDEX", "VIEW", "DATABASE", "SCHEMA", "TRIGGER", "EVENT", "UNIQUE")
    ))),
)  # fmt: skip

_FUNCTIONS = (
    Construct("MYSQL_LAST_INSERT_ID", 2, calls="LAST_INSERT_ID"),
    Construct("MYSQL_ROW_COUNT", 2, calls="ROW_COUNT FOUND_ROWS"),
    Construct("MYSQL_CONTROL_FUNCTION", 0.1, calls="IF IFNULL ISNULL NVL NVL2 INTERVAL"),
    Construct(
        "MYSQL_DATE_FUNCTION",
        0.5,
        calls="""
            ADDDATE ADDTIME CONVERT_TZ CURDATE CURTIME DATEDIFF DATE_ADD DATE_FORMAT DATE_SUB DAY DAYNAME DAYOFMONTH
            DAYOFWEEK DAYOFYEAR FROM_DAYS FROM_UNIXTIME GET_FORMAT HOUR LAST_DAY MAKEDATE MAKETIME MICROSECOND MINUTE
            MONTH MONTHNAME PERIOD_ADD PERIOD_DIFF QUARTER SEC_TO_TIME SECOND STR_TO_DATE SUBDATE SUBTIME SYSDATE TIME
            TIMESTAMP TIMEDIFF TIMESTAMPADD TIMESTAMPDIFF TIME_FORMAT TIME_TO_SEC TO_DAYS TO_SECONDS UNIX_TIMESTAMP
            UTC_DATE UTC_TIME UTC_TIMESTAMP WEEK WEEKDAY WEEKOFYEAR YEAR YEARWEEK
        """,
    ),
    Construct(
        "MYSQL_STRING_FUNCTION",
        0.5,
        calls="""
            CHAR ELT EXPORT_SET FIELD FIND_IN_SET FORMAT FROM_BASE64 HEX INSERT INSTR LCASE LOCATE MAKE_SET MID OCT ORD
            QUOTE SPACE STRCMP SUBSTRING_INDEX TO_BASE64 UCASE UNHEX WEIGHT_STRING ANY_VALUE
        """,
    ),
    Construct(
        "MYSQL_NUMERIC_FUNCTION",
        0.5,
        calls="BIN BIT_COUNT CONV CRC32 LOG2 RAND STD TRUNCATE",
    ),
    Construct("MYSQL_JSON_FUNCTION", 2, calls="JSON_*", operators=("->", "->>")),
    Construct(
        "MYSQL_CRYPTO_FUNCTION",
        2,
        calls="""
            AES_DECRYPT AES_ENCRYPT COMPRESS DECODE DES_DECRYPT DES_ENCRYPT ENCODE ENCRYPT OLD_PASSWORD PASSWORD
            RANDOM_BYTES SHA SHA1 SHA2 STATEMENT_DIGEST UNCOMPRESS UNCOMPRESSED_LENGTH VALIDATE_PASSWORD_STRENGTH
        """,
    ),
    Construct(
        "MYSQL_NETWORK_FUNCTION",
        2,
        calls="INET_ATON INET_NTOA INET6_ATON INET6_NTOA IS_IPV4 IS_IPV4_COMPAT IS_IPV4_MAPPED IS_IPV6",
    ),
    Construct("MYSQL_UUID_FUNCTION", 0.5, calls="UUID UUID_SHORT UUID_TO_BIN BIN_TO_UUID IS_UUID SYS_GUID"),
    Construct(
        "MYSQL_SESSION_FUNCTION",
        0.5,
        calls="BENCHMARK CONNECTION_ID CURRENT_ROLE DATABASE NAME_CONST SCHEMA SESSION_USER SLEEP SYSTEM_USER USER",
    ),
    Construct("MYSQL_SEQUENCE_FUNCTION", 0.1, phrases=("NEXT VALUE FOR", "PREVIOUS VALUE FOR"), calls="LASTVAL"),
    Construct("MYSQL_XML_FUNCTION", 3, calls="EXTRACTVALUE UPDATEXML"),
    Construct(
        "MYSQL_SPATIAL_FUNCTION",
        3,
        calls="ST_* MBR* GEOMFROMTEXT GEOMFROMWKB ASTEXT ASWKB POINTFROMTEXT GEOMETRYFROMTEXT LINESTRING POLYGON",
    ),
    Construct(
        "MYSQL_REPLICATION_FUNCTION",
        2,
        calls="""
            GTID_SUBSET GTID_SUBTRACT MASTER_GTID_WAIT MASTER_POS_WAIT SOURCE_POS_WAIT WAIT_FOR_EXECUTED_GTID_SET
            WAIT_UNTIL_SQL_THREAD_AFTER_GTIDS BINLOG_GTID_POS
        """,
    ),
)

CONSTRUCTS: Mapping[str, Construct] = MappingProxyType(
    {one.id: one for one in (*_STATEMENTS, *_EXPRESSIONS, *_PROCEDURAL, *_FUNCTIONS)}
)
