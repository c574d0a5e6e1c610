"""match(): the queries of both sides joined by what their texts say, each counted as one on each side."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial

from voyager.performance.query_text import ADMINISTRATION, APPLICATION, OWN, SYSTEM, QueryText, query_text
from voyager.performance.usage import Entry, Usage, together

LEFT_OUT = (OWN, SYSTEM, ADMINISTRATION)
_MOST_TEXTS = 20_000

Reader = Callable[[str], QueryText]


@dataclass(frozen=True)
class Workload:
    """The application's queries on one side by key, and how many of the others were left out."""

    queries: Mapping[str, tuple[QueryText, Usage]]
    left_out: Mapping[str, int]


@dataclass(frozen=True)
class Match:
    """One query and what each side has counted of it; None on the side where it did not run."""

    query: QueryText
    source: Usage | None
    target: Usage | None


@dataclass(frozen=True)
class Matching:
    """Both workloads and their join: the queries in the order of the source, then what ran on the target alone."""

    source: Workload
    target: Workload
    matches: tuple[Match, ...]

    @property
    def overlap(self) -> int:
        return sum(one.source is not None and one.target is not None for one in self.matches)


def match(source: Iterable[Entry], target: Iterable[Entry], *, builtins: Collection[str] = ()) -> Matching:
    """Join the entries of two servers. `builtins` are the names of the functions that servers come with."""
    # The same text stands on both sides, and once for each role.
    read = lru_cache(_MOST_TEXTS)(partial(query_text, builtins=frozenset(builtins)))
    ours, theirs = _workload(source, read), _workload(target, read)
    found = []
    for key, (query, usage) in ours.queries.items():
        other = theirs.queries.get(key)
        found.append(Match(query, usage, other[1] if other else None))
    new = theirs.queries.keys() - ours.queries.keys()
    found += [Match(query, None, usage) for key, (query, usage) in theirs.queries.items() if key in new]
    return Matching(ours, theirs, tuple(found))


def _workload(entries: Iterable[Entry], read: Reader) -> Workload:
    found: dict[str, tuple[QueryText, list[Usage]]] = {}
    left_out = dict.fromkeys(LEFT_OUT, 0)
    for entry in entries:
        query = read(entry.text)
        if query.belongs == APPLICATION:
            found.setdefault(query.key, (query, []))[1].append(entry.usage)
        else:
            left_out[query.belongs] += 1
    return Workload({key: (query, together(parts)) for key, (query, parts) in found.items()}, left_out)
