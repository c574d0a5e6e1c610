"""The wheel, installed where no checkout is, does what the checkout does."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from tests.drive import ROOT, clean_environment, execute, fetch


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment elsewhere that holds our wheel; its dependencies are those the tests run with."""
    place = tmp_path_factory.mktemp("wheel of ours")
    wheel = _build(place)
    environment = place / "environment"
    venv.create(environment, with_pip=False, symlinks=True)
    python = environment / "bin" / "python"
    install = ["install", "--quiet", "--no-deps", "--no-index", "--disable-pip-version-check", str(wheel)]
    subprocess.run([sys.executable, "-m", "pip", "--python", str(python), *install], check=True, cwd=place)
    # Our own checkout is in that directory too, but as a .pth file, and those count in a true site directory only.
    site = next(environment.glob("lib/python*/site-packages"))
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return environment / "bin"


def _build(place: Path) -> Path:
    """Build from a copy: a build inside the checkout would leave its own directories there, and take old ones in."""
    sources = place / "sources"
    sources.mkdir()
    for name in ("voyager", "statemachine", "migrations_ddl"):
        shutil.copytree(ROOT / name, sources / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, sources / name)
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(place), str(sources)]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(place.glob("yb_voyager-*.whl"))


def _run(*command: object, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    environment = clean_environment(env)
    del environment["PYTHONPATH"]
    words = [str(word) for word in command]
    return subprocess.run(words, cwd=cwd, env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_the_installed_code_is_the_wheels_and_every_data_file_came_along(installed: Path, tmp_path: Path):
    listing = "import voyager, pathlib, sys; root = pathlib.Path(voyager.__file__).parent.parent; print(root)"
    done = _run(installed / "python", "-c", listing, cwd=tmp_path)
    site = Path(done.stdout.strip())
    assert installed.parent in site.parents, done.stderr
    for package in ("voyager", "statemachine", "migrations_ddl"):
        ours = {path.relative_to(ROOT) for path in (ROOT / package).rglob("*") if path.is_file()}
        theirs = {path.relative_to(site) for path in (site / package).rglob("*") if path.is_file()}
        assert {path for path in ours if "__pycache__" not in path.parts} <= theirs


def test_the_installed_command_registers_a_migration(
    installed: Path, tmp_path: Path, source_server, target_server, fresh_database
):
    source, target = fresh_database(source_server), fresh_database(target_server)
    execute(source, "CREATE TABLE one (id integer PRIMARY KEY)")
    ends = []
    for role, endpoint in (("source", source), ("target", target)):
        ends += [f"--{role}-db-uri", f"postgresql://{endpoint.user}@127.0.0.1:{endpoint.port}/{endpoint.database}"]
    done = _run(
        installed / "yb-voyager", "migrate", "init", "--migration-name", "from a wheel",
        "--export-dir", tmp_path / "export dir", *ends,
        cwd=tmp_path,
        PATH=os.environ.get("PATH", os.defpath),
        SOURCE_DB_PASSWORD=source.password or "",
        TARGET_DB_PASSWORD=target.password or "",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert fetch(target, "SELECT name FROM ybvoyager.migrations") == [("from a wheel",)]
