"""The questions as scripts for plain psql: the same texts that the driver sends, and what psql needs around them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from voyager import __version__
from voyager.ports import Question
from voyager.sources.postgresql.metadata import MOMENT, NODE, QUERIES, SCHEMA_LIST, text

MAIN, PREPARE = "pg_run_all.sql", "pg_prepare_session.sql"
_VARIABLES = ("schemas", ""), ("node", "primary"), ("dir", "collected"), ("interval", "120")

README = f"""\
## Run

With psql 11 or later (its version may be newer than the server's), from this directory:

    psql -X -h HOST -p PORT -U ROLE -d DATABASE -v schemas='public|sales' -f {MAIN}

- `schemas`: the schemas to assess, separated by `|`; leave it out for all. In a name write `%25` for % and `%7C` for |.
- `-v interval=120`: seconds between the two readings of the load. Choose a time when the application is busy; 0 leaves
  the second reading out. The run takes this long and a few seconds more.
- `-v dir=collected`: where the files go; the directory must exist.

It runs the other scripts, one for each file; each can also be run alone, in the same way.

At its end the script prints a pg_dump command for the definitions. Run it too: without them nothing can be judged.
It takes a pg_dump that is at least as new as the server. pg_dump locks the tables as a reader does.

Read replicas: run the same against each one, at the same time if you can, so that the reads there are counted too:

    mkdir -p collected/node-replica1
    psql -X -h REPLICA -p PORT -U ROLE -d DATABASE -v schemas='public|sales' \\
      -v node=replica1 -v dir=collected/node-replica1 -f {MAIN}

## Privileges

Any role that may connect will do; what it may not see is named in the report. For all of it:

    GRANT USAGE ON SCHEMA public, sales TO assessor;
    GRANT SELECT ON ALL TABLES IN SCHEMA public, sales TO assessor;   -- for pg_dump's locks and column statistics
    GRANT pg_read_all_stats TO assessor;                              -- for the texts of other users' queries

The session is read-only (`default_transaction_read_only`); it waits at most 5 seconds for a lock and 10 minutes for an
answer. The most common value of each column, as ANALYZE keeps it, is in column_statistics.csv; leave that file out if
it must not leave the house. Texts of queries have their constants replaced by `$1`, `$2`; so they are in
pg_stat_statements already.
"""


def render(questions: Sequence[Question]) -> Mapping[str, str]:
    """File name -> text."""
    files = {_name(question): _script(place, question) for place, question in enumerate(questions)}
    return {**files, PREPARE: _prepare(questions), MAIN: _main(questions), "README.md": README}


def _name(question: Question) -> str:
    return f"pg_{question.name.replace('-', '_')}.sql"


def _script(place: int, question: Question) -> str:
    """Prepares the session where it is run alone."""
    counted = _COUNT.format(sql=question.sql, place=place) if question.name != QUERIES else ""
    before, after = _around(question)
    return f"""\
-- Read {question.what}.
\\if :{{?voyager_ready}}
\\else
\\ir {PREPARE}
\\endif
{before}BEGIN ISOLATION LEVEL REPEATABLE READ;
\\o :dir/{question.name}.csv
COPY (
{question.sql}
) TO STDOUT WITH (FORMAT csv, HEADER, ENCODING 'UTF8');
\\o
{counted}COMMIT;
{after}"""


def _around(question: Question) -> tuple[str, str]:
    """What the session is told before and after a question."""
    if question.moment:
        return f"SELECT pg_catalog.set_config('{MOMENT}', '{question.moment}', false) AS moment \\gset voyager_\n", ""
    if question.name == QUERIES:
        return "\\if :voyager_queries\n" + _PATH.format(path=":'voyager_path'"), _PATH.format(path="''") + _NO_QUERIES
    return "", ""


def _prepare(questions: Sequence[Question]) -> str:
    parts = [_BEGINNING, *map(_default, _VARIABLES), *(f"\\set rows_{place} null" for place in range(len(questions)))]
    return "\n".join([*parts, _SESSION, _facts_into_variables(), _CHECKS, "\\set voyager_ready true"]) + "\n"


def _main(questions: Sequence[Question]) -> str:
    parts = [f"-- Collect metadata for an assessment. README.md says how to run this.\n\\ir {PREPARE}"]
    parts += _asked([question for question in questions if question.moment == "initial"])
    parts += ["SELECT pg_catalog.clock_timestamp() AS began \\gset voyager_"]
    parts += _asked([question for question in questions if not question.moment])
    parts += ["\\if :voyager_measured", _WAIT]
    parts += _asked([question for question in questions if question.moment == "final"])
    parts += ["\\endif", _facts(questions), _dump_command()]
    return "\n".join(parts) + "\n"


def _default(variable: tuple[str, str]) -> str:
    name, value = variable
    return f"\\if :{{?{name}}}\n\\else\n\\set {name} '{value}'\n\\endif"


def _asked(questions: Sequence[Question]) -> Iterator[str]:
    """Include the script of each; on a replica of those that it is asked too."""
    for question in questions:
        conditions = [] if question.nodes == "all" else ["voyager_primary"]
        conditions += ["voyager_queries"] if question.name == QUERIES else []
        yield from (f"\\if :{condition}" for condition in conditions)
        yield f"\\echo {question.name}"
        yield f"\\ir {_name(question)}"
        yield from ("\\endif" for _ in conditions)


_PATH = "SELECT pg_catalog.set_config('search_path', {path}, false) AS now \\gset voyager_\n"
_NO_QUERIES = "\\else\n\\echo The statistics of queries cannot be read here.\n\\endif\n"

_COUNT = """\
-- The same once more, to say in database.json how many rows the file has to hold.
SELECT pg_catalog.count(*) AS rows_{place} FROM (
{sql}
) AS answer \\gset
"""

_BEGINNING = f"""\
-- Prepare the session for the scripts of yb-voyager {__version__}. Nothing is written to the database.
\\set ON_ERROR_STOP on
\\set QUIET on
\\pset pager off
\\encoding UTF8"""

_SESSION = f"""\
SELECT pg_catalog.count(s.value) AS settings FROM (
{text("session")}
) AS s \\gset voyager_
SELECT pg_catalog.set_config('{SCHEMA_LIST}', :'schemas', false) AS schemas,
       pg_catalog.set_config('{NODE}', :'node', false) AS node,
       pg_catalog.set_config('voyager.collected_by', 'yb-voyager {__version__}', false) AS version,
       :'node' = 'primary' AS primary,
       :interval > 0 AS measured,
       pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE') AS may_identify \\gset voyager_
\\if :voyager_may_identify
SELECT pg_catalog.set_config('voyager.system_identifier', c.system_identifier::text, false) AS identifier
FROM pg_catalog.pg_control_system() AS c \\gset voyager_
\\endif"""

_CHECKS = """\
\\if :voyager_lacks
DO $$ BEGIN RAISE 'The database has no schema %.', pg_catalog.current_setting('voyager.schemas_missing'); END $$;
\\endif"""

_WAIT = """\
SELECT greatest(0, :interval - pg_catalog.date_part('epoch',
    pg_catalog.clock_timestamp() - :'voyager_began'::pg_catalog.timestamptz)) AS rest \\gset voyager_
\\echo Waiting :interval seconds from the first reading of the load to the second
SET statement_timeout = 0;
SELECT pg_catalog.count(pg_catalog.pg_sleep(:voyager_rest)) AS slept \\gset voyager_
SELECT pg_catalog.set_config('voyager.capture_seconds', pg_catalog.round(pg_catalog.date_part('epoch',
    pg_catalog.clock_timestamp() - :'voyager_began'::pg_catalog.timestamptz))::text, false) AS seconds
\\gset voyager_"""


def _facts_into_variables() -> str:
    """What decides which questions are asked."""
    return f"""\
SELECT pg_catalog.json_array_length(d.facts -> 'schemas_missing') > 0 AS lacks,
       pg_catalog.set_config('voyager.schemas_missing', (d.facts -> 'schemas_missing')::text, false) AS missing,
       d.facts ->> 'query_statistics' = 'ready' AS queries,
       'pg_catalog, ' || pg_catalog.quote_ident(coalesce(d.facts ->> 'query_statistics_schema', 'public')) AS path
FROM (
{text("database")}
) AS d \\gset voyager_"""


def _facts(questions: Sequence[Question]) -> str:
    """Last of all: database.json says that the answers are whole, and how many rows each has."""
    counts = ",\n".join(f"    '{question.name}', :rows_{place}::int" for place, question in enumerate(questions))
    return f"""\
SELECT pg_catalog.set_config('voyager.rows', pg_catalog.json_build_object(
{counts}
)::text, false) AS counts \\gset voyager_
\\pset format unaligned
\\pset tuples_only on
\\o :dir/database.json
{text("database")};
\\o
\\echo Done: the files are in the directory :dir"""


def _dump_command() -> str:
    r"""Printed, not run: psql does not know where pg_dump is. Quoted for a shell: ' as '\''."""
    return f"""\
\\if :voyager_primary
\\echo
\\echo Now run this too, it writes the definitions:
\\echo
WITH left_out AS (
{text("left-out")}
), words AS (
    SELECT w.place, w.word
    FROM (VALUES (1, 'pg_dump'), (2, '--schema-only'), (3, '--no-owner'), (4, '--no-privileges'),
                 (5, '--no-comments'), (6, '--no-tablespaces'), (7, '--no-security-labels'),
                 (8, '--no-subscriptions'), (9, '--encoding=UTF8'),
                 (10, '--host=' || :'HOST'), (11, '--port=' || :'PORT'), (12, '--username=' || :'USER'),
                 (13, '--dbname=' || :'DBNAME'), (14, '--file=' || :'dir' || '/schema/schema.sql')) AS w (place, word)
    UNION ALL
    SELECT 15, CASE WHEN l.table_name IS NULL THEN '--exclude-schema="' || l.schema_name || '"'
                    ELSE '--exclude-table="' || l.schema_name || '"."' || l.table_name || '"' END
    FROM (SELECT pg_catalog.replace(l.schema_name, '"', '""') AS schema_name,
                 pg_catalog.replace(l.table_name, '"', '""') AS table_name FROM left_out l) l
)
SELECT 'mkdir -p ' || '''' || pg_catalog.replace(:'dir' || '/schema', '''', '''\\''''') || '''' || ' && '
       || pg_catalog.string_agg(CASE WHEN w.word ~ '^[-A-Za-z0-9_./=]+$' THEN w.word
                                     ELSE '''' || pg_catalog.replace(w.word, '''', '''\\''''') || '''' END,
                                ' ' ORDER BY w.place, w.word)
FROM words w;
\\endif"""
