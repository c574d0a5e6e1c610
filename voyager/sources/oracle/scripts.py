"""The questions as scripts for plain SQL*Plus: the same texts that the driver sends, and what SQL*Plus needs around.

The one word that may differ is the beginning of the views' names, which the main script finds out: DBA_ or ALL_.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence

from voyager import __version__
from voyager.ports import Question
from voyager.sources.oracle.metadata import ROLE, part, probes

MAIN, SKIP = "ora_run_all.sql", "ora_skip.sql"
FORMAT = 1
"""Of database.json."""

README = f"""\
## Run

With SQL*Plus 12.2 or later, from this directory, once for the schema that is to be assessed:

    export NLS_LANG=AMERICAN_AMERICA.AL32UTF8
    sqlplus -L USER@//HOST:1521/SERVICE @{MAIN} HR

- `HR` is the schema; a name with small letters as it is.
- Oracle 12.1 is the oldest server. An older SQL*Plus cannot write CSV: use that of a newer client, which
  connects to older servers too (Instant Client is enough).
- The files go to the directory `collected`, which must exist. For another schema move it away first.
- The run takes seconds, with tens of thousands of objects or much code a few minutes.

{MAIN} calls the other scripts, one for each file. What the user may not see is left out, and database.json says so;
without a file that an assessment cannot do without, the run ends with the reason.

## Privileges

    GRANT CREATE SESSION TO assessor;
    GRANT SELECT_CATALOG_ROLE TO assessor;

or SELECT on each of the views that the table below names. The owner of a schema can run the scripts without either:
then the views ALL_… answer instead of DBA_…, and the sizes of tables are missing.

## What is done

Every statement is a SELECT on views of the dictionary, or a block that finds out whether it would be refused. No table
of an application is read, nothing is written, no object is created, no statistics are gathered. Settings are those of
the session alone. Two files can hold more than names: code-sources.csv has the source of stored code, and
db-queries-summary.csv the texts of statements with the constants in them. Leave them out if they must not leave the
house: the assessment then says what it could not judge.
"""

_BEGINNING = f"""\
-- Collect metadata for an assessment with yb-voyager {__version__}. README.md says how to run this.
-- Nothing is written to the database.
WHENEVER OSERROR EXIT FAILURE
WHENEVER SQLERROR EXIT FAILURE
SET ECHO OFF
SET VERIFY OFF
SET FEEDBACK OFF
SET DEFINE '&'
SET SQLBLANKLINES ON
SET TAB OFF
BEGIN
  IF TO_NUMBER('&_SQLPLUS_RELEASE') < 1202000000 THEN
    RAISE_APPLICATION_ERROR(-20000, 'This SQL*Plus cannot write CSV. Use version 12.2 or later.');
  END IF;
END;
/
VARIABLE schema_name VARCHAR2(128)
VARIABLE dictionary VARCHAR2(3)
VARIABLE next_script VARCHAR2(100)
VARIABLE probed NUMBER
VARIABLE missing CLOB
VARIABLE separator VARCHAR2(2)
BEGIN
  SELECT MAX(CASE WHEN u.username = '&1' THEN u.username END) INTO :schema_name FROM all_users u;
  IF :schema_name IS NULL THEN
    SELECT MAX(u.username) INTO :schema_name FROM all_users u WHERE u.username = UPPER('&1');
  END IF;
  IF :schema_name IS NULL THEN
    RAISE_APPLICATION_ERROR(-20000, 'The database has no schema &1.');
  END IF;
END;
/
BEGIN
  :dictionary := 'dba';
  EXECUTE IMMEDIATE 'SELECT COUNT(*) FROM dba_all_tables v WHERE 1 = 0' INTO :probed;
EXCEPTION
  WHEN OTHERS THEN
    :dictionary := 'all';
