"""The little of SQL*Plus that our scripts use, over the dictionary double: never SQL*Plus, never Oracle.

It reads the scripts line by line as SQL*Plus would, runs their SELECTs and the blocks that ask whether one would be
refused, and writes what they spool. What it does not know it refuses, so that a script cannot grow beyond it unseen.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, field
from pathlib import Path

import oracledb

from tests import drive
from tests.oracle_double import DoubleConnection, OracleDouble, Refused, for_postgres, parse_oracle

_SETTINGS = re.compile(
    r"(?:ECHO|VERIFY|FEEDBACK|HEADING|TERMOUT|TAB|TRIMSPOOL|SQLBLANKLINES) (?:ON|OFF)|DEFINE '&'|MARKUP CSV OFF"
    r"|MARKUP CSV ON DELIMITER ',' QUOTE ON|(?:PAGESIZE|LINESIZE|LONG|LONGCHUNKSIZE|NUMWIDTH|ARRAYSIZE) \d+"
)
_PROBE = re.compile(r"EXECUTE IMMEDIATE '((?:[^']|'')*)' INTO :probed;")
_ASSIGNMENT = re.compile(r":(\w+) := (.*?);\n", re.DOTALL)
_COMMANDS = ("WHENEVER ", "VARIABLE ", "COLUMN ", "PROMPT ", "ALTER SESSION SET NLS_")


class Exit(Exception):
    """The script ended the session; with a text, by RAISE_APPLICATION_ERROR."""


@dataclass
class Session:
    """One run of a main script in `directory` for `schema`."""

    directory: Path
    double: OracleDouble
    schema: str
    binds: dict[str, str] = field(default_factory=dict)
    defined: dict[str, str] = field(default_factory=dict)
    csv: bool = False
    spool: Path | None = None
    said: list[str] = field(default_factory=list)

    def run(self, main: str) -> None:
        """Run the script to its EXIT SUCCESS."""
        self.defined = {"1": self.schema, "_SQLPLUS_RELEASE": "1903000000"}
        self.binds = {"schema_name": self.schema.upper(), "missing": "", "separator": ""}
        try:
            self.include(main)
        except Exit as end:
            if str(end):
                raise
            return
        raise Refused("the script did not end the session")

    def include(self, name: str) -> None:
        lines = (self.directory / name).read_text("ascii").splitlines()
        while lines:
            line = self.substituted(lines.pop(0))
            first = line.split(" ")[0]
            if first in ("BEGIN", "DECLARE"):
                end = lines.index("/")
                self.block("\n".join([line, *map(self.substituted, lines[:end])]) + "\n")
                del lines[: end + 1]
            elif first in ("SELECT", "WITH"):
                statement = [line]
                while not statement[-1].endswith(";"):
                    statement.append(self.substituted(lines.pop(0)))
                self.select("\n".join(statement).removesuffix(";"))
            else:
                self.command(line)

    def substituted(self, line: str) -> str:
        return re.sub(r"&(\w+)\.?", lambda match: self.defined[match[1]], line)

    def command(self, line: str) -> None:
        if line.startswith("SET ") and _SETTINGS.fullmatch(line[4:]):
            self.csv = line.startswith("SET MARKUP CSV ON") or (self.csv and "MARKUP" not in line)
        elif line == "SPOOL OFF":
            self.spool = None
        elif line.startswith("SPOOL "):
            self.spool = self.directory / line[6:]
            self.spool.write_text("")
        elif line.startswith("@@"):
            self.include(line[2:])
        elif line == "EXIT SUCCESS":
            raise Exit
        elif line.startswith("PROMPT "):
            self.said.append(line[7:].strip())
        elif not line.startswith(("--", *_COMMANDS)):
            raise Refused(f"not a command of SQL*Plus that the double knows: {line}")

    def block(self, text: str) -> None:
        """BEGIN with probes and assignments, EXCEPTION with what is done when one is refused."""
        if "INTO :schema_name" in text or "_SQLPLUS_RELEASE" in text or "TO_NUMBER" in text:
            return  # the checks of client and schema: no double could tell
        tried, _, refused = text.partition("EXCEPTION\n")
        self.assign(tried, "")
        for probe in _PROBE.findall(tried):
            try:
                self.connection().cursor().execute(probe.replace("''", "'"))
            except oracledb.Error as error:
                if raised := re.search(r"RAISE_APPLICATION_ERROR\(-20000, '(.*?)' \|\| SQLERRM", refused):
                    raise Exit(f"{raised[1]}{error}") from None
                self.assign(refused, str(error).splitlines()[0])
                return

    def assign(self, text: str, message: str) -> None:
        for name, expression in _ASSIGNMENT.findall(text):
            sql = expression.replace("SQLERRM", _literal(message)).replace(
                "|| USER ||", f"|| {_literal(self.double.user)} ||"
            )
            sql = re.sub(r":(\w+)", lambda match: _literal(self.binds.get(match[1], "")), sql)
            self.binds[name] = drive.fetch(self.double.endpoint, f"SELECT concat({sql.replace('||', ',')})")[0][0]

    def select(self, sql: str) -> None:
        if self.spool is None:
            value, name = re.fullmatch(r"SELECT :(\w+) AS (\w+) FROM dual", sql).groups()  # type: ignore[union-attr]
            self.defined[name] = self.binds[value]
            return
        if self.csv:
            cursor = self.connection().cursor()
            cursor.execute(sql, self.binds)
            rows = [[name for (name,) in cursor.description], *cursor.fetchall()]
            self.spool.write_text("\n" + _as_csv(rows), "utf-8")
        else:
            # The binds may hold nothing, which the double would refuse as a literal of Oracle.
            text = for_postgres(parse_oracle(sql), self.binds, self.double)
            (document,) = drive.fetch(self.double.endpoint, text)[0]
            self.spool.write_text(document + "\n", "utf-8")

    def connection(self) -> DoubleConnection:
        return self.double.connect(self.double.endpoint, "scripts")


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _as_csv(rows: list[object]) -> str:
    """As SET MARKUP CSV ON QUOTE ON writes it: a blank line first, text in quotes."""
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)  # type: ignore[arg-type]
    return out.getvalue()
