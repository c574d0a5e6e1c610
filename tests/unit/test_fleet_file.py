"""Fleet files: what they say, and that every mistake is told with its line before anything begins."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voyager.errors import UsageError
from voyager.fleet.fleet_file import Fleet, parse_fleet, read_fleet
from voyager.fleet.member import NAME, Member, usable_name


def of_yaml(text: str) -> dict[str, Member]:
    return {member.name: member for member in parse_fleet(dedent(text), is_csv=False).members}


def of_csv(text: str) -> list[Member]:
    return list(parse_fleet(dedent(text).lstrip(), is_csv=True).members)


def mistakes(text: str, *, is_csv: bool = False) -> tuple[str, ...]:
    with pytest.raises(UsageError) as raised:
        parse_fleet(dedent(text).lstrip("\n"), is_csv=is_csv)
    return raised.value.details


def test_every_key_of_a_database_is_understood():
    shop = of_yaml(
        """
        databases:
          - name: shop
            type: postgresql
            host: db1
            port: 5433
            database: Shop DB
            user: reader
            schemas: [public, "Odd, Name"]
            password: {env: SHOP}
            tls: {mode: verify-full, root-cert: /etc/ca.pem}
            labels: {team: payments, tier: 1, on: no}
            replicas: [db2:5432, db3:5432]
            primary-only: yes
            iops-capture-interval: 60
            target-db-version: 2024.2.1.0
        """
    )["shop"]
    place = shop.endpoint
    assert (place.engine, place.host, place.port, place.database) == ("postgresql", "db1", 5433, "Shop DB")
    assert (place.user, place.schemas) == ("reader", ("public", "Odd, Name"))
    assert dict(place.tls) == {"sslmode": "verify-full", "sslrootcert": "/etc/ca.pem"}
    assert dict(shop.labels) == {"team": "payments", "tier": "1", "on": "no"}
    assert (shop.replicas, shop.primary_only) == (("db2:5432", "db3:5432"), True)
    assert (shop.capture_seconds, shop.release) == (60, "2024.2.1.0")


def test_defaults_hold_where_a_database_does_not_say_otherwise():
    found = of_yaml(
        """
        defaults: {engine: mysql, user: reader, labels: {env: prod, team: x}, password: {file: /run/secret}}
        databases:
          - {host: h1, database: a}
          - {host: h2, database: b, user: other, labels: {team: y}}
        """
    )
    assert [member.endpoint.engine for member in found.values()] == ["mysql", "mysql"]
    assert [member.endpoint.port for member in found.values()] == [3306, 3306]
    assert [member.endpoint.user for member in found.values()] == ["reader", "other"]
    assert dict(found["b"].labels) == {"env": "prod", "team": "y"}
    assert found["a"].password == {"file": "/run/secret"}


def test_the_engine_follows_from_the_port_and_from_a_uri():
    found = of_yaml(
        """
        databases:
          - {name: a, host: h, port: 1521, database: ORCL, user: system}
          - {name: b, uri: "postgres://me@h:5444/zz?sslmode=require"}
          - {name: c, uri: "mysql://me@h/zz", database: yy, schemas: '"a, ""b", c'}
          - {name: d, engine: oracle, host: h, oracle-sid: XE, user: system}
          - {name: e, engine: oracle, oracle-tns-alias: PROD, user: system}
        """
    )
    assert [one.endpoint.engine for one in found.values()] == ["oracle", "postgresql", "mysql", "oracle", "oracle"]
    assert (found["b"].endpoint.port, dict(found["b"].endpoint.tls)) == (5444, {"sslmode": "require"})
    assert (found["c"].endpoint.database, found["c"].endpoint.schemas) == ("yy", ('a, "b', "c"))
    assert dict(found["d"].endpoint.options) == {"sid": "XE"}
    assert dict(found["e"].endpoint.options) == {"tns_alias": "PROD"}


def test_every_mistake_of_a_yaml_file_is_told_with_its_line_at_once():
    told = mistakes(
        """
        defaults: {engine: postgresql, user: me, name: x}
        databases:
          - host: h1
            hots: typo
            port: 54x
          - name: a/b
            host: h2
            database: d2
            password: [x]
          - {name: Same, host: h3, database: d3}
          - {name: same, host: h4, database: d4}
          - {name: again, host: h3, database: d3}
          - {name: f, host: h5, database: d5, engine: sybase}
          - {name: g, host: h6, database: d6, tls: {mod: x}}
          - {name: h, host: h7, database: d7, port: 70000, iops-capture-interval: -1}
          - just text
        wrong: 1
        """
    )
    joined = "\n".join(told)
    for line, words in (
        (1, "defaults cannot give a name"), (3, "database is missing"), (4, "did you mean host?"),
        (5, "'54x', which is not a whole number"), (6, "cannot be a directory"), (9, "password is a list"),
        (11, "taken in line 10"), (12, "database of line 10 once more"), (13, "sybase cannot be assessed"),
        (14, "unknown key mod"), (15, "port is 70000"), (15, "iops-capture-interval is negative"),
        (16, "no block"), (17, "wrong is no key of a fleet file"),
    ):  # fmt: skip
        assert any(one.startswith(f"line {line}: ") and words in one for one in told), f"{line} {words}\n{joined}"
    assert len(told) == 14


def test_databases_in_one_line_are_held_apart_too():
    told = mistakes(
        """
        databases: [{name: a, engine: mysql, host: h, database: d, user: u}, {name: A, engine: mysql, host: h2,
          database: d, user: u}, {name: b, engine: mysql, host: h, database: d, user: u}]
        """
    )
    assert list(told) == [
        "line 1: the name A is taken in line 1; give it another name.",
        "line 2: b is the database of line 1 once more.",
    ]


def test_a_key_that_is_there_twice_is_a_mistake_and_not_the_last_one_wins():
    told = mistakes(
        """
        databases:
          - host: h1
            engine: postgresql
            type: mysql
            user: me
            database: d
            host: h2
        """
    )
    assert [line.partition(":")[0] for line in told] == ["line 4", "line 7"]


def test_a_password_in_a_uri_is_refused_and_never_repeated():
    told = mistakes('databases: [{uri: "postgresql://me:canary@h/d"}]')
    assert "holds a password" in told[0]
    assert "canary" not in "".join(told)


def test_text_that_is_no_yaml_is_told_by_line_without_its_text():
    with pytest.raises(UsageError) as raised:
        parse_fleet("databases:\n  - password: canary\n   bad: [", is_csv=False)
    assert "line 3" in raised.value.message
    assert "canary" not in str(raised.value)


@pytest.mark.parametrize("text", ["", "databases: []", "databases:", "- a", "just text", "defaults: {}"])
def test_a_file_without_databases_is_refused(text: str):
    with pytest.raises(UsageError):
        parse_fleet(text, is_csv=False)


CSV = """
    Source-DB-Type,SOURCE-DB-USER,source-db-schema,source-db-host,source-db-port,source-db-name,source-db-password
    oracle,system,HR,h1,,ORCL,
    postgresql,me,public|sales,h2,5433,shop,
