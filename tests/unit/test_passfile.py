"""Password files are read by libpq's rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from voyager.postgres.passfile import find_password

WHO = {"host": "h", "port": "5433", "dbname": "d", "user": "u"}


def _file(directory: Path, text: str, mode: int = 0o600) -> dict[str, str]:
    path = directory / "pgpass"
    path.write_text(text)
    path.chmod(mode)
    return {**WHO, "passfile": str(path)}


@pytest.mark.parametrize("password", ["plain", "a:b", "a\\b", " blank at both ends ", "é%s{0}'\"", ":", "\\:"])
def test_a_password_is_unescaped_and_kept_as_it_is(tmp_path: Path, password: str) -> None:
    escaped = password.replace("\\", "\\\\").replace(":", "\\:")
    assert find_password(_file(tmp_path, f"h:5433:d:u:{escaped}\n")) == password


def test_an_unescaped_colon_within_the_password_belongs_to_it(tmp_path: Path) -> None:
    assert find_password(_file(tmp_path, "h:5433:d:u:a:b\n")) == "a:b"


def test_the_first_line_that_fits_counts(tmp_path: Path) -> None:
    text = "# h:5433:d:u:comment\nother:5433:d:u:no\nh:1:d:u:no\nh:5433:*:u:yes\n*:*:*:*:late\n"
    assert find_password(_file(tmp_path, text)) == "yes"


def test_escaped_names_are_compared_unescaped(tmp_path: Path) -> None:
    keywords = {**_file(tmp_path, "\\:\\:1:5433:d\\\\b:u:yes\n"), "host": "::1", "dbname": "d\\b"}
    assert find_password(keywords) == "yes"


def test_a_socket_stands_as_localhost(tmp_path: Path) -> None:
    assert find_password({**_file(tmp_path, "localhost:5433:d:u:yes\n"), "host": "/run/postgresql"}) == "yes"


def test_each_of_several_hosts_is_looked_for_with_its_port(tmp_path: Path) -> None:
    keywords = {**_file(tmp_path, "b:2:d:u:yes\n"), "host": "a,b", "port": "1,2"}
    assert find_password(keywords) == "yes"


def test_a_file_that_others_may_read_or_that_is_not_there_gives_nothing(tmp_path: Path) -> None:
    assert find_password(_file(tmp_path, "h:5433:d:u:no\n", 0o640)) is None
    assert find_password({**WHO, "passfile": str(tmp_path / "nothing")}) is None
