"""Whatever goes wrong: one exit code each, a message, a document for programs, no traceback and no values."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest

from statemachine.errors import UnknownPhase
from voyager import errors
from voyager.cli.failures import run_guarded
from voyager.cli.invocation import Invocation

CODES = {
    errors.VoyagerError: 1,
    errors.UsageError: 2,
    errors.DifferencesFound: 3,
    errors.BlockersFound: 4,
    errors.NotAllowed: 5,
    errors.LockedByOther: 6,
    errors.LeaseLost: 6,
    errors.ConfirmationNeeded: 7,
    errors.DatabaseAway: 8,
    errors.PermissionMissing: 9,
    errors.OutOfSpace: 10,
    errors.DamagedFile: 10,
    errors.ResyncNeeded: 11,
    errors.RowsSetAside: 12,
    errors.NothingToDo: 13,
    errors.NobodyRunsIt: 14,
    errors.Interrupted: 130,
}
CANARY = "row-value-c4n4ry"


def code_of(action, **given) -> int:
    with pytest.raises(SystemExit) as left:
        run_guarded(action, Invocation(given=given, environment={}))
    assert isinstance(left.value.code, int)
    return left.value.code


def raising(error: BaseException):
    def action() -> None:
        raise error

    return action


@pytest.mark.parametrize(("kind", "code"), CODES.items(), ids=lambda value: getattr(value, "__name__", str(value)))
def test_every_error_ends_with_its_exit_code_and_says_what_and_what_next(kind, code, capsys):
    assert code_of(raising(kind("This happened to it.", "Do that.", ("first", "second")))) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    for words in ("This happened to it.", "Do that.", "first", "second"):
        assert words in captured.err


@pytest.mark.parametrize("kind", CODES, ids=lambda kind: kind.__name__)
def test_every_error_is_one_document_for_programs(kind, capsys):
    code_of(raising(kind("This happened.", "Do that.", ("detail",))), output="json")
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    assert next(iter(document)) == "schema_version"
    assert document["error"] == {
        "kind": kind.__name__, "exit_code": CODES[kind], "message": "This happened.", "hint": "Do that.",
        "details": ["detail"],
    }  # fmt: skip


@pytest.mark.parametrize("enough", [True, False])
def test_running_out_of_memory_is_said_even_if_there_is_none_to_say_it_well(enough, capfd, monkeypatch):
    asked: list[int] = []

    def no_memory(*_: object, **__: object) -> None:
        asked.append(1)
        raise MemoryError

    if not enough:
        monkeypatch.setattr("voyager.cli.render.failure.failure", no_memory)
    assert code_of(raising(MemoryError())) == 10
    assert len(asked) == (not enough)
    said = " ".join(capfd.readouterr().err.split())
    assert "gives the command no more memory" in said
    assert "Run the same command again with more memory or fewer --parallel-jobs." in said
    assert "Traceback" not in said


def out_of(memory: BaseException) -> SystemError:
    error = SystemError("error return without exception set")
    error.__context__ = memory
    return error


@pytest.mark.parametrize(
    "error",
    [out_of(MemoryError()), OSError(errno.ENOMEM, "Cannot allocate memory"), RuntimeError("can't start new thread")],
    ids=["what an extension made of it", "the kernel's own", "a thread's stack"],
)
def test_whatever_running_out_of_memory_is_raised_as_it_is_called_by_its_name(error, capsys):
    assert code_of(raising(error)) == 10
    assert "no more memory" in " ".join(capsys.readouterr().err.split())


def test_an_error_that_cannot_be_shown_well_for_want_of_memory_is_said_plainly(capfd, monkeypatch):
    def no_memory(*_: object, **__: object) -> None:
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    monkeypatch.setattr("voyager.cli.render.failure.failure", no_memory)
    assert code_of(raising(errors.DatabaseAway("The target is away.", "Run it again."))) == 8
    assert capfd.readouterr().err == "Error: The target is away.\nRun it again.\n"


def test_success_is_zero_and_ctrl_c_is_130():
    assert code_of(lambda: None) == 0
    assert code_of(raising(KeyboardInterrupt())) == 130


def test_an_exit_code_that_the_parser_returns_is_that_of_the_program(capsys):
    assert code_of(lambda: 0) == 0
    assert code_of(lambda: 130) == 130
    assert "Interrupted" in capsys.readouterr().err


def test_a_migration_of_a_newer_version_is_not_an_internal_error(capsys):
    assert code_of(raising(UnknownPhase("SHINE", workflow="offline", saved_by="9.9"))) == 5
    assert "9.9" in capsys.readouterr().err


def test_a_bug_names_its_log_and_neither_shows_a_row(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    assert code_of(raising(ValueError(f"cannot read {CANARY}"))) == 1
    told = capsys.readouterr().err
    (log,) = tmp_path.glob("yb-voyager-error-*.log")
    assert str(log) in told
    assert "Traceback" not in told
    assert "builtins.ValueError" in log.read_text()
    assert Path(__file__).name in log.read_text()
    assert CANARY not in told + log.read_text()
    assert log.stat().st_mode & 0o077 == 0


def test_the_traceback_of_a_bug_is_shown_where_it_was_asked_for(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    assert code_of(raising(ValueError("oops")), debug=True) == 1
    assert "Traceback" in capsys.readouterr().err


def test_a_reader_that_went_away_is_no_error(capsys):
    assert code_of(raising(BrokenPipeError())) == 0
    assert capsys.readouterr().err == ""


def test_control_characters_and_markup_in_a_message_are_data(capsys):
    code_of(raising(errors.UsageError("table \x1b[31mevil [bold]name[/bold]")))
    told = capsys.readouterr().err
    assert "\x1b[31m" not in told
    assert "[bold]name[/bold]" in told


GIVEN = {"target_db_uri": "postgresql://me:s3cret@yb1:5555/shop", "migration_name": "a b"}


@pytest.mark.parametrize(
    ("hint", "given", "told"),
    [
        (
            "Run: yb-voyager migrate verify.",
            GIVEN,
            "With the same options as here: --target-db-host yb1 --target-db-port 5555 --target-db-name shop "
            "--target-db-user me --migration-name 'a b'",
        ),
        ("Run: yb-voyager migrate verify.", {}, None),
        ("Make room on the disk.", GIVEN, None),
    ],
)
def test_a_hint_that_names_commands_tells_once_which_options_they_take(hint, given, told, capsys):
    code_of(raising(errors.NotAllowed("No.", hint)), **given)
    said = " ".join(capsys.readouterr().err.split())
    assert said == f"✗ No. {hint}" + (f" {told}" if told else "")
