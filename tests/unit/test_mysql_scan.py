"""Constructs of MySQL in code: found wherever they stand, and not in comments, texts, names and other clauses."""

from __future__ import annotations

import pytest

from voyager.sources.mysql.constructs import CONSTRUCTS
from voyager.sources.mysql.lexer import Unreadable, tokens
from voyager.sources.mysql.scan import QUERY, VIEW, line_at, scan


def found(text: str, **options) -> set[str]:
    return {use.construct.removeprefix("MYSQL_") for use in scan(text, **options)}


EXAMPLES = [
    ("UPSERT", "INSERT INTO t (a) VALUES (1) ON DUPLICATE KEY UPDATE a = 2"),
    ("UPSERT", "INSERT IGNORE INTO t VALUES (1)"),
    ("UPSERT", "REPLACE INTO t VALUES (1)"),
    ("UPSERT", "REPLACE t VALUES (1)"),
    ("UPSERT", "BEGIN UPDATE IGNORE t SET a = 1; END"),
    ("INSERT_SET", "INSERT INTO t SET a = 1"),
    ("INSERT_SET", "INSERT INTO t SET a = 1 ON DUPLICATE KEY UPDATE a = VALUES(a)"),
    ("MULTI_TABLE_DML", "UPDATE a JOIN b ON a.i = b.i SET a.x = 1"),
    ("MULTI_TABLE_DML", "UPDATE a, b SET a.x = b.x"),
    ("MULTI_TABLE_DML", "DELETE a FROM a JOIN b ON a.i = b.i"),
    ("MULTI_TABLE_DML", "DELETE FROM a USING a JOIN b ON a.i = b.i"),
    ("DML_LIMIT", "DELETE FROM t WHERE a = 1 LIMIT 10"),
    ("DML_LIMIT", "UPDATE t SET a = 1 ORDER BY b"),
    ("LIMIT_OFFSET", "SELECT a FROM t LIMIT 5, 10"),
    ("INDEX_HINT", "SELECT a FROM t FORCE INDEX (i)"),
    ("SELECT_MODIFIER", "SELECT SQL_CALC_FOUND_ROWS a FROM t"),
    ("SELECT_MODIFIER", "SELECT a FROM t STRAIGHT_JOIN u"),
    ("PARTITION_SELECTION", "SELECT a FROM t PARTITION (p0)"),
    ("ROLLUP", "SELECT a, count(*) FROM t GROUP BY a WITH ROLLUP"),
    ("SHARE_LOCK", "SELECT a FROM t LOCK IN SHARE MODE"),
    ("DUAL", "SELECT 1 FROM dual"),
    ("SERVER_FILES", "SELECT a FROM t INTO OUTFILE '/tmp/x'"),
    ("SERVER_FILES", "LOAD DATA INFILE 'x' INTO TABLE t"),
    ("LOCK", "LOCK TABLES t WRITE"),
    ("LOCK", "SELECT GET_LOCK('a', 1)"),
    ("ADMIN_STATEMENT", "SHOW TABLES"),
    ("ADMIN_STATEMENT", "BEGIN SET GLOBAL x = 1; END"),
    ("FULLTEXT_SEARCH", "SELECT a FROM t WHERE MATCH (a) AGAINST ('x' IN BOOLEAN MODE)"),
    ("SOUNDS_LIKE", "SELECT a FROM t WHERE a SOUNDS LIKE 'b'"),
    ("REGEXP", "SELECT a FROM t WHERE a NOT REGEXP 'b'"),
    ("NULL_SAFE_EQUAL", "SELECT a <=> b"),
    ("LOGICAL_OPERATOR", "SELECT a && b"),
    ("LOGICAL_OPERATOR", "SELECT a || b"),
    ("LOGICAL_OPERATOR", "SELECT !a"),
    ("LOGICAL_OPERATOR", "SELECT a XOR b"),
    ("BITWISE_XOR", "SELECT a ^ b"),
    ("DIVISION", "SELECT a / b"),
    ("DIVISION", "SELECT a DIV b"),
    ("USER_VARIABLE", "SET @a := 1"),
    ("SYSTEM_VARIABLE", "SELECT @@session.sql_mode"),
    ("SYSTEM_VARIABLE", "SELECT @@`version_comment`"),
    ("HEX_LITERAL", "SELECT x'41'"),
    ("HEX_LITERAL", "SELECT 0x41"),
    ("DOUBLE_QUOTED_STRING", 'SELECT "a"'),
    ("CHARACTER_SET", "SELECT _utf8mb4'a'"),
    ("CHARACTER_SET", "SELECT a COLLATE utf8mb4_bin"),
    ("CHARACTER_SET", "SELECT CONVERT(a USING latin1)"),
    ("CAST_AS_CHAR", "SELECT CAST(a AS CHAR)"),
    ("CAST_AS_CHAR", "select cast(`t`.`a` as char charset utf8mb4)"),
    ("CAST", "SELECT CAST(a AS UNSIGNED)"),
    ("INTERVAL", "SELECT now() - INTERVAL 1 DAY"),
    ("INTERVAL", "SELECT now() - INTERVAL (a + 1) HOUR"),
    ("GROUP_CONCAT", "SELECT GROUP_CONCAT(DISTINCT a SEPARATOR ';') FROM t"),
    ("COUNT_DISTINCT_LIST", "SELECT COUNT(DISTINCT a, b) FROM t"),
    ("NEGATIVE_SUBSTRING", "SELECT SUBSTRING(a, -2)"),
    ("NEGATIVE_SUBSTRING", "SELECT SUBSTR(lower(a) FROM -2)"),
    ("FUNCTION_DIFFERS", "SELECT LENGTH(a), CONCAT(a, b), GREATEST(a, b)"),
    ("CONDITION_HANDLER", "BEGIN DECLARE EXIT HANDLER FOR SQLEXCEPTION ROLLBACK; END"),
    ("CURSOR", "BEGIN DECLARE c CURSOR FOR SELECT 1; END"),
    ("LOOP", "BEGIN l: LOOP LEAVE l; END LOOP; END"),
    ("LOOP", "BEGIN WHILE a DO SET a = 0; END WHILE; END"),
    ("LOOP", "BEGIN REPEAT SET a = 0; UNTIL a END REPEAT; END"),
    ("SIGNAL", "BEGIN SIGNAL SQLSTATE '45000'; END"),
    ("SIGNAL", "BEGIN GET DIAGNOSTICS CONDITION 1 @a = MESSAGE_TEXT; END"),
    ("DYNAMIC_SQL", "BEGIN PREPARE s FROM 'x'; EXECUTE s; END"),
    ("TRANSACTION", "BEGIN START TRANSACTION; COMMIT; END"),
    ("TRANSACTION", "BEGIN IF a THEN ROLLBACK; END IF; END"),
    ("TEMPORARY_TABLE", "BEGIN CREATE TEMPORARY TABLE x (a int); END"),
    ("DDL_IN_CODE", "BEGIN TRUNCATE TABLE t; END"),
    ("DDL_IN_CODE", "BEGIN DROP TABLE IF EXISTS t; END"),
    ("LAST_INSERT_ID", "SELECT last_insert_id()"),
    ("ROW_COUNT", "SELECT FOUND_ROWS()"),
    ("CONTROL_FUNCTION", "SELECT IF(a, b, c)"),
    ("CONTROL_FUNCTION", "BEGIN IF (a) THEN SET x = IFNULL(b, 1); END IF; END"),
    ("CONTROL_FUNCTION", "SELECT CASE WHEN a THEN IF(b, 1, 2) END"),
    ("CONTROL_FUNCTION", "SELECT INTERVAL(a, 1, 10)"),
    ("DATE_FUNCTION", "SELECT DATE_FORMAT(a, '%Y')"),
    ("DATE_FUNCTION", "SELECT year(a)"),
    ("STRING_FUNCTION", "SELECT FIND_IN_SET('a', b)"),
    ("NUMERIC_FUNCTION", "SELECT TRUNCATE(a, 2)"),
    ("JSON_FUNCTION", "SELECT a->>'$.b'"),
    ("JSON_FUNCTION", "SELECT JSON_EXTRACT(a, '$.b')"),
    ("CRYPTO_FUNCTION", "SELECT AES_ENCRYPT(a, b)"),
    ("NETWORK_FUNCTION", "SELECT INET_ATON(a)"),
    ("UUID_FUNCTION", "SELECT UUID()"),
    ("SESSION_FUNCTION", "SELECT CONNECTION_ID()"),
    ("SEQUENCE_FUNCTION", "SELECT NEXT VALUE FOR s"),
    ("XML_FUNCTION", "SELECT EXTRACTVALUE(a, '/b')"),
    ("SPATIAL_FUNCTION", "SELECT ST_Distance(a, b)"),
    ("REPLICATION_FUNCTION", "SELECT MASTER_POS_WAIT('a', 1)"),
]


