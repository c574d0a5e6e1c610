"""Detects views, triggers, policies, functions, collations, extensions and other objects that the target refuses."""

from __future__ import annotations

from collections.abc import Iterator

from voyager.schema.issues.detect.extensions import BUNDLED, SUPPORTED
from voyager.schema.issues.detect.parsed import Parsed, on_relation
from voyager.schema.issues.issue import Hit
from voyager.schema.nodes import dotted, label
from voyager.schema.parse import enum_name, items, strings

_BEFORE = 2  # the server's TRIGGER_TYPE_BEFORE
_DATABASE_15 = {"icu_locale", "locale_provider", "locale", "strategy", "collation_version", "oid"}
_DATABASE_17 = {"builtin_locale", "icu_rules"}
_FALSE = {"false", "off", "no", "0", "f", "n"}


def view(parsed: Parsed) -> Iterator[Hit]:
    name = label(parsed.tree.view)
    options = {option.defname for option in items(parsed.tree.options)}
    if "check_option" in options or enum_name(parsed.tree, "with_check_option") not in _NO_CHECK:
        yield Hit("VIEW_WITH_CHECK_OPTION", "VIEW", name)
    if "security_invoker" in options:
        yield Hit("SECURITY_INVOKER_VIEWS", "VIEW", name)


_NO_CHECK = {"NO_CHECK_OPTION", "VIEW_CHECK_OPTION_UNDEFINED"}


def policy(parsed: Parsed) -> Iterator[Hit]:
    roles = [role for role in items(parsed.tree.roles) if enum_name(role, "roletype") == "ROLESPEC_CSTRING"]
    if roles:
        names = ", ".join(dotted(role.rolename) for role in roles)
        yield on_relation("POLICY_WITH_ROLES", "POLICY", parsed.tree.policy_name, parsed.tree.table, RoleNames=names)


def trigger(parsed: Parsed) -> Iterator[Hit]:
    tree = parsed.tree
    found = {
        "CONSTRAINT_TRIGGER": tree.isconstraint,
        "REFERENCING_CLAUSE_IN_TRIGGER": bool(tree.transition_rels),
        "BEFORE_ROW_TRIGGER_ON_PARTITIONED_TABLE": tree.row and tree.timing & _BEFORE and parsed.table.partitioned,
    }
    for issue_id, is_there in found.items():
        if is_there:
            yield on_relation(issue_id, "TRIGGER", tree.trigname, tree.relation)


def function(parsed: Parsed) -> Iterator[Hit]:
    if parsed.tree.HasField("sql_body"):
        yield Hit("SQL_BODY_IN_FUNCTION")
    languages = [items([option.arg])[0].sval for option in items(parsed.tree.options) if option.defname == "language"]
    if any(language.lower() == "c" for language in languages):
        yield Hit("LANGUAGE_C_FUNCTION")


def collation(parsed: Parsed) -> Iterator[Hit]:
    if enum_name(parsed.tree, "kind") != "OBJECT_COLLATION":
        return
    options = {option.defname.lower(): _word(option) for option in items(parsed.tree.definition)}
    name = dotted(*strings(parsed.tree.defnames))
    if "deterministic" in options:
        nondeterministic = options["deterministic"] in _FALSE
        issue_id = "NON_DETERMINISTIC_COLLATION" if nondeterministic else "DETERMINISTIC_OPTION_WITH_COLLATION"
        yield Hit(issue_id, "COLLATION", name)
    if "rules" in options or options.get("provider") == "builtin":
        yield Hit("COLLATION_OPTIONS_PG16", "COLLATION", name)


def _word(option: object) -> str:
    """An option's value in lower case: written as a word, it is a type's name to the parser."""
    for value in items([option.arg]):  # type: ignore[attr-defined]
        if hasattr(value, "names"):
            return strings(value.names)[-1].lower()
        return str(getattr(value, "sval", "") or getattr(value, "ival", "")).lower()
    return "true"


def extension(parsed: Parsed) -> Iterator[Hit]:
    name = parsed.tree.extname
    if name in SUPPORTED:
        return
    if name in BUNDLED:
        yield Hit(
            "UNSUPPORTED_EXTENSION",
            "EXTENSION",
            dotted(name),
            says=f"The extension comes with YugabyteDB {BUNDLED[name]}, but not with every release.",
            advice="Ask pg_available_extensions of the target for it, and compare the versions.",
            refused=False,
        )
    else:
        yield Hit("UNSUPPORTED_EXTENSION", "EXTENSION", dotted(name))


def database(parsed: Parsed) -> Iterator[Hit]:
    options = {option.defname.lower() for option in items(parsed.tree.options)}
    for issue_id, names in (("DATABASE_OPTIONS_PG15", _DATABASE_15), ("DATABASE_OPTIONS_PG17", _DATABASE_17)):
        if options & names:
            used = ", ".join(sorted(options & names))
            yield Hit(issue_id, "DATABASE", dotted(parsed.tree.dbname), {"Options": used})


def conversion(parsed: Parsed) -> Iterator[Hit]:
    yield Hit("CREATE_CONVERSION", "CONVERSION", dotted(*strings(parsed.tree.conversion_name)))


def access_method(parsed: Parsed) -> Iterator[Hit]:
    yield Hit("CREATE_ACCESS_METHOD", "ACCESS METHOD", dotted(parsed.tree.amname))


def schema(parsed: Parsed) -> Iterator[Hit]:
    if parsed.tree.schema_elts:
        name = parsed.tree.schemaname or parsed.tree.authrole.rolename
        yield Hit("CREATE_SCHEMA_WITH_ELEMENTS", "SCHEMA", dotted(name))


BY_NODE = {
    "ViewStmt": (view,),
    "CreatePolicyStmt": (policy,),
    "CreateTrigStmt": (trigger,),
    "CreateFunctionStmt": (function,),
    "DefineStmt": (collation,),
    "CreateExtensionStmt": (extension,),
    "CreatedbStmt": (database,),
    "CreateConversionStmt": (conversion,),
    "CreateAmStmt": (access_method,),
    "CreateSchemaStmt": (schema,),
}
