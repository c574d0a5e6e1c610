"""The sentences of a sizing: why each table goes where, how the cluster was reached, and what to keep in mind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from voyager.assessment.cluster import (
    ALL_SHARDED,
    COPIES,
    MAX_COLOCATED_INDEXES,
    MIN_NODES,
    MIXED,
    TABLET_ROOM,
    TABLETS_PER_NODE,
    Plan,
    Split,
    tablets,
)
from voyager.assessment.experiments import COLUMNS, GIB, SIZES_GB
from voyager.assessment.load_time import ImportMinutes, extrapolated, levelled, node_divisor
from voyager.assessment.workload import Table, Workload, gb, rates
from voyager.identifiers import visible

_HUGE_GB = 1000


@dataclass(frozen=True)
class Decision:
    """What was looked at, what was considered, and what came out of it; `why_experiments` is a sentence."""

    work: Workload
    considered: tuple[Plan, ...]
    chosen: Plan | None
    why_experiments: str
    capture_seconds: int | None
    peak_factor: float


def why_colocated(plan: Plan) -> str:
    machine = plan.machine
    return (
        f"Small: it shares one tablet with the other colocated tables, which together stay within "
        f"{machine.colocated_gb:,g} GB, {machine.colocated_objects:,} objects and the {machine.vcpus} cores of a node."
    )


def why_sharded(decision: Decision, plan: Plan) -> Iterator[tuple[Table, str]]:
    """Every sharded table of a plan with the reason: the one it would be sharded for with colocated tables too, or
    that colocating it would gain nothing."""
    mixed = _mixed(decision, plan)
    small = _why_not_colocated(plan, mixed) if mixed is not plan else ""
    yield from ((table, small) for table in mixed.split.colocated if small)
    ended = _why_ended(mixed.split)
    for position, table in enumerate(mixed.split.sharded):
        yield table, _why_index_heavy(table) if position < mixed.split.index_heavy else ended


def _mixed(decision: Decision, plan: Plan) -> Plan:
    """The plan with colocated tables on the same machines."""
    return next(one for one in decision.considered if one.strategy == MIXED and one.machine is plan.machine)


def _why_not_colocated(plan: Plan, mixed: Plan) -> str:
    return f"Colocating small tables like this one {_gain(plan, mixed)}, and a sharded table can grow over all nodes."


def _why_index_heavy(table: Table) -> str:
    return (
        f"It has {len(table.indexes)} indexes beside its primary key. With more than {MAX_COLOCATED_INDEXES} "
        "a table is not colocated: its load would be the slower for it."
    )


def _why_ended(split: Split) -> str:
    if split.ended_at is None:
        return ""
    return (
        f"Colocating ends, the smallest tables first, at {visible(split.ended_at.name)}: with it {split.ended_by}. "
        "That table and the larger ones are sharded."
    )


def _gain(plan: Plan, mixed: Plan) -> str:
    if (mixed.nodes, mixed.machine.vcpus) == (plan.nodes, plan.machine.vcpus):
        return f"would leave the cluster at {_cluster(plan)}"
    return f"would take {_cluster(mixed)} instead of {_cluster(plan)}"


def _cluster(plan: Plan) -> str:
    return f"{plan.nodes} nodes of {plan.machine.vcpus} vCPU"


def reasoning(decision: Decision, plan: Plan) -> str:
    """The recommendation in a paragraph."""
    cluster = f"{plan.nodes} nodes with {plan.machine.vcpus} vCPU and {plan.machine.memory_gb} GiB each"
    if not decision.work.tables:
        return f"There is no table with rows to place; {cluster} are the smallest cluster with {COPIES} copies."
    parts = [
        f"{_objects(tables)} {kind}"
        for kind, tables in (("colocated", plan.split.colocated), ("sharded", plan.split.sharded))
        if tables
    ]
    return f"{cluster} hold {' and '.join(parts)}. Partitioned parents hold no rows and are not counted."


def _objects(tables: Sequence[Table]) -> str:
    indexes = sum(len(one.indexes) for one in tables)
    load = "load not measured"
    if any(one.reads is not None or one.writes is not None for one in tables):
        reads, writes = rates(tables, 1)
        load = f"{_rate(reads)} reads/s, {_rate(writes)} writes/s"
    return f"{_number(len(tables), 'table')} and {_number(indexes, 'index', 'indexes')} ({_size(gb(tables))}, {load})"


def failure(decision: Decision) -> str:
    """Why there is no recommendation, and what next."""
    largest = decision.considered[-1]
    return (
        f"No cluster was measured that holds this database: {largest.failure} "
        "Leave schemas or tables out, merge small tables or partitions, or ask YugabyteDB's support for a sizing."
    )


def steps(decision: Decision) -> tuple[str, ...]:
    """How the cluster was reached, up to the choice."""
    return (
        _looked_at(decision.work),
        _measured_load(decision),
        decision.why_experiments,
        *(_considered(plan, decision.work) for plan in decision.considered if decision.work.tables),
        *_choice(decision),
    )


def _looked_at(work: Workload) -> str:
    if not work.tables:
        return "No table with rows was found: the database is empty, or its statistics could not be read."
    rows = sum(one.size_bytes or 0 for one in work.tables) / GIB
    return (
        f"{_number(len(work.tables), 'table')} ({_size(rows)}) and {_number(work.indexes, 'index', 'indexes')} "
        f"({_size(gb(work.tables) - rows)}) are placed. Partitioned parents hold no rows, and a primary key is part of "
        "its table on the target: neither is counted."
    )


def _measured_load(decision: Decision) -> str:
    work = decision.work
    if not work.load_measured:
        return "The load was not measured: the sizing rests on size and number of objects alone."
    reads, writes = rates(work.tables, 1)
    window = "over the capture" if decision.capture_seconds is None else f"over {decision.capture_seconds:,} seconds"
    text = f"The load is {_rate(reads)} reads/s and {_rate(writes)} writes/s, on average {window}."
    if decision.peak_factor != 1:
        text += f" The cluster is planned for {decision.peak_factor:g} times as much."
    return text


def _considered(plan: Plan, work: Workload) -> str:
    start = f"{plan.strategy.capitalize()}, {plan.machine.vcpus} vCPU and {plan.machine.memory_gb} GiB per node: "
    if plan.failure:
        return start + plan.failure
    placed = ""
    if plan.strategy == MIXED and work.tables:
        placed = f"{len(plan.split.colocated):,} of {_number(len(work.tables), 'table')} colocated; "
    load = f"the load of the sharded tables takes {_number(plan.load_cores, 'core')}"
    if not work.load_measured:
        load = "no load was measured"
    if plan.split.colocated:
        load += ", the colocated ones take a node"
    room = f"{plan.tablets:,} tablets × {COPIES} copies × {TABLET_ROOM} to grow"
    return (
        f"{start}{placed}{load}; with at least {MIN_NODES} nodes for {COPIES} copies that makes {plan.nodes_for_load}; "
        f"{room} fill {_number(plan.nodes_for_tablets, 'node')} of {plan.machine.sharded_objects:,} tablets. "
        f"Together {plan.nodes} nodes, {plan.vcpus:,} vCPU."
    )


def _choice(decision: Decision) -> Iterator[str]:
    plan = decision.chosen
    if plan is None:
        yield failure(decision)
        return
    yield f"Chosen: {plan.strategy}, {_cluster(plan)}. No other cluster that holds the database has fewer vCPU."
    mixed = _mixed(decision, plan)
    if plan.strategy == ALL_SHARDED and mixed.split.colocated:
        small = _number(len(mixed.split.colocated), "table")
        yield f"Colocating {small} {_gain(plan, mixed)}; so all tables are sharded, and each can grow over all nodes."
    elif mixed.split.ended_at is not None:
        yield _why_ended(mixed.split)
    data = gb(decision.work.tables) * COPIES
    if data:
        yield (
            f"A node then holds about {_size(data / plan.nodes)}, if rows and indexes are as large as at the source. "
            "The measurements say nothing about disks: size them for that and for growth."
        )
    for table in plan.split.sharded:
        yield from _large_table(table, plan.nodes)


def _large_table(table: Table, nodes: int) -> Iterator[str]:
    """A sentence for a table so large that its number of tablets needs a thought."""
    size = (table.size_bytes or 0) / GIB
    if size < _HUGE_GB:
        return
    number = tablets(size, nodes)
    text = f"{visible(table.name)} ({_size(size)}) is split into about {number:,} tablets."
    if number > TABLETS_PER_NODE * nodes:
        text += f" That is more than {TABLETS_PER_NODE} per node: raise tablet_split_limit_per_table on the target."
    yield text


def load_steps(decision: Decision, plan: Plan, with_all: ImportMinutes, without: ImportMinutes) -> Iterator[str]:
    """How the load time was reached."""
    parts = []
    if plan.split.colocated:
        parts.append(f"{_minutes(with_all.colocated)} for the colocated tables, through one node")
    if plan.split.sharded:
        spread = node_divisor(plan.machine, plan.nodes)
        more = f", {spread:.2f} times as fast as three" if plan.nodes > MIN_NODES else ""
        parts.append(f"{_minutes(with_all.sharded)} for the sharded tables, through {plan.nodes} nodes{more}")
    if not parts:
        return
    yield (
        f"The load takes about {_minutes(with_all.total)}: {'; '.join(parts)}. It follows the size or the rows of each "
        "table, whichever takes longer, and its numbers of indexes and columns."
    )
    if decision.work.redundant:
        superfluous = _number(decision.work.redundant, "superfluous index", "superfluous indexes")
        yield f"Without {superfluous} it takes about {_minutes(without.total)}."


def notes(decision: Decision) -> tuple[str, ...]:
    """What to keep in mind about the figures."""
    return (*_notes_on_load(decision), *_notes_on_measurements(decision))


def _notes_on_load(decision: Decision) -> Iterator[str]:
    work = decision.work
    if not work.tables:
        return
    if work.load_measured:
        yield _note_on_window(decision)
        yield (
            "Reads of an index count beside those of its table: on the target they are reads of another tablet. Writes "
            "of indexes are counted where the source counts them."
        )
        if work.without_load:
            yield f"The load of {_number(work.without_load, 'table')} was not fully measured; the rest counts as none."
    else:
        yield "The load was not measured; measure it at a busy hour and assess again before you buy machines."
    if work.without_size:
        yield f"The size of {_number(work.without_size, 'table')} is not known; they count as empty."


def _note_on_window(decision: Decision) -> str:
    seconds = decision.capture_seconds
    window = "the capture" if seconds is None else f"the {seconds:,} seconds of the capture"
    margin = "no margin is added for peaks"
    if decision.peak_factor != 1:
        margin = f"they are taken times {decision.peak_factor:g} for peaks"
    return f"Reads and writes per second are averages over {window}, and {margin}. Capture at the busiest hour."


def _notes_on_measurements(decision: Decision) -> Iterator[str]:
    plan = decision.chosen
    if plan is None or not decision.work.tables:
        return
    yield (
        "How much load a core serves for sharded tables was measured on a single table; many tables at once may get "
        "less from it."
    )
    if plan.split.sharded and levelled(plan.machine.sharded):
        sizes = f"{SIZES_GB[1]} and {SIZES_GB[2]} GB"
        yield (
            f"The measured load times of machines with {plan.machine.vcpus} vCPU are out of order between {sizes}: "
            "their mean is used, so that no larger table loads faster."
        )
    wide = sum(extrapolated(plan.machine.colocated, one) for one in plan.split.colocated)
    wide += sum(extrapolated(plan.machine.sharded, one) for one in plan.split.sharded)
    if wide:
        yield (
            f"The load time of {_number(wide, 'table')} with many columns is extrapolated: nothing was measured with "
            f"more than {COLUMNS[-1]} columns, and with colocated tables often with no more than {COLUMNS[-2]}."
        )


def _number(count: int, one: str, many: str = "") -> str:
    return f"{f'{count:,}' if count else 'no'} {one if count == 1 else many or one + 's'}"


def _minutes(count: int) -> str:
    if count < 120:
        return _number(count, "minute")
    hours = count / 60
    return f"{count:,} minutes ({hours:,.1f} hours)" if hours < 48 else f"{count:,} minutes ({hours / 24:,.1f} days)"


def _size(gigabytes: float) -> str:
    if gigabytes >= 1 or gigabytes == 0:
        return f"{gigabytes:,.1f} GB"
    return f"{gigabytes * 1024:,.1f} MB"


def _rate(rate: float) -> str:
    return f"{rate:,.1f}" if 0.05 <= rate < 100 or rate == 0 else f"{rate:,.3g}" if rate < 1 else f"{rate:,.0f}"
