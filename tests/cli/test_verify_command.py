"""`migrate verify` as the operator meets it: exit code 3, one JSON document, a cutover that waits for a clean one."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests import drive
from tests.faults.driver import Migration
from voyager.embedded import Server
from voyager.endpoint import Endpoint

SOURCE = """
CREATE TABLE orders (id int PRIMARY KEY, note text);
INSERT INTO orders SELECT n, 'note ' || n FROM generate_series(1, 500) n;
CREATE TABLE items (id serial PRIMARY KEY, price numeric);
INSERT INTO items (price) SELECT n / 4.0 FROM generate_series(1, 500) n;
"""


def test_verify_exits_with_3_until_the_target_is_repaired_and_the_cutover_waits_for_it(
    source_server: Server, target_server: Server, fresh_database: Callable[..., Endpoint], tmp_path: Path
) -> None:
    migration = Migration(fresh_database(source_server), fresh_database(target_server), tmp_path / "export")
    drive.execute(migration.source, SOURCE)
    for words in (("init",), ("export", "schema"), ("analyze-schema",), ("import", "schema")):
        migration.run(*words)
    migration.run("export", "data")
    migration.run("import", "data")

    drive.execute(migration.target, "UPDATE items SET price = 1.250 WHERE id = 5")  # 1.25 in the source
    found = _run(migration, "verify", "--output", "json")
    assert found.returncode == 3
    answer = json.loads(found.stdout)
    assert answer["summary"]["clean"] is False
    assert [one["object"] for one in answer["summary"]["differences"]] == ["public.items"]
    assert "(id=5) different" in found.stdout
    assert migration.state("VERIFY") == "COMPLETED"
    assert _run(migration, "cutover", "initiate").returncode == 5

    plain = _run(migration, "verify")
    assert plain.returncode == 3
    assert "Table public.items: 1 row different" in plain.stdout + plain.stderr

    drive.execute(migration.target, "UPDATE items SET price = 1.2500000000000000 WHERE id = 5")
    assert _run(migration, "verify", "--level", "counts").returncode == 0
    assert _run(migration, "verify").returncode == 0
    assert _run(migration, "cutover", "initiate").returncode == 0


def _run(migration: Migration, *words: str) -> subprocess.CompletedProcess[str]:
    return drive.run_cli(*migration.command(*words), env=migration.environment, cwd=migration.export_dir.parent)