@pytest.mark.parametrize(("construct", "text"), EXAMPLES)
def test_a_construct_is_found(construct: str, text: str):
    assert construct in found(text)


def test_every_construct_has_an_example():
    shown = {f"MYSQL_{construct}" for construct, _ in EXAMPLES} | {"MYSQL_RESULT_SET"}
    assert shown == set(CONSTRUCTS)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT a, b FROM t WHERE a = 'IFNULL(a, b)' ORDER BY a LIMIT 5 OFFSET 10",
        "SELECT a -- IFNULL(a)\nFROM t # @x\n WHERE /* a / b */ a = 1",
        "SELECT `last_insert_id`, `if` FROM `replace`",
        "SELECT replace(a, 'b', 'c'), coalesce(a, 1), count(DISTINCT a), substring(a, 2), lower(a) FROM t",
        "SELECT t.length, t.year, u.format FROM t",
        "UPDATE t SET a = (SELECT b FROM u LIMIT 1) WHERE c = 1",
        "DELETE FROM t WHERE a IN (SELECT b FROM u JOIN v ON u.i = v.i)",
        "INSERT INTO t (a) SELECT b FROM u",
        "SELECT a - -1, 5--3 FROM t",
        "SELECT a FROM t WHERE a <> b AND a != c AND a <= d",
        "SELECT sum(a) OVER (PARTITION BY b ORDER BY c) FROM t",
        "BEGIN DECLARE a CHAR(10); DECLARE b TIME(3); DECLARE c YEAR(4); IF (a) THEN SET b = 1; END IF; END",
        "BEGIN IF EXISTS (SELECT 1 FROM t) THEN SET a = 1; ELSEIF (b) THEN SET a = 2; END IF; END",
        "SELECT db.uuid(), mine.year(a) FROM t",
    ],
)
def test_what_only_looks_like_a_construct_is_none(text: str):
    assert found(text) == set()


