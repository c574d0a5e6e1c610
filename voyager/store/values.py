"""What goes into text and jsonb columns: no NUL and no lone surrogate, which file names and messages may hold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Dialect
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator


def to_text(value: str) -> str:
    """Text that the server accepts, as near to `value` as it goes."""
    return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def to_json(value: Any) -> Any:
    """The same for a JSON value; what JSON does not know (times, uuids, paths) becomes text."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        return to_text(value)
    if isinstance(value, Mapping):
        return {to_text(str(name)): to_json(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    if isinstance(value, set | frozenset):
        return [to_json(item) for item in sorted(value)]
    return value.isoformat() if isinstance(value, datetime) else to_text(str(value))


class Json(TypeDecorator[Any]):
    """jsonb, or what another database has for JSON; None is the SQL NULL."""

    impl = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:  # noqa: ARG002 - called by SQLAlchemy
        return to_json(value)
