"""An assessment of a shop, as the parts that show reports get it: every field is used, no server is asked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from voyager.assessment.assessment import (
    Assessment,
    Complexity,
    Effort,
    Missing,
    Note,
    ObjectCount,
    ObjectStatistics,
    RedundantIndex,
    SourceFacts,
)
from voyager.assessment.complexity import complexity
from voyager.assessment.sizing import Placement, size
from voyager.schema.analyze import Finding

RELEASE = "2025.2.3.0"
FIXED = {"2025.1": "2025.1.0.0", "2025.2": "2025.2.0.0"}
MB = 1024**2

HOSTILE = (
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style><style>*{display:none}",
    "'onmouseover='alert(1)",
    "[bold red]not markup[/bold red]",
    "\u202egnp.exe",
    "bell\x07 escape\x1b[31m nul\x00 zero\u200bwidth",
    "two\nlines",
    "{{ 7 * 7 }}{% raw %}",
    "half a pair \udc80",
    "javascript:alert(1)",
)


def finding(issue_id: str, **given: Any) -> Finding:
    """A finding; what a test does not care about is filled in."""
    fields: dict[str, Any] = {
        "category": "unsupported_features",
        "impact": 1,
        "object_type": "TABLE",
        "object_name": "public.orders",
        "statement": "CREATE TABLE public.orders (id bigint);",
        "file": "schema.sql",
        "line": 1,
        "says": f"{issue_id} is not supported.",
        "advice": f"Change it, because of {issue_id}.",
    }
    return Finding(issue_id=issue_id, **(fields | given))


def table(name: str, *, indexes: int = 1, megabytes: float = 1, **given: Any) -> Iterable[ObjectStatistics]:
    """A table of the schema before the dot, and its indexes."""
    schema, _, short = name.partition(".")
    measured: dict[str, Any] = {"rows": int(megabytes * 9_000), "columns": 9, "reads_per_second": 0.0,
                                "writes_per_second": 0.0}  # fmt: skip
    yield ObjectStatistics(schema, short, "table", size_bytes=int(megabytes * MB), **(measured | given))
    for number in range(indexes):
        yield ObjectStatistics(
            schema, f"{short}_idx{number}", "index", is_index=True, parent_table=name, columns=1,
            size_bytes=int(megabytes * MB / 5), reads_per_second=given.get("reads_per_second", 0) / 2,
            writes_per_second=given.get("writes_per_second", 0),
        )  # fmt: skip


def shop() -> Assessment:
    """A report with something in each of its parts."""
    findings, statistics = tuple(_findings()), tuple(_statistics())
    level = complexity(findings)
    return Assessment(
        source=SourceFacts(
            engine="postgresql",
            database="shop",
            version="16.4 (Debian 16.4-1.pgdg120+1)",
            schemas=("public", "billing", "Archive 2019"),
            url="postgresql://assessor@prod-db.example.com:5432/shop",
            nodes=("primary", "replica-1", "replica-2"),
            collected_at="2026-11-20T07:15:00Z",
            capture_seconds=120,
        ),
        target_version=RELEASE,
        assessed_at="2026-11-22T18:45:30Z",
        complexity=Complexity(
            level.level,
            level.explanation,
            effort_days=14.5,
            effort=(Effort("functions", 38, 9.5, 12), Effort("triggers", 11, 3, 4), Effort("views", 20, 2, 1)),
        ),
        objects=(
            ObjectCount("SCHEMA", ("public", "billing", '"Archive 2019"')),
            ObjectCount("EXTENSION", ("citext", "postgis"), 1),
            ObjectCount("TABLE", tuple(one.qualified for one in statistics if not one.is_index), 9),
            ObjectCount("INDEX", tuple(f"{one.name} ON {one.parent_table}" for one in statistics if one.is_index), 4,
                        "Some indexes are of the kind gin, which the target has with limits."),
            ObjectCount("FUNCTION", ("billing.close_month", "public.audit", "public.next_number"), 2),
        ),
        findings=findings,
        statistics=statistics,
        sizing=size(statistics, target_version=RELEASE, redundant=("public.orders_idx0",), capture_seconds=120),
        notes=(
            Note("GeneralNotes", "Some issues end where a preview flag of the target is set: see https://docs.yugabyte.com/preview/releases/."),
            Note("ColocatedShardedNotes", "Keep busy tables out of the colocated tablet.\nIt is one tablet."),
        ),
        missing=(
            Missing(
                "Queries that the application runs",
                "The extension pg_stat_statements is not installed in this database.",
                "CREATE EXTENSION pg_stat_statements;\nGRANT pg_read_all_stats TO assessor;",
                "Constructs in queries of the application are not judged.",
            ),
            Missing("Load of the replica replica-2", "It was restarted while the load was measured.", "",
                    "The cluster may be too small for what replica-2 reads."),
        ),
        redundant_indexes=(
            RedundantIndex(
                "public.orders", "public.orders_idx0",
                "CREATE INDEX orders_idx0 ON public.orders USING btree (customer_id)",
                "public.orders_idx1",
                "CREATE INDEX orders_idx1 ON public.orders USING btree (customer_id, created_at)",
                12_200 * MB,
            ),
        ),
        range_indexes=("public.events_at", "billing.invoices_due"),
        facts={"Data checksums": "on", "Largest function": "billing.close_month (812 lines)"},
    )  # fmt: skip


def _findings() -> Iterable[Finding]:
    docs = "https://docs.yugabyte.com/preview/yugabyte-voyager/known-issues/postgresql/"
    yield finding(
        "HOTSPOTS_ON_TIMESTAMP_INDEX", category="performance_optimizations", object_type="INDEX",
        object_name="events_at ON public.events", name="Hotspot on an index of timestamps", blocking=False,
        statement="CREATE INDEX events_at ON public.events USING btree (created_at);", object_usage="FREQUENT",
        says="Rows that arrive in the order of their first index column are all written to the same tablet.",
        advice="Put a bucket before the timestamp: (hash of the id modulo a few buckets), then the timestamp.",
        minimum_versions_ea={"2025.2": "2025.2.2.0"}, minimum_versions_tp={"2025.2": "2025.2.1.0"},
        details={"ColumnName": "created_at", "ColumnType": "timestamp with time zone"},
    )  # fmt: skip
    for number, name in enumerate(("invoices", "payments", "reminders", "dunning_runs"), start=1):
        yield finding(
            "MISSING_FOREIGN_KEY_INDEX", category="performance_optimizations", object_name=f"billing.{name}",
            name="Foreign key without an index", statement=f"ALTER TABLE ONLY billing.{name}\n    ADD CONSTRAINT "
            f"{name}_customer_fkey FOREIGN KEY (customer_id) REFERENCES public.customers(id);",
            says="No index begins with the columns of the foreign key, so a delete in the referenced table scans.",
            advice="Create an index on the columns of the foreign key.", line=1200 + number,
            object_usage=("MODERATE", "RARE", "UNUSED", "FREQUENT")[number - 1],
            details={"ForeignKeyColumnNames": ["customer_id"], "ReferencedTableName": "public.customers",
                     "RecommendedSQL": f"CREATE INDEX {name}_customer_id_idx ON billing.{name} (customer_id);"},
        )  # fmt: skip
    for column in ("public.stores.position", "public.customers.home", '"Archive 2019".visits.place'):
        yield finding(
            "UNSUPPORTED_DATATYPE_GEOMETRY", category="unsupported_datatypes", impact=3, object_type="COLUMN",
            object_name=column, name="Unsupported datatype - geometry", statement="", blocking=True,
            says="The type geometry of PostGIS does not exist on the target.", link=docs + "#unsupported-datatypes",
            advice="Store it as text (WKT) or bytea (WKB) and leave the geometry to the application.",
        )  # fmt: skip
    yield finding(
        "UNSUPPORTED_EXTENSION", impact=3, object_type="EXTENSION", object_name="postgis", line=14, blocking=True,
        name="Unsupported extension - postgis", statement="CREATE EXTENSION IF NOT EXISTS postgis WITH SCHEMA public;",
        says="The extension postgis cannot be installed on the target.", advice="Do without it, or keep these tables.",
    )  # fmt: skip
    for name in ("events", "visits", "orders_2024", "orders_2025"):
        yield finding(
            "STORED_GENERATED_COLUMNS", object_name=f"public.{name}", name="Stored generated columns", blocking=True,
            statement=f"CREATE TABLE public.{name} (\n    id bigint NOT NULL,\n    created_at timestamp with time zone "
            "DEFAULT now() NOT NULL,\n    customer_id bigint,\n    net numeric(12,2) NOT NULL,\n    tax numeric(12,2) "
            "NOT NULL,\n    gross numeric(12,2) GENERATED ALWAYS AS ((net + tax)) STORED\n);",
            says="The value of the column is computed from others and stored.", minimum_versions=FIXED, line=300,
            advice="Compute it in a trigger before the row is written, or take a newer target.",
            link=docs + "#generated",
        )  # fmt: skip
    yield finding(
        "UNSUPPORTED_GIST_INDEX_METHOD", object_type="INDEX", object_name="stores_position ON public.stores",
        name="Index with the access method gist", blocking=True, link=docs + "#gist", line=912,
        statement="CREATE INDEX stores_position ON public.stores USING gist (position);",
        says="Indexes of the method gist do not exist on the target.", advice="Leave the index out, or use gin.",
    )  # fmt: skip
    yield finding(
        "ADVISORY_LOCKS", category="unsupported_query_constructs", impact=2, object_type="", object_name="", file="",
        line=0, name="Advisory locks", statement="SELECT pg_advisory_xact_lock($1), id FROM orders WHERE id = $2",
        says="Advisory locks are not taken by this release.", advice="Lock a row of a table made for it.",
        minimum_versions={"2025.1": "2025.1.0.0"}, minimum_versions_tp={"2.25": "2.25.1.0"},
    )  # fmt: skip
    for function, called in (("public.next_number", "pg_advisory_lock"), ("billing.close_month", "lo_unlink")):
        yield finding(
            "LARGE_OBJECT_FUNCTIONS" if called == "lo_unlink" else "ADVISORY_LOCKS",
            category="unsupported_plpgsql_objects", impact=2, object_type="FUNCTION", object_name=function, line=88,
            name="Large object functions" if called == "lo_unlink" else "Advisory locks",
            statement=f"PERFORM {called}(the_number);", details={"FunctionNames": [called]},
            says=f"The function calls {called}, which the target does not have.", advice="Rewrite the statement.",
        )  # fmt: skip
    yield finding(
        "POLICY_WITH_ROLES", category="migration_caveats", object_type="POLICY", line=1500,
        object_name="own_orders ON public.orders", name="Policy for roles", statement="CREATE POLICY own_orders ON "
        "public.orders TO clerks USING (clerk = current_user);", says="The roles of the policy are not in the dump.",
        advice="Create the role clerks on the target before the schema.",
    )  # fmt: skip


def _statistics() -> Iterable[ObjectStatistics]:
    nodes = {"primary": 2_100.0, "replica-1": 900.0, "replica-2": 310.5}
    yield from table("public.orders", indexes=4, megabytes=61_000, reads_per_second=3_310.5, writes_per_second=412.0,
                     reads_by_node=nodes)  # fmt: skip
    yield from table("public.events", indexes=2, megabytes=48_500, reads_per_second=95.0, writes_per_second=1_240.0,
                     reads_by_node={"primary": 95.0})  # fmt: skip
    yield from table("public.customers", indexes=3, megabytes=2_300, reads_per_second=880.0, writes_per_second=21.0,
                     reads_by_node={"primary": 400.0, "replica-1": 300.0, "replica-2": 180.0})  # fmt: skip
    yield from table("billing.invoices", indexes=2, megabytes=5_200, reads_per_second=40.0, writes_per_second=12.5)
    yield from table("billing.payments", indexes=2, megabytes=3_900, reads_per_second=8.0, writes_per_second=12.5)
    yield from table("public.order_items", indexes=1, megabytes=22_000, reads_per_second=410.0, writes_per_second=890.0)
    for number, name in enumerate(("stores", "products", "prices", "stock", "carts", "reviews", "coupons"), start=1):
        yield from table(f"public.{name}", megabytes=900 / number**2, reads_per_second=30.0 / number)
    for year in range(2015, 2020):
        yield from table(f"Archive 2019.visits_{year}", indexes=0, megabytes=700, reads_per_second=0.02)
    yield ObjectStatistics("billing", "never_measured", "table", columns=3)


def hostile() -> Assessment:
    """The shop with names that try to become markup, script, terminal control or something else to the eye."""
    shown = shop()
    bad = HOSTILE
    return replace(
        shown,
        source=replace(shown.source, database=bad[0], schemas=bad, version=bad[1], url=bad[2], nodes=bad[:4]),
        complexity=replace(shown.complexity, explanation=bad[0]),
        objects=(ObjectCount("TABLE", bad, 1, bad[1]),),
        findings=tuple(
            finding(
                f"TYPE {name}", name=name, category=name if number % 2 else "unsupported_features", object_type=name,
                object_name=name, statement=f"SELECT '{name}'", file=name, says=name, advice=name, link=name,
                details={name: name, "RecommendedSQL": name}, object_usage=name, minimum_versions={name: name},
            )
            for number, name in enumerate(bad)
        ),
        statistics=tuple(
            ObjectStatistics(name, name, "table", rows=1, columns=1, size_bytes=10_000, reads_per_second=3.0,
                             writes_per_second=2.0, reads_by_node={"primary": 1.0, name: 2.0})
            for name in bad
        ),
        sizing=replace(
            shown.sizing, reasoning=bad[0], steps=bad,
            placements=tuple(Placement(name, "sharded", name, 10_000) for name in bad),
        ),
        notes=tuple(Note(name, f"{name} https://example.com/{name}") for name in bad),
        missing=tuple(Missing(name, name, name, name) for name in bad),
        redundant_indexes=tuple(RedundantIndex(name, name, name, name, name) for name in bad),
        range_indexes=bad,
        facts=dict(zip(bad, bad, strict=True)),
    )  # fmt: skip


def foreign() -> dict[str, Any]:
    """A document as another tool writes it: the public keys alone, null where it knows nothing, notes as text."""
    return {
        "VoyagerVersion": "2025.11.1",
        "TargetDBVersion": "2025.2.0.0",
        "MigrationComplexity": "LOW",
        "MigrationComplexityExplanation": "Found 1 Level 3 issue(s), resulting in LOW migration complexity",
        "SchemaSummary": {
            "Description": "What will be created.",
            "DbName": "library",
            "SchemaNames": ["public"],
            "DbVersion": "14.2",
            "DatabaseObjects": [
                {"ObjectType": "TABLE", "TotalCount": 1, "InvalidCount": 0, "ObjectNames": "public.books"}
            ],
        },
        "Sizing": {
            "SizingRecommendation": {
                "ColocatedTables": None,
                "ColocatedReasoning": "Everything is sharded.",
                "ShardedTables": ["public.books"],
                "NumNodes": 3.0,
                "VCPUsPerInstance": 4,
                "MemoryPerInstance": 16,
                "OptimalSelectConnectionsPerNode": 8,
                "OptimalInsertConnectionsPerNode": 12,
                "EstimatedTimeInMinForImport": 1.0,
            },
            "FailureReasoning": "",
        },
        "AssessmentIssues": [
            {
                "Category": "unsupported_datatypes",
                "CategoryDescription": "Types.",
                "Type": "UNSUPPORTED_DATATYPE_XML",
                "Name": "Unsupported datatype - xml",
                "Description": "The type xml is not there.",
                "Impact": "LEVEL_3",
                "ObjectType": "COLUMN",
                "ObjectName": "public.books.summary",
                "SqlStatement": "",
                "DocsLink": "https://example.com/xml",
                "MinimumVersionsFixedIn": None,
            },
            {"Category": "unsupported_features", "Type": "VIRTUAL_COLUMNS", "Name": "Virtual columns", "Impact": "-",
             "ObjectType": "COLUMN", "ObjectName": "BOOKS.PRICE", "SqlStatement": "", "DocsLink": "",
             "Description": "", "MinimumVersionsFixedIn": {"2025.1": "2025.1.0.0"}},
        ],
        "TableIndexStats": [
            {"SchemaName": "public", "ObjectName": "books", "RowCount": None, "ColumnCount": 3, "ReadsPerSecond": None,
             "WritesPerSecond": 2, "IsIndex": False, "ObjectType": "table", "ParentTableName": None,
             "SizeInBytes": 8192},
        ],
        "Notes": ["A note that is text alone."],
    }  # fmt: skip
