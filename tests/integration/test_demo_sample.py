"""The sample database of the demo, and the comparison that judges the demo."""

from __future__ import annotations

import pytest

from tests.drive import execute, fetch
from voyager.demo.sample import compare, create_sample

TABLES = ("customers", "products", "orders", "order_items", "visits", '"Gift Cards"')


@pytest.mark.parametrize("rows", [100, 5000])
def test_the_sample_holds_as_many_rows_as_asked_for(source_server, fresh_database, rows):
    endpoint = fresh_database(source_server)
    create_sample(endpoint, rows)
    counted = sum(fetch(endpoint, f"SELECT count(*) FROM shop.{table}")[0][0] for table in TABLES)
    assert counted == compare(endpoint, endpoint).rows == rows


def test_the_sample_is_the_same_every_time(source_server, target_server, fresh_database):
    source, target = fresh_database(source_server), fresh_database(target_server)
    for endpoint in (source, target):
        create_sample(endpoint, 500)
    assert compare(source, target).differences == ()


def test_the_sample_loads_on_postgresql_15(pg15_server, fresh_database):
    create_sample(fresh_database(pg15_server), 100)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ("UPDATE shop.visits SET page = NULL WHERE ctid = '(0,1)'", "shop.visits"),
        ("INSERT INTO shop.visits SELECT * FROM shop.visits LIMIT 1", "shop.visits"),
        ("DROP TABLE shop.visits", "shop.visits"),
        ("DROP INDEX shop.items_by_product", "items_by_product"),
        ("ALTER TABLE shop.orders DROP CONSTRAINT orders_customer", "orders_customer"),
        ("DROP TRIGGER orders_changed ON shop.orders", "orders_changed"),
        ("SELECT setval('shop.invoice_number', 1)", "sequence invoice_number"),
    ],
)
def test_whatever_is_not_equal_is_told(source_server, target_server, fresh_database, damage, told):
    source, target = fresh_database(source_server), fresh_database(target_server)
    for endpoint in (source, target):
        create_sample(endpoint, 200)
    execute(target, damage)
    assert told in "\n".join(compare(source, target).differences)
