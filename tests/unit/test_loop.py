"""What fails in a loop where nobody awaits it: class and message are in the log, values and tracebacks nowhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests import drive

SECRET = "secret-of-row"
FAILING = f"""
import asyncio, gc, logging, sys, threading
from pathlib import Path
from types import SimpleNamespace
from voyager.phases import loop

class Careless:
    def __del__(self):
        raise ValueError("{SECRET}")

def fail(value):
    raise KeyError(value)

async def forgotten():
    raise MemoryError("{SECRET}")

async def work():
    asyncio.get_running_loop().call_soon(fail, "{SECRET}")
    asyncio.ensure_future(forgotten())
    await asyncio.sleep(0.01)
    gc.collect()
    thread = threading.Thread(target=fail, args=("{SECRET}",))
    thread.start()
    thread.join()
    Careless()
    logging.getLogger("concurrent.futures").critical("Exception in worker", exc_info=MemoryError("{SECRET}"))
    return 42

job = SimpleNamespace(export_dir=SimpleNamespace(logs=Path(sys.argv[1])))
assert loop.run(job, work()) == 42
Careless()
try:
    loop.run(job, forgotten())
except MemoryError:
    print("came out")
"""


def test_it_is_in_the_log_and_nothing_is_on_stderr(tmp_path: Path) -> None:
    line = [sys.executable, "-c", FAILING, str(tmp_path)]
    done = subprocess.run(line, cwd=drive.ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "came out\n", "")
    (log,) = tmp_path.iterdir()
    assert log.stat().st_mode & 0o777 == 0o600
    lines = log.read_text().splitlines()
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ ", one) for one in lines)
    assert [one.split(" ", 1)[1] for one in lines] == [
        "Exception in callback fail: builtins.KeyError",
        "Task exception was never retrieved: builtins.MemoryError",
        "Exception in thread: builtins.KeyError",
        "Exception ignored: builtins.ValueError",
        "Exception in worker: builtins.MemoryError",
        "Exception ignored: builtins.ValueError",
    ]


def test_a_log_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    line = [sys.executable, "-c", FAILING, str(tmp_path / "not there")]
    done = subprocess.run(line, cwd=drive.ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "came out\n", "")
