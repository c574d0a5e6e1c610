"""Constructs of PL/SQL and SQL that somebody has to rewrite: how they are found, and what each costs.

The units are facts read from ora2pg 25's table of costs (one unit is five minutes); where a row has no counterpart
there, the figure is our own and says so. Functions that the extension orafce brings are not counted.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

from voyager.assessment.judges.oracle.code import CodeObject


@dataclass(frozen=True)
class Construct:
    """`pattern` is searched in source in capitals, without comments and constants, if one of `needles` is in it (or
    there are none). `units` count for each place, or for each different word where `distinct`. Without `issue_id` it is
    rewritten by rule and only costs time."""

    name: str
    needles: tuple[str, ...]
    pattern: re.Pattern[str]
    units: float
    issue_id: str = ""
    distinct: bool = False


@dataclass(frozen=True)
class Occurrence:
    """A construct in one object: in which lines, and the words that matched."""

    construct: Construct
    lines: tuple[int, ...]
    words: tuple[str, ...]

    @property
    def units(self) -> float:
        return self.construct.units * (len(self.words) if self.construct.distinct else len(self.lines))


def _row(
    name: str, needles: str, pattern: str, units: float, issue_id: str = "", *, distinct: bool = False
) -> Construct:
    return Construct(name, tuple(needles.split()), re.compile(pattern), units, issue_id, distinct)


_ONLY_ORACLE = (
    "DUMP|VSIZE|BIN_TO_NUM|HEXTORAW|RAWTOHEX|NUMTODSINTERVAL|NUMTOYMINTERVAL|TO_LOB|BFILENAME|GROUP_ID|LNNVL|NANVL"
    "|BITAND|MEDIAN|REMAINDER|DBTIMEZONE|NEW_TIME|SESSIONTIMEZONE|TZ_OFFSET|FROM_TZ|ORA_HASH|CHARTOROWID|ROWIDTOCHAR"
    "|ROWIDTONCHAR|CLUSTER_ID|CLUSTER_PROBABILITY|DECOMPOSE|COMPOSE|EMPTY_BLOB|EMPTY_CLOB|ITERATION_NUMBER"
    "|POWERMULTISET|PRESENTNNV|PRESENTV|SCN_TO_TIMESTAMP|TIMESTAMP_TO_SCN|STATS_\\w+|SYS_DBURIGEN|SYS_TYPEID"
    "|TO_MULTI_BYTE|TO_SINGLE_BYTE|TREAT|UNISTR"
)
_EXCEPTIONS = (
    "ACCESS_INTO_NULL|CASE_NOT_FOUND|COLLECTION_IS_NULL|CURSOR_ALREADY_OPEN|DUP_VAL_ON_INDEX|INVALID_CURSOR"
    "|INVALID_NUMBER|LOGIN_DENIED|NOT_LOGGED_ON|PROGRAM_ERROR|ROWTYPE_MISMATCH|STORAGE_ERROR|SUBSCRIPT_BEYOND_COUNT"
    "|SUBSCRIPT_OUTSIDE_LIMIT|SYS_INVALID_ROWID|TIMEOUT_ON_RESOURCE|VALUE_ERROR|ZERO_DIVIDE"
)

CONSTRUCTS: tuple[Construct, ...] = (
    _row("CONNECT BY", "CONNECT", r"\bCONNECT\s+BY\b", 3, "ORACLE_CONNECT_BY"),
    _row("(+)", "+", r"\(\s*\+\s*\)", 2, "ORACLE_OUTER_JOIN_MARK"),
    _row("ROWNUM", "ROWNUM", r"\bROWNUM\b", 1, "ORACLE_ROWNUM"),
    _row("ROWID", "ROWID", r"\bU?ROWID\b", 2, "ORACLE_ROWID_IN_CODE"),
    _row("MERGE", "MERGE", r"\bMERGE\s+INTO\b", 3, "ORACLE_MERGE"),
    _row(
        "flashback",
        "SCN TIMESTAMP VERSIONS",
        r"\bAS\s+OF\s+(?:SCN|TIMESTAMP)\b|\bVERSIONS\s+BETWEEN\b|\bORA_ROWSCN\b",
        3,
        "ORACLE_FLASHBACK",
    ),
    _row("PIVOT", "PIVOT", r"\b(?:UN)?PIVOT\s*(?:XML\s*)?\(", 3, "ORACLE_PIVOT"),  # ours
    _row(
        "MODEL",
        "MODEL",
        r"\bMODEL\s+(?:PARTITION|DIMENSION|RETURN|UNIQUE|IGNORE|KEEP|MAIN|REFERENCE)\b",
        5,  # ours
        "ORACLE_MODEL",
    ),
    _row("INSERT ALL", "INSERT", r"\bINSERT\s+(?:ALL|FIRST)\b", 3, "ORACLE_MULTI_TABLE_INSERT"),  # ours
    _row("KEEP", "KEEP", r"\bKEEP\s*\(\s*DENSE_RANK\b", 1, "ORACLE_KEEP"),  # ours
    _row("comparison with ''", "''", r"(?:=|<>|!=|\bLIKE\b)\s*''(?!')", 1, "ORACLE_EMPTY_STRING_COMPARISON"),  # ours
    _row("TABLE(…)", "TABLE", r"(?:\bFROM|\bJOIN|,)\s*TABLE\s*\(", 2, "ORACLE_TABLE_FUNCTION"),
    _row(
        "XML",
        "XML EXTRACTVALUE EXISTSNODE GETCLOBVAL GETSTRINGVAL",
        r"\b(?:XMLTYPE|XMLELEMENT|XMLFOREST|XMLAGG|XMLTABLE|XMLQUERY|XMLSEQUENCE|XMLPARSE|XMLSERIALIZE|XMLROOT|XMLCONCAT"
        r"|XMLCAST|XMLEXISTS|EXTRACTVALUE|EXISTSNODE|UPDATEXML|DELETEXML|APPENDCHILDXML|INSERTXML\w*|SYS_XMLGEN"
        r"|SYS_XMLAGG|GETCLOBVAL|GETSTRINGVAL)\b",
        3,
        "ORACLE_XML_IN_CODE",
    ),
    _row(
        "Oracle Text", "CONTAINS CATSEARCH CTX_", r"\b(?:CONTAINS|CATSEARCH|CTX_\w+\.\w+)\s*\(", 1, "ORACLE_TEXT_SEARCH"
    ),
    _row("spatial", "SDO_ MDSYS", r"\b(?:SDO_\w+|MDSYS)\b", 3, "ORACLE_SPATIAL_IN_CODE"),
    _row("database link", "@", r'(?<![\w$#])"?[A-Z][\w$#]*"?@"?[A-Z][\w$#.]*', 1, "ORACLE_DATABASE_LINK_IN_CODE"),
    _row(
        "function of Oracle",
        "",
        rf"\b(?:{_ONLY_ORACLE})\s*(?=\()|\b(?:DBTIMEZONE|SESSIONTIMEZONE)\b",
        1,
        "ORACLE_FUNCTION",
        distinct=True,
    ),
    _row(
        "autonomous transaction",
        "AUTONOMOUS",
        r"\bPRAGMA\s+AUTONOMOUS_TRANSACTION\b",
        3,
        "ORACLE_AUTONOMOUS_TRANSACTION",
    ),
    _row("COMMIT or ROLLBACK", "COMMIT ROLLBACK", r"(?<!ON )\bCOMMIT\b|\bROLLBACK\b", 1, "ORACLE_TRANSACTION_CONTROL"),
    _row("SAVEPOINT", "SAVEPOINT", r"(?<!TO )\bSAVEPOINT\b", 1, "ORACLE_SAVEPOINT"),
    _row("BULK COLLECT", "BULK", r"\bBULK\s+COLLECT\b", 5, "BULK_COLLECT"),
    _row("FORALL", "FORALL", r"\bFORALL\b", 1, "ORACLE_FORALL"),
    _row(
        "collection",
        "TABLE VARRAY VARYING MULTISET",
        r"\bTABLE\s+OF\b|\bVARRAY\b|\bVARYING\s+ARRAY\b|\bMULTISET\b",
        4,
        "ORACLE_COLLECTION_IN_CODE",
    ),
    _row(
        "dynamic SQL",
        "IMMEDIATE OPEN",
        r"\bEXECUTE\s+IMMEDIATE\b|\bOPEN\s+\w+\s+FOR\s+(?!SELECT\b|WITH\b)",
        2,  # ours
        "ORACLE_DYNAMIC_SQL",
    ),
    _row("GOTO", "GOTO", r"\bGOTO\b", 2, "ORACLE_GOTO"),
    _row("PIPE ROW", "PIPE", r"\bPIPE\s+ROW\b", 1, "ORACLE_PIPELINED_FUNCTION"),
    _row("REF CURSOR", "CURSOR", r"\bREF\s+CURSOR\b|\bSYS_REFCURSOR\b", 1, "ORACLE_REF_CURSOR"),
    _row(
        "package of Oracle",
        "DBMS UTL HTP HTF OWA APEX",
        r"\b(?!DBMS_OUTPUT\b)(?:DBMS|UTL|HTP|HTF|OWA|APEX)(?:_\w+)?\.(?=\w)",
        3,
        "ORACLE_SUPPLIED_PACKAGE",
    ),
    _row("SYS_CONTEXT", "SYS_CONTEXT USERENV", r"\b(?:SYS_CONTEXT|USERENV)\s*\(", 1, "ORACLE_SESSION_CONTEXT"),
    _row("$IF", "$", r"\$\s*IF\b", 3, "ORACLE_CONDITIONAL_COMPILATION"),  # ours
    _row("external routine", "LANGUAGE", r"\bLANGUAGE\s+(?:C|JAVA)\b", 10, "ORACLE_EXTERNAL_ROUTINE"),  # ours
    _row("ANYDATASET", "ANYDATASET", r"\bANYDATASET\b", 2, "ORACLE_ANYDATASET"),
    _row("ANYDATA", "ANYDATA", r"\bANYDATA\b", 2, "ORACLE_ANYDATA"),
    _row("ANYTYPE", "ANYTYPE", r"\bANYTYPE\b", 2, "ORACLE_ANYTYPE"),
    _row("URITYPE", "URITYPE", r"\b(?:HTTP|DB|XDB)?URITYPE\b", 2, "ORACLE_URITYPE"),
    _row("WHEN OTHERS", "OTHERS", r"\bWHEN\s+OTHERS\b", 10),
    _row("PRAGMA", "PRAGMA", r"\bPRAGMA\s+(?!AUTONOMOUS_TRANSACTION\b)", 3),
    _row("record", "RECORD", r"\bIS\s+RECORD\b", 1),
    _row("SQLCODE", "SQLCODE", r"\bSQLCODE\b", 1),
    _row("%ISOPEN, %ROWCOUNT", "%", r"%(?:ISOPEN|ROWCOUNT)\b", 1),
    _row("named exception", "", rf"\b(?:{_EXCEPTIONS})\b", 2),
    _row("IS JSON", "JSON", r"\bIS\s+JSON\b", 3),
    _row("||", "||", r"\|\|", 0.1),
    _row("TO_NUMBER", "TO_NUMBER", r"\bTO_NUMBER\s*\(", 0.1),
    _row("TRUNC", "TRUNC", r"\bTRUNC\s*\(", 0.1),
    _row("TO_CHAR", "CHAR", r"\bTO_N?CHAR\s*\(\s*[^,()]*\)", 0.1),
    _row("TO_CLOB", "TO_CLOB", r"\bTO_CLOB\s*\(", 0.1),
)
"""In the order of findings; "ours" marks the figures that ora2pg's table does not have."""


def occurrences(bare: str) -> Iterator[Occurrence]:
    """Every construct in a source that bare() made."""
    source = bare.upper()
    ends = [match.start() for match in re.finditer("\n", source)]
    for construct in CONSTRUCTS:
        if construct.needles and not any(needle in source for needle in construct.needles):
            continue
        matches = list(construct.pattern.finditer(source))
        if matches:
            lines = tuple(bisect_left(ends, match.start()) + 1 for match in matches)
            words = tuple(dict.fromkeys(" ".join(match[0].split()).rstrip(".(") for match in matches))
            yield Occurrence(construct, lines, words)


def of_object(code: CodeObject) -> tuple[Occurrence, ...]:
    """Those of one object; of wrapped code there are none that could be seen."""
    return () if code.wrapped else tuple(occurrences(code.bare))
