"""The questions as scripts for the plain mysql or mariadb client: the texts that the driver sends, answered as CSV."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from voyager import __version__
from voyager.ports import Question
from voyager.sources.mysql.metadata import text

COLLECT = "my_collect.sh"

README = f"""\
## Run

With the client `mysql` (5.7 or later) or `mariadb`, from this directory, on Linux or macOS:

    sh {COLLECT} --host=HOST --user=ASSESSOR --password DATABASE

What follows the script's name goes to the client as it is; the last word is the database. The client asks for the
password for every file: put it into an option file instead and begin with `--defaults-extra-file=FILE`, or use a login
path. Settings come from the environment:

- `YB_VOYAGER_COLLECT_SCHEMAS='shop|stock'`: the databases to assess, separated by `|`, where there are several. In a
  name write `%25` for % and `%7C` for |. Without it the one database is assessed.
- `YB_VOYAGER_COLLECT_INTERVAL=120`: seconds between the two readings of the load. Choose a time when the application is
  busy; 0 leaves the second reading out. The run takes this long and a few seconds more.
- `YB_VOYAGER_COLLECT_DIR=collected`: where the files go. The script names the directory at its end.
- `YB_VOYAGER_COLLECT_CLIENT=mysql`: the client to call, `mariadb` for one.

Elsewhere run each my_*.sql by itself; each is whole:

    mysql --batch --raw --skip-column-names --comments --default-character-set=utf8mb4 DATABASE \\
      < my_tables.sql > collected/tables.csv

and my_database.sql, last, to collected/database.json.

Read replicas: run the same against each one, at the same time if you can, so that the reads there are counted too:

    YB_VOYAGER_COLLECT_NODE=replica1 YB_VOYAGER_COLLECT_DIR=collected/node-replica1 \\
      sh {COLLECT} --host=REPLICA --user=ASSESSOR --password DATABASE

## Privileges

MySQL shows an account only what it may use. What is hidden is named in the report, as far as it can be known. For all
of it, with the account's name in place of 'assessor'@'%':

    GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON shop.* TO 'assessor'@'%';
    GRANT SHOW_ROUTINE ON *.* TO 'assessor'@'%';                -- MySQL 8.0.20 and later
    GRANT SELECT ON mysql.proc TO 'assessor'@'%';               -- before that, and MariaDB
    GRANT SELECT ON performance_schema.* TO 'assessor'@'%';     -- reads and writes, texts of queries
    GRANT SELECT ON mysql.func TO 'assessor'@'%';               -- functions from shared libraries

Nothing is written: each session is read-only (`SET SESSION TRANSACTION READ ONLY`), and MySQL 8 is told not to keep the
statistics that it looks up (`information_schema_stats_expiry = 0`). Only information_schema, performance_schema and
mysql.func are read; SELECT on the database is needed because without it the server does not show the columns. Texts of
queries have their constants replaced by ?; so they are in the performance schema already. Defaults of columns, and the
bodies of routines, triggers, views and events, are in the files as they were written.
"""


def render(questions: Sequence[Question]) -> Mapping[str, str]:
    """File name -> text."""
    files = {script_name(question): _script(question) for question in questions}
    database = (
        _HEAD.format(what="what the server says of itself, as JSON") + f"{text('session')}\n\n{text('database')};\n"
    )
    return {**files, "my_database.sql": database, COLLECT: _collect(questions), "README.md": README}


def script_name(question: Question) -> str:
    return f"my_{question.name.replace('-', '_')}.sql"


_HEAD = f"""\
-- Part of the scripts of yb-voyager {__version__}: reads {{what}}.
-- Nothing is written to the database. README.md says how to run this.
"""


def _script(question: Question) -> str:
    moment = f"SET @moment = '{question.moment}';\n" if question.moment else ""
    texts, values = (",\n".join(form.format(name=name) for name in question.columns) for form in (_TEXT, _CSV))
    return f"""\
{_HEAD.format(what=question.what)}{moment}{text("session")}

SELECT '{",".join(question.columns)}' AS yb_voyager;

