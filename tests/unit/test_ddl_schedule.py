"""Which statements of DDL go together, and that no two that lock one table ever run at the same time."""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from voyager.identifiers import TableName
from voyager.phases.ddl.schedule import BATCH, SMALL_BYTES, Schedule, Unit, runs, stages, units
from voyager.schema.statements import Statement, classify


def key(table: str) -> str:
    return f"ALTER TABLE ONLY s.{table} ADD CONSTRAINT {table}_pkey PRIMARY KEY (id)"


def index(table: str, column: str = "a", method: str = "btree") -> str:
    return f"CREATE INDEX {table}_{column} ON s.{table} USING {method} ({column})"


def reference(table: str, other: str) -> str:
    return f"ALTER TABLE ONLY s.{table} ADD CONSTRAINT {table}_{other} FOREIGN KEY (b) REFERENCES s.{other}(id)"


def statements(*texts: str) -> list[Statement]:
    return [classify(text) for text in texts]


def cut(given: list[Statement], **sizes: int) -> list[Unit]:
    return units(given, {TableName("s", name): size for name, size in sizes.items()}, lambda _: True)


def tables(names: frozenset[TableName]) -> set[str]:
    return {name.name for name in names}


def test_all_of_small_tables_goes_into_few_transactions_and_a_table_into_one() -> None:
    names = [f"t{number:03}" for number in range(120)]
    given = statements(*map(key, names), *map(index, names))
    found = cut(given)
    assert sum(len(unit.statements) for unit in found) == 240
    assert all(len(unit.statements) <= BATCH for unit in found)
    assert len(found) == 3
    for unit in found:
        for table in unit.alone:
            assert [one.kind for one in unit.statements if one.table == table] == ["primary_key", "index"]
    assert len(frozenset().union(*(unit.alone for unit in found))) == 120


def test_what_is_built_over_a_large_table_is_built_by_itself_and_its_indexes_beside_each_other() -> None:
    pkey, first, second = cut(statements(key("big"), index("big"), index("big", "b", "gin")), big=SMALL_BYTES)
    assert pkey.collides(first)
    assert first.collides(pkey)
    assert not first.collides(second)
    assert second.weight > first.weight == pkey.weight


def test_foreign_keys_that_share_a_table_are_not_added_at_the_same_time() -> None:
    sizes = dict.fromkeys(("a", "b", "c", "d", "e"), SMALL_BYTES)
    one, two, three = cut(statements(reference("a", "b"), reference("c", "b"), reference("d", "e")), **sizes)
    assert tables(one.alone) == {"a", "b"}
    assert one.collides(two)
    assert not one.collides(three)


def test_a_small_table_that_refers_to_a_large_one_goes_with_the_small_ones() -> None:
    assert len(cut(statements(reference("a", "hub"), reference("b", "hub")), hub=SMALL_BYTES)) == 1


def test_builds_are_a_stage_and_foreign_keys_the_next_one() -> None:
    given = statements(
        key("a"), index("a"), "ALTER INDEX s.p ATTACH PARTITION s.q", reference("a", "b"), "CREATE POLICY p ON s.a"
    )
    assert [(together, len(members)) for together, members in stages(given)] == [
        (True, 2),
        (False, 1),
        (True, 1),
        (False, 1),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "CREATE TABLE s.c () INHERITS (s.p)",
        "CREATE TABLE s.c (LIKE s.p)",
        "CREATE TABLE s.c PARTITION OF s.p DEFAULT",
        "CREATE TABLE s.c OF s.row_type",
    ],
)
def test_a_table_that_is_made_from_another_one_waits_for_those_before_it(text: str) -> None:
    assert [together for together, _ in stages(statements("CREATE TABLE s.p (id int)", text))] == [True, False]


def test_a_list_is_cut_into_transactions_without_leaving_its_order() -> None:
    given = statements("CREATE TABLE s.a ()", "CREATE TABLE s.b ()", "VACUUM", "CREATE TABLE s.c ()")
    found = list(runs(given, lambda one: one.kind != "other"))
    assert [[one.text[-4] for one in batch] for batch in found] == [["a", "b"], ["C"], ["c"]]


@pytest.mark.parametrize("seed", range(5))
def test_workers_take_everything_once_and_never_two_that_collide(seed: int) -> None:
    dice = random.Random(seed)
    names = [TableName("s", str(number)) for number in range(6)]
    given = [
        Unit(
            (), dice.randint(0, 9), frozenset(dice.sample(names, dice.randint(0, 2))), frozenset(dice.sample(names, 1))
        )
        for _ in range(60)
    ]
    schedule, guard = Schedule(given), threading.Lock()
    running: list[Unit] = []
    finished: list[Unit] = []

    def work() -> None:
        while True:
            with schedule.next() as unit:
                if unit is None:
                    return
                with guard:
                    assert not any(unit.collides(other) for other in running)
                    running.append(unit)
                time.sleep(0.0005)
                with guard:
                    running.remove(unit)
                    finished.append(unit)

    with ThreadPoolExecutor(4) as workers:
        for worker in [workers.submit(work) for _ in range(4)]:
            worker.result(timeout=60)
    assert sorted(map(id, finished)) == sorted(map(id, given))


def test_the_longest_comes_first() -> None:
    schedule = Schedule([Unit((), weight, frozenset()) for weight in (1, 9, 5)])
    taken = []
    for _ in range(3):
        with schedule.next() as unit:
            assert unit is not None
            taken.append(unit.weight)
    assert taken == [9, 5, 1]


def test_an_error_of_one_worker_ends_the_work_of_all() -> None:
    schedule = Schedule([Unit((), 1, frozenset()) for _ in range(3)])
    with pytest.raises(RuntimeError), schedule.next():
        raise RuntimeError
    with schedule.next() as unit:
        assert unit is None


def test_a_unit_outlasts_the_rest_when_it_is_more_than_an_even_share_of_what_is_left() -> None:
    sizes = {"big": 50 << 20, **dict.fromkeys("abcd", 9 << 20)}
    large, *small = cut(statements(*map(key, sizes)), **sizes)
    schedule = Schedule([large, *small])
    with schedule.next() as first:
        assert first is large
        assert schedule.outlasts(large, 2)
        assert not schedule.outlasts(large, 1)
        with schedule.next() as second:
            assert second in small
            assert not schedule.outlasts(second, 2)
    with schedule.next() as third, schedule.next() as fourth:
        assert third in small
        assert fourth in small
        assert not schedule.outlasts(third, 2)
        assert not schedule.outlasts(fourth, 2)
    with schedule.next() as last:
        assert last in small
        assert schedule.outlasts(last, 2)
