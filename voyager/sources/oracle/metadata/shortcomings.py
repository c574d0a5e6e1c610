"""What an assessment of an Oracle database has to do without, by what the database said of itself and of our user."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from voyager.identifiers import Identifier, visible
from voyager.ports import Gap


def gaps(facts: Mapping[str, Any]) -> list[Gap]:
    """What database.json tells; `dictionary` in it is the beginning of the names of the views that answered."""
    if not str(facts.get("dictionary", "")).lower().startswith("all"):
        return []
    user = str(facts.get("role") or "the user")
    return [
        Gap(
            what="Objects that the user may not access",
            reason=f"User {visible(user)} may not read the views DBA_…; those of ALL_… answered.",
            sql=f"GRANT SELECT_CATALOG_ROLE TO {Identifier(user).sql};",
            weakens="Objects and code that this user may not access are neither counted nor judged, "
            "and the sizes of tables are not known.",
            questions=("table-index-sizes",),
        )
    ]
