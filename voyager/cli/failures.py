"""Whatever goes wrong ends here: a message, an exit code, and for programs a document."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import typer

from statemachine.errors import StateMachineError
from voyager.cli.emit import close_quietly
from voyager.cli.invocation import Invocation
from voyager.errors import Interrupted, NotAllowed, OutOfSpace, UsageError, VoyagerError

_NO_MEMORY = OutOfSpace(
    "This machine (or the limit of this process) gives the command no more memory.",
    "Finished work is saved. Run the same command again with more memory or fewer --parallel-jobs.",
)
_NO_MEMORY_PLAINLY = f"Error: {_NO_MEMORY.message}\n{_NO_MEMORY.hint}\n".encode()


def run_guarded(action: Callable[[], object], invocation: Invocation) -> NoReturn:
    """Run a whole command line and leave the program with its exit code; never returns.

    The parser of command lines returns the exit code where it ended the command itself: 0 after a help page, 130 for a
    Ctrl-C that it caught.
    """
    try:
        ended = action()
        sys.stdout.flush()
        if ended == Interrupted.exit_code:
            raise KeyboardInterrupt
        code = ended if isinstance(ended, int) else 0
    except (typer.Exit, SystemExit) as leaving:
        asked = leaving.exit_code if isinstance(leaving, typer.Exit) else leaving.code
        code = asked if isinstance(asked, int) else 0 if asked is None else 1
    except BrokenPipeError:
        close_quietly()
        code = 0
    except (KeyboardInterrupt, typer.Abort):
        code = _tell(Interrupted("Interrupted.", "What was finished is saved; run the same command again."), invocation)
    except VoyagerError as error:
        code = _tell(error, invocation)
    except StateMachineError as error:
        code = _tell(NotAllowed(f"{error}."), invocation)
    except typer.TyperException as error:
        told = _usage(error)
        code = _tell(told, invocation) if told is not None else UsageError.exit_code
    except Exception as error:
        code = _tell_no_memory(error, invocation) if _out_of_memory(error) else _tell_bug(error, invocation)
    raise SystemExit(code)


def _out_of_memory(error: BaseException | None) -> bool:
    """Whether the system gave no more memory, for objects, the stack of a thread or the kernel's own; or whether that
    is what this error came of: an extension that runs out of memory may raise whatever it likes."""
    while error is not None:
        refused = isinstance(error, OSError) and error.errno == errno.ENOMEM
        threadless = isinstance(error, RuntimeError) and "start new thread" in str(error)
        if refused or threadless or isinstance(error, MemoryError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _tell_no_memory(error: Exception, invocation: Invocation) -> int:
    """Let go first of what was under way, which hangs on the traceback; then there may be memory to say it well."""
    error.__traceback__ = error.__context__ = error.__cause__ = None
    return _tell(_NO_MEMORY, invocation)


def _usage(error: typer.TyperException) -> VoyagerError | None:
    """What the parser of the command line said; None when nothing was asked and the help page was the answer."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "yb-voyager"
    message = error.format_message().strip()
    if not message:
        return None
    ending = "" if message.endswith((".", "?", "!")) else "."
    return UsageError(message.replace("?.", "?") + ending, f"Help: {path} --help")


def _tell(error: VoyagerError, invocation: Invocation) -> int:
    """Say what went wrong, plainly where there is no memory to say it well."""
    if invocation.debug and error.__cause__ is not None:
        traceback.print_exception(error, file=sys.stderr)
    try:
        _say(error, invocation)
    except (MemoryError, ImportError, SystemError, OSError) as failed:
        if error is not _NO_MEMORY and not _out_of_memory(failed):
            raise
        plainly = _NO_MEMORY_PLAINLY if error is _NO_MEMORY else f"Error: {error.message}\n{error.hint}\n".encode()
        with contextlib.suppress(OSError):
            os.write(sys.stderr.fileno(), plainly)
    return error.exit_code


def _say(error: VoyagerError, invocation: Invocation) -> None:
    if invocation.wants_json:
        invocation.emitter.document({"summary": error.summary} if error.summary else {}, problem=error)
        return
    from voyager.cli.render.failure import failure

    talk = invocation.emitter.talk
    talk.print(*failure(error, talk, given=_given(invocation)))


def _given(invocation: Invocation) -> str:
    """What the command line said of target and migration; nothing where it is the configuration that is wrong."""
    from voyager.cli.pasteable import given_again

    try:
        return given_again(invocation.config)
    except VoyagerError:
        return ""


def _tell_bug(error: Exception, invocation: Invocation) -> int:
    """An error that nobody foresaw. The log holds where it happened and no values: a message may quote a row."""
    if invocation.debug:
        traceback.print_exception(error, file=sys.stderr)
    path = _write_log(error, invocation)
    where = f"The log is {path}." if path else "The log could not be written."
    return _tell(
        VoyagerError(
            f"Internal error ({type(error).__name__}): this is a bug in yb-voyager.",
            f"{where} Finished work is saved; --debug shows the traceback.",
        ),
        invocation,
    )


def _write_log(error: Exception, invocation: Invocation) -> Path | None:
    lines = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), _command(invocation)]
    cause: BaseException | None = error
    while cause is not None:
        lines.append(f"{type(cause).__module__}.{type(cause).__qualname__}")
        lines += [
            f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in traceback.extract_tb(cause.__traceback__)
        ]
        cause = cause.__cause__ or cause.__context__
    for directory in _log_directories(invocation):
        path = directory / f"yb-voyager-error-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"
        with contextlib.suppress(OSError):
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as log:
                log.write("\n".join(lines) + "\n")
            return path
    return None


def _command(invocation: Invocation) -> str:
    """The words of the command line up to the first option: values may be secrets."""
    words = []
    for word in invocation.arguments:
        if word.startswith("-"):
            break
        words.append(word)
    return " ".join(["yb-voyager", *words, "…"])


def _log_directories(invocation: Invocation) -> list[Path]:
    found = []
    with contextlib.suppress(Exception):
        directory = invocation.config.export_dir
        if directory is not None and (directory / "logs").is_dir():
            found.append(directory / "logs")
    import tempfile

    return [*found, Path(tempfile.gettempdir())]
