"""Reads the body of a PL/pgSQL routine: every statement and expression of SQL in it, and the variables it declares."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from voyager.schema.parse import ParseError
from voyager.schema.tokens import Tokens

STATEMENT, EXPRESSION, DYNAMIC, VARIABLE = "statement", "expression", "dynamic", "variable"


@dataclass(frozen=True)
class Piece:
    """One thing in a body. `text` is as it stands there, `sql` is what a parser of SQL can read of it.

    The kind is a statement, an expression (`sql` selects it), the expression of an EXECUTE (dynamic) or a variable
    (`name`, `type` as written, and the default as `sql`, "" without one). `name` is also the variable that an
    assignment sets.
    """

    kind: str
    text: str
    sql: str
    line: int
    name: str = ""
    type: str = ""


def read_body(text: str) -> Iterator[Piece]:
    """Yield the pieces of a body in order; raise ParseError where its structure cannot be read."""
    return _Reader(text).pieces()


_ASSIGNS = {":=", "="}
_NOTHING_TO_READ = {"close", "commit", "get", "null", "rollback"}
_COMPILER_OPTION_LENGTH = 3  # `#variable_conflict use_column`


class _Reader(Tokens):
    """Follows the body token by token, as the server's own grammar does: it, too, looks for the closing keyword only
    outside parentheses."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._open: list[str] = []
        self._declares = False
        self._read: dict[str, Callable[[], Iterator[Piece]]] = {
            "assert": self._list_of_expressions,
            "call": self._sql,
            "case": self._case,
            "continue": self._leave,
            "elseif": self._branch,
            "elsif": self._branch,
            "execute": self._execute,
            "exit": self._leave,
            "fetch": self._fetch,
            "for": self._for,
            "foreach": self._foreach,
            "if": self._if,
            "move": self._fetch,
            "open": self._cursor,
            "perform": self._perform,
            "raise": self._raise,
            "return": self._return,
            "when": self._when,
            "while": self._while,
        }

    def pieces(self) -> Iterator[Piece]:
        while self.word() == "#":
            self.at += _COMPILER_OPTION_LENGTH
        while self.at < len(self.tokens):
            if self._structure():
                continue
            if self._declares:
                yield from self._declaration()
            else:
                yield from self._statement()
        if self._open:
            raise ParseError("The body ends before its blocks do.", line=self.line(len(self.text)))

    def _structure(self) -> bool:
        """Step over what only gives the body its structure; False where a statement or a declaration stands."""
        word = self.word()
        if word == "<<":
            self.at += 3
        elif word == "declare":
            self._declares = True
            self.at += 1
        elif word == "begin":
            self._declares = False
            self._push("block")
        elif self._declares or self._is_assignment():
            return False
        elif word in {"else", ";"}:
            self.at += 1
        elif word == "loop":
            self._push("loop")
        elif word == "exception":
            self._open[-1:] = ["handlers"]
            self.at += 1
        elif word == "end":
            self._end()
        else:
            return False
        return True

    def _push(self, kind: str) -> None:
        self._open.append(kind)
        self.at += 1

    def _end(self) -> None:
        if not self._open:
            raise ParseError("The body has an END without a beginning.", line=self.line_here())
        self._open.pop()
        while self.at < len(self.tokens) and self.word() != ";":
            self.at += 1
        self.at += 1

    def _statement(self) -> Iterator[Piece]:
        if not self._open:
            raise ParseError("The body has a statement outside BEGIN and END.", line=self.line_here())
        if self._is_assignment():
            yield from self._assignment()
        elif self.word() in _NOTHING_TO_READ and self.word(1) != "prepared":
            self.until(";")
        else:
            yield from self._read.get(self.word(), self._sql)()

    # Declarations

    def _declaration(self) -> Iterator[Piece]:
        start, end = self.until(";")
        words = [token.value for token in self.tokens[start:end]]
        name, rest = self.name(start), start + 1
        if "alias" in words[1:2]:
            return
        if "cursor" in words[1:4]:
            yield from self._declared_cursor(start, end)
            return
        rest += "constant" in words[1:2]
        limit = self.find(rest, end, {":=", "=", "default", "not", "collate"})
        value = self.find(limit, end, {":=", "=", "default"})
        default = self.between(value + 1, end)
        yield self._piece(VARIABLE, start, end, _select(default), name=name, type=self.between(rest, limit))

    def _declared_cursor(self, start: int, end: int) -> Iterator[Piece]:
        query = self.find(start, end, {"for", "is"})
        yield self._piece(STATEMENT, start, end, self.between(query + 1, end))

    # Statements of PL/pgSQL

    def _is_assignment(self) -> bool:
        first = self.word()
        if not (first[:1].isalpha() or first[:1] in {"_", '"', "$"}):
            return False
        at = self.at + 1
        while at < len(self.tokens):
            word = self.tokens[at].value
            if word == ".":
                at += 2
            elif word == "[":
                at = self.closing(at) + 1
            else:
                return word in _ASSIGNS
        return False

    def _assignment(self) -> Iterator[Piece]:
        start, end = self.until(";")
        sign = self.find(start, end, _ASSIGNS)
        target, value = self.between(start, sign), self.between(sign + 1, end)
        # The target is an expression of its own where something is subscripted.
        sql = f"SELECT {target}, {value}" if "[" in target else _select(value)
        yield self._piece(EXPRESSION, start, end, sql, name=self.name(start) if sign == start + 1 else "")

    def _if(self) -> Iterator[Piece]:
        self._open.append("if")
        return self._condition("then")

    def _branch(self) -> Iterator[Piece]:
        return self._condition("then")

    def _while(self) -> Iterator[Piece]:
        self._open.append("loop")
        return self._condition("loop")

    def _condition(self, closing: str) -> Iterator[Piece]:
        start, end = self.until(closing)
        yield self._piece(EXPRESSION, start, end + 1, _select(self.between(start + 1, end)))

    def _case(self) -> Iterator[Piece]:
        self._push("case")
        if self.word() != "when":
            start, end = self.until("when")
            self.at = end
            yield self._piece(EXPRESSION, start - 1, end, _select(self.between(start, end)))

    def _when(self) -> Iterator[Piece]:
        """WHEN of a CASE compares expressions, of an exception handler it names conditions."""
        if self._open[-1:] == ["case"]:
            yield from self._condition("then")
        else:
            self.until("then")

    def _foreach(self) -> Iterator[Piece]:
        self._open.append("loop")
        start, end = self.until("loop")
        array = self.find(start, end, {"array"})
        yield self._piece(EXPRESSION, start, end, _select(self.between(array + 1, end)))

    def _for(self) -> Iterator[Piece]:
        self._open.append("loop")
        start, end = self.until("loop")
        first = self.find(start, end, {"in"}) + 1
        word = self.tokens[first].value if first < end else ""
        if self.find(first, end, {".."}) < end:
            yield from self._range(start, first + (word == "reverse"), end)
        elif word == "execute":
            yield from self._dynamic(start, first + 1, end)
        elif self._is_cursor(first, end):
            yield from self._arguments(start, first + 1, end)
        else:
            yield self._piece(STATEMENT, start, end, self.between(first, end), text=self.between(first, end))

    def _range(self, start: int, first: int, end: int) -> Iterator[Piece]:
        dots, by = self.find(first, end, {".."}), self.find(first, end, {"by"})
        bounds = (self.between(first, dots), self.between(dots + 1, by), self.between(by + 1, end))
        sql = "SELECT " + ", ".join(bound for bound in bounds if bound)
        yield self._piece(EXPRESSION, start, end, sql, name=self.name(start + 1), type="integer")

    def _is_cursor(self, first: int, end: int) -> bool:
        """A name alone, or with arguments behind it."""
        if first + 1 >= end or self.tokens[first].value in _QUERIES:
            return first + 1 == end
        return self.tokens[first + 1].value == "(" and self.closing(first + 1) + 1 == end

    def _arguments(self, start: int, first: int, end: int) -> Iterator[Piece]:
        """The arguments of a cursor, `k := 1` among them."""
        if inner := self.between(first, end).removeprefix("(").removesuffix(")"):
            yield self._piece(EXPRESSION, start, end, "SELECT f(" + inner + ")")

    def _cursor(self) -> Iterator[Piece]:
        start, end = self.until(";")
        query = self.find(start, end, {"for"}) + 1
        if query > end:
            yield from self._arguments(start, start + 2, end)
        elif self.tokens[query].value == "execute":
            yield from self._dynamic(start, query + 1, end)
        else:
            yield self._piece(STATEMENT, start, end, self.between(query, end))

    def _fetch(self) -> Iterator[Piece]:
        start, end = self.until(";")
        into = self.find(start, end, {"into"})
        source = self.find(start, into, {"from", "in"})
        first = start + 1 + (self.tokens[start + 1].value in _COUNTED)
        sql = self.between(start, into)
        if first < source < into and self.tokens[first].value not in _UNCOUNTED:
            # The server's FETCH takes a number only, PL/pgSQL's an expression.
            sql = f"{self.between(start, first)} 1 {self.between(source, into)}"
        yield self._piece(STATEMENT, start, end, sql)

    def _leave(self) -> Iterator[Piece]:
        start, end = self.until(";")
        when = self.find(start, end, {"when"})
        if when < end:
            yield self._piece(EXPRESSION, start, end, _select(self.between(when + 1, end)))

    def _return(self) -> Iterator[Piece]:
        start, end = self.until(";")
        second = self.tokens[start + 1].value
        if second == "query" and self.tokens[start + 2].value == "execute":
            yield from self._dynamic(start, start + 3, end)
        elif second == "query":
            query = self.between(start + 2, end)
            yield self._piece(STATEMENT, start, end, query, text=query)
        else:
            value = self.between(start + 1 + (second == "next"), end)
            if value:
                yield self._piece(EXPRESSION, start, end, _select(value))

    def _perform(self) -> Iterator[Piece]:
        start, end = self.until(";")
        query = _select(self.between(start + 1, end))
        yield self._piece(STATEMENT, start, end, query, text=query)

    def _list_of_expressions(self) -> Iterator[Piece]:
        start, end = self.until(";")
        yield self._piece(EXPRESSION, start, end, _select(self.between(start + 1, end)))

    def _raise(self) -> Iterator[Piece]:
        start, end = self.until(";")
        using = self.find(start, end, {"using"})
        listed = self.find(start, using, {","})
        expressions = [self.between(listed + 1, using), *self._options(using + 1, end)]
        if found := ", ".join(expression for expression in expressions if expression):
            yield self._piece(EXPRESSION, start, end, _select(found))

    def _options(self, start: int, end: int) -> Iterator[str]:
        """The values of `USING option = value, …`."""
        while start < end:
            comma = self.find(start, end, {","})
            yield self.between(start + 2, comma)
            start = comma + 1

    def _execute(self) -> Iterator[Piece]:
        start, end = self.until(";")
        yield from self._dynamic(start, start + 1, end)

    def _dynamic(self, start: int, first: int, end: int) -> Iterator[Piece]:
        last = self.find(first, end, {"into", "using"})
        yield self._piece(DYNAMIC, start, end, _select(self.between(first, last)))
        using = self.find(first, end, {"using"})
        values = self.between(using + 1, self.find(using, end, {"into"}))
        if values:
            yield self._piece(EXPRESSION, start, end, _select(values))

    def _sql(self) -> Iterator[Piece]:
        start, end = self.until(";")
        yield self._piece(STATEMENT, start, end, self._without_target(start, end))

    def _without_target(self, start: int, end: int) -> str:
        """The statement without the INTO of PL/pgSQL, whose place spaces take."""
        for at in range(start + 1, end):
            if self.tokens[at].value == "into" and self.tokens[at - 1].value not in {"insert", "merge"}:
                if self.tokens[start].value == "import":
                    break
                begin, stop = self.tokens[at].start, self.tokens[self._target_end(at + 1, end) - 1].end
                hidden = "".join(character if character == "\n" else " " for character in self.text[begin:stop])
                return self.between(start, at) + " " + hidden + self.text[stop : self.tokens[end - 1].end]
        return self.between(start, end)

    def _target_end(self, at: int, end: int) -> int:
        at += self.tokens[at].value == "strict"
        while True:
            at += 1
            while at < end and self.tokens[at].value in {".", "["}:
                at = at + 2 if self.tokens[at].value == "." else self.closing(at) + 1
            if at >= end or self.tokens[at].value != ",":
                return min(at, end)
            at += 1

    def _piece(self, kind: str, start: int, end: int, sql: str, **more: str) -> Piece:
        text = more.pop("text", "") or self.between(start, end)
        return Piece(kind, text, sql, self.line(self.tokens[start].start), **more)


_QUERIES = {"select", "table", "values", "with"}
_COUNTED = {"absolute", "backward", "forward", "relative"}
_UNCOUNTED = {"all", "first", "last", "next", "prior"}


def _select(expression: str) -> str:
    return f"SELECT {expression}" if expression else ""
