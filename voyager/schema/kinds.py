"""The kinds of DDL statement: their order of execution, their files, and on which side of the data they go."""

from __future__ import annotations

from dataclasses import dataclass

PRE_DATA = "pre-data"
POST_DATA = "post-data"


@dataclass(frozen=True)
class Kind:
    """One kind of statement. `file` is relative to the schema directory; kinds may share one."""

    name: str
    file: str
    section: str = PRE_DATA


def _kinds(section: str, *rows: tuple[str, str]) -> tuple[Kind, ...]:
    return tuple(Kind(name, file, section) for name, file in rows)


# In order of execution. What needs a thing that a later row makes is deferred by the importer and tried again.
KINDS = _kinds(
    PRE_DATA,
    ("database", "databases/database.sql"),
    ("schema", "schemas/schema.sql"),
    ("extension", "extensions/extension.sql"),
    ("extension_dependency", "extensions/extension_dependency.sql"),
    ("access_method", "access_methods/access_method.sql"),
    ("language", "languages/language.sql"),
    ("collation", "collations/collation.sql"),
    ("type", "types/type.sql"),
    ("domain", "domains/domain.sql"),
    ("function", "functions/function.sql"),
    ("procedure", "procedures/procedure.sql"),
    ("transform", "transforms/transform.sql"),
    ("cast", "casts/cast.sql"),
    ("conversion", "conversions/conversion.sql"),
    ("operator", "operators/operator.sql"),
    ("operator_family", "operators/operator_family.sql"),
    ("operator_class", "operators/operator_class.sql"),
    ("aggregate", "aggregates/aggregate.sql"),
    ("text_search", "text_search/text_search.sql"),
    ("foreign_data_wrapper", "foreign_servers/foreign_data_wrapper.sql"),
    ("server", "foreign_servers/server.sql"),
    ("sequence", "sequences/sequence.sql"),
    ("table", "tables/table.sql"),
    ("foreign_table", "foreign_tables/foreign_table.sql"),
    ("inheritance", "tables/inheritance.sql"),
    ("attach_partition", "tables/attach_partition.sql"),
    ("identity", "sequences/identity.sql"),
    ("sequence_owner", "sequences/sequence_owner.sql"),
    ("sequence_setting", "sequences/sequence_setting.sql"),
    ("default", "tables/default.sql"),
    ("primary_key", "constraints/primary_key.sql"),
    ("unique", "constraints/unique.sql"),
    ("check", "constraints/check.sql"),
    ("view", "views/view.sql"),
    ("materialized_view", "materialized_views/materialized_view.sql"),
    ("view_replacement", "views/view_replacement.sql"),
    ("table_setting", "tables/table_setting.sql"),
    ("column_setting", "tables/column_setting.sql"),
    ("other", "uncategorized.sql"),
    ("owner", "owners/owner.sql"),
    ("grant", "grants/grant.sql"),
    ("security_label", "security_labels/security_label.sql"),
    ("comment", "comments/comment.sql"),
) + _kinds(
    POST_DATA,
    ("index", "indexes/index.sql"),
    ("exclusion", "constraints/exclusion.sql"),
    ("index_attach", "indexes/index_attach.sql"),
    ("index_setting", "indexes/index_setting.sql"),
    ("statistics", "statistics/statistics.sql"),
    ("cluster", "indexes/cluster.sql"),
    ("replica_identity", "indexes/replica_identity.sql"),
    ("foreign_key", "foreign_keys/foreign_key.sql"),
    ("not_valid_constraint", "constraints/not_valid_constraint.sql"),
    ("validate_constraint", "constraints/validate_constraint.sql"),
    ("rule", "rules/rule.sql"),
    ("policy", "policies/policy.sql"),
    ("row_security", "policies/row_security.sql"),
    ("trigger", "triggers/trigger.sql"),
    ("refresh", "materialized_views/refresh.sql"),
    ("publication", "publications/publication.sql"),
    ("default_privileges", "grants/default_privileges.sql"),
    # Last: an event trigger would fire on every statement after it.
    ("event_trigger", "event_triggers/event_trigger.sql"),
)

# What is never carried over, with the reason that reports give.
LEFT_OUT = {
    "user_mapping": "a user mapping holds credentials; create it on the target by hand",
    "subscription": "a subscription holds credentials and would start to replicate; create it on the target by hand",
    "large_object": "large objects are not migrated",
    "database": "the target database exists already; its settings are the operator's",
    "planner_statistics": "the target gathers its own planner statistics",
    "sequence_value": "sequence values are set after the data, from the source",
}

# What makes no sense without another kind: chosen with it, left out with it.
PART_OF = {
    **dict.fromkeys(
        ("inheritance", "attach_partition", "identity", "default", "primary_key", "unique", "check", "exclusion",
         "foreign_key", "not_valid_constraint", "validate_constraint", "constraint", "column", "table_setting",
         "column_setting", "replica_identity"),
        "table",
    ),
    **dict.fromkeys(("sequence_owner", "sequence_setting"), "sequence"),
    **dict.fromkeys(("index_attach", "index_setting", "cluster"), "index"),
    **dict.fromkeys(("operator_class", "operator_family"), "operator"),
    "view_replacement": "view",
    "refresh": "materialized_view",
    "row_security": "policy",
    "extension_dependency": "extension",
}  # fmt: skip
ALIASES = {"mview": "materialized_view", "user_type": "type", "fdw": "foreign_data_wrapper"}

SECTIONS = {kind.name: kind.section for kind in KINDS}
FILES = {kind.name: kind.file for kind in KINDS}
ORDER = tuple(kind.name for kind in KINDS)
