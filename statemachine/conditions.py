"""What must hold before some phases may start, beyond the states of other phases: in words, with what to do."""

from __future__ import annotations

from statemachine.definition import Condition

CONDITIONS = (
    Condition(
        name="no_blockers",
        kind="fix",
        says="The exported schema holds statements that this target would refuse.",
        hint="Read reports/schema_analysis_report.json, edit the files under schema/ in the export directory, then run "
        "`yb-voyager migrate analyze-schema` again.",
        override="--accept-blockers",
    ),
    Condition(
        name="verified",
        kind="fix",
        says="There is no clean, recent verification of all that was migrated.",
        hint="Run `yb-voyager migrate verify` with --level checksum or --level rows, of all tables; repair what it "
        "names in reports/verification_report.json, then run it again.",
        override="--accept-unverified",
    ),
    Condition(
        name="source_unchanged",
        kind="fix",
        says="The source has been written (or got a table) since it was verified, or it cannot be told: the target may "
        "lack those rows.",
        hint="Stop the writers and run `yb-voyager migrate verify` again; if it finds differences, repeat the copy "
        "with `yb-voyager migrate export data --start-clean`.",
        override="--accept-source-changes",
    ),
    Condition(
        name="snapshot_imported",
        kind="wait",
        says="The first copy of the data is not wholly in the target yet.",
        hint="Import Data goes on by itself; see `yb-voyager migrate import data status`.",
    ),
    Condition(
        name="caught_up",
        kind="wait",
        says="The target is behind the source: changes are still waiting to be applied.",
        hint="Import Data catches up by itself; lower the write load on the source if the lag does not shrink.",
    ),
    Condition(
        name="reverse_caught_up",
        kind="wait",
        says="The database to return to is behind the target: changes are still waiting to be applied to it.",
        hint="It catches up by itself; lower the write load on the target if the lag does not shrink.",
    ),
)
