"""A source in LATIN1: its catalog is read, and its text arrives in a UTF8 target as the same characters."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tests import drive
from voyager.embedded import Server
from voyager.endpoint import Endpoint


def test_a_latin1_database_is_migrated_to_utf8(
    source_server: Server, target_server: Server, fresh_database: Callable[..., Endpoint], tmp_path: Path
) -> None:
    name = "latin1_source"
    drive.execute(source_server.endpoint(), f"DROP DATABASE IF EXISTS {name}")
    drive.execute(
        source_server.endpoint(),
        f"CREATE DATABASE {name} ENCODING LATIN1 LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0",
    )
    try:
        source, target = source_server.endpoint(name), fresh_database(target_server)
        drive.execute(source, "CREATE TABLE words (id int PRIMARY KEY, word text)")
        drive.execute(source, "INSERT INTO words VALUES (1, 'Grüße'), (2, 'ça va'), (3, NULL)")
        environment = {"SOURCE_DB_PASSWORD": source.password or "", "TARGET_DB_PASSWORD": target.password or ""}
        to_target = ["--target-db-uri", f"postgresql://{target.user}@{target.host}:{target.port}/{target.database}"]
        to_source = ["--source-db-uri", f"postgresql://{source.user}@{source.host}:{source.port}/{source.database}"]
        started = drive.run_cli(
            "migrate", "init", *to_source, *to_target, "--export-dir", tmp_path / "latin", env=environment
        )
        assert started.returncode == 0, started.stderr
        done = drive.run_cli("migrate", "next", "--until", "VERIFY", "--yes", "-o", "json", *to_target, env=environment)
        assert done.returncode == 0, done.stdout + done.stderr
        assert json.loads(done.stdout)["schema_version"] == 1
        rows = drive.fetch(target, "SELECT id, word, octet_length(word) FROM words ORDER BY id")
        assert rows == [(1, "Grüße", 7), (2, "ça va", 6), (3, None, None)]
    finally:
        drive.execute(source_server.endpoint(), f"DROP DATABASE {name} WITH (FORCE)")
