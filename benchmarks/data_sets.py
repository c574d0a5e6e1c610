"""The data that is moved: the pgbench set, eight tables of mixed types, thousands of small tables, one table beside."""

from __future__ import annotations

import subprocess

from benchmarks.pair import DATABASE, Pair, administer, environment

ROWS_PER_SCALE = 100_000

_MIXED = """
CREATE TYPE order_state AS ENUM ('new', 'paid', 'packed', 'sent', 'returned');
CREATE TABLE categories (id serial PRIMARY KEY, parent integer REFERENCES categories, name text NOT NULL);
CREATE TABLE customers (id bigserial PRIMARY KEY, email varchar(120) NOT NULL UNIQUE, name text, born date,
    last_address inet, tags text[], profile jsonb, balance numeric(12, 2), created timestamptz NOT NULL);
CREATE TABLE addresses (id bigserial PRIMARY KEY, customer bigint NOT NULL REFERENCES customers, street text,
    city text, zip char(10), position point);
CREATE TABLE products (id serial PRIMARY KEY, sku uuid NOT NULL UNIQUE, category integer REFERENCES categories,
    title text, price numeric(10, 2), weight double precision, attributes jsonb, picture bytea);
CREATE TABLE orders (id bigserial PRIMARY KEY, customer bigint NOT NULL REFERENCES customers,
    address bigint REFERENCES addresses, state order_state NOT NULL, total numeric(12, 2), placed timestamptz NOT NULL,
    note text);
CREATE TABLE order_items (order_id bigint NOT NULL REFERENCES orders, position smallint NOT NULL,
    product integer NOT NULL REFERENCES products, quantity integer, price numeric(10, 2), discount real,
    PRIMARY KEY (order_id, position));
CREATE TABLE payments (id uuid PRIMARY KEY, order_id bigint NOT NULL REFERENCES orders, amount numeric(12, 2),
    took interval, paid timestamptz, reference text);
CREATE TABLE visits (id bigserial PRIMARY KEY, customer bigint REFERENCES customers, at timestamptz, path text,
    address inet, took_ms integer, details jsonb);
CREATE INDEX ON customers (created);
CREATE INDEX ON customers USING gin (profile jsonb_path_ops);
CREATE INDEX ON addresses (customer);
CREATE INDEX ON addresses (city, zip);
CREATE INDEX ON products (category);
CREATE INDEX ON products (title);
CREATE INDEX ON orders (customer, placed);
CREATE INDEX ON orders (placed);
CREATE INDEX ON orders (state) WHERE state IN ('new', 'paid');
CREATE INDEX ON order_items (product);
CREATE INDEX ON payments (order_id);
CREATE INDEX ON payments (paid);
CREATE INDEX ON visits (customer, at);
CREATE INDEX ON visits (path);
"""
_MIXED_ROWS = """
INSERT INTO categories (parent, name) SELECT nullif(n / 10, 0), 'category ' || n FROM generate_series(1, 500) n;
INSERT INTO customers (email, name, born, last_address, tags, profile, balance, created)
    SELECT 'c' || n || '@example.com', 'Name of customer ' || n, date '1950-01-01' + n % 20000,
        ('10.' || n % 200 || '.' || n % 250 || '.' || n % 240)::inet,
        ARRAY['t' || n % 7, 't' || n % 11], jsonb_build_object('level', n % 5, 'lang', 'l' || n % 9, 'n', n),
        (n * 37 % 1000000) / 100.0, timestamptz '2020-01-01' + n * interval '11 minutes'
    FROM generate_series(1, {part} * 200) n;
INSERT INTO addresses (customer, street, city, zip, position)
    SELECT n % ({part} * 200) + 1, n || ' Long Street of the Town', 'city ' || n % 3000, n % 99999, point(n, -n)
    FROM generate_series(1, {part} * 260) n;
INSERT INTO products (sku, category, title, price, weight, attributes, picture)
    SELECT md5(n::text)::uuid, n % 500 + 1, 'A product named ' || md5(n::text), n % 9999 / 100.0, n / 7.0,
        jsonb_build_object('colour', 'c' || n % 20, 'size', n % 12, 'made', jsonb_build_array(n, n + 1)),
        decode(repeat(md5(n::text), 8), 'hex')
    FROM generate_series(1, {part} * 50) n;
INSERT INTO orders (customer, address, state, total, placed, note)
    SELECT n::bigint * 7919 % ({part} * 200) + 1, n % ({part} * 260) + 1,
        (ARRAY['new', 'paid', 'packed', 'sent', 'returned'])[n % 5 + 1]::order_state, n % 100000 / 100.0,
        timestamptz '2021-01-01' + n * interval '3 minutes', CASE WHEN n % 4 = 0 THEN 'Please ring twice, ' || n END
    FROM generate_series(1, {part} * 600) n;
INSERT INTO order_items
    SELECT n / 2 + 1, n % 2, n::bigint * 6151 % ({part} * 50) + 1, n % 9 + 1, n % 9999 / 100.0, n % 100 / 100.0
    FROM generate_series(0, {part} * 1200 - 1) n;
INSERT INTO payments
    SELECT md5('p' || n)::uuid, n, n % 100000 / 100.0, n % 5000 * interval '1 second',
        timestamptz '2021-01-02' + n * interval '4 minutes', 'reference ' || md5(n::text)
    FROM generate_series(1, {part} * 400) n;
INSERT INTO visits (customer, at, path, address, took_ms, details)
    SELECT nullif(n % ({part} * 250), 0) % ({part} * 200) + 1, timestamptz '2022-01-01' + n * interval '40 seconds',
        '/shop/page/' || n % 5000, ('192.168.' || n % 250 || '.' || n % 240)::inet, n % 3000,
        jsonb_build_object('agent', 'browser ' || n % 40, 'ab', n % 2 = 0)
    FROM generate_series(1, {part} * 350) n;
"""
_SMALL = """
DO $$
BEGIN
    FOR n IN 1..{tables} LOOP
        EXECUTE format('CREATE TABLE small_%s (id bigint PRIMARY KEY, a integer, b text, at timestamptz)', n);
        EXECUTE format('INSERT INTO small_%s SELECT i, i %% 17, ''value '' || i, timestamptz ''2024-01-01'' '
            '+ i * interval ''1 hour'' FROM generate_series(1, {rows}) i', n);
        EXECUTE format('CREATE INDEX ON small_%s (a)', n);
    END LOOP;
END $$;
"""


