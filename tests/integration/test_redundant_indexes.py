"""Redundant indexes by the catalog of a server and by its dump: two readings of one rule that must agree."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests import drive
from voyager.embedded import Server
from voyager.endpoint import Endpoint
from voyager.schema.issues.detect.performance import detect
from voyager.schema.model import SchemaModel
from voyager.schema.parse import parse
from voyager.schema.redundancy import redundant_indexes
from voyager.schema.statements import split_dump
from voyager.sources.postgresql.assessed import PostgresAssessed

EXTRAS = """
CREATE SCHEMA "Odd S";
CREATE TABLE "Odd S"."T" (a int NOT NULL, b int NOT NULL, c text, d text COLLATE "C", e jsonb);
CREATE TABLE parts (a int, b int) PARTITION BY LIST (a);
CREATE TABLE part PARTITION OF parts DEFAULT;
CREATE INDEX parts_a ON parts (a);
CREATE INDEX parts_ab ON parts (a, b);
CREATE TABLE adopted (a int NOT NULL, b int);
CREATE UNIQUE INDEX taken ON adopted (a);
ALTER TABLE adopted ADD CONSTRAINT taken PRIMARY KEY USING INDEX taken;
CREATE INDEX superfluous ON adopted (a);
"""
KEYS = ("a", "b", "a DESC", "b NULLS FIRST", "c", "c text_pattern_ops", 'c COLLATE "C"', "d", "lower(c)", "(a + 1)")


def some_indexes(seed: int) -> Iterator[str]:
    """Indexes of one table, many of them beginning alike."""
    choose = random.Random(seed)
    for number in range(60):
        keys = choose.sample(KEYS, choose.choice((1, 1, 2, 2, 3)))
        if choose.random() < 0.6:
            keys = sorted(keys, key=KEYS.index)
        taken = {key.split()[0] for key in keys}
        included = [column for column in ("a", "b", "d") if column not in taken and choose.random() < 0.2]
        unique = choose.random() < 0.3
        simple = len(keys) == 1 and " " not in keys[0] and not included and not unique
        method = "hash" if simple and choose.random() < 0.4 else "btree"
        yield (
            f'CREATE {"UNIQUE " if unique else ""}INDEX {choose.choice("iIj")}_{number} ON "Odd S"."T" '
            f"USING {method} ({', '.join(keys)}){f' INCLUDE ({chr(44).join(included)})' if included else ''}"
            f"{' NULLS NOT DISTINCT' if unique and choose.random() < 0.4 else ''}"
            f"{' WHERE a > 0' if choose.random() < 0.1 else ''};"
        )
    yield 'ALTER TABLE "Odd S"."T" ADD PRIMARY KEY (a, b); ALTER TABLE "Odd S"."T" ADD UNIQUE (b, d) INCLUDE (c);'
    yield 'ALTER TABLE "Odd S"."T" ADD UNIQUE NULLS NOT DISTINCT (d);'


@contextmanager
def opened(endpoint: Endpoint) -> Iterator[PostgresAssessed]:
    source = PostgresAssessed(endpoint)
    try:
        yield source
    finally:
        source.close()


@pytest.mark.parametrize("seed", range(4))
def test_the_catalog_and_the_dump_of_a_database_name_the_same_indexes(
    source_server: Server, fresh_database: Callable[..., Endpoint], seed: int
) -> None:
    endpoint = fresh_database(source_server)
    drive.execute(endpoint, EXTRAS + "".join(some_indexes(seed)))
    with opened(endpoint) as source:
        [question] = [one for one in source.questions() if one.name == "redundant-indexes"]
        place = {name: at for at, name in enumerate(question.columns)}
        by_catalog = {
            (row[place["redundant_schema_name"]], row[place["redundant_index_name"]]): row[place["existing_index_name"]]
            for row in source.ask(question)
        }
        statements = split_dump(source.ddl()).statements
    model = SchemaModel.build([(statement, parse(statement.text)) for statement in statements])
    by_dump = {found.index: found.existing[1] for found in redundant_indexes(model)}
    assert by_dump == by_catalog
    assert len(by_dump) > 8
    told = {one.hit.object_name for one in detect(model) if one.hit.issue_id == "REDUNDANT_INDEXES"}
    assert told == {f"{found.index[1]} ON {'.'.join(found.table)}" for found in redundant_indexes(model)}
