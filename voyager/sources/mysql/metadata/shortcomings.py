"""What an assessment of a MySQL server has to do without: the server shows an account only what it may use."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from voyager.ports import Gap
from voyager.sources.mysql.names import account, label, quoted
from voyager.wording import counted

QUERIES = "db-queries-summary"
_LOAD = ("table-index-iops-initial", "table-index-iops-final", "table-index-usage-stats")
_ROUTINES = "Procedures and functions"


def gaps(facts: Mapping[str, Any]) -> list[Gap]:
    """In the order of their weight. `facts` is what database.sql answers; what it does not say is no gap."""
    return [*_tables(facts), *_views(facts), *_hidden_code(facts), *_routines(facts), *_load(facts)]


def _tables(facts: Mapping[str, Any]) -> Iterator[Gap]:
    """Without a privilege on a whole database, its tables are shown only where the account has one on them."""
    if "privileges" not in facts:
        return
    for schema in _schemas(facts):
        if not any(_covers(place, schema) for place, _ in facts["privileges"]):
            yield Gap(
                what=f"Tables and views of {label(schema)}",
                reason=f"Account {facts['account']} has no privilege on the database as a whole, so the server shows "
                f"it only the tables on which it has one.{_by_role(facts)}",
                sql=f"GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON {quoted(schema)}.* TO {account(facts['account'])};",
                weakens="Tables that are not shown are not judged, and not counted in the size of the cluster.",
            )


def _views(facts: Mapping[str, Any]) -> Iterator[Gap]:
    number = int(facts.get("views_hidden") or 0)
    if number:
        yield Gap(
            what=f"The text of {counted(number, 'view')}",
            reason=f"Account {facts['account']} may not read it.",
            sql=" ".join(
                f"GRANT SHOW VIEW ON {quoted(schema)}.* TO {account(facts['account'])};" for schema in _schemas(facts)
            ),
            weakens="Functions and expressions in these views are not judged.",
        )


def _hidden_code(facts: Mapping[str, Any]) -> Iterator[Gap]:
    """Triggers and events that may not be seen leave no trace at all."""
    for privilege, what in (("TRIGGER", "Triggers"), ("EVENT", "Events")):
        without = [schema for schema in _schemas(facts) if not _holds(facts, privilege, schema)]
        if without and "privileges" in facts:
            yield Gap(
                what=f"{what} of {', '.join(label(schema) for schema in without)}",
                reason=f"Account {facts['account']} has no privilege {privilege} there, so none would be shown."
                f"{_by_role(facts)}",
                sql=" ".join(
                    f"GRANT {privilege} ON {quoted(schema)}.* TO {account(facts['account'])};" for schema in without
                ),
                weakens=f"{what} are neither judged nor counted in the effort.",
            )


def _routines(facts: Mapping[str, Any]) -> Iterator[Gap]:
    number = int(facts.get("routines_hidden") or 0)
    sees = any(
        privilege in {"SHOW_ROUTINE", "SHOW CREATE ROUTINE"}
        or (privilege == "SELECT" and place in {"*", "mysql", "mysql.proc"})
        for place, privilege in facts.get("privileges", ())
    )
    if not number and (sees or "privileges" not in facts):
        return
    privilege = facts.get("show_routine_privilege")
    grantee = account(facts["account"])
    yield Gap(
        what=f"The bodies of {counted(number, 'routine')}" if number else _ROUTINES,
        reason=f"Account {facts['account']} may not read them."
        if number
        else f"Account {facts['account']} sees only those that it made or may execute.{_by_role(facts)}",
        sql=f"GRANT {privilege} ON *.* TO {grantee};" if privilege else f"GRANT SELECT ON mysql.proc TO {grantee};",
        weakens="What is not shown is neither judged nor counted in the effort.",
    )


def _load(facts: Mapping[str, Any]) -> Iterator[Gap]:
    if facts.get("performance_schema", 1):
        return
    if not facts.get("userstat"):
        yield Gap(
            what="Reads and writes",
            reason="The server counts neither: performance_schema is off.",
            sql="-- in the server's option file, then restart it: performance_schema = ON",
            weakens="The cluster is sized by the data alone; objects in frequent use are not known.",
            questions=_LOAD,
            hides_issues=False,
        )
    yield Gap(
        what="Queries",
        reason="The server keeps no statistics of statements: performance_schema is off.",
        sql="-- in the server's option file, then restart it: performance_schema = ON",
        weakens="Constructs in queries of applications that YugabyteDB does not take are not found.",
        questions=(QUERIES,),
    )


def _schemas(facts: Mapping[str, Any]) -> list[str]:
    return list(facts.get("schemas") or [])


def _holds(facts: Mapping[str, Any], privilege: str, schema: str) -> bool:
    return any(held == privilege and _covers(place, schema) for place, held in facts.get("privileges", ()))


def _covers(place: str, schema: str) -> bool:
    """Whether a grant at `place` ("*", or a database's name with LIKE's wildcards) holds for the whole of `schema`."""
    if place == "*":
        return True
    parts = re.findall(r"\\.|.", place, re.DOTALL)
    pattern = "".join({"%": ".*", "_": "."}.get(part, re.escape(part[-1])) for part in parts)
    return re.fullmatch(pattern, schema, re.DOTALL) is not None


def _by_role(facts: Mapping[str, Any]) -> str:
    role = facts.get("roles")
    return f" Its role {role} may allow more; the server does not tell." if role else ""