def fill_pgbench(pair: Pair, rows: int) -> None:
    """Set A: what `pgbench -i` makes, a hundred thousand accounts at a time."""
    _begin(pair)
    scale = max(1, rows // ROWS_PER_SCALE)
    command = [str(pair.tool("pgbench")), "-i", "-q", "-s", str(scale), DATABASE]
    subprocess.run(command, env=environment(pair.source), check=True, capture_output=True)
    _settle(pair)


def fill_mixed(pair: Pair, rows: int) -> None:
    """Set B: eight tables of many types with foreign keys and 14 secondary indexes; `rows` in all, about."""
    _begin(pair)
    administer(pair.source, _MIXED, _MIXED_ROWS.format(part=max(1, rows // 3060)), database=DATABASE)
    _settle(pair)


def fill_small(pair: Pair, tables: int, *, rows: int = 200) -> None:
    """Set C: many small tables, each with a primary key and an index."""
    _begin(pair)
    for first in range(1, tables + 1, 500):
        some = _SMALL.replace("1..{tables}", f"{first}..{min(tables, first + 499)}").replace("{rows}", str(rows))
        administer(pair.source, some, database=DATABASE)
    _settle(pair)


def fill_one_large(pair: Pair, rows: int) -> None:
    """Set D: one large table among twenty small ones."""
    fill_small(pair, 20, rows=20_000)
    administer(
        pair.source,
        "CREATE TABLE large (id bigint PRIMARY KEY, a integer, b text)",
        f"INSERT INTO large SELECT n, n % 1000, 'text of row ' || n FROM generate_series(1, {rows}) n",
        database=DATABASE,
    )
    _settle(pair)


def _begin(pair: Pair) -> None:
    administer(pair.source, f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)", f"CREATE DATABASE {DATABASE}")


def _settle(pair: Pair) -> None:
    """No vacuum and no checkpoint of the filling may fall into a measured run."""
    administer(pair.source, "VACUUM ANALYZE", "CHECKPOINT", database=DATABASE)