"""


def test_the_csv_of_yb_voyager_is_understood_in_any_order_and_for_every_engine():
    first, second = of_csv(CSV)
    assert (first.name, first.endpoint.engine, first.endpoint.port) == ("ORCL-HR", "oracle", 1521)
    assert (second.name, second.endpoint.port, second.endpoint.schemas) == (
        "shop-public_sales", 5433, ("public", "sales"),
    )  # fmt: skip
    assert (first.line, second.line) == (2, 3)


def test_databases_of_the_same_name_on_different_hosts_get_names_of_their_own():
    header = CSV.splitlines()[1]
    rows = of_csv("\n".join([header, *(f"oracle,system,HR,h{n},,ORCL," for n in (1, 2))]))
    assert [row.name for row in rows] == ["ORCL-HR-h1", "ORCL-HR-h2"]


def test_every_mistake_of_a_csv_is_told_with_its_line():
    told = mistakes(
        """
        source-db-type,source-db-user,source-db-schema,source-db-name,oracle-db-sid
        oracle,,HR,ORCL,
        oracle,system,HR
        oracle,system,,,
        sybase,system,HR,X,
        oracle,system,HR,Y,
        oracle,system,HR,Y,
        """,
        is_csv=True,
    )
    assert [line.partition(":")[0] for line in told] == [
        "line 2", "line 2", "line 3", "line 4", "line 4", "line 5", "line 7",
    ]  # fmt: skip


def test_a_csv_header_must_name_what_is_needed_once():
    told = mistakes("source-db-type,source-db-user,source-db-user,colour\n", is_csv=True)
    assert len(told) == 4  # one twice, one unknown, no schema, no place
    assert any("colour is no column" in line for line in told)
    assert any("source-db-schema is missing" in line for line in told)


def test_a_file_with_a_literal_password_must_be_readable_by_its_owner_alone(tmp_path: Path):
    path = tmp_path / "fleet.csv"
    path.write_text(
        "source-db-type,source-db-user,source-db-schema,source-db-name,source-db-password\noracle,system,HR,ORCL,canary\n"
    )
    path.chmod(0o644)
    with pytest.raises(UsageError) as raised:
        read_fleet(path)
    assert "chmod 600" in raised.value.hint
    assert "line 2" in raised.value.message
    path.chmod(0o600)
    fleet: Fleet = read_fleet(path)
    assert fleet.members[0].password == "canary"
    assert "canary" not in repr(fleet)


@pytest.mark.parametrize(("name", "content"), [("absent.yaml", None), ("latin.csv", b"h\xe4")])
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, name: str, content: bytes | None):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=name):
        read_fleet(path)


@given(st.lists(st.text(max_size=60), max_size=3))
def test_a_name_that_was_made_is_always_usable_as_a_directory(parts: list[str]):
    assert NAME.fullmatch(usable_name(*parts))


@given(st.text(max_size=300), st.booleans())
def test_no_text_whatever_is_anything_but_a_fleet_or_a_usage_error(text: str, is_csv: bool):
    try:
        fleet = parse_fleet(text, is_csv=is_csv)
    except UsageError:
        return
    assert fleet.members
