"""Between engines of different kinds: longer texts that both must print alike, and MySQL's number of a row."""

from __future__ import annotations

from collections.abc import Sequence

# 1.50 and 1.5 are one value where scales differ; NaN and infinities have no point.
WITHOUT_TRAILING_ZEROS = (
    "CASE WHEN strpos({v}::text, '.') > 0 THEN rtrim(rtrim({v}::text, '0'), '.') ELSE {v}::text END"
)
MYSQL_DECIMAL = (
    "IF(LOCATE('.', {v}), TRIM(TRAILING '.' FROM TRIM(TRAILING '0' FROM CAST({v} AS CHAR))), CAST({v} AS CHAR))"
)

# A floating-point number as a whole number of 53 bits and a power of two, both exact: engines differ in the digits they
# print (1e+23, 9.999999999999999e+22). A logarithm may be off by one near a power of two, which is put right. Zero is
# nothing, and so is -0, whose sign MariaDB does not print.
BINARY = """(
    SELECT CASE WHEN x = 0 THEN '' WHEN x IN ('NaN', 'Infinity', '-Infinity') THEN x::text ELSE (
        SELECT CASE WHEN x < 0 THEN '-' ELSE '' END
            || (abs(x) / power(2::float8, exact) * 4503599627370496)::bigint || 'p' || exact::integer
        FROM (
            SELECT nearly + (abs(x) / power(2::float8, nearly) >= 2)::integer
                - (abs(x) / power(2::float8, nearly) < 1)::integer AS exact
            FROM (SELECT least(greatest(floor(ln(abs(x)) / ln(2::float8)), -1074), 1023) AS nearly) AS logarithm
        ) AS exponent
    ) END
    FROM (SELECT {v}::float8 AS x) AS number
)"""
_NEARLY = "LEAST(GREATEST(FLOOR(LOG2(ABS({v}))), -1074), 1023)"
_SCALED = f"(ABS({{v}}) / POW(2, {_NEARLY}))"
_EXACT = f"({_NEARLY} + ({_SCALED} >= 2) - ({_SCALED} < 1))"
MYSQL_BINARY = (
    "IF({v} = 0, '', CONCAT(IF({v} < 0, '-', ''), "
    f"CAST(ABS({{v}}) / POW(2, {_EXACT}) * 4503599627370496 AS SIGNED), 'p', CAST({_EXACT} AS SIGNED)))"
)


def mysql_column(name: str) -> str:
    """A column of the alias t as MySQL and MariaDB spell it."""
    return "t.`" + name.replace("`", "``") + "`"


def mysql_row_number(texts: Sequence[str]) -> str:
    """SQL for the 64-bit number of a row's texts on MySQL and MariaDB: what digest.row_number makes of the same texts
    on PostgreSQL by md5."""
    parts = [f"IFNULL(CONCAT(CHAR_LENGTH({text}), ':', {text}), '-')" for text in texts]
    framed = f"CONCAT({', '.join(parts)})" if parts else "'no columns'"
    first_half = f"CONV(SUBSTRING(MD5(CONVERT({framed} USING utf8mb4)), 1, 16), 16, 10)"
    return f"CAST(CAST({first_half} AS UNSIGNED) AS SIGNED)"
