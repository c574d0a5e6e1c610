"""One configuration out of flags, environment, file and defaults."""

from __future__ import annotations

from pathlib import Path

import pytest

from voyager.config import Value, resolve
from voyager.config.values import split_list, unquoted
from voyager.errors import UsageError

KEYS = {"export-data": {"parallel-jobs", "table-list"}, "cutover": {"to"}}
CANARY = "s3cr3t-c4n4ry"


def made(tmp_path: Path, text: str, *, mode: int = 0o600) -> str:
    path = tmp_path / "voyager.yaml"
    path.write_text(text)
    path.chmod(mode)
    return str(path)


def config(flags: dict | None = None, environment: dict | None = None):
    return resolve(flags or {}, environment=environment or {}, command_keys=lambda: KEYS)


def test_a_flag_beats_the_environment_which_beats_the_file_which_beats_the_default(tmp_path):
    file = made(tmp_path, "target: {db-host: from-file, db-port: 5}\n")
    everything = {"config_file": file, "target_db_host": "from-flag"}
    environment = {"YB_VOYAGER_TARGET_DB_HOST": "from-environment"}
    assert config(everything, environment).target.host == "from-flag"
    assert config({"config_file": file}, environment).target.host == "from-environment"
    assert config({"config_file": file}).target.host == "from-file"
    assert config({"config_file": file}).target.port == 5
    assert config({"target_db_host": "h"}).target.port == 5433


def test_variables_of_libpq_describe_the_target_and_are_weaker_than_the_file(tmp_path):
    environment = {"PGHOST": "pg", "PGPORT": "7", "PGDATABASE": "d", "PGUSER": "u"}
    found = config({}, environment)
    assert (found.target.host, found.target.port, found.target.database, found.target.user) == ("pg", 7, "d", "u")
    assert found.endpoint("source") is None
    file = made(tmp_path, "target: {db-host: from-file}\n")
    assert config({"config_file": file}, environment).target.host == "from-file"
    assert config({"target_db_uri": "postgresql://uri/x"}, environment).target.host == "uri"


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("postgresql://me:p%40ss@db:6000/shop?sslmode=require&connect_timeout=3", ("db", 6000, "shop", "me", "p@ss")),
        ("postgres://[::1]:7/my%20db", ("::1", 7, "my db", None, None)),
        ("host='/tmp/a b' dbname=shop user=me password='it\\'s'", ("/tmp/a b", 5432, "shop", "me", "it's")),
        ("mysql://me@db/shop", ("db", 3306, "shop", "me", None)),
    ],
)
def test_a_uri_or_keywords_say_all_of_an_endpoint(uri, expected):
    found = config({"source_db_uri": uri}).source
    host, port, database, user, password = expected
    assert (found.host, found.port, found.database, found.password) == (host, port, database, password)
    assert user is None or found.user == user


def test_keywords_of_tls_are_kept_apart_from_other_options():
    found = config({"source_db_uri": "postgresql://db/x?sslmode=require&connect_timeout=3"}).source
    assert dict(found.tls) == {"sslmode": "require"}
    assert dict(found.options) == {"connect_timeout": "3"}


def test_a_service_file_fills_in_what_nothing_else_says(tmp_path):
    services = tmp_path / "pg_service.conf"
    services.write_text("[prod]\nhost=db9\nport=99\ndbname=shop\nuser=me\n")
    environment = {"PGSERVICEFILE": str(services), "PGSERVICE": "prod"}
    found = config({"target_db_name": "other"}, environment).target
    assert (found.host, found.port, found.database, found.user) == ("db9", 99, "other", "me")
    with pytest.raises(UsageError, match="no service called nowhere"):
        config({"source_db_uri": "service=nowhere"}, environment).source  # noqa: B018


def test_the_engine_of_the_source_comes_from_the_type_the_uri_or_the_port():
    assert config({"source_db_host": "h", "source_db_port": "3306"}).source.engine == "mysql"
    assert config({"source_db_host": "h"}).source.engine == "postgresql"
    assert config({"source_db_host": "h", "source_db_type": "oracle"}).source.port == 1521


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("target: {db-hots: x}\n", "db-host"),
        ("tarjet: {db-host: x}\n", "target"),
        ("export-data: {paralel-jobs: 3}\n", "parallel-jobs"),
        ("exprot-dir: /x\n", "export-dir"),
    ],
)
def test_an_unknown_key_is_refused_and_names_the_nearest(tmp_path, text, nearest):
    with pytest.raises(UsageError) as refused:
        config({"config_file": made(tmp_path, text)})
    assert nearest in refused.value.hint


def test_sections_and_keys_of_the_older_tool_are_understood(tmp_path):
    file = made(tmp_path, "export-data-from-source: {parallel-jobs: 4, disable-pb: true}\nsend-diagnostics: false\n")
    found = config({"config_file": file})
    assert found.command_value("export-data", "parallel-jobs").value == 4
    assert any("disable-pb has no effect" in warning for warning in found.warnings)


