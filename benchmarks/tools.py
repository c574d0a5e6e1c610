"""The tools that are compared: each moves the benchmark's database from source to target, and says what it took."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.measure import run_measured
from benchmarks.pair import DATABASE, Pair, environment

JOBS = 2

Taken = dict[str, float]
"""Seconds by step, "total" among them; "rss" is the megabytes of the largest process."""


def pg_dump_restore(pair: Pair) -> Taken:
    """Directory format, two jobs each, as it comes."""
    return _dump_restore(pair)


def pg_dump_restore_uncompressed(pair: Pair) -> Taken:
    """The same with -Z0: faster where values are long, slower where they are blank."""
    return _dump_restore(pair, "-Z0")


def pgcopydb(pair: Pair) -> Taken:
    """`pgcopydb clone`, two jobs for tables and for indexes."""
    work = _emptied(pair.directory / "pgcopydb")
    command = ["pgcopydb", "clone", "--source", pair.uri(pair.source), "--target", pair.uri(pair.target)]
    command += ["--table-jobs", JOBS, "--index-jobs", JOBS, "--dir", work, "--no-owner"]
    tools = {"PATH": f"{pair.binaries}{os.pathsep}{os.environ.get('PATH', '')}"}
    seconds, megabytes = run_measured(command, {**os.environ, **tools})
    shutil.rmtree(work, ignore_errors=True)
    return {"total": seconds, "rss": megabytes}


def psql_pipes(pair: Pair, tables: Sequence[str], *, jobs: int = 1) -> Taken:
    """`psql COPY TO STDOUT | psql COPY FROM STDIN`, text, into tables without keys or indexes, `jobs` at a time."""
    schema = subprocess.run(
        [str(pair.tool("pg_dump")), "--section=pre-data", "--no-owner"],
        env=environment(pair.source), check=True, capture_output=True,
    )  # fmt: skip
    psql = str(pair.tool("psql"))
    subprocess.run(
        [psql, "-qX", "-v", "ON_ERROR_STOP=1"],
        env=environment(pair.target), input=schema.stdout, check=True, capture_output=True,
    )  # fmt: skip
    here, there = environment(pair.source), environment(pair.target)
    names = {**_prefixed("SRC", here), **_prefixed("DST", there)}
    pipe = (
        'PGHOST="$SRC_PGHOST" PGPORT="$SRC_PGPORT" PGUSER="$SRC_PGUSER" PGPASSWORD="$SRC_PGPASSWORD" '
        f'"{psql}" -qX -d {DATABASE} -c "COPY $1 TO STDOUT" | '
        'PGHOST="$DST_PGHOST" PGPORT="$DST_PGPORT" PGUSER="$DST_PGUSER" PGPASSWORD="$DST_PGPASSWORD" '
        f'"{psql}" -qX -d {DATABASE} -c "COPY $1 FROM STDIN"'
    )
    script = 'printf "%s\\n" "$@" | xargs -P "$JOBS" -I{} sh -e -c "$PIPE" pipe {}'
    variables = {**os.environ, **names, "PIPE": pipe, "JOBS": str(jobs)}
    seconds, megabytes = run_measured(["sh", "-e", "-c", script, "pipes", *tables], variables)
    return {"total": seconds, "rss": megabytes}


def voyager(pair: Pair, *, stream: bool) -> Taken:
    """One process from `migrate init` up to the last index: rows streamed, or staged through export-dir."""
    migration = Migration(pair, stream=stream)
    taken = migration.move()
    migration.forget()
    return taken


class Migration:
    """One migration of the benchmark's database by the real commands."""

    def __init__(self, pair: Pair, *, stream: bool) -> None:
        self._export_dir = _emptied(pair.directory / "export dir")
        self._export_dir.mkdir()
        self._config = self._export_dir / "bench.yaml"
        self._config.write_text("export-data:\n  stream: true\n" if stream else "")
        source, target = pair.source.endpoint(DATABASE), pair.target.endpoint(DATABASE)
        self._source = ["--source-db-type", "postgresql", "--source-db-host", source.host, "--source-db-port"]
        self._source += [str(source.port), "--source-db-name", DATABASE, "--source-db-user", source.user]
        self._target = ["--target-db-host", target.host, "--target-db-port", str(target.port)]
        self._target += ["--target-db-name", DATABASE, "--target-db-user", target.user]
        passwords = {"SOURCE_DB_PASSWORD": source.password or "", "TARGET_DB_PASSWORD": target.password or ""}
        self._environment = {**os.environ, **passwords}

    def move(self) -> Taken:
        """Register and move everything by one command; its seconds, and those of each phase."""
        words = ["init", "--until", "IMPORT_DATA", "--migration-name", "bench", *self._source]
        words += ["--export-dir", str(self._export_dir), "--config-file", str(self._config)]
        seconds, megabytes = self.run(*words, "--yes", "--output", "json")
        taken: Taken = {"total": seconds, "rss": megabytes}
        for phase in self.status()["phases"]:
            if phase["elapsed_seconds"] is not None:
                taken[f"phase {phase['title']}"] = phase["elapsed_seconds"]
        return taken

    def run(self, *words: str) -> tuple[float, float]:
        """Run `migrate WORDS`: seconds, and megabytes of the largest process."""
        command = [sys.executable, "-m", "voyager", "migrate", *words, *self._target]
        return run_measured(command, self._environment)

    def status(self) -> dict[str, list[dict[str, float | str | None]]]:
        command = [sys.executable, "-m", "voyager", "migrate", "status", *self._target, "--output", "json"]
        done = subprocess.run(command, env=self._environment, check=True, capture_output=True, text=True)
        found: dict[str, list[dict[str, float | str | None]]] = json.loads(done.stdout)
        return found

    def forget(self) -> None:
        shutil.rmtree(self._export_dir, ignore_errors=True)


def _dump_restore(pair: Pair, *options: str) -> Taken:
    dump = _emptied(pair.directory / "dump")
    here, there = environment(pair.source), environment(pair.target)
    out, used_out = run_measured([pair.tool("pg_dump"), "-Fd", f"-j{JOBS}", *options, "-f", dump], here)
    back, used_back = run_measured([pair.tool("pg_restore"), f"-j{JOBS}", "-d", DATABASE, dump], there)
    shutil.rmtree(dump, ignore_errors=True)
    return {"total": out + back, "step pg_dump": out, "step pg_restore": back, "rss": max(used_out, used_back)}


def _prefixed(prefix: str, variables: Mapping[str, str]) -> dict[str, str]:
    return {f"{prefix}_{name}": variables[name] for name in ("PGHOST", "PGPORT", "PGUSER", "PGPASSWORD")}


def _emptied(directory: Path) -> Path:
    shutil.rmtree(directory, ignore_errors=True)
    return directory
