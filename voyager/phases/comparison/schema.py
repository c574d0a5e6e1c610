"""What a verification of the schema has to know of the migration: what was written, edited, left out, and by advice."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voyager.wording import counted

if TYPE_CHECKING:
    from voyager.catalog import Table
    from voyager.export_dir import ExportDir
    from voyager.phases.job import Job
    from voyager.verification.findings import Difference
    from voyager.verification.readers import Readers
    from voyager.verification.schema.intended import Intended
    from voyager.verification.schema.objects import Counts, SchemaDifference

EXPORTED = "schema_export.json"
ADVISED = "schema_recommendations.json"
ANALYZED = "schema_analysis_report.json"
_KNOWN_AS = {"relation": "table"}
"""What the comparison of rows calls an object."""

_JUDGED_HERE = frozenset({"column", "primary_key", "index"})
"""Kinds of what the comparison of rows notices of definitions on its way: their comparison says it, and whether it is
intended."""

_CARRIED_BY = {"comment": "comments_on_objects", "owner": "owners", "grant": "grants"}
"""Kinds of statement that `export schema` writes only when it is told to, with the option that does."""


@dataclass(frozen=True)
class SchemaResult:
    """What the comparison of the objects came to."""

    differences: tuple[SchemaDifference, ...]
    counts: Counts
    carried: frozenset[str] = frozenset()
    of_target: tuple[dict[str, str], ...] = ()

    def together(self, known: Iterable[Difference]) -> list[Difference]:
        """What withholds `verified` by its definition, then what another comparison found; each object once."""
        from voyager.verification.findings import Difference
        from voyager.verification.schema.objects import EXISTENCE

        absent = {("sequence", one.also) for one in self.differences if one.also and one.fact == EXISTENCE}
        others = [one for one in known if one.kind not in _JUDGED_HERE and (one.kind, one.object) not in absent]
        said = {(one.kind, one.object) for one in others}
        found = [
            Difference(one.kind, one.object, one.finding, judged=one.classed) for one in self.differences if one.blocks
        ]
        return [one for one in found if (_KNOWN_AS.get(one.kind, one.kind), one.object) not in said] + others

    @property
    def notes(self) -> list[str]:
        """What is intended, by name, and how much is cosmetic."""
        notes = [one.finding for one in self.differences if one.classed == "intended"]
        cosmetic = self.counts.classes["cosmetic"]
        if cosmetic:
            notes.append(f"{counted(cosmetic, 'cosmetic difference')} of the schema: the report names each.")
        return notes

    @property
    def not_compared(self) -> list[dict[str, str]]:
        """What the target's database has itself, and what the export left out unless it was told otherwise."""
        missing = {
            kind: "--" + option.replace("_", "-") for kind, option in _CARRIED_BY.items() if kind not in self.carried
        }
        if not missing:
            return [*self.of_target]
        reason = f"the schema was exported without them: export schema {' '.join(missing.values())}"
        definitions = {"kind": "definitions", "name": ", ".join(f"{kind}s" for kind in missing), "reason": reason}
        return [*self.of_target, definitions]

    def to_json(self) -> dict[str, Any]:
        return {**self.counts.to_json(), "differences": [one.to_json() for one in self.differences]}


def compare_schema(job: Job, source: Readers, target: Readers, tables: Iterable[Table] | None) -> SchemaResult:
    """Compare the objects of both ends (of `tables` only, if given) and judge what differs by what the export and its
    files say."""
    from voyager.phases.ddl.same_meaning import same_meaning
    from voyager.verification.schema.ask import Scope
    from voyager.verification.schema.compare import compare_schemas
    from voyager.verification.schema.database import of_target

    names = None if tables is None else frozenset(table.name for table in tables)
    scope = Scope(tuple(job.source.endpoint.schemas), names)
    known = intended(job.export_dir, carried(job.record.settings))
    differences, counts = compare_schemas(source, target, scope, same_meaning, known)
    there = target.use(of_target, "read what belongs to the database itself")
    return SchemaResult(tuple(differences), counts, known.carried, tuple(there))


def carried(settings: Mapping[str, Any]) -> frozenset[str]:
    """The kinds that the export took along, by the options that are kept with the migration: what it wrote does not
    tell, for a source may have none."""
    from voyager.phases.export_schema import kinds_named

    told = settings.get("options", {}).get("EXPORT_SCHEMA", {})
    asked = frozenset(kind for kind, option in _CARRIED_BY.items() if told.get(option))
    return asked - kinds_named(told.get("exclude_object_type_list", ()))


def intended(export_dir: ExportDir, carried: Iterable[str]) -> Intended:
    """What the export left out or rewrote, and what was edited since. Without an export nothing is known."""
    from voyager.schema.files import read_schema_files
    from voyager.verification.schema.intended import Written, read_intended

    export = _report(export_dir.reports / EXPORTED)
    advised = _report(export_dir.reports / ADVISED)
    files = read_schema_files(export_dir.schema) if export_dir.schema.is_dir() else []
    return read_intended(
        [Written(one["kind"], one["object"], one["sha256"]) for one in export.get("statements", ())],
        [Written(one.kind, one.object_name, one.sha256, f"{one.file}:{one.line}", one.text) for one in files],
        not_migrated=[
            *((one["kind"], one["name"], one["reason"]) for one in export.get("not_migrated", ())),
            *_refused(_report(export_dir.reports / ANALYZED)),
        ],
        rewritten=[(one["object"], one["why"]) for one in advised.get("applied", ())],
        carried=carried,
    )


def _refused(analysis: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """What the analysis said that the target would refuse; importing it nevertheless took somebody's word."""
    from voyager.schema.statements import classify

    for issue in analysis.get("issues", ()):
        if issue.get("blocking"):
            refused = classify(issue["statement"])
            why = f"the target refuses it, as analyze-schema said ({issue['issue_id']})"
            yield refused.kind, refused.object_name, why


def _report(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