def test_an_option_under_its_old_and_its_new_name_with_two_values_is_refused(tmp_path):
    file = made(tmp_path, "export-data-from-source: {parallel-jobs: 4}\nexport-data: {parallel-jobs: 5}\n")
    with pytest.raises(UsageError, match="twice"):
        config({"config_file": file})


@pytest.mark.parametrize("text", ["a: [\n", "- just\n- a list\n"])
def test_a_file_that_is_no_configuration_says_so_without_quoting_it(tmp_path, text):
    with pytest.raises(UsageError) as refused:
        config({"config_file": made(tmp_path, f"# {CANARY}\n{text}")})
    assert CANARY not in str(refused.value)


def test_a_missing_file_that_was_named_is_an_error_and_a_missing_default_is_none(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        config({"config_file": str(tmp_path / "none.yaml")})
    assert config().file.path is None


def test_passwords_come_from_the_strongest_source(tmp_path):
    secret = tmp_path / "pw"
    secret.write_text("from-file\r\nsecond line\n")
    file = made(tmp_path, "target: {db-host: h, password: {env: MINE}}\n")
    environment = {"TARGET_DB_PASSWORD": "from-variable", "MINE": "from-mine"}
    flag = {"config_file": file, "target_db_password_file": str(secret)}
    assert config(flag, environment).target_password == "from-file"
    assert config({"config_file": file}, environment).target_password == "from-variable"
    assert config({"config_file": file}, {"MINE": "from-mine"}).target_password == "from-mine"
    assert config({"target_db_host": "h"}).target_password is None


def test_a_program_may_print_the_password(tmp_path):
    file = made(tmp_path, "source: {db-host: h, password: {command: 'echo from-program'}}\n")
    assert config({"config_file": file}).source_password == "from-program"
    failing = made(tmp_path, "source: {db-host: h, password: {command: 'false'}}\n")
    with pytest.raises(UsageError, match="exit code 1"):
        config({"config_file": failing}).source_password  # noqa: B018


def test_a_password_in_a_file_that_others_may_read_is_refused(tmp_path):
    with pytest.raises(UsageError, match="others may read"):
        config({"config_file": made(tmp_path, f"target: {{db-password: {CANARY}}}\n", mode=0o644)})
    kept = config({"config_file": made(tmp_path, f"target: {{db-host: h, db-password: {CANARY}}}\n")})
    assert kept.target_password == CANARY
    assert any("in clear" in warning for warning in kept.warnings)


def test_no_password_shows_in_anything_that_is_printed(tmp_path):
    found = config(
        {"target_db_uri": f"postgresql://u:{CANARY}@h/d", "source_db_host": "h"}, {"SOURCE_DB_PASSWORD": CANARY}
    ).with_password("source", CANARY)
    shown = repr(found) + repr(found.target) + repr(found.source) + str(found.source.public()) + found.target.url
    assert CANARY not in shown
    with pytest.raises(UsageError) as refused:
        config({"target_db_uri": f"postgresql://u:{CANARY}@h:1,g:2/d"}).target  # noqa: B018
    assert CANARY not in str(refused.value) + refused.value.hint


def test_nothing_said_about_an_end_is_an_error_that_says_how_to():
    with pytest.raises(UsageError) as refused:
        config().target  # noqa: B018
    assert "--target-db-host" in refused.value.hint


def test_values_that_are_not_what_they_should_be_name_their_place():
    with pytest.raises(UsageError, match="--target-db-port is 'x', which is not a whole number"):
        config({"target_db_host": "h", "target_db_port": "x"})
    with pytest.raises(UsageError, match="YB_VOYAGER_OUTPUT"):
        config({}, {"YB_VOYAGER_OUTPUT": "xml"})


def test_what_was_saved_stands_where_nothing_else_is_said():
    saved = {"engine": "postgresql", "host": "old", "port": 1, "database": "d", "user": "u", "schemas": ["s"]}
    assert config({"source_db_host": "new"}).endpoint("source", saved).host == "new"
    assert config().endpoint("source", saved).url == "postgresql://old:1/d"
    assert config().endpoint("source", saved).schemas == ("s",)


def test_lists_are_cut_at_commas_outside_quotes():
    assert split_list('a, "x,y".t ,b,') == ("a", '"x,y".t', "b")
    assert unquoted('"Odd ""Name"') == 'Odd "Name'
    assert config({"source_db_host": "h", "source_db_schema": 'a,"B c"'}).source.schemas == ("a", "B c")


def test_an_option_of_a_command_may_come_from_the_environment(tmp_path):
    found = config({}, {"YB_VOYAGER_EXPORT_DATA_PARALLEL_JOBS": "9"})
    assert found.command_value("export-data", "parallel-jobs") == Value("9", "YB_VOYAGER_EXPORT_DATA_PARALLEL_JOBS")
