"""What Prometheus is told: parsed as its text format demands, bounded, on the port that was asked for and no longer."""

from __future__ import annotations

import re
import socket
import urllib.error
import urllib.request

import pytest

from voyager.errors import UsageError
from voyager.metrics import MOST_TABLES, Metrics, MetricsServer
from voyager.progress import Pacing, TableProgress

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"(?:,|$)')
SAMPLE = re.compile(rf"({NAME})(?:\{{(.*)\}})? (-?[0-9.]+(?:e[+-]?[0-9]+)?|NaN|\+Inf|-Inf)")
Samples = dict[str, list[tuple[dict[str, str], float]]]


def parsed(text: str) -> Samples:
    """Read the text format strictly: HELP and TYPE before the samples of a family, each family once and in one piece,
    no series twice."""
    assert text.endswith("\n")
    families: Samples = {}
    current, seen, typed = "", set(), set()
    for line in text.splitlines():
        if line.startswith("# HELP "):
            current = line.split(" ", 3)[2]
            assert current not in families, f"{current} comes in two pieces"
            families[current] = []
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name == current
            assert kind in ("gauge", "counter")
            assert (kind == "counter") == name.endswith("_total")
            typed.add(name)
        else:
            match = SAMPLE.fullmatch(line)
            assert match, line
            name, labels, value = match.groups()
            assert name == current
            assert name in typed
            found = LABEL.findall(labels or "")
            assert "".join(f'{key}="{text}",' for key, text in found).rstrip(",") == (labels or ""), line
            assert len({key for key, _ in found}) == len(found)
            assert (name, labels) not in seen, f"{line} comes twice"
            seen.add((name, labels))
            families[name].append(({key: unescaped(text) for key, text in found}, float(value)))
    return families


def unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda match: {"n": "\n"}.get(match[1], match[1]), text)


def metrics() -> Metrics:
    return Metrics(migration="shop", phase="EXPORT_DATA", version="1.0")


def value(families: Samples, name: str, **labels: str) -> float:
    [found] = [one for known, one in families[name] if labels.items() <= known.items()]
    return found


def test_sums_are_over_all_tables_and_the_newest_standing_counts() -> None:
    told = metrics()
    told.report(TableProgress("s", "a", "EXPORTING", rows_done=3, rows_estimated=10, bytes_done=30, bytes_total=90))
    told.report(TableProgress("s", "a", "EXPORTING", rows_done=5, rows_estimated=10, bytes_done=50, bytes_total=90,
                              chunks_done=1, chunks_total=4))  # fmt: skip
    told.report(TableProgress("s", "b", "DONE", rows_done=7, rows_total=7, rows_quarantined=2, chunks_done=1,
                              chunks_total=1))  # fmt: skip
    told.report(TableProgress("", "exported parts", "WAITING", rows_done=2, rows_total=5))
    told.warn("one")
    found = parsed(told.expose())
    assert value(found, "yb_voyager_rows_done", migration="shop", phase="EXPORT_DATA") == 12
    assert value(found, "yb_voyager_rows_expected") == 17
    assert (value(found, "yb_voyager_bytes_done"), value(found, "yb_voyager_bytes_expected")) == (50, 90)
    assert (value(found, "yb_voyager_parts_done"), value(found, "yb_voyager_parts_expected")) == (2, 5)
    assert value(found, "yb_voyager_rows_set_aside") == 2
    assert value(found, "yb_voyager_tables", status="EXPORTING") == 1
    assert value(found, "yb_voyager_tables", status="DONE") == 1
    assert value(found, "yb_voyager_tables", status="FAILED") == 0
    assert value(found, "yb_voyager_warnings_total") == 1
    assert value(found, "yb_voyager_step_done", step="exported parts", status="WAITING") == 2
    assert value(found, "yb_voyager_table_rows_done", schema="s", table="a") == 5
    assert value(found, "yb_voyager_table_rows_set_aside", table="b") == 2
    assert value(found, "yb_voyager_info", version="1.0") == 1


def test_what_was_tried_again_is_told_by_class_and_by_table() -> None:
    told = metrics()
    tables = ({"schema": "s", "table": 'a"b', "retries": 3}, {"schema": "s", "table": "c", "retries": 1})
    told.pace(Pacing(3, 8, "balanced", retries={"connection": 4}))
    told.pace(Pacing(2, 8, "balanced", retries={"connection": 4, "too many connections": 1}, retried_tables=tables))
    found = parsed(told.expose())
    assert value(found, "yb_voyager_workers", phase="EXPORT_DATA") == 2
    assert value(found, "yb_voyager_retries_total", **{"class": "connection"}) == 4
    assert value(found, "yb_voyager_retries_total", **{"class": "too many connections"}) == 1
    assert value(found, "yb_voyager_table_retries_total", schema="s", table='a"b') == 3


def test_before_anything_is_known_it_is_valid_too() -> None:
    assert value(parsed(metrics().expose()), "yb_voyager_rows_done") == 0


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\nb", 'all "of\\it\n', "ümlaut", "a,b}", 'x="y"'])
def test_any_name_comes_through(name: str) -> None:
    told = metrics()
    told.report(TableProgress(name, name, "EXPORTING", rows_done=1))
    assert value(parsed(told.expose()), "yb_voyager_table_rows_done", schema=name, table=name) == 1


def test_of_ten_thousand_tables_those_at_work_and_the_largest_are_told() -> None:
    told = metrics()
    for number in range(10_000):
        told.report(TableProgress("s", f"t{number}", "QUEUED", rows_total=number))
    told.report(TableProgress("s", "small", "FAILED", rows_total=1))
    found = parsed(told.expose())
    tables = [labels["table"] for labels, _ in found["yb_voyager_table_rows_done"]]
    assert len(tables) == MOST_TABLES
    assert tables[:2] == ["small", "t9999"]
    assert value(found, "yb_voyager_rows_expected") == sum(range(10_000)) + 1


def fetched(port: int, path: str = "/metrics") -> tuple[str, str]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
        return answer.read().decode(), answer.headers["Content-Type"]


def test_it_is_served_while_the_phase_runs_and_no_longer() -> None:
    told = metrics()
    with MetricsServer(told, host="127.0.0.1", port=0) as server:
        told.report(TableProgress("s", "a", "EXPORTING", rows_done=5))
        text, kind = fetched(server.port)
        assert value(parsed(text), "yb_voyager_rows_done") == 5
        assert kind == "text/plain; version=0.0.4; charset=utf-8"
        assert "/metrics" in fetched(server.port, "/")[0]
        with pytest.raises(urllib.error.HTTPError, match="404"):
            fetched(server.port, "/etc/passwd")
        port = server.port
    with pytest.raises(urllib.error.URLError):
        fetched(port)


def test_a_port_that_is_in_use_is_said_with_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(UsageError, match=rf"127\.0\.0\.1:{port}.*in use") as refused:
            MetricsServer(metrics(), host="127.0.0.1", port=port)
        assert "--metrics-port" in refused.value.hint


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", 70_000), ("256.1.1.1", 0)])
def test_a_port_or_host_that_cannot_be_is_said(host: str, port: int) -> None:
    with pytest.raises(UsageError, match="cannot be served"):
        MetricsServer(metrics(), host=host, port=port)
