"""The forms that an example can take: plain and hostile names, comments inside, within a routine, as mere text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

Examples = Mapping[str, "Rule"]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@dataclass(frozen=True)
class Names:
    """What stands for the placeholders of an example, in SQL and in the name that a finding has.

    {t} {u} {l} are tables (l a leaf or heir), {v} a view, {f} a function, {d} a type, all with their schema; {c} {k}
    {i} {g} are a column, a constraint, an index and a trigger, policy or rule.
    """

    schema: str
    words: tuple[str, ...]

    def sql(self) -> dict[str, str]:
        found = {key: _quoted(word) for key, word in self._words()}
        return {key: f"{_quoted(self.schema)}.{word}" if key in _IN_SCHEMA else word for key, word in found.items()}

    def shown(self) -> dict[str, str]:
        return {key: f"{self.schema}.{word}" if key in _IN_SCHEMA else word for key, word in self._words()}

    def _words(self) -> Iterator[tuple[str, str]]:
        return zip("tulvfdckigx", self.words, strict=True)


_IN_SCHEMA = set("tulvfdx")
PLAIN = Names("s", tuple("tulvfdckigx"))
# Names that end a statement, open a comment or look like SQL to whatever does not parse.
HOSTILE = Names(
    'My "S',
    ("T; DROP", "Other -- t", "Leaf's", "V /* w", "F$f$", "D TYPE xml", "Col, x", "K) y", "I (x)", "Trig GER", "X X"),
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """Statements that raise an issue at the objects of these names, in order. `in_routine` is the statement that a
    routine may hold as well, None for one that makes no sense there."""

    statements: tuple[str, ...]
    names: tuple[str, ...]
    in_routine: bool = True


@dataclass(frozen=True)
class Rule:
    """All examples of one issue, and what is close to it and does not raise it."""

    raises: tuple[Case, ...]
    misses: tuple[tuple[str, ...], ...]


def case(*statements: str, at: str | tuple[str, ...] = "{t}", in_routine: bool = True) -> Case:
    return Case(statements, (at,) if isinstance(at, str) else at, in_routine)


def rule(*raises: Case, misses: tuple[str | tuple[str, ...], ...]) -> Rule:
    return Rule(raises, tuple((one,) if isinstance(one, str) else one for one in misses))


@dataclass(frozen=True)
class Variant:
    """An example in one of its forms: the SQL of a whole schema, and the names at which the issue must be found."""

    form: str
    sql: str
    names: tuple[str, ...]


def variants(example: Case) -> Iterator[Variant]:
    yield _written("plain", example, PLAIN)
    yield _written("hostile names", example, HOSTILE)
    yield _written("comments inside", replace(example, statements=tuple(map(_commented, example.statements))), PLAIN)
    yield _written("other schema beside", replace(example, statements=(*_DECOYS, *example.statements)), PLAIN)
    if example.in_routine:
        yield _in_routine(example)


def as_text(example: Case) -> str:
    """The same SQL where it is only text: in a string, a comment, a name and the body of a routine's comment."""
    sql = "; ".join(example.statements).format(**PLAIN.sql())
    literal, name, comment = sql.replace("'", "''"), sql.replace('"', '""'), sql.replace("*/", "* /").replace("\n", " ")
    return (
        f"CREATE TABLE s.only_text (a text DEFAULT '{literal}', \"{name}\" integer /* {comment} */);\n"
        f"COMMENT ON TABLE s.only_text IS '{literal}';\n"
        f"CREATE FUNCTION s.only_text() RETURNS text LANGUAGE plpgsql AS $outer$\n"
        f"BEGIN\n  -- {comment}\n  RETURN '{literal}';\nEND $outer$;\n"
    )


_DECOYS = ("CREATE SCHEMA decoy", "CREATE TABLE decoy.t (c integer)", "CREATE TABLE decoy.u (c integer)")


def _written(form: str, example: Case, names: Names) -> Variant:
    sql = ";\n".join(statement.format(**names.sql()) for statement in example.statements) + ";\n"
    return Variant(form, sql, tuple(name.format(**names.shown()) for name in example.names))


def _commented(statement: str) -> str:
    first, space, rest = statement.partition(" ")
    return f'{first} /* it\'s; a "comment" */ -- and another; one\n{space}{rest}'


def _in_routine(example: Case) -> Variant:
    """The last statement inside a function's body; what it is about becomes the function."""
    *before, last = (statement.format(**PLAIN.sql()) for statement in example.statements)
    body = f"CREATE FUNCTION s.routine() RETURNS void LANGUAGE plpgsql AS $routine$\nBEGIN\n  {last};\nEND\n$routine$"
    constraint = {name.partition(", constraint: ")[2] for name in example.names}
    names = tuple(
        f"s.routine, constraint: {one.format(**PLAIN.shown())}" if one else "s.routine" for one in sorted(constraint)
    )
    return Variant("in a routine", ";\n".join((*before, body)) + ";\n", names)