def test_a_plain_select_gives_rows_only_where_it_stands_for_itself():
    body = "BEGIN SELECT a FROM t; SELECT b INTO c FROM t; DECLARE x CURSOR FOR SELECT 1; SET y = (SELECT 2); END"
    uses = [use for use in scan(body, returns_rows=True) if use.construct == "MYSQL_RESULT_SET"]
    assert [use.offset for use in uses] == [6]
    assert "RESULT_SET" not in found(body)


def test_two_pipes_join_text_where_the_mode_says_so():
    assert found("SELECT a || b", sql_mode="PIPES_AS_CONCAT,STRICT_ALL_TABLES") == set()


def test_double_quotes_are_names_where_the_mode_says_so():
    assert found('SELECT "ifnull" FROM "t"', sql_mode="ANSI_QUOTES") == set()


def test_a_backslash_is_a_letter_where_the_mode_says_so():
    text = r"SELECT 'a\' AS b, ifnull(c, 'd')"
    assert found(text, sql_mode="NO_BACKSLASH_ESCAPES") == {"CONTROL_FUNCTION"}
    with pytest.raises(Unreadable):
        scan(text)


def test_a_digest_quotes_functions_and_a_view_does_not():
    assert found("SELECT `IFNULL` ( `a` , ? ) FROM `t`", place=QUERY) == {"CONTROL_FUNCTION"}
    assert found("SELECT `ifnull` (`a`) FROM `t`", place=VIEW) == set()


@pytest.mark.parametrize("text", ["SELECT 'a", 'SELECT "a', "SELECT `a", "SELECT /* a"])
def test_a_text_without_an_end_is_told(text: str):
    with pytest.raises(Unreadable, match="character 8"):
        list(tokens(text))


def test_a_use_knows_its_line():
    text = "BEGIN\n  SET a = 1;\n  SET b = IFNULL(a, 2);\nEND"
    [use] = scan(text)
    assert line_at(text, use.offset) == (3, "SET b = IFNULL(a, 2);")
