"""Longer texts of canonical forms that two engines of different kinds must print alike."""

from __future__ import annotations

# 1.50 and 1.5 are one value where scales differ; NaN and infinities have no point.
WITHOUT_TRAILING_ZEROS = (
    "CASE WHEN strpos({v}::text, '.') > 0 THEN rtrim(rtrim({v}::text, '0'), '.') ELSE {v}::text END"
)
MYSQL_DECIMAL = (
    "IF(LOCATE('.', {v}), TRIM(TRAILING '.' FROM TRIM(TRAILING '0' FROM CAST({v} AS CHAR))), CAST({v} AS CHAR))"
)

# The digits of a floating-point number without zeros at either end, and the exponent of the first: engines agree on the
# shortest exact digits, not on where the point goes. 0.00120 is 12e-2 and 120 is 12e3; zero is nothing, -0 its sign.
SCIENTIFIC = """(
    SELECT CASE
        WHEN plain !~ '^-?[0-9]' THEN plain
        WHEN digits = '' THEN sign
        ELSE sign || rtrim(digits, '0') || 'e' || (power + length(whole) - length(whole || part) + length(digits))
    END
    FROM (
        SELECT plain, sign, power, whole, part, ltrim(whole || part, '0') AS digits
        FROM (
            SELECT plain, substring(plain from '^-?') AS sign, substring(plain from '^-?([0-9]+)') AS whole,
                coalesce(substring(plain from '[.]([0-9]+)'), '') AS part,
                coalesce(substring(plain from 'e(.+)$')::integer, 0) AS power
            FROM (SELECT {v}::float8::text AS plain) AS a
        ) AS b
    ) AS c
)"""
_PLAIN = "CAST(ABS({v} * 1e0) AS CHAR)"
_MANTISSA = f"SUBSTRING_INDEX({_PLAIN}, 'e', 1)"
_ALL_DIGITS = f"REPLACE({_MANTISSA}, '.', '')"
_DIGITS = f"TRIM(LEADING '0' FROM {_ALL_DIGITS})"
_POWER = f"IF(LOCATE('e', {_PLAIN}), CAST(SUBSTRING_INDEX({_PLAIN}, 'e', -1) AS SIGNED), 0)"
_WHOLE = f"SUBSTRING_INDEX({_MANTISSA}, '.', 1)"
MYSQL_SCIENTIFIC = (
    "CONCAT(IF(CAST({v} * 1e0 AS CHAR) LIKE '-%', '-', ''), IF({v} = 0, '', "
    f"CONCAT(TRIM(TRAILING '0' FROM {_DIGITS}), 'e', "
    f"{_POWER} + LENGTH({_WHOLE}) - LENGTH({_ALL_DIGITS}) + LENGTH({_DIGITS}))))"
)