SELECT CONCAT_WS(',',
{values}
)
FROM (
SELECT
{texts}
FROM (
{question.sql}
) AS answer
) AS texts;
"""


# Outside of our quotes the client takes a backslash of a literal as the server does.
_TEXT = r"    REPLACE(CONVERT(`{name}` USING utf8mb4), '\0', '\\0') AS `{name}`"
_CSV = r"""    CASE WHEN `{name}` IS NULL THEN ''
        WHEN `{name}` = '' OR LOCATE('"', `{name}`) + LOCATE(',', `{name}`) + LOCATE('\n', `{name}`)
            + LOCATE('\r', `{name}`) > 0 THEN CONCAT('"', REPLACE(`{name}`, '"', '""'), '"')
        ELSE `{name}` END"""


def _collect(questions: Sequence[Question]) -> str:
    found = _SHELL.replace("VERSION", __version__)
    for place, moment in (("INITIAL", "initial"), ("ONCE", ""), ("FINAL", "final")):
        lines = [_asked(question) for question in questions if question.moment == moment]
        found = found.replace(f"@{place}@", "\n".join(lines))
    return found


def _asked(question: Question) -> str:
    need = "required" if question.required else "optional"
    call = f'ask {script_name(question)} {question.name} {need} "$@"'
    return call if question.nodes == "all" else f'[ "$node" != primary ] || {call}'


_SHELL = r"""#!/bin/sh
# Collect metadata for an assessment with yb-voyager VERSION. README.md says how to run this.
# Nothing is written to the database; the answers are files in the directory collected.
set -u
here=$(dirname "$0")
client=${YB_VOYAGER_COLLECT_CLIENT:-mysql}
dir=${YB_VOYAGER_COLLECT_DIR:-collected}
node=${YB_VOYAGER_COLLECT_NODE:-primary}
interval=${YB_VOYAGER_COLLECT_INTERVAL:-120}
schemas=${YB_VOYAGER_COLLECT_SCHEMAS:-}
failed=0
counts=

if [ $# -eq 0 ]; then
    echo "Usage: $0 [options of $client] DATABASE" >&2
    exit 2
fi
case $interval in
*[!0-9]*)
    echo "YB_VOYAGER_COLLECT_INTERVAL is $interval; give a number of seconds." >&2
    exit 2
    ;;
esac
mkdir -p "$dir" || exit 1
# An earlier answer must not pass for one of this run.
rm -f "$dir/database.json" || exit 1

literal() {
    printf "'%s'" "$(printf '%s' "$1" | sed -e 's/\\/\\\\/g' -e "s/'/''/g")"
}

settings="SET SESSION sql_mode = '';
SET @schema_list = $(literal "$schemas"), @node = $(literal "$node"), @collected_by = 'yb-voyager VERSION';"

run() {
    script=$1
    shift
    { printf '%s\n' "$settings"; cat "$here/$script"; } |
        "$client" "$@" --batch --raw --skip-column-names --comments --default-character-set=utf8mb4
}

ask() {
    script=$1
    answer=$2
    need=$3
    shift 3
    echo "$answer"
    if run "$script" "$@" >"$dir/$answer.csv.part"; then
        mv "$dir/$answer.csv.part" "$dir/$answer.csv"
        # A record ends where as many quotes were closed as were opened.
        rows=$(LC_ALL=C awk '{ quotes += gsub(/"/, "") } quotes % 2 == 0 { rows++ } END { print rows - 1 }' \
            "$dir/$answer.csv")
        counts="$counts${counts:+, }\"$answer\": $rows"
    else
        rm -f "$dir/$answer.csv.part" "$dir/$answer.csv"
        if [ "$need" = required ]; then
            echo "$answer: no answer; without it there is no assessment." >&2
            failed=1
        else
            echo "$answer: no answer; the report will say what it is missing for." >&2
        fi
    fi
}

@INITIAL@
began=$(date +%s)
@ONCE@
if [ "$interval" -gt 0 ] && [ "$failed" -eq 0 ]; then
    rest=$((began + interval - $(date +%s)))
    echo "Waiting $interval seconds from the first reading of the load to the second"
    [ "$rest" -le 0 ] || sleep "$rest"
    settings="$settings
SET @capture_seconds = $(($(date +%s) - began));"
@FINAL@
fi

[ "$failed" -eq 0 ] || exit 1
# Last of all: this file says that the answers are whole, and how many rows each has.
settings="$settings
SET @rows = $(literal "{$counts}");"
run my_database.sql "$@" >"$dir/database.json.part" || exit 1
mv "$dir/database.json.part" "$dir/database.json"
echo "Done: the files are in the directory $(CDPATH= cd -- "$dir" && pwd)"
"""
