"""The export directory: layout, permissions, locks, writes that a kill cannot tear."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from voyager.errors import LockedByOther, OutOfSpace, UsageError, disk_error
from voyager.export_dir import PARTS, ExportDir

HOLD = """
import sys, time
sys.path.insert(0, {root!r})
from voyager.export_dir import ExportDir
with ExportDir({path!r}).lock("export-data"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_create_makes_the_layout_for_this_user_only(tmp_path: Path) -> None:
    export_dir = ExportDir(tmp_path / "with spaces and 'quotes'")
    export_dir.create()
    export_dir.create()
    assert sorted(path.name for path in export_dir.path.iterdir()) == sorted(PARTS)
    assert {path.stat().st_mode & 0o777 for path in (export_dir.path, *export_dir.path.iterdir())} == {0o700}


def test_create_names_the_parent_that_is_missing_and_the_file_in_the_way(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nowhere does not exist"):
        ExportDir(tmp_path / "nowhere" / "here").create()
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="is a file"):
        ExportDir(tmp_path / "file").create()


def test_a_missing_directory_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        ExportDir(tmp_path / "gone").check()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    export_dir = ExportDir(tmp_path / "e")
    export_dir.create()
    export_dir.data.chmod(0o500)
    with pytest.raises(UsageError, match="data cannot be written"):
        export_dir.check()


def test_write_atomic_replaces_and_leaves_nothing_beside(tmp_path: Path) -> None:
    export_dir = ExportDir(tmp_path / "e")
    export_dir.create()
    target = export_dir.data / "export.json"
    export_dir.write_atomic(target, b"one")
    export_dir.write_atomic(target, b"two")
    assert target.read_bytes() == b"two"
    assert target.stat().st_mode & 0o777 == 0o600
    assert list(export_dir.data.iterdir()) == [target]


def test_a_write_that_fails_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    export_dir = ExportDir(tmp_path / "e")
    export_dir.create()
    target = export_dir.data / "export.json"
    export_dir.write_atomic(target, b"old")

    def full(*_args: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OutOfSpace, match=r"export\.json \(3 bytes were to be written\)"):
        export_dir.write_atomic(target, b"new")
    monkeypatch.undo()
    assert target.read_bytes() == b"old"
    assert list(export_dir.data.iterdir()) == [target]


def test_a_lock_names_the_process_that_holds_it_and_dies_with_it(tmp_path: Path) -> None:
    export_dir = ExportDir(tmp_path / "e")
    export_dir.create()
    script = HOLD.format(root=str(Path(__file__).parents[2]), path=str(export_dir.path))
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(LockedByOther, match=f"process {holder.pid}"), export_dir.lock("export-data"):
            pass
        with export_dir.lock("import-data"):
            pass
        holder.kill()
        holder.wait()
    with export_dir.lock("export-data"):
        pass


def test_disk_errors_tell_full_from_forbidden() -> None:
    assert isinstance(disk_error(OSError(errno.EDQUOT, "quota"), "f", 7), OutOfSpace)
    assert isinstance(disk_error(OSError(errno.EACCES, "denied"), "f"), UsageError)
