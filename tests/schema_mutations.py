"""Mutations of a target's schema: SQL that makes one object differ, and what a verification has to say of it."""

from __future__ import annotations

from dataclasses import dataclass

# What the kitchen sink has no simple example of, on both ends.
MORE = """
CREATE SCHEMA vs;
CREATE SCHEMA vs_bare;
CREATE EXTENSION intarray WITH SCHEMA vs;
CREATE TYPE vs.pair AS (a integer, b text);
CREATE TYPE vs.colour AS ENUM ('red', 'green', 'blue');
CREATE TYPE vs.span AS RANGE (subtype = integer);
CREATE DOMAIN vs.age AS integer DEFAULT 0 NOT NULL CONSTRAINT not_negative CHECK (VALUE >= 0);
SET search_path = vs, pg_catalog;
CREATE TYPE vs.tint AS ENUM ('pale');
CREATE DOMAIN vs.shade AS vs.tint DEFAULT 'pale';
RESET search_path;
CREATE FUNCTION vs.one() RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 1';
CREATE FUNCTION vs.add(a integer, b integer DEFAULT 2) RETURNS integer LANGUAGE sql AS 'SELECT a + b';
CREATE FUNCTION vs.atomic(a integer) RETURNS integer BEGIN ATOMIC SELECT a + 1; END;
CREATE PROCEDURE vs.act() LANGUAGE plpgsql AS 'BEGIN NULL; END';
CREATE FUNCTION vs.fire() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE AGGREGATE vs.total(integer) (SFUNC = int4pl, STYPE = integer, INITCOND = '0');
CREATE SEQUENCE vs.counter INCREMENT 2 MINVALUE 1 MAXVALUE 1000 CACHE 5;
CREATE TABLE vs.parents (id integer PRIMARY KEY);
CREATE TABLE vs.coded (code varchar(10) CHECK (code IN ('a', 'b')));
CREATE TABLE vs.t (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n numeric(10, 2) NOT NULL DEFAULT 1.5,
    t varchar(20) DEFAULT 'x',
    c text COLLATE "C", parent integer CONSTRAINT to_parents REFERENCES vs.parents (id) ON DELETE CASCADE,
    twice numeric GENERATED ALWAYS AS (n * 2) STORED, serial serial, colour vs.colour, spare date,
    CONSTRAINT n_positive CHECK (n > 0), CONSTRAINT t_unique UNIQUE (t), CONSTRAINT later UNIQUE (c) DEFERRABLE,
    CONSTRAINT apart EXCLUDE USING btree (n WITH =)
);
CREATE INDEX t_plain ON vs.t (n DESC, t);
CREATE UNIQUE INDEX t_partial ON vs.t (c) INCLUDE (n) WHERE n > 10;
CREATE UNIQUE INDEX t_nulls ON vs.t (parent) NULLS NOT DISTINCT;
CREATE INDEX t_expression ON vs.t (lower(t));
CREATE INDEX t_pattern ON vs.t (t varchar_pattern_ops);
CREATE STATISTICS vs.stats (ndistinct) ON n, t FROM vs.t;
CREATE TRIGGER fires BEFORE INSERT ON vs.t FOR EACH ROW WHEN (NEW.n > 1) EXECUTE FUNCTION vs.fire('x');
CREATE RULE nothing AS ON UPDATE TO vs.t WHERE NEW.n < 0 DO INSTEAD NOTHING;
CREATE POLICY mine ON vs.t FOR SELECT TO ks_reader USING (n > 0);
ALTER TABLE vs.t ENABLE ROW LEVEL SECURITY;
CREATE VIEW vs.v AS SELECT t.id, t.n FROM vs.t WHERE t.n > 1;
CREATE VIEW vs.w AS SELECT 1 AS one;
CREATE MATERIALIZED VIEW vs.m AS SELECT t.n FROM vs.t;
CREATE TABLE vs.kin (extra integer) INHERITS (vs.parents);
CREATE TABLE vs.parts (a integer, v text) PARTITION BY RANGE (a);
CREATE TABLE vs.parts_1 PARTITION OF vs.parts FOR VALUES FROM (0) TO (10);
CREATE TABLE vs.parts_2 PARTITION OF vs.parts FOR VALUES FROM (10) TO (20);
CREATE TABLE vs.doomed (a integer) PARTITION BY LIST (a);
CREATE TABLE vs.doomed_1 PARTITION OF vs.doomed FOR VALUES IN (1);
CREATE TABLE vs.lists (a integer, v text) PARTITION BY RANGE (a);
CREATE TABLE vs.lists_1 PARTITION OF vs.lists FOR VALUES FROM (1) TO (2);
CREATE TABLE vs.typed (v text);
CREATE CAST (vs.colour AS integer) WITH FUNCTION vs.of_colour(vs.colour) AS ASSIGNMENT;
COMMENT ON COLUMN vs.t.n IS 'a number';
COMMENT ON TABLE vs.t IS 'a table';
""".replace(
    "CREATE CAST (vs",
    "CREATE FUNCTION vs.of_colour(vs.colour) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 1';\nCREATE CAST (vs",
)


