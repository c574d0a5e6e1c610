"""Rows of an Oracle dictionary, made consistently over its views: what one CREATE statement leaves in many of them."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]
ANALYZED = "2026-11-01T00:00:00"


def col(name: str, written: str, **facts: Any) -> Row:
    """One column by the type as DDL writes it: `NUMBER(8,2)`, `VARCHAR2(30 CHAR)`, `TIMESTAMP(9) WITH TIME ZONE`."""
    return {"COLUMN_NAME": name, "NULLABLE": "Y", **_typed(written), **facts}


def _typed(written: str) -> Row:
    kind = re.match(r"[A-Z_0-9 ]+?(?=\(|$)", written)
    base = kind[0] if kind else written
    numbers = re.search(r"\(([^)]*)\)", written)
    inside = numbers[1] if numbers else ""
    if base in ("NUMBER", "FLOAT"):
        parts = [None if part.strip() == "*" else int(part) for part in inside.split(",") if part]
        precision = parts[0] if parts else (126 if base == "FLOAT" else None)
        scale = parts[1] if len(parts) > 1 else (0 if parts and base == "NUMBER" else None)
        return {"DATA_TYPE": base, "DATA_LENGTH": 22, "DATA_PRECISION": precision, "DATA_SCALE": scale}
    if base in ("VARCHAR2", "CHAR", "NVARCHAR2", "NCHAR"):
        number = int(inside.split()[0]) if inside else 1
        used = None if base.startswith("N") else "C" if "CHAR" in inside else "B"
        width = 4 if used == "C" else 2 if base.startswith("N") else 1
        return {"DATA_TYPE": base, "DATA_LENGTH": number * width, "CHAR_LENGTH": number, "CHAR_USED": used or "C"}
    if base == "RAW":
        return {"DATA_TYPE": base, "DATA_LENGTH": int(inside)}
    return {"DATA_TYPE": written, "DATA_LENGTH": 11}


@dataclass
class Sample:
    """The dictionary of one database, filled by what a schema's DDL would do."""

    owner: str = "HR"
    rows: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))

    def add(self, view: str, **columns: Any) -> None:
        self.rows[view].append(columns)

    def database(self, *users: str, characters: str = "AL32UTF8") -> None:
        for user in ("SYS", "SYSTEM"):
            self.add("ALL_USERS", USERNAME=user, ORACLE_MAINTAINED="Y")
        for user in users:
            self.add("ALL_USERS", USERNAME=user, ORACLE_MAINTAINED="N")
        self.add("V$VERSION", BANNER="Oracle Database 19c Enterprise Edition Release 19.0.0.0.0 - Production")
        self.add("NLS_DATABASE_PARAMETERS", PARAMETER="NLS_CHARACTERSET", VALUE=characters)
        self.add("NLS_DATABASE_PARAMETERS", PARAMETER="NLS_NCHAR_CHARACTERSET", VALUE="AL16UTF16")
        self.add("DUAL", DUMMY="X")

    def table(self, name: str, *columns: Row, rows: int | None = 0, size: int = 65536, **facts: Any) -> None:
        """A heap table; `facts` overrides what DBA_ALL_TABLES says of it."""
        said = {
            "OWNER": self.owner, "TABLE_NAME": name, "NUM_ROWS": rows, "NESTED": "NO", "SECONDARY": "N",
            "DROPPED": "NO", "TEMPORARY": "N", "PARTITIONED": "NO", "COMPRESSION": "DISABLED",
            "LAST_ANALYZED": None if rows is None else ANALYZED, **facts,
        }  # fmt: skip
        self.add("DBA_ALL_TABLES", **said)
        if not said.get("TABLE_TYPE"):
            self.add("DBA_TABLES", **{key: value for key, value in said.items() if key in _OF_DBA_TABLES})
        self.add("DBA_OBJECTS", OWNER=self.owner, OBJECT_NAME=name, OBJECT_TYPE="TABLE", STATUS="VALID")
        self.columns(name, *columns)
        plain = said["TEMPORARY"] == "N" and said["PARTITIONED"] == "NO" and not said.get("IOT_TYPE")
        if plain and not said.get("CLUSTER_NAME") and size:
            self.segment(name, size)

    def columns(self, table: str, *columns: Row) -> None:
        for place, column in enumerate(columns, 1):
            said = {
                "OWNER": self.owner, "TABLE_NAME": table, "COLUMN_ID": place, "INTERNAL_COLUMN_ID": place,
                "HIDDEN_COLUMN": "NO", "VIRTUAL_COLUMN": "NO", "USER_GENERATED": "YES", "DEFAULT_ON_NULL": "NO",
                "IDENTITY_COLUMN": "NO", **column,
            }  # fmt: skip
            self.add("DBA_TAB_COLS", **said)

    def segment(self, name: str, size: int, kind: str = "TABLE", part: str | None = None) -> None:
        self.add(
            "DBA_SEGMENTS", OWNER=self.owner, SEGMENT_NAME=name, PARTITION_NAME=part, SEGMENT_TYPE=kind, BYTES=size
        )

    def lob(self, table: str, column: str, size: int) -> None:
        segment = f"SYS_LOB{len(self.rows['DBA_LOBS']):010}$$"
        self.add("DBA_LOBS", OWNER=self.owner, TABLE_NAME=table, COLUMN_NAME=column, SEGMENT_NAME=segment)
        self.segment(segment, size, "LOBSEGMENT")

    def index(
        self, name: str, table: str, *columns: str, unique: bool = False, size: int = 65536, **facts: Any
    ) -> None:
        """A column written as an expression (with anything but letters) is one of a function-based index."""
        expressions = [column for column in columns if not re.fullmatch(r"[A-Z][A-Z0-9_$#]*( DESC)?", column)]
        descending = [column for column in columns if column.endswith(" DESC")]
        kind = "FUNCTION-BASED NORMAL" if expressions or descending else "NORMAL"
        said = {
            "OWNER": self.owner, "INDEX_NAME": name, "INDEX_TYPE": kind, "TABLE_OWNER": self.owner,
            "TABLE_NAME": table, "TABLE_TYPE": "TABLE", "UNIQUENESS": "UNIQUE" if unique else "NONUNIQUE",
            "STATUS": "VALID", "PARTITIONED": "NO", "GENERATED": "N", "SECONDARY": "N", "DROPPED": "NO",
            "JOIN_INDEX": "NO", "VISIBILITY": "VISIBLE", **facts,
        }  # fmt: skip
        self.add("DBA_INDEXES", **said)
        self.add("DBA_OBJECTS", OWNER=self.owner, OBJECT_NAME=name, OBJECT_TYPE="INDEX", STATUS="VALID")
        for place, column in enumerate(columns, 1):
            self._index_column(name, table, place, column, computed=column in expressions + descending)
        if said["PARTITIONED"] == "NO" and size:
            self.segment(name, size, "INDEX")

    def _index_column(self, name: str, table: str, place: int, column: str, *, computed: bool) -> None:
        plain = column.removesuffix(" DESC")
        of = {"INDEX_OWNER": self.owner, "INDEX_NAME": name, "TABLE_OWNER": self.owner, "TABLE_NAME": table}
        shown = f"SYS_NC{place:05}$" if computed else plain
        direction = "DESC" if column.endswith(" DESC") else "ASC"
        self.add("DBA_IND_COLUMNS", **of, COLUMN_NAME=shown, COLUMN_POSITION=place, DESCEND=direction)
        if computed:
            text = f'"{plain}"' if direction == "DESC" else column
            self.add("DBA_IND_EXPRESSIONS", **of, COLUMN_EXPRESSION=text, COLUMN_POSITION=place)

    def constraint(self, kind: str, name: str, table: str, *columns: str, **facts: Any) -> None:
        said = {
            "OWNER": self.owner, "CONSTRAINT_NAME": name, "CONSTRAINT_TYPE": kind, "TABLE_NAME": table,
            "STATUS": "ENABLED", "VALIDATED": "VALIDATED", "DEFERRABLE": "NOT DEFERRABLE", "DEFERRED": "IMMEDIATE",
            "GENERATED": "USER NAME", **facts,
        }  # fmt: skip
        self.add("DBA_CONSTRAINTS", **said)
        for place, column in enumerate(columns, 1):
            self.add(
                "DBA_CONS_COLUMNS", OWNER=self.owner, CONSTRAINT_NAME=name, TABLE_NAME=table, COLUMN_NAME=column,
                POSITION=place,
            )  # fmt: skip

    def key(self, name: str, table: str, *columns: str, kind: str = "P", **facts: Any) -> None:
        """A primary or unique key with its index of the same name."""
        self.index(name, table, *columns, unique=True)
        self.constraint(kind, name, table, *columns, INDEX_NAME=name, INDEX_OWNER=self.owner, **facts)

    def foreign_key(self, name: str, table: str, column: str, parent_key: str, **facts: Any) -> None:
        self.constraint("R", name, table, column, R_OWNER=self.owner, R_CONSTRAINT_NAME=parent_key, **facts)

    def check(self, name: str, table: str, condition: str, *columns: str, **facts: Any) -> None:
        self.constraint("C", name, table, *columns, SEARCH_CONDITION=condition, **facts)

    def partition(
        self, table: str, kind: str, *keys: str, parts: tuple[str, ...], size: int = 8388608, **facts: Any
    ) -> None:
        """Makes a table (made with PARTITIONED='YES') partitioned by one level."""
        self.add(
            "DBA_PART_TABLES", OWNER=self.owner, TABLE_NAME=table, PARTITIONING_TYPE=kind,
            PARTITION_COUNT=len(parts), **{"SUBPARTITIONING_TYPE": "NONE", **facts},
        )  # fmt: skip
        for place, key in enumerate(keys, 1):
            self.add(
                "DBA_PART_KEY_COLUMNS", OWNER=self.owner, NAME=table, OBJECT_TYPE="TABLE", COLUMN_NAME=key,
                COLUMN_POSITION=place,
            )  # fmt: skip
        composite = facts.get("SUBPARTITIONING_TYPE", "NONE") != "NONE"
        for place, part in enumerate(parts, 1):
            self.add(
                "DBA_TAB_PARTITIONS", TABLE_OWNER=self.owner, TABLE_NAME=table, PARTITION_NAME=part,
                PARTITION_POSITION=place, COMPOSITE="YES" if composite else "NO", NUM_ROWS=1000, INTERVAL="NO",
                HIGH_VALUE=f"{place}00",
            )  # fmt: skip
            if not composite:
                self.segment(table, size, "TABLE PARTITION", part)

    def subpartition(self, table: str, kind: str, part: str, *parts: str) -> None:
        for place, name in enumerate(parts, 1):
            self.add(
                "DBA_TAB_SUBPARTITIONS", TABLE_OWNER=self.owner, TABLE_NAME=table, PARTITION_NAME=part,
                SUBPARTITION_NAME=name, SUBPARTITION_POSITION=place, NUM_ROWS=500,
            )  # fmt: skip
            self.segment(table, 8388608, "TABLE SUBPARTITION", name)

    def code(self, kind: str, name: str, text: str, status: str = "VALID") -> None:
        """The source of one object, a row a line."""
        for number, line in enumerate(text.strip().split("\n"), 1):
            self.add("DBA_SOURCE", OWNER=self.owner, NAME=name, TYPE=kind, LINE=number, TEXT=line + "\n")
        self.add("DBA_OBJECTS", OWNER=self.owner, OBJECT_NAME=name, OBJECT_TYPE=kind, STATUS=status)

    def trigger(self, name: str, table: str, kind: str, event: str, text: str, **facts: Any) -> None:
        self.code("TRIGGER", name, text)
        said = {
            "OWNER": self.owner, "TRIGGER_NAME": name, "TRIGGER_TYPE": kind, "TRIGGERING_EVENT": event,
            "TABLE_OWNER": self.owner, "BASE_OBJECT_TYPE": "TABLE", "TABLE_NAME": table, "STATUS": "ENABLED",
            "CROSSEDITION": "NO", **facts,
        }  # fmt: skip
        self.add("DBA_TRIGGERS", **said)

    def sequence(self, name: str, last: int = 1, most: int = 9999999999999999999999999999, **facts: Any) -> None:
        said = {
            "SEQUENCE_OWNER": self.owner, "SEQUENCE_NAME": name, "MIN_VALUE": 1, "MAX_VALUE": most, "INCREMENT_BY": 1,
            "CYCLE_FLAG": "N", "ORDER_FLAG": "N", "CACHE_SIZE": 20, "LAST_NUMBER": last, "SCALE_FLAG": "N",
            "SESSION_FLAG": "N", **facts,
        }  # fmt: skip
        self.add("DBA_SEQUENCES", **said)
        self.add("DBA_OBJECTS", OWNER=self.owner, OBJECT_NAME=name, OBJECT_TYPE="SEQUENCE", STATUS="VALID")

    def view(self, name: str, text: str, status: str = "VALID", **facts: Any) -> None:
        self.add(
            "DBA_VIEWS", OWNER=self.owner, VIEW_NAME=name, TEXT=text, TEXT_LENGTH=len(text), READ_ONLY="N", **facts
        )
        self.add("DBA_OBJECTS", OWNER=self.owner, OBJECT_NAME=name, OBJECT_TYPE="VIEW", STATUS=status)

    def type(self, name: str, code: str = "OBJECT", **facts: Any) -> None:
        said = {"ATTRIBUTES": 2 if code == "OBJECT" else 0, "METHODS": 0, "FINAL": "YES", **facts}
        self.add("DBA_TYPES", OWNER=self.owner, TYPE_NAME=name, TYPECODE=code, **said)
        self.add("DBA_OBJECTS", OWNER=self.owner, OBJECT_NAME=name, OBJECT_TYPE="TYPE", STATUS="VALID")


_OF_DBA_TABLES = {
    "OWNER", "TABLE_NAME", "CLUSTER_NAME", "NUM_ROWS", "LAST_ANALYZED", "PARTITIONED", "IOT_TYPE", "TEMPORARY",
    "SECONDARY", "NESTED", "DURATION", "COMPRESSION", "DROPPED",
}  # fmt: skip
