"""The catalogue of issues: one row says what it is, where YugabyteDB has fixed it, and who finds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from voyager.schema.issues import detect
from voyager.schema.issues.detect import Detector

FEATURES = "unsupported_features"
CAVEATS = "migration_caveats"

# The series this catalogue knows, oldest first; even minor numbers before 2024 were stable, odd ones previews.
STABLE_SERIES = ("2.14", "2.18", "2.20", "2024.1", "2024.2", "2025.1", "2025.2", "2026.1")


@dataclass(frozen=True)
class Fix:
    """From which version of a series on an issue is no more; `maturity` is GA, EA or TP (the last two need a flag)."""

    version: str
    maturity: str = "GA"


@dataclass(frozen=True)
class Issue:
    """One thing in a schema that a YugabyteDB release may not take.

    `impact` 1 needs a change of DDL only, 2 of statements in the application, 3 has no easy way around. `refused` says
    that the server raises an error, so the statement cannot be imported as it is.
    """

    id: str
    category: str
    impact: int
    says: str
    advice: str
    link: str
    detector: Detector
    fixed_in: Mapping[str, Fix] = field(default_factory=lambda: MappingProxyType({}))
    refused: bool = True

    def minimum_versions(self) -> dict[str, str]:
        """The first version of each series in which the issue is fixed for general use."""
        return {series: fix.version for series, fix in self.fixed_in.items() if fix.maturity == "GA"}

    def fixed(self, release: str) -> bool:
        """Whether `release` ("2025.1.0.0", a build suffix is ignored) takes the statement without a flag."""
        series = _known_series(release)
        fix = self.fixed_in.get(series)
        return fix is not None and fix.maturity == "GA" and _numbers(release) >= _numbers(fix.version)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("-")[0].split(".") if part.isdigit())


def _known_series(release: str) -> str:
    """The series of a release; one newer than all we know is as good as the newest stable one."""
    numbers = _numbers(release)[:2]
    newest = STABLE_SERIES[-1]
    return newest if numbers > _numbers(newest) else ".".join(map(str, numbers))


def _ga(*versions: str) -> Mapping[str, Fix]:
    return MappingProxyType({".".join(version.split(".")[:2]): Fix(version) for version in versions})


_V15 = _ga("2.25.0.0", "2025.1.0.0", "2025.2.0.0", "2026.1.0.0")


def _yugabytedb(number: int) -> str:
    return f"https://github.com/yugabyte/yugabyte-db/issues/{number}"


def _voyager(number: int) -> str:
    return f"https://github.com/yugabyte/yb-voyager/issues/{number}"


ISSUES: tuple[Issue, ...] = (
    Issue(
        id="STORED_GENERATED_COLUMNS",
        category=FEATURES,
        impact=1,
        says="The table has stored generated columns.",
        advice="Compute the value in a BEFORE INSERT OR UPDATE trigger, or use a target version that has them.",
        link=_yugabytedb(10695),
        detector=detect.stored_generated_columns,
        fixed_in=_V15,
    ),
    Issue(
        id="UNLOGGED_TABLES",
        category=FEATURES,
        impact=1,
        says="The table is UNLOGGED.",
        advice="Remove UNLOGGED from the statement.",
        link=_yugabytedb(1129),
        detector=detect.unlogged_tables,
        fixed_in=_ga("2024.2.0.0", "2.25.0.0", "2025.1.0.0", "2025.2.0.0", "2026.1.0.0"),
    ),
    Issue(
        id="UNSUPPORTED_GIST_INDEX_METHOD",
        category=FEATURES,
        impact=1,
        says="The index uses the access method gist.",
        advice="Drop the index, or use a GIN or btree index where the queries allow it.",
        link=_yugabytedb(1337),
        detector=detect.index_method("gist"),
    ),
    Issue(
        id="UNSUPPORTED_BRIN_INDEX_METHOD",
        category=FEATURES,
        impact=1,
        says="The index uses the access method brin.",
        advice="Drop the index, or use a range-sharded btree index (explicit ASC).",
        link=_yugabytedb(1337),
        detector=detect.index_method("brin"),
    ),
    Issue(
        id="UNSUPPORTED_SPGIST_INDEX_METHOD",
        category=FEATURES,
        impact=1,
        says="The index uses the access method spgist.",
        advice="Drop the index and serve its queries in another way.",
        link=_yugabytedb(1337),
        detector=detect.index_method("spgist"),
    ),
    Issue(
        id="STORAGE_PARAMETERS",
        category=FEATURES,
        impact=1,
        says="The index or constraint has storage parameters.",
        advice="Remove WITH (…) from the statement.",
        link=_yugabytedb(23467),
        detector=detect.storage_parameters,
    ),
    Issue(
        id="ALTER_TABLE_SET_COLUMN_ATTRIBUTE",
        category=FEATURES,
        impact=1,
        says="ALTER TABLE sets an attribute of a column (n_distinct and the like).",
        advice="Remove the statement.",
        link=_yugabytedb(1124),
        detector=detect.set_column_attribute,
    ),
    Issue(
        id="ALTER_TABLE_CLUSTER_ON",
        category=FEATURES,
        impact=1,
        says="ALTER TABLE … CLUSTER ON marks an index for clustering.",
        advice="Remove the statement; rows are stored in the order of the primary key.",
        link=_yugabytedb(1124),
        detector=detect.cluster_on,
    ),
    Issue(
        id="ALTER_TABLE_DISABLE_RULE",
        category=FEATURES,
        impact=1,
        says="ALTER TABLE … DISABLE RULE switches a rule off.",
        advice="Remove this statement and the rule that it switches off.",
        link=_yugabytedb(1124),
        detector=detect.disable_rule,
    ),
    Issue(
        id="EXCLUSION_CONSTRAINTS",
        category=FEATURES,
        impact=1,
        says="The table has an exclusion constraint.",
        advice="Enforce the rule with a trigger.",
        link=_yugabytedb(3944),
        detector=detect.exclusion_constraints,
    ),
    Issue(
        id="DEFERRABLE_CONSTRAINTS",
        category=FEATURES,
        impact=3,
        says="A constraint other than a foreign key is DEFERRABLE.",
        advice="Make the constraint NOT DEFERRABLE and change the transactions that rely on it.",
        link=_yugabytedb(1709),
        detector=detect.deferrable_constraints,
    ),
    Issue(
        id="MULTI_COLUMN_GIN_INDEX",
        category=FEATURES,
        impact=1,
        says="The GIN index has more than one key.",
        advice="Create one GIN index for each column.",
        link=_yugabytedb(10652),
        detector=detect.multi_column_gin_index,
    ),
    Issue(
        id="ORDERED_GIN_INDEX",
        category=FEATURES,
        impact=1,
        says="The GIN index asks for an order of its key.",
        advice="Remove ASC or DESC from the key.",
        link=_yugabytedb(10653),
        detector=detect.ordered_gin_index,
    ),
    Issue(
        id="POLICY_WITH_ROLES",
        category=CAVEATS,
        impact=1,
        says="The policy names roles, which a migration does not create.",
        advice="Create the roles on the target before the schema is imported.",
        link=_voyager(1655),
        detector=detect.policy_with_roles,
        refused=False,
    ),
    Issue(
        id="CONSTRAINT_TRIGGER",
        category=FEATURES,
        impact=1,
        says="The trigger is a constraint trigger.",
        advice="Use an ordinary trigger, or check the rule in the application.",
        link=_yugabytedb(1709),
        detector=detect.constraint_trigger,
    ),
    Issue(
        id="REFERENCING_CLAUSE_IN_TRIGGER",
        category=FEATURES,
        impact=1,
        says="The trigger reads transition tables (REFERENCING OLD or NEW TABLE).",
        advice="Use a trigger FOR EACH ROW.",
        link=_yugabytedb(1668),
        detector=detect.referencing_clause,
    ),
    Issue(
        id="BEFORE_ROW_TRIGGER_ON_PARTITIONED_TABLE",
        category=FEATURES,
        impact=1,
        says="A BEFORE … FOR EACH ROW trigger stands on a partitioned table.",
        advice="Create the trigger on each partition that holds rows.",
        link=_yugabytedb(24830),
        detector=detect.before_row_trigger_on_partitioned_table,
        fixed_in=_V15,
    ),
    Issue(
        id="ALTER_TABLE_ADD_PK_ON_PARTITIONED_TABLE",
        category=CAVEATS,
        impact=1,
        says="ALTER TABLE adds the primary key of a partitioned table.",
        advice="Put the primary key into CREATE TABLE.",
        link=_yugabytedb(10074),
        detector=detect.add_primary_key_on_partitioned_table,
        fixed_in=_ga("2024.1.0.0", "2024.2.0.0", "2025.1.0.0", "2025.2.0.0", "2026.1.0.0", "2.23.0.0", "2.25.0.0"),
    ),
    Issue(
        id="EXPRESSION_PARTITION_WITH_PK_UK",
        category=FEATURES,
        impact=1,
        says="The table is partitioned by an expression and has a primary key or a unique constraint.",
        advice="Drop the constraint, or partition by a column.",
        link=_voyager(698),
        detector=detect.expression_partition_with_key,
    ),
    Issue(
        id="MULTI_COLUMN_LIST_PARTITION",
        category=FEATURES,
        impact=1,
        says="The table is partitioned by a list of more than one column.",
        advice="Partition by one column, or choose another strategy.",
        link=_voyager(699),
        detector=detect.multi_column_list_partition,
    ),
    Issue(
        id="INSUFFICIENT_COLUMNS_IN_PK_FOR_PARTITION",
        category=FEATURES,
        impact=1,
        says="The primary key leaves out columns by which the table is partitioned.",
        advice="Add the partition columns to the primary key.",
        link=_voyager(578),
        detector=detect.insufficient_columns_in_key,
    ),
    Issue(
        id="VIRTUAL_GENERATED_COLUMNS",
        category=FEATURES,
        impact=1,
        says="The table has virtual generated columns, which PostgreSQL has only from version 18 on.",
        advice="Make the column STORED, or compute it in a view.",
        link="https://www.postgresql.org/docs/18/ddl-generated-columns.html",
        detector=detect.virtual_generated_columns,
    ),
)