@dataclass(frozen=True)
class Mutation:
    """`expected` are lines "class kind object fact", all there are."""

    name: str
    sql: str
    expected: tuple[str, ...]

    @property
    def lines(self) -> set[str]:
        """What is said of which fact, without its class."""
        return {line.split(" ", 1)[1] for line in self.expected}

    @property
    def touches(self) -> set[str]:
        """The objects that it makes differ."""
        return {line.rsplit(" ", 1)[0] for line in self.lines}

    @property
    def alters(self) -> bool:
        """Whether the objects are still there and are the same ones, in other facts as they were."""
        return not any(word in self.sql for word in ("CREATE", "DROP")) and "existence" not in str(self.expected)

    def disturbs(self, other: Mutation) -> bool:
        """Whether the two cannot be told apart, or cannot both be made."""
        if self.alters and other.alters:
            return bool(self.lines & other.lines)
        return bool(self.touches & other.touches)


def _of(name: str, sql: str, *expected: str) -> Mutation:
    return Mutation(name, sql, expected)


_T = "ALTER TABLE vs.t"

MUTATIONS = (
    # Schemas, extensions, types
    _of("a schema is dropped", "DROP SCHEMA vs_bare", "missing schema vs_bare existence"),
    _of("an extension is dropped", "DROP EXTENSION intarray", "missing extension intarray existence",
        "missing comment extension intarray existence"),
    _of("an extension moves", "ALTER EXTENSION intarray SET SCHEMA ks", "different extension intarray in_schema"),
    _of("labels change places", """UPDATE pg_enum e SET enumsortorder = 10 - enumsortorder
        WHERE enumtypid = 'vs.colour'::regtype""", "different type vs.colour labels"),
    _of("a label is added", "ALTER TYPE vs.colour ADD VALUE 'black'", "different type vs.colour labels"),
    _of("a label is renamed", "ALTER TYPE vs.colour RENAME VALUE 'red' TO 'Red'", "different type vs.colour labels"),
    _of("a composite gets an attribute", "ALTER TYPE vs.pair ADD ATTRIBUTE c date",
        "different type vs.pair attributes"),
    _of("an attribute gets another type", "ALTER TYPE vs.pair ALTER ATTRIBUTE a TYPE bigint",
        "different type vs.pair attributes"),
    _of("a range is dropped", "DROP TYPE vs.span CASCADE", "missing type vs.span existence"),
    _of("a domain may be null", "ALTER DOMAIN vs.age DROP NOT NULL", "different type vs.age not_null"),
    _of("a domain has another default", "ALTER DOMAIN vs.age SET DEFAULT 1", "different type vs.age default_value"),
    _of("a domain loses its check", "ALTER DOMAIN vs.age DROP CONSTRAINT not_negative",
        "missing constraint not_negative of vs.age existence"),
    _of("a collation is dropped", """DROP COLLATION ks."Posix; it's" """,
        """missing collation ks."Posix; it's" existence"""),
    _of("a conversion is dropped", "DROP CONVERSION ks.latin1_to_utf8",
        "missing conversion ks.latin1_to_utf8 existence",
        "missing comment conversion ks.latin1_to_utf8 existence"),
    # Tables
    _of("a table is dropped", "DROP TABLE vs.doomed", "missing relation vs.doomed existence",
        "missing relation vs.doomed_1 existence"),
    _of("a table is unlogged", "ALTER TABLE ks.empty SET UNLOGGED", "different relation ks.empty persistence"),
    _of("a partition is detached", "ALTER TABLE vs.parts DETACH PARTITION vs.parts_1",
        "different relation vs.parts_1 partition_bound", "different relation vs.parts_1 parents"),
    _of("a bound moves", """ALTER TABLE vs.parts DETACH PARTITION vs.parts_2;
        ALTER TABLE vs.parts ATTACH PARTITION vs.parts_2 FOR VALUES FROM (10) TO (30)""",
        "different relation vs.parts_2 partition_bound"),
    _of("a partition is dropped", "DROP TABLE vs.parts_2", "missing relation vs.parts_2 existence"),
    _of("another strategy", """DROP TABLE vs.lists; CREATE TABLE vs.lists (a integer, v text) PARTITION BY LIST (a);
        CREATE TABLE vs.lists_1 PARTITION OF vs.lists FOR VALUES IN (1)""",
        "different relation vs.lists partition_key", "different relation vs.lists_1 partition_bound"),
    _of("an heir is disowned", "ALTER TABLE vs.kin NO INHERIT vs.parents", "different relation vs.kin parents"),
    _of("row security is off", f"{_T} DISABLE ROW LEVEL SECURITY", "different relation vs.t row_security"),
    _of("row security is not forced", "ALTER TABLE ks.forced NO FORCE ROW LEVEL SECURITY",
        "different relation ks.forced row_security_forced"),
    _of("options change", f"{_T} SET (fillfactor = 50)", "different relation vs.t options"),
    _of("the replica identity changes", f"{_T} REPLICA IDENTITY FULL", "different relation vs.t replica_identity"),
    _of("a foreign table has other options", "ALTER FOREIGN TABLE ks.far OPTIONS (SET table_name 'y')",
        "different relation ks.far server_options"),
    # Columns
    _of("a column is dropped", f"{_T} DROP COLUMN spare", "missing column vs.t.spare existence"),
    _of("a column is renamed", f"{_T} RENAME spare TO kept", "missing column vs.t.spare existence"),
    _of("a column is wider", f"{_T} ALTER t TYPE varchar(30)", "different column vs.t.t data_type"),
    _of("a column has another type", "ALTER TABLE vs.typed ALTER v TYPE integer USING v::integer",
        "different column vs.typed.v data_type"),
    _of("a column may be null", f"{_T} ALTER n DROP NOT NULL", "different column vs.t.n not_null",
        "missing constraint t_n_not_null of vs.t existence"),
    _of("a column may not be null", f"{_T} ALTER c SET NOT NULL", "different column vs.t.c not_null",
        "different constraint t_c_not_null of vs.t existence"),
    _of("a default changes", f"{_T} ALTER n SET DEFAULT 2.5", "different column vs.t.n default_value"),
    _of("a default is dropped", f"{_T} ALTER t DROP DEFAULT", "different column vs.t.t default_value"),
    _of("a serial forgets its sequence", f"{_T} ALTER serial DROP DEFAULT",
        "different column vs.t.serial default_value"),
    _of("an identity is dropped", f"{_T} ALTER id DROP IDENTITY", "different column vs.t.id identity",
        "missing sequence t_id_seq of vs.t existence"),
    _of("an identity may be given", f"{_T} ALTER id SET GENERATED BY DEFAULT", "different column vs.t.id identity"),
    _of("an expression is dropped", f"{_T} ALTER twice DROP EXPRESSION", "different column vs.t.twice default_value",
        "different column vs.t.twice generated"),
    _of("an expression changes", f"{_T} ALTER twice SET EXPRESSION AS (n * 3)",
        "different column vs.t.twice default_value"),
    _of("storage changes", f"{_T} ALTER c SET STORAGE EXTERNAL", "different column vs.t.c storage"),
    _of("compression changes", f"{_T} ALTER c SET COMPRESSION pglz", "different column vs.t.c compression"),
    _of("the statistics target changes", f"{_T} ALTER c SET STATISTICS 7", "different column vs.t.c statistics_target"),
    _of("a column that must be given is added", f"{_T} ADD more integer NOT NULL",
        "different column vs.t.more existence", "different constraint t_more_not_null of vs.t existence"),
    # Constraints
    _of("a primary key is dropped", f"{_T} DROP CONSTRAINT t_pkey", "missing constraint t_pkey of vs.t existence"),
    _of("a unique constraint is dropped", f"{_T} DROP CONSTRAINT t_unique",
        "missing constraint t_unique of vs.t existence"),
    _of("a unique constraint cannot wait", f"{_T} DROP CONSTRAINT later, ADD CONSTRAINT later UNIQUE (c)",
        "different constraint later of vs.t definition", "different constraint later of vs.t enforced_by"),
    _of("an exclusion is dropped", f"{_T} DROP CONSTRAINT apart", "missing constraint apart of vs.t existence"),
    _of("a check is dropped", f"{_T} DROP CONSTRAINT n_positive", "missing constraint n_positive of vs.t existence"),
    _of("a check changes", f"{_T} DROP CONSTRAINT n_positive, ADD CONSTRAINT n_positive CHECK (n >= 0)",
        "different constraint n_positive of vs.t definition"),
    _of("a check is not valid", f"{_T} DROP CONSTRAINT n_positive, ADD CONSTRAINT n_positive CHECK (n > 0) NOT VALID",
        "different constraint n_positive of vs.t validity"),
    _of("a list of values shrinks", """ALTER TABLE vs.coded DROP CONSTRAINT coded_code_check,
        ADD CONSTRAINT coded_code_check CHECK (code IN ('a', 'c'))""",
        "different constraint coded_code_check of vs.coded definition"),
    _of("a foreign key is dropped", f"{_T} DROP CONSTRAINT to_parents",
        "missing constraint to_parents of vs.t existence"),
    _of("a foreign key acts otherwise", f"""{_T} DROP CONSTRAINT to_parents, ADD CONSTRAINT to_parents
        FOREIGN KEY (parent) REFERENCES vs.parents (id) ON DELETE SET NULL""",
        "different constraint to_parents of vs.t definition"),
    _of("a foreign key waits", f"{_T} ALTER CONSTRAINT to_parents DEFERRABLE",
        "different constraint to_parents of vs.t definition"),
    _of("a foreign key is not valid", f"""{_T} DROP CONSTRAINT to_parents, ADD CONSTRAINT to_parents
        FOREIGN KEY (parent) REFERENCES vs.parents (id) ON DELETE CASCADE NOT VALID""",
        "different constraint to_parents of vs.t validity"),
    _of("a foreign key is not enforced", f"{_T} DISABLE TRIGGER ALL",
        "different constraint to_parents of vs.t enforced_by", "different constraint later of vs.t enforced_by",
        "different trigger fires of vs.t state"),
    _of("a check is added", f"{_T} ADD CONSTRAINT more CHECK (n < 99)", "different constraint more of vs.t existence"),
    # Indexes
    _of("an index is dropped", "DROP INDEX vs.t_plain", "missing index t_plain of vs.t existence"),
    _of("an index is ascending", "DROP INDEX vs.t_plain; CREATE INDEX t_plain ON vs.t (n, t)",
        "different index t_plain of vs.t key_order"),
    _of("an index has its keys reversed", "DROP INDEX vs.t_plain; CREATE INDEX t_plain ON vs.t (t DESC, n)",
        "different index t_plain of vs.t keys", "different index t_plain of vs.t operator_classes"),
    _of("an index has another collation",
        'DROP INDEX vs.t_pattern; CREATE INDEX t_pattern ON vs.t (t COLLATE "C" varchar_pattern_ops)',
        "different index t_pattern of vs.t collations"),
    _of("an index has another method", "DROP INDEX vs.t_pattern; CREATE INDEX t_pattern ON vs.t USING hash (t)",
        "different index t_pattern of vs.t method", "different index t_pattern of vs.t operator_classes"),
    _of("an index has another operator class", "DROP INDEX vs.t_pattern; CREATE INDEX t_pattern ON vs.t (t)",
        "different index t_pattern of vs.t operator_classes"),
    _of("an index has another predicate",
        "DROP INDEX vs.t_partial; CREATE UNIQUE INDEX t_partial ON vs.t (c) INCLUDE (n) WHERE n > 11",
        "different index t_partial of vs.t predicate"),
    _of("an index includes less", "DROP INDEX vs.t_partial; CREATE UNIQUE INDEX t_partial ON vs.t (c) WHERE n > 10",
        "different index t_partial of vs.t included", "different index t_partial of vs.t statistics_targets",
        "different index t_partial of vs.t key_options"),
    _of("an index is not unique",
        "DROP INDEX vs.t_partial; CREATE INDEX t_partial ON vs.t (c) INCLUDE (n) WHERE n > 10",
        "different index t_partial of vs.t is_unique"),
    _of("an index tells nulls apart", "DROP INDEX vs.t_nulls; CREATE UNIQUE INDEX t_nulls ON vs.t (parent)",
        "different index t_nulls of vs.t nulls_not_distinct"),
    _of("an index has another expression", "DROP INDEX vs.t_expression; CREATE INDEX t_expression ON vs.t (upper(t))",
        "different index t_expression of vs.t keys"),
    _of("an index is invalid", "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'vs.t_plain'::regclass",
        "different index t_plain of vs.t is_valid"),
    _of("a unique index is added", "CREATE UNIQUE INDEX more ON vs.t (serial)",
        "different index more of vs.t existence"),
    # Sequences
    _of("a sequence is dropped", "DROP SEQUENCE vs.counter", "missing sequence vs.counter existence"),
    *(
        _of(f"a sequence has another {fact}", f"ALTER SEQUENCE vs.counter {change}",
            f"different sequence vs.counter {fact}")
        for fact, change in (
            ("increment", "INCREMENT 3"), ("minimum", "MINVALUE 0"), ("maximum", "MAXVALUE 999"), ("cycle", "CYCLE"),
            ("cache", "CACHE 6"), ("start_value", "START 7"), ("data_type", "AS integer"),
            ("owner", "OWNED BY vs.t.parent"),
        )
    ),
    # Views, routines and what is made of them
    _of("a view is dropped", "DROP VIEW vs.w", "missing relation vs.w existence"),
    _of("a view reads otherwise", "CREATE OR REPLACE VIEW vs.v AS SELECT t.id, t.n FROM vs.t WHERE t.n > 2",
        "different view vs.v definition"),
    _of("a view has options", "ALTER VIEW vs.v SET (security_barrier = true)", "different relation vs.v options"),
    _of("a materialized view reads otherwise",
        "DROP MATERIALIZED VIEW vs.m; CREATE MATERIALIZED VIEW vs.m AS SELECT t.n FROM vs.t LIMIT 1",
        "different view vs.m definition"),
    _of("a materialized view is a table", "DROP MATERIALIZED VIEW vs.m; CREATE TABLE vs.m (n numeric(10, 2))",
        "different relation vs.m form", "missing view vs.m existence"),
    _of("a function is dropped", "DROP FUNCTION vs.one()", "missing routine vs.one() existence"),
    _of("a body changes", "CREATE OR REPLACE FUNCTION vs.one() RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 2'",
        "different routine vs.one() body"),
    _of("a standard body changes",
        "CREATE OR REPLACE FUNCTION vs.atomic(a integer) RETURNS integer BEGIN ATOMIC SELECT a + 2; END",
        "different routine vs.atomic(integer) standard_body"),
    _of("a parameter has another default", """CREATE OR REPLACE FUNCTION vs.add(a integer, b integer DEFAULT 3)
        RETURNS integer LANGUAGE sql AS 'SELECT a + b'""", "different routine vs.add(integer, integer) arguments"),
    *(
        _of(f"a function has another {fact}", f"ALTER FUNCTION vs.one() {change}", f"different routine vs.one() {fact}")
        for fact, change in (
            ("volatility", "VOLATILE"), ("strict", "STRICT"), ("security_definer", "SECURITY DEFINER"),
            ("leakproof", "LEAKPROOF"), ("parallel", "PARALLEL SAFE"), ("cost", "COST 7"),
            ("settings", "SET work_mem = '1MB'"),
        )
    ),
    _of("a procedure is dropped", "DROP PROCEDURE vs.act()", "missing routine vs.act() existence"),
    _of("an aggregate is dropped", "DROP AGGREGATE vs.total(integer)", "missing aggregate vs.total(integer) existence"),
    _of("an aggregate begins elsewhere",
        "CREATE OR REPLACE AGGREGATE vs.total(integer) (SFUNC = int4pl, STYPE = integer, INITCOND = '5')",
        "different aggregate vs.total(integer) initial_values"),
    _of("an operator is dropped", "DROP OPERATOR ks.!- (NONE, ks.pair)",
        "missing operator ks.!-(NONE, ks.pair) existence",
        "missing comment operator ks.!-(NONE,ks.pair) existence"),
    _of("a cast is dropped", "DROP CAST (vs.colour AS integer)", "missing cast (vs.colour AS integer) existence"),
    _of("a cast is implicit", """DROP CAST (vs.colour AS integer);
        CREATE CAST (vs.colour AS integer) WITH FUNCTION vs.of_colour(vs.colour) AS IMPLICIT""",
        "different cast (vs.colour AS integer) context"),
    # What acts on rows
    _of("a trigger is dropped", "DROP TRIGGER fires ON vs.t", "missing trigger fires of vs.t existence"),
    _of("a trigger is disabled", f"{_T} DISABLE TRIGGER fires", "different trigger fires of vs.t state"),
    _of("a trigger has another condition", """CREATE OR REPLACE TRIGGER fires BEFORE INSERT ON vs.t FOR EACH ROW
        WHEN (NEW.n > 2) EXECUTE FUNCTION vs.fire('x')""", "different trigger fires of vs.t definition"),
    _of("a trigger is added", "CREATE TRIGGER more AFTER DELETE ON vs.t EXECUTE FUNCTION vs.fire()",
        "different trigger more of vs.t existence"),
    _of("an event trigger is disabled", "ALTER EVENT TRIGGER ks_on_ddl DISABLE",
        "different event_trigger ks_on_ddl state"),
    _of("an event trigger is dropped", "DROP EVENT TRIGGER ks_on_ddl", "missing event_trigger ks_on_ddl existence",
        "missing comment event trigger ks_on_ddl existence"),
    _of("a rule is dropped", "DROP RULE nothing ON vs.t", "missing rule nothing of vs.t existence"),
    _of("a rule is disabled", f"{_T} DISABLE RULE nothing", "different rule nothing of vs.t state"),
    _of("a rule changes", "CREATE OR REPLACE RULE nothing AS ON UPDATE TO vs.t WHERE NEW.n < 1 DO INSTEAD NOTHING",
        "different rule nothing of vs.t definition"),
    _of("a policy is dropped", "DROP POLICY mine ON vs.t", "missing policy mine of vs.t existence"),
    _of("a policy lets more through", "ALTER POLICY mine ON vs.t USING (n > -1)",
        "different policy mine of vs.t condition"),
    _of("a policy is for others", "ALTER POLICY mine ON vs.t TO PUBLIC", "different policy mine of vs.t roles"),
    # The rest
    _of("statistics are dropped", "DROP STATISTICS vs.stats", "missing statistics vs.stats existence"),
    _of("statistics are of other kinds",
        "DROP STATISTICS vs.stats; CREATE STATISTICS vs.stats (mcv) ON n, t FROM vs.t",
        "different statistics vs.stats definition"),
    _of("a dictionary has other options", "ALTER TEXT SEARCH DICTIONARY ks.dictionary (accept = true)",
        "different text_search_dictionary ks.dictionary options"),
    _of("a configuration maps less", "ALTER TEXT SEARCH CONFIGURATION ks.configuration DROP MAPPING FOR word",
        "different text_search_configuration ks.configuration mappings"),
    _of("a server is elsewhere", "ALTER SERVER ks_server OPTIONS (SET port '2')", "different server ks_server options"),
    _of("a publication publishes less", "ALTER PUBLICATION ks_schemas SET (publish = '')",
        "different publication ks_schemas publishes"),
    _of("a publication loses a table", "ALTER PUBLICATION ks_some DROP TABLE ONLY ks.animals",
        "missing publication_table ks.animals of ks_some existence"),
    _of("a publication lets more through", "ALTER PUBLICATION ks_some SET TABLE ks.parents (id, b)",
        "missing publication_table ks.animals of ks_some existence",
        "different publication_table ks.parents of ks_some row_filter"),
    _of("a publication loses a schema", 'ALTER PUBLICATION ks_schemas DROP TABLES IN SCHEMA "ks Two"',
        "missing publication_schema ks Two of ks_schemas existence"),
    _of("a comment changes", "COMMENT ON COLUMN vs.t.n IS 'another'", "different comment table column vs.t.n text"),
    _of("a comment is gone", "COMMENT ON TABLE vs.t IS NULL", "missing comment table vs.t existence"),
    # Who owns it, and who else may do what
    _of("a table has another owner", "ALTER TABLE vs.coded OWNER TO ks_reader", "different owner table vs.coded owner"),
    _of("a function has another owner", "ALTER FUNCTION vs.atomic(integer) OWNER TO ks_reader",
        "different owner function vs.atomic(integer) owner"),
    _of("a privilege is revoked", "REVOKE USAGE ON SEQUENCE ks.codes FROM ks_reader",
        "different grant sequence ks.codes privileges"),
    _of("a privilege on a column is revoked", "REVOKE UPDATE (b) ON ks.parents FROM ks_reader",
        "different grant table column ks.parents.b privileges"),
    _of("a privilege is granted", "GRANT DELETE ON vs.typed TO PUBLIC", "different grant table vs.typed privileges"),
    _of("a function may not be called by all", "REVOKE EXECUTE ON FUNCTION vs.add(integer, integer) FROM PUBLIC",
        "different grant function vs.add(integer,integer) privileges"),
)  # fmt: skip

HARMLESS = (
    _of("columns change places", f"{_T} DROP COLUMN colour; {_T} ADD colour vs.colour; {_T} DROP COLUMN parent CASCADE;"
        f"""{_T} ADD parent integer CONSTRAINT to_parents REFERENCES vs.parents (id) ON DELETE CASCADE;
        CREATE UNIQUE INDEX t_nulls ON vs.t (parent) NULLS NOT DISTINCT""", "cosmetic relation vs.t order"),
    _of("an index is added", "CREATE INDEX more ON vs.t (colour)", "cosmetic index more of vs.t existence"),
    _of("a column is added", f"{_T} ADD more integer", "cosmetic column vs.t.more existence"),
    _of("a materialized view is empty", "REFRESH MATERIALIZED VIEW vs.m WITH NO DATA", "intended view vs.m filled"),
)  # fmt: skip


def rounds() -> list[list[Mutation]]:
    """The mutations in few rounds: what one changes is not what another of the same round does."""
    found: list[list[Mutation]] = []
    for mutation in sorted(MUTATIONS, key=lambda one: one.alters):
        free = (one for one in found if not any(other.disturbs(mutation) for other in one))
        place = next(free, None)
        if place is None:
            found.append([mutation])
        else:
            place.append(mutation)
    return found
