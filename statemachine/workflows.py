"""The tables: what the phases of every kind of migration are, and in which order they may run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from statemachine.conditions import CONDITIONS
from statemachine.definition import Phase, Workflow

_STATUS = "Monitor progress with: yb-voyager migrate status --watch"
_KEEP_RUNNING = (
    "It keeps running until the cutover completes it: run it in its own terminal, or under a service manager."
)

INITIALIZE = Phase(
    name="INITIALIZE",
    title="Initialize",
    command="migrate init",
    summary="Check both databases and register the migration in the target.",
    tips=("Use --dry-run to print the SQL for a DBA, with a least-privilege role, and change nothing.",),
    done_label="INITIALIZED",
)

EXPORT_SCHEMA = Phase(
    name="EXPORT_SCHEMA",
    title="Export Schema",
    command="migrate export schema",
    summary="Write the source's schema as SQL files under schema/ in the export directory.",
    tips=(
        "The source is only read; it can stay in use.",
        "You may edit the files before they are imported.",
    ),
    after=("INITIALIZE",),
)

ANALYZE_SCHEMA = Phase(
    name="ANALYZE_SCHEMA",
    title="Analyze Schema",
    command="migrate analyze-schema",
    summary="Read the exported SQL files and report what the target does not support, with advice for each finding.",
    tips=(
        "Run it again after every edit of the schema files; it changes nothing.",
        "The report is reports/schema_analysis_report.json in the export directory.",
    ),
    after=("EXPORT_SCHEMA",),
    repeatable=True,
)

IMPORT_SCHEMA = Phase(
    name="IMPORT_SCHEMA",
    title="Import Schema",
    command="migrate import schema",
    summary="Create in the target all that the data needs. Foreign keys and triggers follow after the data.",
    tips=(
        "Use --dry-run to see the statements first.",
        "Interrupted, the same command continues with the statement it had reached.",
    ),
    after=("ANALYZE_SCHEMA",),
    when=("no_blockers",),
    # After --continue-on-error, the same command does what is missing.
    repeatable=True,
)

EXPORT_DATA = Phase(
    name="EXPORT_DATA",
    title="Export Data",
    command="migrate export data",
    summary="Copy the rows of every table into data files in the export directory, as of one moment of the source.",
    tips=(
        "You can start import data while export is still running for live and pipelined migrations.",
        "Use --parallel-jobs to control parallelism (default: auto-detected).",
        _STATUS,
    ),
    after=("IMPORT_SCHEMA",),
)

IMPORT_DATA = Phase(
    name="IMPORT_DATA",
    title="Import Data",
    command="migrate import data",
    summary="Load the data files into the target, then create foreign keys and triggers and set the sequences.",
    tips=(
        "Stopped at any moment, the same command continues: no row is loaded twice, none is left out.",
        "Use --parallel-jobs to control parallelism (default: auto-detected).",
        _STATUS,
    ),
    after=("EXPORT_DATA",),
    # What follows the rows may be done again alone, after a file was edited.
    repeatable=True,
)

IMPORT_FILE = Phase(
    name="IMPORT_FILE",
    title="Import File",
    command="migrate import file",
    summary="Load csv or text files, from this machine or an object store, into tables that the target has already.",
    tips=(
        "It needs no source and no `migrate init`: the first run registers the migration.",
        "Stopped at any moment, the same command continues: no row is loaded twice, none is left out.",
        "Run it again with a map of further files as often as you like; what is in is not loaded again.",
    ),
    after=("INITIALIZE",),
    repeatable=True,
)

VERIFY = Phase(
    name="VERIFY",
    title="Verify",
    command="migrate verify",
    summary="Compare every migrated table in the source with its copy in the target.",
    tips=(
        "Keep the source free of writes from here on: cutover asks whether it changed since this comparison.",
        "reports/verification_report.json names every difference by table and range. Run it as often as you like.",
    ),
    after=("IMPORT_DATA",),
    repeatable=True,
)

CUTOVER = Phase(
    name="CUTOVER",
    title="Cutover",
    command="migrate cutover initiate",
    summary="Check for the last time that the target has everything and hand the application over to it.",
    tips=(
        "Stop the application's writes to the source before you run it.",
        "Point the application at the target only when cutover is COMPLETED.",
    ),
    after=("IMPORT_SCHEMA", "IMPORT_DATA", "VERIFY"),
    when=("verified", "source_unchanged"),
    consequential=True,
    cancel="migrate cutover initiate --cancel",
    begun="INITIATED",
)

FINALIZE = Phase(
    name="FINALIZE",
    title="Finalize",
    command="migrate finalize",
    summary="Validate the constraints that were created NOT VALID, refresh materialized views and the statistics.",
    tips=("The application can use the target meanwhile; nothing that it needs waits for this.",),
    after=("CUTOVER",),
)

END = Phase(
    name="END",
    title="End",
    command="migrate end",
    summary="Close the migration: its reports and history stay in the target, what it used on the way is cleared.",
    tips=(
        "Use --dry-run to see what would be removed.",
        "The migration's records stay in the target's ybvoyager schema.",
    ),
    after=("INITIALIZE",),
    consequential=True,
    final=True,
    done_label="ENDED",
)

_STREAM_EXPORT = replace(
    EXPORT_DATA,
    summary="Copy the rows of every table into data files, then record every change made at the source meanwhile "
    "and after.",
    tips=("You can start import data while export is still running.", _KEEP_RUNNING, _STATUS),
    streams=True,
    done_begun=("CUTOVER",),
)

_STREAM_IMPORT = replace(
    IMPORT_DATA,
    summary="Load the data files into the target, then apply the recorded changes as they come.",
    tips=("No change is applied twice, none is left out, whenever it is stopped.", _KEEP_RUNNING, _STATUS),
    after=("IMPORT_SCHEMA",),
    overlaps=("EXPORT_DATA",),
    streams=True,
    repeatable=False,
    done_when=("EXPORT_DATA",),
    done_begun=("CUTOVER",),
)

_STREAM_VERIFY = replace(
    VERIFY,
    summary="Compare every migrated table in the source with its copy in the target while changes stream.",
    tips=(
        "The application may go on writing to the source; rows that change meanwhile are compared again.",
        "Run it close to the cutover: an old comparison does not count.",
    ),
    after=("IMPORT_SCHEMA",),
    overlaps=("EXPORT_DATA", "IMPORT_DATA"),
    when=("snapshot_imported",),
)

_STREAM_CUTOVER = replace(
    CUTOVER,
    summary="Let the last change of the source reach the target and hand the application over to it.",
    tips=(
        "Stop the application's writes to the source before you run it; Export Data and Import Data must be running.",
        "Follow it with: yb-voyager migrate cutover status",
        "Point the application at the target only when cutover is COMPLETED.",
    ),
    after=("VERIFY",),
    overlaps=("EXPORT_DATA", "IMPORT_DATA"),
    when=("verified", "caught_up"),
    done_when=("EXPORT_DATA", "IMPORT_DATA"),
)

EXPORT_DATA_FROM_TARGET = Phase(
    name="EXPORT_DATA_FROM_TARGET",
    title="Export Data from Target",
    command="migrate export data --from target",
    summary="Record every change made at the target, so that there is a way back.",
    tips=("Cutover completes only when this is running; start it in a terminal of its own.", _STATUS),
    overlaps=("CUTOVER",),
    streams=True,
)

IMPORT_DATA_TO_SOURCE = Phase(
    name="IMPORT_DATA_TO_SOURCE",
    title="Import Data to Source",
    command="migrate import data --to source",
    summary="Apply the target's changes to the source, which thereby stays a database you can return to.",
    tips=("Cutover completes only when this is running; start it in a terminal of its own.", _STATUS),
    overlaps=("CUTOVER", "EXPORT_DATA_FROM_TARGET"),
    streams=True,
    done_when=("EXPORT_DATA_FROM_TARGET",),
    done_begun=("CUTOVER_TO_SOURCE",),
)

IMPORT_DATA_TO_SOURCE_REPLICA = Phase(
    name="IMPORT_DATA_TO_SOURCE_REPLICA",
    title="Import Data to Source Replica",
    command="migrate import data --to source-replica",
    summary="Load the data files into the source replica, then apply changes: the source's, and after cutover the "
    "target's.",
    tips=("The replica is where you can go if the target does not serve; it needs the schema first.", _STATUS),
    after=("IMPORT_SCHEMA",),
    overlaps=("EXPORT_DATA",),
    streams=True,
    done_when=("EXPORT_DATA_FROM_TARGET",),
    done_begun=("CUTOVER_TO_SOURCE_REPLICA",),
)

CUTOVER_TO_SOURCE = Phase(
    name="CUTOVER_TO_SOURCE",
    title="Cutover to Source",
    command="migrate cutover initiate --to source",
    summary="Return to the source: let the last change of the target reach it and hand the application back.",
    tips=("Stop the application's writes to the target before you run it.",),
    after=("CUTOVER",),
    overlaps=("EXPORT_DATA_FROM_TARGET", "IMPORT_DATA_TO_SOURCE"),
    when=("reverse_caught_up",),
    done_when=("EXPORT_DATA_FROM_TARGET", "IMPORT_DATA_TO_SOURCE"),
    consequential=True,
    offered=False,
    cancel="migrate cutover initiate --to source --cancel",
    begun="INITIATED",
)

CUTOVER_TO_SOURCE_REPLICA = replace(
    CUTOVER_TO_SOURCE,
    name="CUTOVER_TO_SOURCE_REPLICA",
    title="Cutover to Source Replica",
    command="migrate cutover initiate --to source-replica",
    summary="Go over to the source replica: let the last change of the target reach it and hand the application to it.",
    overlaps=("EXPORT_DATA_FROM_TARGET", "IMPORT_DATA_TO_SOURCE_REPLICA"),
    done_when=("EXPORT_DATA_FROM_TARGET", "IMPORT_DATA_TO_SOURCE_REPLICA"),
    cancel="migrate cutover initiate --to source-replica --cancel",
)


def _workflow(name: str, title: str, *phases: Phase) -> Workflow:
    asked = {condition for phase in phases for condition in phase.when}
    return Workflow(name, title, phases, tuple(condition for condition in CONDITIONS if condition.name in asked))


_SCHEMA = (INITIALIZE, EXPORT_SCHEMA, ANALYZE_SCHEMA, IMPORT_SCHEMA)

OFFLINE = _workflow(
    "offline",
    "Offline: the source stays free of writes while its data is copied",
    *_SCHEMA,
    EXPORT_DATA,
    IMPORT_DATA,
    VERIFY,
    CUTOVER,
    FINALIZE,
    END,
)

PIPELINED = _workflow(
    "pipelined",
    "Pipelined: offline, with the import running beside the export and less disk",
    *_SCHEMA,
    EXPORT_DATA,
    replace(IMPORT_DATA, after=("IMPORT_SCHEMA",), overlaps=("EXPORT_DATA",), done_when=("EXPORT_DATA",)),
    VERIFY,
    CUTOVER,
    FINALIZE,
    END,
)

LIVE = _workflow(
    "live",
    "Live: the source stays in use until cutover",
    *_SCHEMA,
    _STREAM_EXPORT,
    _STREAM_IMPORT,
    _STREAM_VERIFY,
    _STREAM_CUTOVER,
    FINALIZE,
    END,
)

LIVE_WITH_FALL_BACK = _workflow(
    "live-with-fall-back",
    "Live with fall-back: after cutover the source keeps up with the target, as a way back",
    *_SCHEMA,
    _STREAM_EXPORT,
    _STREAM_IMPORT,
    _STREAM_VERIFY,
    replace(_STREAM_CUTOVER, done_begun=("EXPORT_DATA_FROM_TARGET", "IMPORT_DATA_TO_SOURCE")),
    replace(EXPORT_DATA_FROM_TARGET, done_begun=("CUTOVER_TO_SOURCE",)),
    IMPORT_DATA_TO_SOURCE,
    replace(FINALIZE, unless=("CUTOVER_TO_SOURCE",)),
    CUTOVER_TO_SOURCE,
    END,
)

LIVE_WITH_FALL_FORWARD = _workflow(
    "live-with-fall-forward",
    "Live with fall-forward: a replica of the source keeps up with the target after cutover",
    *_SCHEMA,
    _STREAM_EXPORT,
    _STREAM_IMPORT,
    IMPORT_DATA_TO_SOURCE_REPLICA,
    _STREAM_VERIFY,
    replace(
        _STREAM_CUTOVER,
        overlaps=("EXPORT_DATA", "IMPORT_DATA", "IMPORT_DATA_TO_SOURCE_REPLICA"),
        done_begun=("EXPORT_DATA_FROM_TARGET",),
    ),
    replace(EXPORT_DATA_FROM_TARGET, done_begun=("CUTOVER_TO_SOURCE_REPLICA",)),
    replace(FINALIZE, unless=("CUTOVER_TO_SOURCE_REPLICA",)),
    CUTOVER_TO_SOURCE_REPLICA,
    END,
)

FILE = replace(
    _workflow(
        "file",
        "File: rows that other programs wrote into files, for tables that the target has already",
        INITIALIZE,
        IMPORT_FILE,
        END,
    ),
    reads_source=False,
)

WORKFLOWS: Mapping[str, Workflow] = MappingProxyType(
    {
        workflow.name: workflow
        for workflow in (OFFLINE, PIPELINED, LIVE, LIVE_WITH_FALL_BACK, LIVE_WITH_FALL_FORWARD, FILE)
    }
)