END;
/
COLUMN dictionary NEW_VALUE dictionary NOPRINT
COLUMN next_script NEW_VALUE next_script NOPRINT
SELECT :dictionary AS dictionary FROM dual;
ALTER SESSION SET NLS_NUMERIC_CHARACTERS = '.,';
SET HEADING OFF
SET PAGESIZE 0
SET LINESIZE 32767
SET LONG 1000000000
SET LONGCHUNKSIZE 32767
SET NUMWIDTH 50
SET TRIMSPOOL ON
SET ARRAYSIZE 500"""

_END = """\
) d;
SPOOL OFF
SET TERMOUT ON
PROMPT Done: the files are in the directory collected.
EXIT SUCCESS"""


def render(questions: Sequence[Question]) -> Mapping[str, str]:
    """File name -> text."""
    files = {_name(question): _script(question) for question in questions}
    return {**files, SKIP: _SKIPPED, MAIN: _main(questions), "README.md": README}


_SKIPPED = f"""\
-- Part of {MAIN}: what stands in the place of a question that would be refused.
PROMPT   left out, see database.json
"""


def _name(question: Question) -> str:
    return f"ora_{question.name.replace('-', '_')}.sql"


def _script(question: Question) -> str:
    return f"""\
-- Reads {question.what}.
-- Part of {MAIN}, which prepares the session.
SET TERMOUT OFF
SET HEADING ON
SET MARKUP CSV ON DELIMITER ',' QUOTE ON
SPOOL collected/{question.name}.csv
{_of_the_session(question.sql)};
SPOOL OFF
SET MARKUP CSV OFF
SET HEADING OFF
SET TERMOUT ON
"""


def _main(questions: Sequence[Question]) -> str:
    return "\n".join([_BEGINNING, *(_asked(question) for question in questions), *_facts()]) + "\n"


def _facts() -> Iterator[str]:
    """Last of all: database.json says that the answers are whole, and which were refused."""
    yield "PROMPT database"
    yield "SET TERMOUT OFF"
    yield "SPOOL collected/database.json"
    written = f', "collected_by": "yb-voyager {__version__}", "format": {FORMAT}, "missing": ['
    yield "SELECT SUBSTR(d.document, 1, LENGTH(d.document) - 1)"
    yield f"       || {_literal(written)} || :missing || ']}}' AS document"
    yield "FROM ("
    yield _of_the_session(part("database"))
    yield _END


def _asked(question: Question) -> str:
    """Find out whether the question would be refused, and run its script or go on without."""
    refusal = _end_of_run(question) if question.required else _left_out(question)
    return "\n".join(
        [
            f"PROMPT {question.name}",
            "BEGIN",
            f"  :next_script := '{_name(question)}';",
            *(f"  EXECUTE IMMEDIATE {_literal(_of_the_session(probe))} INTO :probed;" for probe in probes(question)),
            "EXCEPTION",
            "  WHEN OTHERS THEN",
            *refusal,
            "END;",
            "/",
            "SELECT :next_script AS next_script FROM dual;",
            "@@&next_script",
        ]
    )


def _end_of_run(question: Question) -> Iterator[str]:
    yield f"    RAISE_APPLICATION_ERROR(-20000, {_literal(question.needs + ' is needed: ')} || SQLERRM);"


def _left_out(question: Question) -> Iterator[str]:
    """One object of the list "missing" in database.json."""
    what = question.what[:1].upper() + question.what[1:]
    said = {"question": question.name, "what": what, "weakens": question.weakens}
    yield f"    :next_script := '{SKIP}';"
    yield "    :missing := :missing || :separator"
    yield from (f"      || {_literal(piece)}" for piece in _wrapped(json.dumps(said).removesuffix("}")))
    yield f'      || \', "sql": "GRANT {ROLE} TO \' || USER || \';", "reason": "\''
    yield "      || REPLACE(REPLACE(REPLACE(SQLERRM, '\\', '\\\\'), '\"', '\\\"'), CHR(10), ' ') || '\"}';"
    yield "    :separator := ', ';"


def _of_the_session(sql: str) -> str:
    """The views' names begin with what the main script found out."""
    return re.sub(r"\bdba_", "&dictionary._", sql)


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _wrapped(text: str, width: int = 100) -> list[str]:
    """Lines stay far below what SQL*Plus takes."""
    return [text[start : start + width] for start in range(0, len(text), width)]
